// A detail of a radiograph under noise of the reader's choice, pixel for pixel, and the noise alone.
// White and correlated noise much as `GaussianNoise` and `CorrelatedNoise` of the library; that of
// counts as `XRayNoise`, through the tables of attenuation and display that the page sends.
(window.toys ??= {}).noise = (live, data, kit) => {
  const { element, setter, slider, choice, teller, levels, picture, mse, dice, blur } = kit;
  const { width, height, attenuation, display } = data;
  const clean = levels(data.clean);
  const kinds = { counts: "counted photons", white: "white", correlated: "correlated: neighbours share it", none: "none" };
  const doses = [30, 50, 90, 150, 270, 500, 900, 1400, 2700, 5000, 10000];
  const state = { kind: "counts", sigma: 25, dose: doses.indexOf(270) };
  const seen = picture(width, height, data.zoom, "with noise");
  const alone = picture(width, height, data.zoom, "the noise alone");
  const { told, tell } = teller();

  const shown = (depth) => {
    const place = Math.min(display.length - 1.001, Math.max(0, (depth - data.from) / data.step));
    const [low, share] = [Math.floor(place), place % 1];
    return 255 * ((1 - share) * display[low] + share * display[low + 1]);
  };
  const counted = ({ normal, poisson }) => {
    const dose = doses[state.dose];
    return clean.map((v) => {
      const expected = dose * Math.exp(-attenuation[Math.round(v)]);
      const count = poisson(expected) + data.electronic * normal();
      return shown(-Math.log(Math.max(0.5, count) / dose));
    });
  };
  const correlated = ({ normal }) => {
    const field = blur(clean.map(normal), width, height, 1);
    const size = Math.sqrt(mse(field, field.map(() => 0)));
    return field.map((v) => v / size);
  };
  const draw = () => {
    const draws = dice(7);
    const field = {
      white: () => clean.map(draws.normal),
      correlated: () => correlated(draws),
      none: () => clean.map(() => 0),
    };
    const values = state.kind === "counts"
      ? counted(draws)
      : field[state.kind]().map((v, i) => clean[i] + state.sigma * v);
    const size = Math.sqrt(mse(values, clean));
    seen.show(values);
    alone.show(values.map((v, i) => 128 + v - clean[i]));
    dose.hidden = state.kind !== "counts";
    sigma.hidden = !dose.hidden || state.kind === "none";
    if (state.kind === "none") {
      tell("The clean image.");
      return;
    }
    const few = doses[state.dose] * Math.exp(-attenuation[128]);
    const photons = dose.hidden ? "" : `A pixel of middle grey counts ${few.toPrecision(2)} photons. `;
    tell(
      `${photons}The error of this image is ${size.toFixed(0)} of 255 (root mean square), ` +
      `a PSNR of ${(20 * Math.log10(255 / size)).toFixed(1)} dB.`);
  };
  const change = setter(state, draw);
  const sigma = slider("σ", { min: 2, max: 75, value: state.sigma }, change("sigma"));
  const dose = slider(
    "dose (photons in the open beam)",
    { min: 0, max: doses.length - 1, value: state.dose, show: (i) => doses[i] },
    change("dose"),
  );
  live.append(
    element(
      "div", { class: "toy-controls" }, choice("noise", kinds, state.kind, change("kind")), dose, sigma),
    element("div", { class: "toy-pictures" }, seen.figure, alone.figure),
    told,
  );
  draw();
};
