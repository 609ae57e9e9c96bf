import { decode as decodeTiff, pageCount } from "tiff";
import { Refusal } from "../refusal.js";
import { checkSize } from "./index.js";
import { toUnit } from "./grey.js";

const SIGNED = 2;

export const decode = (bytes, name) => {
  const pages = pageCount(bytes);
  if (pages > 1) throw new Refusal(`${name} holds ${pages} pages: save each page as a file of its own.`);
  const [header] = decodeTiff(bytes, { ignoreImageData: true });
  checkSize(header.width, header.height, name);
  const [page] = decodeTiff(bytes);
  const { width, height, bitsPerSample, samplesPerPixel } = page;
  const isFloat = page.data instanceof Float32Array || page.data instanceof Float64Array;
  if (isFloat && samplesPerPixel > 1) throw new Refusal(`${name} has floating-point colours: save it as a grey PNG or TIFF.`);
  if (page.sampleFormat === SIGNED) {
    throw new Refusal(`${name} has signed values: rescale it and save it as a 16-bit PNG or TIFF.`);
  }
  if (isFloat) return { width, height, data: Float32Array.from(page.data) };
  if (page.type === 3) throw new Refusal(`${name} has a palette: save it as a grey PNG or TIFF.`);
  return { width, height, data: toUnit(page.data, samplesPerPixel, bitsPerSample) };
};
