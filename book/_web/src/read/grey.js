import { Refusal } from "../refusal.js";

// Colour to grey: ITU-R 601-2 luma in whole numbers, rounded as Pillow rounds it, at any depth.
export const luma = (red, green, blue) => Math.floor((19595 * red + 38470 * green + 7471 * blue + 0x8000) / 0x10000);

// Samples of `channels` a pixel (1 grey, 2 with alpha, 3 colour, 4 with alpha) as grey in [0, 1].
export const toUnit = (samples, channels, depth) => {
  const number = samples.length / channels;
  const largest = 2 ** depth - 1;
  const grey = channels < 3 ? (i) => samples[i] : (i) => luma(samples[i], samples[i + 1], samples[i + 2]);
  const data = new Float32Array(number);
  for (let i = 0; i < number; i++) data[i] = grey(i * channels) / largest;
  return data;
};

// What shows through a pixel is not in the file.
export const checkOpaque = (samples, channels, largest, name) => {
  for (let i = channels - 1; i < samples.length; i += channels) {
    if (samples[i] !== largest) throw transparent(name);
  }
};

export const transparent = (name) =>
  new Refusal(`${name} has transparent pixels, whose grey depends on what is behind them: flatten it and save it without alpha.`);

// An image turned as its Orientation tag (TIFF 6.0, EXIF) asks; a number that is none of 1 to 8 asks nothing.
export const upright = ({ width, height, data }, orientation) => {
  if (!(orientation >= 2 && orientation <= 8)) return { width, height, data };
  const across = orientation >= 5; // its rows are the picture's columns
  const mirrored = [2, 3, 6, 7].includes(orientation);
  const headDown = [3, 4, 7, 8].includes(orientation);
  const [columns, rows] = across ? [height, width] : [width, height];
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const y = headDown ? rows - 1 - row : row;
    for (let column = 0; column < columns; column++) {
      const x = mirrored ? columns - 1 - column : column;
      turned[row * columns + column] = data[across ? x * width + y : y * width + x];
    }
  }
  return { width: columns, height: rows, data: turned };
};
