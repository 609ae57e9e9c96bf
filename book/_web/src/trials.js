// A round of choices between two regions, and what can be said of its outcome.

// As many numbers as asked for, each once, in random order.
const shuffled = (number, random) => {
  const order = Array.from({ length: number }, (_, i) => i);
  for (let i = number - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
};

// Each pair of regions at most once, each method equally often, left and right by a fair coin; no
// pair by a method by which it was seen before: `seen` has "PAIR METHOD" of these. Null when the pairs
// do not suffice.
export const round = ({ trials, pairs, methods, seen }, random) => {
  const order = shuffled(pairs, random);
  const taken = new Set();
  const dealt = Array.from({ length: trials }, (_, i) => {
    const method = methods[i % methods.length];
    const pair = order.find((each) => !taken.has(each) && !seen.has(`${each} ${method}`));
    taken.add(pair);
    return { pair, method, right: random() < 0.5 }; // where the nodule is
  });
  if (taken.has(undefined)) return null;
  return shuffled(trials, random).map((i) => dealt[i]);
};

// Wilson's 95 % interval of a share.
export const interval = (hits, number) => {
  const z = 1.96;
  const share = hits / number;
  const middle = (share + z ** 2 / (2 * number)) / (1 + z ** 2 / number);
  const half = (z / (1 + z ** 2 / number)) * Math.sqrt((share * (1 - share)) / number + z ** 2 / (4 * number ** 2));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
};

// Trials of each method after which 8 of 10 readers with these shares would find a difference at the
// 5 % level.
export const needed = (one, other) =>
  Math.ceil(((1.96 + 0.84) ** 2 * (one * (1 - one) + other * (1 - other))) / (one - other) ** 2);
