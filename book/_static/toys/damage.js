// One radiograph, damaged in four ways that all have the PSNR that the reader asks for, and the
// SSIM of each (Gaussian window, as `denoise_lib.metrics`).
(window.toys ??= {}).damage = (live, data, kit) => {
  const { element, slider, teller, levels, picture, mse, dice, blur } = kit;
  const { width, height, hole } = data;
  const clean = levels(data.clean);
  const blurred = blur(clean, width, height, 3);
  const { normal } = dice(3);
  const inHole = (i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    return row >= hole[0] && row < hole[1] && column >= hole[2] && column < hole[3];
  };
  const changes = {
    brighter: clean.map((v) => (v < 230 ? 1 : 0)),
    noisy: clean.map(normal),
    blurred: clean.map((v, i) => blurred[i] - v),
    "a hole": clean.map((_, i) => (inHole(i) ? -1 : 0)),
  };
  const clip = (v) => Math.min(255, Math.max(0, v));
  // Scaled until the error is right once clipped; a change that cannot reach it stays at its most.
  const scaled = (change, target) => {
    let factor = Math.sqrt(target / mse(change, change.map(() => 0)));
    let image = clean;
    for (let i = 0; i < 30; i++) {
      image = clean.map((v, j) => clip(v + factor * change[j]));
      const error = mse(image, clean);
      if (Math.abs(error / target - 1) < 1e-4) break;
      factor *= Math.min(2, Math.sqrt(target / error));
    }
    return image;
  };
  const smooth = (values) => blur(values, width, height, 1.5);
  const times = (a, b) => a.map((v, i) => v * b[i]);
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
  const means = smooth(clean);
  const spread = smooth(times(clean, clean)).map((v, i) => v - means[i] ** 2);
  const ssim = (image) => {
    const m = smooth(image);
    const s = smooth(times(image, image)).map((v, i) => v - m[i] ** 2);
    const both = smooth(times(clean, image)).map((v, i) => v - means[i] * m[i]);
    let [sum, count] = [0, 0];
    for (let row = 5; row < height - 5; row++) {
      for (let column = 5; column < width - 5; column++) {
        const i = row * width + column;
        sum += ((2 * means[i] * m[i] + c1) * (2 * both[i] + c2)) /
          ((means[i] ** 2 + m[i] ** 2 + c1) * (spread[i] + s[i] + c2));
        count += 1;
      }
    }
    return sum / count;
  };

  const shown = Object.fromEntries(
    Object.keys(changes).map((name) => [name, picture(width, height, data.zoom, name)]));
  const { told, tell } = teller();
  const draw = (psnr) => {
    const scores = Object.entries(changes).map(([name, change]) => {
      const image = scaled(change, 255 ** 2 / 10 ** (psnr / 10));
      const reached = 10 * Math.log10(255 ** 2 / mse(image, clean));
      const likeness = ssim(image);
      shown[name].show(image);
      shown[name].name.textContent = `${name}: ${reached.toFixed(1)} dB, SSIM ${likeness.toFixed(2)}`;
      return [likeness, name];
    });
    const order = scores.sort((a, b) => b[0] - a[0]).map(([l, name]) => `${name} ${l.toFixed(2)}`);
    tell(`At ${psnr} dB, SSIM from best to worst: ${order.join(", ")}.`);
  };
  live.append(
    element("div", { class: "toy-controls" },
      slider("PSNR of all four", { min: 22, max: 38, value: 30, unit: " dB" }, draw)),
    element("div", { class: "toy-pictures" }, ...Object.values(shown).map((each) => each.figure)),
    told,
  );
  draw(30);
};
