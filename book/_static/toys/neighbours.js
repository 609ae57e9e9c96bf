// Which pixels does a filter average for the pixel under the pointer? Their weights, for a Gaussian,
// a bilateral and a non-local means filter, on a noisy detail, and what the filter makes of it. Arrow
// keys move the pixel, too.
(window.toys ??= {}).neighbours = (live, data, kit) => {
  const { element, setter, choice, slider, teller, levels, picture, dice } = kit;
  const { width, height, patch, window: reach } = data;
  const clean = levels(data.clean);
  const filters = { gaussian: "Gaussian filter", bilateral: "bilateral filter", nlm: "non-local means" };
  const state = { filter: "nlm", sigma: 25, row: data.start[0], column: data.start[1] };
  const image = picture(width, height, data.zoom, "noisy: choose a pixel");
  const weights = picture(width, height, data.zoom, "whose values are averaged: square root of the weights");
  const result = picture(width, height, data.zoom, "what comes out");
  const { told, tell } = teller();
  const grip = image.canvas;
  grip.tabIndex = 0;
  grip.classList.add("grip");
  grip.setAttribute("role", "application");
  grip.setAttribute("aria-label", "noisy detail: arrow keys choose a pixel");
  let [noisy, filtered, waiting] = [clean, clean, undefined];

  const at = (row, column) =>
    noisy[Math.min(height - 1, Math.max(0, row)) * width + Math.min(width - 1, Math.max(0, column))];
  // The weight of a pixel `dy` rows and `dx` columns away, whose patch differs by `distance` (a mean
  // of squares).
  const weight = (dy, dx, seen, other, distance) => {
    const near = Math.exp(-(dy ** 2 + dx ** 2) / (2 * data.reach ** 2));
    if (state.filter === "gaussian") return near;
    if (state.filter === "bilateral") return near * Math.exp(-((seen - other) ** 2) / (2 * 40 ** 2));
    return Math.exp(-Math.max(0, distance - 2 * state.sigma ** 2) / (0.5 * state.sigma) ** 2);
  };
  const patchDistance = (row, column, row0, column0) => {
    let sum = 0;
    for (let i = -patch; i <= patch; i++) {
      for (let j = -patch; j <= patch; j++) {
        sum += (at(row + i, column + j) - at(row0 + i, column0 + j)) ** 2;
      }
    }
    return sum / (2 * patch + 1) ** 2;
  };
  // Of the chosen pixel: the weight of every other one within the window.
  const weigh = (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const [dy, dx] = [row - state.row, column - state.column];
    if (Math.max(Math.abs(dy), Math.abs(dx)) > reach) return 0;
    const distance = state.filter === "nlm" ? patchDistance(row, column, state.row, state.column) : 0;
    return weight(dy, dx, at(state.row, state.column), at(row, column), distance);
  };

  // Of all pixels at once: offset by offset, with running sums of squared differences in place of
  // patch after patch, which would take seconds.
  const filter = () => {
    const wide = width + 2 * patch;
    const padded = Float64Array.from({ length: wide * (height + 2 * patch) }, (_, i) =>
      at(Math.floor(i / wide) - patch, (i % wide) - patch));
    const [square, across] = [new Float64Array(padded.length), new Float64Array(padded.length)];
    const [sum, total] = [new Float64Array(clean.length), new Float64Array(clean.length)];
    const side = 2 * patch + 1;
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const [top, bottom] = [Math.max(0, -dy), Math.min(height, height - dy)];
        const [left, right] = [Math.max(0, -dx), Math.min(width, width - dx)];
        const shift = dy * wide + dx;
        for (let r = top; state.filter === "nlm" && r < bottom + 2 * patch; r++) {
          for (let c = left; c < right + 2 * patch; c++) {
            square[r * wide + c] = (padded[r * wide + c] - padded[r * wide + c + shift]) ** 2;
          }
          let run = 0;
          for (let c = left; c < left + 2 * patch; c++) run += square[r * wide + c];
          for (let c = left; c < right; c++) {
            run += square[r * wide + c + 2 * patch];
            across[r * wide + c] = run;
            run -= square[r * wide + c];
          }
        }
        for (let c = left; c < right; c++) {
          let run = 0;
          for (let r = top; r < top + 2 * patch; r++) run += across[r * wide + c];
          for (let r = top; r < bottom; r++) {
            run += across[(r + 2 * patch) * wide + c];
            const [here, there] = [r * width + c, (r + dy) * width + c + dx];
            const k = weight(dy, dx, noisy[here], noisy[there], run / side ** 2);
            sum[here] += k * noisy[there];
            total[here] += k;
            run -= across[r * wide + c];
          }
        }
      }
    }
    return Float32Array.from(sum, (v, i) => v / total[i]);
  };

  const draw = () => {
    image.show(noisy);
    const found = noisy.map(weigh);
    const most = found.reduce((a, b) => Math.max(a, b));
    weights.show(found.map((v) => 255 * Math.sqrt(v / most)));
    for (const { context } of [image, weights, result]) {
      context.strokeStyle = "#e69f00";
      context.strokeRect(state.column - 1.5, state.row - 1.5, 4, 4);
    }
    weights.context.strokeStyle = "#777";
    weights.context.strokeRect(
      state.column - reach - 0.5, state.row - reach - 0.5, 2 * reach + 2, 2 * reach + 2);
    const i = state.row * width + state.column;
    tell(`Seen ${noisy[i].toFixed(0)}, averaged ${filtered[i].toFixed(0)}, truth ${clean[i]}.`);
  };
  const show = () => {
    result.show(filtered);
    draw();
  };
  const start = () => {
    const { normal } = dice(11);
    noisy = clean.map((v) => v + state.sigma * normal());
    filtered = filter();
    show();
  };
  const rest = () => {
    clearTimeout(waiting); // while a slider moves
    waiting = setTimeout(start, 60);
  };
  const move = (row, column) => {
    const [r, c] = [Math.min(height - 1, Math.max(0, row)), Math.min(width - 1, Math.max(0, column))];
    if (r === state.row && c === state.column) return;
    [state.row, state.column] = [r, c];
    show();
  };
  const follow = (event) => {
    const { left, top, width: wide } = grip.getBoundingClientRect();
    const size = wide / width;
    move(Math.floor((event.clientY - top) / size), Math.floor((event.clientX - left) / size));
  };
  grip.addEventListener("pointermove", follow);
  grip.addEventListener("pointerdown", follow);
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  grip.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    move(state.row + step[0], state.column + step[1]);
  });
  const change = setter(state, rest);
  live.append(
    element(
      "div", { class: "toy-controls" },
      choice("filter", filters, state.filter, change("filter")),
      slider("noise σ", { min: 5, max: 60, value: state.sigma }, change("sigma")),
    ),
    element("div", { class: "toy-pictures" }, image.figure, weights.figure, result.figure),
    told,
  );
  start();
};
