// OpenJPEG in WebAssembly: its file stands beside this one on the site.
import factory from "@cornerstonejs/codec-openjpeg/decodewasmjs";

let ready;
const FILE = "openjpegwasm_decode.wasm";

// Node finds it in the package by itself.
const inBrowser = typeof WorkerGlobalScope !== "undefined";
const place = inBrowser ? { locateFile: () => new URL(FILE, import.meta.url).href } : {};

export const openjpeg = () => (ready ??= factory(place));
