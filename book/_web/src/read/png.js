import { decode as decodePng } from "fast-png";
import { Refusal } from "../refusal.js";
import { checkSize } from "./index.js";
import { checkOpaque, toUnit, transparent, upright } from "./grey.js";

// What the pixels depend on: texts and profiles, which may inflate to gigabytes, stay away from the decoder.
const NEEDED = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"];
const SIGNATURE = 8;

const text = (bytes) => new TextDecoder("latin1").decode(bytes);

// The chunks of a file: kind, content and whole.
const chunks = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = [];
  for (let place = SIGNATURE, kind = ""; kind !== "IEND"; ) {
    const end = place + 12 + view.getUint32(place);
    if (end > bytes.length) throw new Error("it ends early");
    kind = text(bytes.subarray(place + 4, place + 8));
    found.push({ kind, content: bytes.subarray(place + 8, end - 4), whole: bytes.subarray(place, end) });
    place = end;
  }
  return found;
};

export const decode = async (bytes, name) => {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkSize(header.getUint32(16), header.getUint32(20), name);
  const found = chunks(bytes);
  const animation = found.find(({ kind }) => kind === "acTL")?.content;
  const frames = animation ? new DataView(animation.buffer, animation.byteOffset).getUint32(0) : 1;
  if (frames > 1) throw new Refusal(`${name} is an animation of ${frames} frames: save each frame as a file of its own.`);
  const needed = found.filter(({ kind }) => NEEDED.includes(kind)).map(({ whole }) => whole);
  const file = await new Blob([bytes.subarray(0, SIGNATURE), ...needed]).arrayBuffer();
  const png = decodePng(new Uint8Array(file), { checkCrc: true });
  const interlaced = bytes[28] === 1;
  if (interlaced && png.depth < 8) throw new Refusal(`${name} is interlaced, of less than 8 bits: save it without interlacing.`);
  const { width, height } = png;
  return upright({ width, height, data: greys(png, bytes[25] === 3, name) }, await orientation(found));
};

const greys = (png, indexed, name) => {
  const samples = png.depth < 8 ? unpacked(png) : png.data;
  if (indexed) return lookedUp(samples, png.palette ?? [], name);
  const { channels, depth, transparency } = png;
  if (channels === 2 || channels === 4) checkOpaque(samples, channels, 2 ** depth - 1, name);
  if (transparency?.length) checkKey(samples, transparency, name);
  return toUnit(samples, channels, depth);
};

// Grey or indices of 1, 2 or 4 bits: several pixels in a byte, and each row begins with a new one.
const unpacked = ({ width, height, depth, data }) => {
  const each = 8 / depth;
  const stride = Math.ceil(width / each);
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const byte = data[row * stride + Math.floor(column / each)];
    return (byte >> (8 - depth * (1 + (column % each)))) & (2 ** depth - 1);
  });
};

const lookedUp = (indices, palette, name) => {
  const colours = new Uint8Array(3 * indices.length);
  indices.forEach((index, i) => {
    const [red, green, blue, alpha = 255] = palette[index] ?? [];
    if (red === undefined) throw new Error(`a pixel has a colour beyond the ${palette.length} of the palette`);
    if (alpha !== 255) throw transparent(name);
    colours.set([red, green, blue], 3 * i);
  });
  return toUnit(colours, 3, 8);
};

// One value, or one colour, that is transparent where it occurs.
const checkKey = (samples, key, name) => {
  for (let i = 0; i < samples.length; i += key.length) {
    if (key.every((value, channel) => samples[i + channel] === value)) throw transparent(name);
  }
};

// What EXIF says, and otherwise XMP.
const orientation = async (found) => {
  const exif = found.find(({ kind }) => kind === "eXIf");
  if (exif) {
    const { decode: decodeTiff } = await import("tiff");
    const [{ orientation: said }] = decodeTiff(exif.content, { ignoreImageData: true });
    if (said) return said;
  }
  const xmp = found.map(({ kind, content }) => (kind === "iTXt" ? text(content) : "")).find((words) => words.startsWith("XML:com.adobe.xmp\0\0"));
  return Number(xmp?.match(/tiff:Orientation(?:="|>)([0-9])/)?.[1] ?? 1);
};
