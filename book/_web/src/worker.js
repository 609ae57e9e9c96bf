// The work behind the page, in a thread of its own, so that the page never freezes. Each message is
// { id, task, ... }; the answer is { id, result } or { id, refusal } or { id, error }.
import "../../_static/toys/dice.js";
import { opened } from "./network.js";
import { read } from "./read/index.js";
import { Refusal } from "./refusal.js";
import { networkBytes, runtime } from "./runtime.js";
import { noisy } from "./noise.js";
import { noiseOf, psnr, spectrum, ssim } from "./scores.js";
import { isWhite } from "./white.js";

const difference = (noisy, estimate) => ({
  ...noisy, data: noisy.data.map((v, i) => v - estimate.data[i]),
});

const TASKS = {
  read: ({ bytes, name }) => read(new Uint8Array(bytes), name),

  denoise: async ({ image, network, provider }, progress) => {
    const bytes = () => networkBytes(network.file);
    const denoise = await opened(await runtime(provider), { ...network, bytes }, image, provider);
    progress(0);
    const start = performance.now();
    const estimate = await denoise(image, progress);
    return { estimate, seconds: (performance.now() - start) / 1000 };
  },

  noise: ({ image, kind, parameters, seed }) => noisy(image, kind, parameters, self.toys.dice(seed)),

  measure: ({ image }) => ({ noise: noiseOf(image) }),

  // What the reader sees of an estimate: what was taken away, and its distance to the truth.
  judge: ({ clean, noisy, estimate }) => {
    const removed = difference(noisy, estimate);
    const noise = noiseOf(removed);
    return {
      spectrum: spectrum(removed),
      white: isWhite(noise),
      removed: noise,
      psnr: clean && psnr(clean, estimate),
      ssim: clean && ssim(clean, estimate),
    };
  },

  encode: async ({ image }) => {
    const { encode } = await import("fast-png");
    const { width, height } = image;
    const data = Uint16Array.from(image.data, (v) => Math.round(65535 * Math.min(1, Math.max(0, v))));
    return encode({ width, height, data, depth: 16, channels: 1 });
  },
};

self.onmessage = async ({ data: { id, task, ...given } }) => {
  const progress = (share) => self.postMessage({ id, progress: share });
  try {
    self.postMessage({ id, result: await TASKS[task](given, progress) });
  } catch (error) {
    const kind = error instanceof Refusal ? "refusal" : "error";
    self.postMessage({ id, [kind]: error.message || String(error) });
  }
};
