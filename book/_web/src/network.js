// A network of the book on ONNX Runtime Web: on the processor, or on the graphics card.
import { cut, inTiles } from "./tiles.js";

const TILE = 256;

// The session of each network and back end; one on a graphics card is for one size of tiles.
const sessions = new Map();

const session = async (ort, provider, network, sizes) => {
  const key = `${provider} ${network.name}`;
  const size = provider === "webgpu" ? `${sizes.height} ${sizes.width}` : "any";
  const known = sessions.get(key);
  if (known?.size === size) return known.ready;
  await (await known?.ready)?.release();
  const fixed = provider === "webgpu" ? { freeDimensionOverrides: sizes } : {};
  const ready = network.bytes().then((bytes) =>
    ort.InferenceSession.create(bytes, { executionProviders: [provider], ...fixed }));
  sessions.set(key, { size, ready });
  ready.catch(() => sessions.delete(key)); // to be tried again
  return ready;
};

// Load a network for images of a size: a promise of `denoise(image, progress)`.
// `network` has a `name`, its `receptiveRadius` and `alignment`, and `bytes()`, a promise.
export const opened = async (ort, network, { width, height }, provider = "wasm") => {
  const plan = { tile: TILE, margin: network.receptiveRadius, alignment: network.alignment };
  const [down, across] = [height, width].map((length) => cut(length, TILE, plan.margin, plan.alignment).size);
  const ready = await session(ort, provider, network, { height: down, width: across });
  const run = async (values, rows, columns) => {
    const noisy = new ort.Tensor("float32", values, [1, 1, rows, columns]);
    const { denoised } = await ready.run({ noisy });
    const data = await denoised.getData();
    denoised.dispose();
    return data;
  };
  return (image, progress) => inTiles(image, run, plan, progress);
};
