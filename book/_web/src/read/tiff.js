import { decode as decodeTiff } from "tiff";
import { Refusal } from "../refusal.js";
import { checkSize } from "./index.js";
import { toUnit, transparent } from "./grey.js";

const [UNSIGNED, SIGNED, FLOAT] = [1, 2, 3];
const [REDUCED, MASK] = [1, 4]; // bits of NewSubfileType: no pages
const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE] = [0, 1, 2, 3];
const CHANNELS = { [WHITE_IS_ZERO]: 1, [BLACK_IS_ZERO]: 1, [RGB]: 3, [PALETTE]: 1 };

export const decode = (bytes, name) => {
  checkList(bytes);
  const all = decodeTiff(bytes, { ignoreImageData: true });
  const pages = [...all.keys()].filter((i) => !((all[i].newSubfileType ?? 0) & (REDUCED | MASK)));
  const number = pages[0] ?? 0;
  const header = all[number];
  checkSize(header.width, header.height, name);
  const images = Math.max(pages.length, ...declared(header));
  if (images > 1) throw new Refusal(`${name} holds ${images} images: save each as a file of its own.`);
  checkKind(header, name);
  const [page] = decodeTiff(bytes, { pages: [number] });
  checkExtra(page, name);
  const { width, height, bitsPerSample, samplesPerPixel, sampleFormat, type, palette } = page;
  if (sampleFormat === FLOAT) return { width, height, data: Float32Array.from(page.data) };
  if (type === PALETTE) return { width, height, data: lookedUp(page.data, palette) };
  return { width, height, data: toUnit(page.data, samplesPerPixel, bitsPerSample) };
};

// The decoder follows the list of pages for ever where it leads back to an earlier one. What else can be
// wrong with the list, it says itself.
const checkList = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  const seen = new Set();
  let pointer = 4;
  while (pointer + 4 <= view.byteLength) {
    const page = view.getUint32(pointer, little);
    if (page === 0 || page + 2 > view.byteLength) return;
    if (seen.has(page)) throw new Error("its list of pages leads back to an earlier one");
    seen.add(page);
    pointer = page + 2 + 12 * view.getUint16(page, little);
  }
};

// The stacks of ImageJ and tifffile may describe only their first page.
const declared = ({ imageDescription = "", width, height }) => {
  const shape = imageDescription.match(/^\{"shape": \[([\d, ]+)\]/)?.[1].split(",").map(Number) ?? [];
  const values = shape.reduce((product, side) => product * side, 1);
  const colours = shape.at(-1) <= 4 || shape.at(-3) <= 4 ? 3 : 1; // an axis of colours, at either end
  const images = imageDescription.startsWith("ImageJ=") ? Number(imageDescription.match(/^images=(\d+)/m)?.[1] ?? 1) : 1;
  return [images, shape.length > 2 && colours === 1 ? values / (width * height) : 1];
};

// What the decoder gets wrong without a word, and what has no grey.
const checkKind = (page, name) => {
  const { type, sampleFormat, bitsPerSample, samplesPerPixel, orientation, tiled } = page;
  const refuse = (what) => {
    throw new Refusal(`${name} has ${what}: save it as a grey 16-bit PNG.`);
  };
  const channels = CHANNELS[type];
  if (channels === undefined) refuse("a colour space that this page does not read");
  if (samplesPerPixel < channels || samplesPerPixel > channels + 1) refuse(`${samplesPerPixel} values a pixel`);
  if (sampleFormat === SIGNED) refuse("signed values");
  if (![UNSIGNED, FLOAT].includes(sampleFormat)) refuse("pixels that are no greys");
  if (sampleFormat === FLOAT && (samplesPerPixel > 1 || bitsPerSample < 32 || type !== BLACK_IS_ZERO)) {
    refuse("floating-point values of a kind that this page does not read");
  }
  if (orientation > 1 && orientation <= 8) refuse("a tag that turns it");
  if (page.fillOrder !== 1) refuse("bits in the other order");
  if (page.planarConfiguration !== 1 && samplesPerPixel > 1) refuse("its colours apart");
  if (tiled && (samplesPerPixel > 1 || page.predictor !== 1)) refuse("tiles of a kind that this page does not read");
  if (page.associatedAlpha && page.maxSampleValue !== 2 ** bitsPerSample - 1) refuse("alpha of another scale than its colours");
  if (!tiled) checkStrips(page);
};

const checkStrips = ({ stripOffsets = [], height, rowsPerStrip }) => {
  if (stripOffsets.length < Math.ceil(height / rowsPerStrip)) throw new Error("strips are missing");
};

// A value beside grey or colour: alpha that hides everything, or one that says nothing.
const checkExtra = ({ data, samplesPerPixel, type, bitsPerSample, alpha }, name) => {
  if (samplesPerPixel === CHANNELS[type]) return;
  const least = alpha ? 2 ** bitsPerSample - 1 : data[samplesPerPixel - 1];
  for (let i = samplesPerPixel - 1; i < data.length; i += samplesPerPixel) {
    if (data[i] !== least) throw transparent(name);
  }
};

// Colours of a palette, at its 16 bits; some programs write 8, against the standard.
const lookedUp = (indices, palette) => {
  const stretch = palette.flat().every((value) => value < 256) ? 257 : 1;
  const colours = Uint16Array.from({ length: 3 * indices.length }, (_, i) => stretch * palette[indices[Math.floor(i / 3)]][i % 3]);
  return toUnit(colours, 3, 16);
};
