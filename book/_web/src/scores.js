// Numbers about an image, as the library computes them. Images are { width, height, data }, their
// clean range is [0, 1].
import FFT from "fft.js";

const clipped = (value) => Math.min(1, Math.max(0, value));

export const psnr = (clean, estimate) => {
  let sum = 0;
  for (let i = 0; i < clean.data.length; i++) sum += (clean.data[i] - clipped(estimate.data[i])) ** 2;
  return 10 * Math.log10(clean.data.length / sum);
};

// Weighted by a Gaussian of 1.5 pixels, cut at 5, where the whole window fits.
const REACH = 5;
const WEIGHTS = (() => {
  const raw = Array.from({ length: 2 * REACH + 1 }, (_, i) => Math.exp(-((i - REACH) ** 2) / 4.5));
  const total = raw.reduce((a, b) => a + b);
  return raw.map((w) => w / total);
})();

const smoothed = (data, width, height) => {
  const narrow = width - 2 * REACH;
  const rows = new Float64Array(narrow * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < narrow; column++) {
      let sum = 0;
      for (let i = 0; i <= 2 * REACH; i++) sum += WEIGHTS[i] * data[row * width + column + i];
      rows[row * narrow + column] = sum;
    }
  }
  const result = new Float64Array(narrow * (height - 2 * REACH));
  for (let place = 0; place < result.length; place++) {
    let sum = 0;
    for (let i = 0; i <= 2 * REACH; i++) sum += WEIGHTS[i] * rows[place + i * narrow];
    result[place] = sum;
  }
  return result;
};

const BAND = 256; // rows at a time, so that a large image takes little memory

// Wang et al. 2004; null where the image is smaller than the window.
export const ssim = (clean, estimate) => {
  const { width, height } = clean;
  if (Math.min(width, height) <= 2 * REACH) return null;
  let sum = 0;
  for (let top = 0; top + 2 * REACH < height; top += BAND) {
    const bottom = Math.min(height, top + BAND + 2 * REACH);
    const band = ({ data }) => data.subarray(top * width, bottom * width);
    sum += ssimOfBand(Float64Array.from(band(clean)), Float64Array.from(band(estimate), clipped), width);
  }
  return sum / ((width - 2 * REACH) * (height - 2 * REACH));
};

// Summed over the full windows of some rows.
const ssimOfBand = (x, y, width) => {
  const mean = (values) => smoothed(values, width, values.length / width);
  const product = (a, b) => mean(a.map((v, i) => v * b[i]));
  const [mx, my, xx, yy, xy] = [mean(x), mean(y), product(x, x), product(y, y), product(x, y)];
  const [c1, c2] = [0.01 ** 2, 0.03 ** 2];
  let sum = 0;
  for (let i = 0; i < mx.length; i++) {
    const both = mx[i] * my[i];
    const squares = mx[i] ** 2 + my[i] ** 2;
    const variances = xx[i] + yy[i] - squares;
    sum += ((2 * both + c1) * (2 * (xy[i] - both) + c2)) / ((squares + c1) * (variances + c2));
  }
  return sum;
};

// How neighbouring differences of rows correlate, -1/2 for white noise, and the noise's standard
// deviation on the 0-255 scale, which means something for white noise only: `noise_of` of the page
// on your own radiographs. Null for an even image, in which there is none.
export const noiseOf = ({ width, height, data }) => {
  const differences = [];
  let mean = 0;
  for (let row = 0; row + 1 < height; row++) {
    const line = new Float64Array(width - 1);
    for (let column = 0; column + 1 < width; column++) {
      const place = row * width + column;
      line[column] = data[place + width + 1] - data[place + width] - data[place + 1] + data[place];
      mean += line[column];
    }
    differences.push(line);
  }
  mean /= (height - 1) * (width - 1);
  let [square, neighbours] = [0, 0];
  for (const line of differences) {
    for (let i = 0; i < line.length; i++) {
      const here = line[i] - mean;
      square += here ** 2;
      if (i + 1 < line.length) neighbours += here * (line[i + 1] - mean);
    }
  }
  const number = (height - 1) * (width - 1);
  if (!(square > 0)) return null;
  return {
    correlation: (neighbours / ((height - 1) * (width - 2))) / (square / number),
    sigma: (255 * Math.sqrt(square / (number - 1))) / 2,
  };
};

const BINS = 16;
const LARGEST = 512;

// The power spectrum averaged over directions, as `radial_power` of the library, of the largest
// middle square whose side is a power of two: [[frequency in cycles per pixel, power], ...]. White
// noise of standard deviation 1 has power 1. Null for an image too small for it.
export const spectrum = ({ width, height, data }) => {
  const side = Math.min(LARGEST, 2 ** Math.floor(Math.log2(Math.min(width, height))));
  if (side < 2 * BINS) return null;
  const [top, left] = [(height - side) >> 1, (width - side) >> 1];
  const at = (row, column) => data[(top + row) * width + left + column];
  let mean = 0;
  for (let i = 0; i < side * side; i++) mean += at(Math.floor(i / side), i % side) / side ** 2;
  const hann = Array.from({ length: side }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (side - 1)));
  const size = hann.reduce((sum, w) => sum + w * w, 0) ** 2;
  const values = Float64Array.from({ length: side * side }, (_, i) => {
    const [row, column] = [Math.floor(i / side), i % side];
    return (at(row, column) - mean) * hann[row] * hann[column];
  });
  const total = new Float64Array(BINS + 1);
  const count = new Float64Array(BINS + 1);
  const frequency = (i) => Math.min(i, side - i) / side;
  forEachPower(values, side, (row, column, power) => {
    const place = Math.hypot(frequency(row), frequency(column));
    const bin = Math.min(BINS, Math.floor(2 * BINS * place));
    total[bin] += power / size;
    count[bin] += 1;
  });
  return Array.from({ length: BINS }, (_, i) => [(i + 0.5) / (2 * BINS), total[i] / count[i]]);
};

// Rows are transformed, then columns.
const forEachPower = (values, side, use) => {
  const fft = new FFT(side);
  const rows = [];
  for (let row = 0; row < side; row++) {
    const out = fft.createComplexArray();
    fft.transform(out, fft.toComplexArray(values.subarray(row * side, (row + 1) * side)));
    rows.push(out);
  }
  const line = fft.createComplexArray();
  const out = fft.createComplexArray();
  for (let column = 0; column < side; column++) {
    for (let row = 0; row < side; row++) {
      line[2 * row] = rows[row][2 * column];
      line[2 * row + 1] = rows[row][2 * column + 1];
    }
    fft.transform(out, line);
    for (let row = 0; row < side; row++) use(row, column, out[2 * row] ** 2 + out[2 * row + 1] ** 2);
  }
};
