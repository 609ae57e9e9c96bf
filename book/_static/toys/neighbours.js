// Which pixels does a filter average for the pixel under the pointer? Their weights, for a Gaussian,
// a bilateral and a non-local means filter, on a noisy detail, and what the filter makes of it. Arrow
// keys move the pixel, too.
(window.toys ??= {}).neighbours = (box, data, { element, choice, slider, levels, picture, dice }) => {
  const { width, height } = data;
  const clean = levels(data.clean);
  const filters = ["Gaussian filter", "bilateral filter", "non-local means"];
  const state = { filter: filters[2], sigma: 25, row: data.start[0], column: data.start[1] };
  const image = picture(width, height, data.zoom, "noisy: choose a pixel");
  const weights = picture(width, height, data.zoom, "whose values it is averaged from");
  const result = picture(width, height, data.zoom, "what comes out");
  const told = element("p", { "aria-live": "polite", class: "toy-told" });
  image.canvas.tabIndex = 0;
  let noisy = clean;

  const at = (row, column) =>
    noisy[Math.min(height - 1, Math.max(0, row)) * width + Math.min(width - 1, Math.max(0, column))];
  const patchDistance = (row, column, row0, column0) => {
    let sum = 0;
    for (let i = -data.patch; i <= data.patch; i++) {
      for (let j = -data.patch; j <= data.patch; j++) {
        sum += (at(row + i, column + j) - at(row0 + i, column0 + j)) ** 2;
      }
    }
    return sum / (2 * data.patch + 1) ** 2;
  };
  const weigh = (row, column, row0, column0) => {
    const near = Math.exp(-((row - row0) ** 2 + (column - column0) ** 2) / (2 * data.reach ** 2));
    if (state.filter === filters[0]) return near;
    if (state.filter === filters[1]) {
      return near * Math.exp(-((at(row, column) - at(row0, column0)) ** 2) / (2 * 40 ** 2));
    }
    const beyond = Math.max(0, patchDistance(row, column, row0, column0) - 2 * state.sigma ** 2);
    return Math.exp(-beyond / (0.5 * state.sigma) ** 2);
  };
  // Every pixel, from those within the window around it.
  const filtered = () =>
    clean.map((_, place) => {
      const [row0, column0] = [Math.floor(place / width), place % width];
      let [sum, total] = [0, 0];
      for (let row = Math.max(0, row0 - data.window); row <= Math.min(height - 1, row0 + data.window); row++) {
        for (let column = Math.max(0, column0 - data.window); column <= Math.min(width - 1, column0 + data.window); column++) {
          const weight = weigh(row, column, row0, column0);
          sum += weight * noisy[row * width + column];
          total += weight;
        }
      }
      return sum / total;
    });
  const draw = () => {
    image.show(noisy);
    const found = noisy.map((_, i) => weigh(Math.floor(i / width), i % width, state.row, state.column));
    const most = found.reduce((a, b) => Math.max(a, b));
    weights.show(found.map((v) => 255 * Math.sqrt(v / most)));
    const total = found.reduce((a, b) => a + b, 0);
    const guess = found.reduce((sum, w, i) => sum + w * noisy[i], 0) / total;
    for (const each of [image, weights]) {
      each.context.strokeStyle = "#e69f00";
      each.context.strokeRect(state.column - 1.5, state.row - 1.5, 4, 4);
    }
    const index = state.row * width + state.column;
    told.textContent = `Seen ${noisy[index].toFixed(0)}, averaged ${guess.toFixed(0)}, truth ${clean[index]}.`;
  };
  const start = () => {
    const { normal } = dice(11);
    noisy = clean.map((v) => v + state.sigma * normal());
    result.show(filtered());
    draw();
  };
  const move = (row, column) => {
    state.row = Math.min(height - 1, Math.max(0, row));
    state.column = Math.min(width - 1, Math.max(0, column));
    draw();
  };
  const follow = (event) => {
    const { left, top, width: wide } = image.canvas.getBoundingClientRect();
    const size = wide / width;
    move(Math.floor((event.clientY - top) / size), Math.floor((event.clientX - left) / size));
  };
  image.canvas.addEventListener("pointermove", follow);
  image.canvas.addEventListener("pointerdown", follow);
  image.canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    move(state.row + step[0], state.column + step[1]);
  });
  const change = (name) => (value) => {
    state[name] = value;
    start();
  };
  box.append(
    element(
      "div", { class: "toy-controls" },
      choice("filter", filters, state.filter, change("filter")).label,
      slider("noise σ", { min: 5, max: 60, value: state.sigma }, change("sigma")).label,
    ),
    element("div", { class: "toy-pictures" }, image.figure, weights.figure, result.figure),
    told,
  );
  start();
};
