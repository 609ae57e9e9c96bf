// The best guess of a grey level: a prior of the reader's choice, the noise, one noisy value.
// Priors are mixtures of normal distributions, so that everything is in closed form.
(window.toys ??= {}).posterior = (live, data, { element, setter, slider, choice, teller, plot }) => {
  const state = { prior: Object.keys(data.priors)[0], sigma: 25, seen: 150 };
  const grid = Array.from({ length: 251 }, (_, v) => v);
  const normal = (x, mean, deviation) =>
    Math.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * Math.sqrt(2 * Math.PI));

  const parts = () => data.priors[state.prior];
  const density = (x, extra = 0) =>
    parts().reduce((sum, p) => sum + p.share * normal(x, p.mean, Math.hypot(p.width, extra)), 0);
  // Of each part: how likely it is now, and the mean and the variance within it.
  const posterior = (y) => {
    const { sigma } = state;
    const found = parts().map((p) => {
      const variance = p.width ** 2 + sigma ** 2;
      const kept = p.width ** 2 / variance;
      return {
        log: Math.log(p.share) - 0.5 * Math.log(variance) - (y - p.mean) ** 2 / (2 * variance),
        mean: p.mean + kept * (y - p.mean),
        variance: kept * sigma ** 2,
      };
    });
    const most = Math.max(...found.map((p) => p.log)); // relative to it, not all of them underflow
    const odds = found.map((p) => Math.exp(p.log - most));
    const all = odds.reduce((a, b) => a + b);
    return found.map((p, i) => ({ ...p, odds: odds[i] / all }));
  };
  const mean = (y) => posterior(y).reduce((sum, p) => sum + p.odds * p.mean, 0);
  const variance = (y) => {
    const centre = mean(y);
    return posterior(y).reduce(
      (sum, p) => sum + p.odds * (p.variance + (p.mean - centre) ** 2), 0);
  };
  const bestError = () => {
    let [sum, weight] = [0, 0];
    const { sigma } = state;
    for (let y = -5 * sigma; y <= 250 + 5 * sigma; y += sigma / 8) {
      const p = density(y, sigma);
      sum += p * variance(y);
      weight += p;
    }
    return Math.sqrt(sum / weight);
  };

  const axis = { x: [0, 250], ticks: [50, 0] };
  const belief = plot({
    ...axis, y: [0, 1], height: 170, xlabel: "clean grey level x", ylabel: "probability",
  });
  const curve = plot({
    ...axis, y: [0, 250], ticks: [50, 50], height: 300, xlabel: "noisy grey level y", ylabel: "best guess of x",
  });
  belief.root.setAttribute("aria-label", "How likely each grey level is, before and after one value is seen.");
  curve.root.setAttribute("aria-label", "The best guess of the clean grey level against the noisy one.");
  const { told, tell } = teller();

  const draw = () => {
    const { seen } = state;
    const guess = mean(seen);
    const found = posterior(seen);
    const after = (x) =>
      found.reduce((sum, p) => sum + p.odds * normal(x, p.mean, Math.sqrt(p.variance)), 0);
    const scaled = (f) => {
      const values = grid.map(f);
      const top = Math.max(...values) * 1.08;
      return values.map((v, x) => [x, v / top]);
    };
    belief.clear();
    belief.area(scaled((x) => density(x)), { fill: "#888", "fill-opacity": 0.45 });
    belief.area(scaled(after), { fill: "#0072b2", "fill-opacity": 0.5 });
    belief.line([[seen, 0], [seen, 1]], { stroke: "currentColor", "stroke-dasharray": "4 4" });
    belief.line([[guess, 0], [guess, 1]], { stroke: "#d55e00" });
    [["prior", "#888"], ["posterior", "#0072b2"], ["best guess", "#d55e00"]].forEach(([text, colour], row) =>
      belief.legend(row, text, colour));
    curve.clear();
    curve.line([[0, 0], [250, 250]], { stroke: "#888", "stroke-dasharray": "4 4" });
    curve.line(grid.map((y) => [y, mean(y)]), { stroke: "#d55e00" });
    curve.line([[seen, 0], [seen, guess]], {
      stroke: "currentColor", "stroke-dasharray": "4 4", "stroke-width": 1,
    });
    curve.dot(seen, guess, { fill: "#d55e00" });
    tell(
      `Seen: ${seen}. Best guess: ${Math.round(guess)}. On average over all pixels ` +
      `(root mean square) the best guess is wrong by ${bestError().toFixed(0)}, ` +
      `the noisy value by ${state.sigma}.`);
  };
  const change = setter(state, draw);
  const names = Object.fromEntries(Object.keys(data.priors).map((name) => [name, name]));
  live.append(
    element(
      "div", { class: "toy-controls" },
      choice("what images have", names, state.prior, change("prior")),
      slider("noise σ", { min: 2, max: 200, value: state.sigma }, change("sigma")),
      slider("seen y", { min: 0, max: 250, value: state.seen }, change("seen")),
    ),
    element("div", { class: "toy-plots" }, belief.root, curve.root),
    told,
  );
  draw();
};
