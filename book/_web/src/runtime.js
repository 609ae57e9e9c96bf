import { Refusal } from "./refusal.js";

// ONNX Runtime in the browser. Its code is WebAssembly of several megabytes, which the site serves
// compressed whatever its host does.

const inflated = async (address) => {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) {
    const file = address.pathname.replace(/.*\//, "");
    throw new Refusal(`${file} did not arrive: check your connection, and press Denoise again.`);
  }
  const stream = response.body.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

const RUNTIMES = {
  wasm: { load: () => import("onnxruntime-web/wasm"), file: "ort-wasm-simd-threaded.wasm.gz" },
  webgpu: { load: () => import("onnxruntime-web/webgpu"), file: "ort-wasm-simd-threaded.asyncify.wasm.gz" },
};

const loaded = new Map();

const start = async (provider) => {
  const { load, file } = RUNTIMES[provider];
  const [ort, binary] = await Promise.all([load(), inflated(new URL(file, import.meta.url))]);
  ort.env.wasm.wasmBinary = binary;
  // Threads share memory, which browsers allow only where the host isolates the page.
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  ort.env.logLevel = "error";
  return ort;
};

export const runtime = (provider) => {
  if (!loaded.has(provider)) {
    const started = start(provider);
    loaded.set(provider, started);
    started.catch(() => loaded.delete(provider)); // to be tried again
  }
  return loaded.get(provider);
};

export const networkBytes = (file) => inflated(new URL(`../models/${file}`, import.meta.url));
