// A detail of a radiograph under noise of the reader's choice, pixel for pixel, and the noise alone.
// White and correlated noise as `GaussianNoise` and `CorrelatedNoise` of the library; that of counts
// as `XRayNoise`, through the tables of attenuation and display that the page sends.
(window.toys ??= {}).noise = (box, data, { element, slider, choice, levels, picture, dice, blur }) => {
  const { width, height, attenuation, display } = data;
  const clean = levels(data.clean);
  const kinds = ["counted photons", "white", "correlated: neighbours share it"];
  const state = { kind: kinds[0], strength: 25, dose: 270 };
  const seen = picture(width, height, data.zoom, "with noise");
  const alone = picture(width, height, data.zoom, "the noise alone");
  const told = element("p", { "aria-live": "polite", class: "toy-told" });

  const shown = (depth) => {
    const place = Math.min(display.length - 1.001, Math.max(0, (depth - data.from) / data.step));
    const [low, share] = [Math.floor(place), place % 1];
    return 255 * ((1 - share) * display[low] + share * display[low + 1]);
  };
  const noisy = () => {
    const { normal, poisson } = dice(7);
    if (state.kind === kinds[0]) {
      return clean.map((v) => {
        const expected = state.dose * Math.exp(-attenuation[Math.round(v)]);
        const count = poisson(expected) + data.electronic * normal();
        return shown(-Math.log(Math.max(0.5, count) / state.dose));
      });
    }
    let field = clean.map(normal);
    if (state.kind === kinds[2]) {
      field = blur(field, width, height, 1);
      const size = Math.sqrt(field.reduce((sum, v) => sum + v * v, 0) / field.length);
      field = field.map((v) => v / size);
    }
    return clean.map((v, i) => v + state.strength * field[i]);
  };
  const draw = () => {
    const values = noisy();
    const error = values.map((v, i) => v - clean[i]);
    const power = Math.sqrt(error.reduce((sum, v) => sum + v * v, 0) / error.length);
    seen.show(values);
    alone.show(error.map((v) => 128 + v));
    const counting = state.kind === kinds[0];
    strength.label.hidden = counting;
    dose.label.hidden = !counting;
    told.textContent =
      `The noise has a standard deviation of ${power.toFixed(0)} of 255, ` +
      `a PSNR of ${(20 * Math.log10(255 / power)).toFixed(1)} dB.`;
  };
  const change = (name) => (value) => {
    state[name] = value;
    draw();
  };
  const strength = slider("σ", { min: 2, max: 75, value: state.strength }, change("strength"));
  const dose = slider(
    "dose (photons in the open beam)",
    { min: 1.5, max: 4, step: 0.05, value: Math.log10(270), show: (v) => Math.round(10 ** v) },
    (value) => change("dose")(10 ** value),
  );
  box.append(
    element(
      "div", { class: "toy-controls" },
      choice("noise", kinds, state.kind, change("kind")).label, strength.label, dose.label,
    ),
    element("div", { class: "toy-pictures" }, seen.figure, alone.figure),
    told,
  );
  draw();
};
