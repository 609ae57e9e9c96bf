// The page's end of worker.js: `work(task, given, { progress })` is a promise of its result.
import { Refusal } from "./refusal.js";

// Made of a line of text, so that the page's Content-Security-Policy holds in the worker too: one
// that is loaded from an address has that address's. (So have ONNX Runtime's own threads, where the
// host isolates the page; they see tiles and weights, and ask for nothing.)
const start = (folder) => {
  const address = new URL("scripts/worker.js", folder).href;
  const line = new Blob([`import ${JSON.stringify(address)};`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(line), { type: "module" });
};

export class Cancelled extends Error {}

export const makeWork = (folder) => {
  let worker = null;
  let number = 0;
  const waiting = new Map();

  const settle = ({ data: { id, progress, ...answer } }) => {
    const asked = waiting.get(id);
    if (!asked) return;
    if (progress !== undefined) return asked.progress?.(progress);
    waiting.delete(id);
    if ("refusal" in answer) asked.reject(new Refusal(answer.refusal));
    else if ("error" in answer) asked.reject(new Error(answer.error));
    else asked.resolve(answer.result);
  };
  const stop = (error) => {
    worker?.terminate();
    worker = null;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const work = (task, given, { progress, transfer = [] } = {}) => {
    if (!worker) {
      worker = start(folder);
      worker.onmessage = settle;
      worker.onerror = (event) => stop(new Error(event.message || "the page's worker did not start"));
    }
    const id = ++number;
    const answer = new Promise((resolve, reject) => waiting.set(id, { resolve, reject, progress }));
    worker.postMessage({ id, task, ...given }, transfer);
    return answer;
  };
  return { work, cancel: () => stop(new Cancelled("cancelled")) };
};
