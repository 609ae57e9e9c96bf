// Sums of images, a piece at a time, so that a page that makes them of a large image does not freeze.

const PIECE = 2 ** 20; // pixels
const breath = () => new Promise((resolve) => setTimeout(resolve));

// Fill `length` places with `value(place)`; a promise of the array.
export const filled = async (length, value) => {
  const data = new Float32Array(length);
  for (let start = 0; start < length; start += PIECE) {
    if (start) await breath();
    const end = Math.min(length, start + PIECE);
    for (let i = start; i < end; i++) data[i] = value(i);
  }
  return data;
};

// alpha times the estimate and the rest of the noisy image.
export const blend = async (noisy, estimate, alpha) => {
  if (alpha === 1) return estimate;
  const [given, found] = [noisy.data, estimate.data];
  return { ...estimate, data: await filled(found.length, (i) => alpha * found[i] + (1 - alpha) * given[i]) };
};

// What an estimate lacks of the noisy image, `gain` times, around middle grey.
export const removed = async (noisy, estimate, gain) => {
  const [given, found] = [noisy.data, estimate.data];
  return { ...estimate, data: await filled(found.length, (i) => 0.5 + gain * (given[i] - found[i])) };
};
