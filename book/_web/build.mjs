// Put together what the browser loads: node build.mjs FOLDER
import { build } from "esbuild";
import { createWriteStream } from "node:fs";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

const [, , folder] = process.argv;
const here = import.meta.dirname;
const find = createRequire(import.meta.url).resolve;
await mkdir(folder, { recursive: true });

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  outdir: folder,
  target: "es2022",
  legalComments: "linked",
  logLevel: "warning",
  // The runtimes' code for Node, which no browser reaches.
  external: ["fs", "path", "module", "worker_threads", "node:*", "fs/promises", "os", "url"],
};
// Pages may be opened as files, where modules do not load; the worker's parts load when needed.
const pages = { ...common, entryPoints: ["src/denoiser.js", "src/observer.js"], format: "iife" };
const worker = { ...common, entryPoints: ["src/worker.js"], format: "esm", splitting: true };
await Promise.all([build(pages), build(worker)]);

const runtime = dirname(find("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
for (const file of ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.asyncify.wasm"]) {
  const bytes = await readFile(join(runtime, file));
  const out = createWriteStream(join(folder, `${file}.gz`));
  await pipeline(Readable.from([bytes]), createGzip({ level: 9 }), out);
}
const codec = find("@cornerstonejs/codec-openjpeg/decodewasm");
await copyFile(codec, join(folder, "openjpegwasm_decode.wasm"));
