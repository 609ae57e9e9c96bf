// The browser's own decoder, without its colour management: the file's numbers, turned upright.
import { Refusal } from "../refusal.js";
import { checkSize } from "./index.js";
import { toUnit } from "./grey.js";

// Some browsers change what is read back from a canvas, so that nobody is known by it.
let honest = null;
const check = () => {
  if (honest === null) {
    const side = 16;
    const brush = new OffscreenCanvas(side, side).getContext("2d");
    const drawn = brush.createImageData(side, side);
    drawn.data.forEach((_, i) => (drawn.data[i] = i % 4 === 3 ? 255 : (7 * i) % 256));
    brush.putImageData(drawn, 0, 0);
    const { data } = brush.getImageData(0, 0, side, side);
    honest = data.every((value, i) => value === drawn.data[i]);
  }
  if (!honest) {
    throw new Refusal("This browser changes pixels that a page reads, to protect you: allow this page to read them, or save the file as PNG.");
  }
};

// A promise of { width, height, data }: red, green, blue and alpha, a byte each.
export const drawn = async (bytes, name) => {
  check();
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }), {
    colorSpaceConversion: "none",
  });
  const { width, height } = picture;
  checkSize(width, height, name);
  const brush = new OffscreenCanvas(width, height).getContext("2d");
  brush.drawImage(picture, 0, 0);
  picture.close();
  return brush.getImageData(0, 0, width, height);
};

const INKS = 4;

// Size and number of components, from the start of frame; a file without one is left to the decoder.
const frame = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let place = 2; place + 10 < bytes.length && bytes[place] === 0xff; place += 2 + view.getUint16(place + 2)) {
    const marker = bytes[place + 1];
    const table = [0xc4, 0xc8, 0xcc].includes(marker);
    if (marker >= 0xc0 && marker <= 0xcf && !table) {
      return { height: view.getUint16(place + 5), width: view.getUint16(place + 7), components: bytes[place + 9] };
    }
  }
  return null;
};

export const decode = async (bytes, name) => {
  const found = frame(bytes);
  if (found) checkSize(found.width, found.height, name);
  if (found?.components === INKS) throw new Refusal(`${name} has inks (CMYK): save it as grey or RGB.`);
  const { width, height, data } = await drawn(bytes, name);
  return { width, height, data: toUnit(data, 4, 8) };
};
