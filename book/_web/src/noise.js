// Noise for a clean image, as `GaussianNoise`, `CorrelatedNoise` and `XRayNoise` of the library
// draw it; the same seed gives the same noise on every machine, though not the library's.

const WIDTH = 1; // of correlated noise, pixels
const LEAST_COUNT = 0.5;

const normals = (dice, number) => Float64Array.from({ length: number }, dice.normal);

const white = ({ data }, { sigma }, dice) => {
  const field = normals(dice, data.length);
  return Float32Array.from(data, (v, i) => v + (sigma / 255) * field[i]);
};

const correlated = ({ width, height, data }, { sigma }, dice) => {
  const reach = Math.ceil(3 * WIDTH);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * WIDTH ** 2)));
  const size = Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0));
  const wide = width + 2 * reach;
  const field = normals(dice, wide * (height + 2 * reach));
  const rows = new Float64Array(width * (height + 2 * reach));
  for (let place = 0; place < rows.length; place++) {
    const start = Math.floor(place / width) * wide + (place % width);
    weights.forEach((w, i) => (rows[place] += (w / size) * field[start + i]));
  }
  return Float32Array.from(data, (v, place) => {
    let sum = 0;
    weights.forEach((w, i) => (sum += (w / size) * rows[place + i * width]));
    return v + (sigma / 255) * sum;
  });
};

// `tone` is a `ToneCurve` of the library with a logistic part; see there.
const toneCurve = ({ black, white: bright, gamma, slope }) => {
  const k = 0.8 * slope;
  const clip = (v) => Math.min(1, Math.max(0, v));
  const power = (v, exponent) => Math.sign(v) * Math.abs(v) ** exponent;
  const display = (attenuation) => {
    const u = power((attenuation - black) / (bright - black), gamma);
    const inside = clip(u);
    const curve = (1 + Math.tanh(k * (inside - 0.5)) / Math.tanh(k / 2)) / 2;
    return curve + ((u - inside) * k) / Math.sinh(k);
  };
  const attenuation = (grey) => {
    const inside = clip(grey);
    const u = 0.5 + Math.atanh((2 * inside - 1) * Math.tanh(k / 2)) / k + ((grey - inside) * Math.sinh(k)) / k;
    return black + (bright - black) * power(u, 1 / gamma);
  };
  return { display, attenuation };
};

const xray = ({ data }, { dose, electronic, tone }, dice) => {
  const { display, attenuation } = toneCurve(tone);
  return Float32Array.from(data, (v) => {
    const expected = dose * Math.exp(-attenuation(v));
    const count = dice.poisson(expected) + electronic * dice.normal();
    return display(-Math.log(Math.max(LEAST_COUNT, count) / dose));
  });
};

const KINDS = { white, correlated, xray };

// `kind` is one of `KINDS`; `dice` draws normal and Poisson numbers.
export const noisy = (image, kind, parameters, dice) => ({
  ...image, data: KINDS[kind](image, parameters, dice),
});
