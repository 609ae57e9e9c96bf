// What the tests in Python ask of the scripts: node cli.mjs TASK REQUEST.json RESULT.json
// Arrays travel as raw float32 files, whose names stand in the two.
import { readFile, writeFile } from "node:fs/promises";
import * as ort from "onnxruntime-web/wasm";
import "../../_static/toys/dice.js";
import { opened } from "../src/network.js";
import { noisy } from "../src/noise.js";
import { read } from "../src/read/index.js";
import { Refusal } from "../src/refusal.js";
import { noiseOf, psnr, spectrum, ssim } from "../src/scores.js";
import { cut } from "../src/tiles.js";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";
const [, , task, asked, answered] = process.argv;
const request = JSON.parse(await readFile(asked, "utf8"));

const floats = async ({ width, height, file }) => {
  const bytes = await readFile(file);
  return { width, height, data: new Float32Array(new Uint8Array(bytes).buffer) };
};
const readOne = async ({ file, name }, mark) => {
  try {
    return await stored(await read(new Uint8Array(await readFile(file)), name), mark);
  } catch (error) {
    if (error instanceof Refusal) return { refusal: error.message };
    throw error;
  }
};
const stored = async ({ width, height, data }, mark = "") => {
  const file = `${answered}${mark}.bin`;
  await writeFile(file, new Uint8Array(Float32Array.from(data).buffer));
  return { width, height, file };
};

const TASKS = {
  cut: () => request.map(({ length, tile, margin, alignment }) => cut(length, tile, margin, alignment)),
  read: () => readOne(request),
  readAll: async () => {
    const answers = [];
    for (const [i, file] of request.entries()) answers.push(await readOne({ file, name: file }, `.${i}`));
    return answers;
  },
  denoise: async () => {
    const shares = [];
    const image = await floats(request.image);
    const network = { ...request.network, bytes: () => readFile(request.model) };
    const denoise = await opened(ort, network, image);
    const estimate = await denoise(image, (share) => shares.push(share));
    return { ...(await stored(estimate)), shares };
  },
  noise: async () => {
    const { image, kind, parameters, seed } = request;
    return stored(noisy(await floats(image), kind, parameters, toys.dice(seed)));
  },
  scores: async () => {
    const [clean, estimate] = [await floats(request.clean), await floats(request.estimate)];
    return {
      psnr: psnr(clean, estimate), ssim: ssim(clean, estimate),
      noise: noiseOf(estimate), spectrum: spectrum(estimate),
    };
  },
};

await writeFile(answered, JSON.stringify(await TASKS[task]()));
