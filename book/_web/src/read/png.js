import { convertIndexedToRgb, decode as decodePng } from "fast-png";
import { checkSize } from "./index.js";
import { toUnit } from "./grey.js";

export const decode = (bytes, name) => {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkSize(header.getUint32(16), header.getUint32(20), name);
  const png = decodePng(bytes, { checkCrc: true });
  const { width, height } = png;
  if (png.palette) {
    return { width, height, data: toUnit(convertIndexedToRgb(png), png.palette[0].length, 8) };
  }
  const samples = png.depth < 8 ? unpacked(png) : png.data;
  return { width, height, data: toUnit(samples, png.channels, png.depth) };
};

// Grey of 1, 2 or 4 bits: several pixels in a byte, and each row begins with a new one.
const unpacked = ({ width, height, depth, data }) => {
  const each = 8 / depth;
  const stride = Math.ceil(width / each);
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const byte = data[row * stride + Math.floor(column / each)];
    return (byte >> (8 - depth * (1 + (column % each)))) & (2 ** depth - 1);
  });
};
