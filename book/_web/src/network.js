// A network of the book on ONNX Runtime Web: on the processor, or on the graphics card.
import { inTiles } from "./tiles.js";

export const TILE = 256;
export const INPUT = "noisy";
export const OUTPUT = "denoised";

// Sessions by the network's address; one that a graphics card runs is for one size only.
const sessions = new Map();

const session = (ort, key, bytes, options) => {
  if (!sessions.has(key)) sessions.set(key, bytes().then((b) => ort.InferenceSession.create(b, options)));
  return sessions.get(key);
};

// `network` has a `name`, its `receptiveRadius` and `alignment`, and `bytes()`, a promise.
export const denoise = async (ort, image, network, { provider = "wasm", progress } = {}) => {
  const fixed = provider === "webgpu";
  const run = async (values, height, width) => {
    const key = fixed ? `${network.name} ${height} ${width}` : network.name;
    const sizes = fixed ? { freeDimensionOverrides: { height, width } } : {};
    const ready = await session(ort, `${provider} ${key}`, network.bytes, {
      executionProviders: [provider], ...sizes,
    });
    const noisy = new ort.Tensor("float32", values, [1, 1, height, width]);
    const { [OUTPUT]: output } = await ready.run({ [INPUT]: noisy });
    const data = await output.getData();
    output.dispose();
    return data;
  };
  const plan = { tile: TILE, margin: network.receptiveRadius, alignment: network.alignment };
  return inTiles(image, run, plan, progress);
};
