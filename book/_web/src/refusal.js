// What the reader can put right, in one sentence that says how. Any other error is a mistake of ours.
export class Refusal extends Error {
  name = "Refusal";
}
