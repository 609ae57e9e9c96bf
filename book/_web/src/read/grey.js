// Colour to grey: ITU-R 601-2 luma in whole numbers, rounded as Pillow rounds it.
export const luma = (red, green, blue) => (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;

// Samples of `channels` a pixel (1 grey, 2 with alpha, 3 colour, 4 with alpha) as grey in [0, 1]. Grey
// keeps all its bits; colour is taken at 8 bits. What is transparent is shown.
export const toUnit = (samples, channels, depth) => {
  const number = samples.length / channels;
  const data = new Float32Array(number);
  if (channels < 3) {
    const largest = 2 ** depth - 1;
    for (let i = 0; i < number; i++) data[i] = samples[i * channels] / largest;
    return data;
  }
  const shift = depth - 8;
  for (let i = 0; i < number; i++) {
    const place = i * channels;
    data[i] = luma(samples[place] >> shift, samples[place + 1] >> shift, samples[place + 2] >> shift) / 255;
  }
  return data;
};
