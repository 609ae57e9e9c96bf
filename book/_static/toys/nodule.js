// A radiograph with small nodules: two versions with a line between them, a button that shows where
// the nodules are, and a switch to the error of what stands right.
(window.toys ??= {}).nodule = (box, data, { element, choice }) => {
  const { size, places, names, gain } = data;
  const state = { left: data.left, right: data.right, line: 50, where: false, error: false };
  const canvas = element("canvas", { width: 2 * size, height: 2 * size, role: "img" });
  const context = canvas.getContext("2d");
  const pictures = {};
  const told = element("p", { "aria-live": "polite", class: "toy-told" });

  const levels = (name) => {
    const work = element("canvas", { width: size, height: size });
    const brush = work.getContext("2d", { willReadFrequently: true });
    brush.drawImage(pictures[name], 0, 0);
    return brush.getImageData(0, 0, size, size);
  };
  // The image minus the clean one, its contrast raised: what is missing is dark.
  const error = (name) => {
    const [clean, estimate] = [levels("clean"), levels(name)];
    for (let i = 0; i < clean.data.length; i += 4) {
      const v = 128 + gain * (estimate.data[i] - clean.data[i]);
      clean.data.fill(v, i, i + 3);
    }
    const work = element("canvas", { width: size, height: size });
    work.getContext("2d").putImageData(clean, 0, 0);
    return work;
  };
  const draw = () => {
    const edge = (2 * size * state.line) / 100;
    context.imageSmoothingEnabled = false;
    const right = state.error ? error(state.right) : pictures[state.right];
    context.drawImage(right, 0, 0, 2 * size, 2 * size);
    context.drawImage(pictures[state.left], 0, 0, edge / 2, size, 0, 0, edge, 2 * size);
    context.fillStyle = "#e69f00";
    context.fillRect(edge - 1, 0, 2, 2 * size);
    if (state.where) {
      context.strokeStyle = "#e69f00";
      context.lineWidth = 2;
      for (const [row, column] of places) {
        context.beginPath();
        context.arc(2 * column + 1, 2 * row + 1, 24, 0, 2 * Math.PI);
        context.stroke();
      }
    }
    const shown = state.error ? `error of ${names[state.right]}, times ${gain}` : names[state.right];
    canvas.setAttribute("aria-label", `A chest radiograph: ${names[state.left]} left of the line, ${shown} right of it`);
    told.textContent = `Left: ${names[state.left]}. Right: ${shown}.`;
  };
  const keys = Object.keys(names);
  const key = (label) => keys.find((name) => names[name] === label);
  const pick = (side) =>
    choice(side, keys.map((name) => names[name]), names[state[side]], (label) => {
      state[side] = key(label);
      draw();
    }).label;
  const line = element("input", {
    type: "range", min: 0, max: 100, value: 50, autocomplete: "off", "aria-label": "Where the line is",
  });
  const moveTo = (position) => {
    state.line = Math.min(100, Math.max(0, position));
    line.value = state.line;
    draw();
  };
  line.addEventListener("input", () => moveTo(Number(line.value)));
  const follow = (event) => {
    const { left, width } = canvas.getBoundingClientRect();
    moveTo((100 * (event.clientX - left)) / width);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    follow(event);
    line.focus({ preventScroll: true });
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) follow(event);
  });
  const toggle = (name, text, other) => {
    const button = element("button", { type: "button", "aria-pressed": "false" }, text);
    button.addEventListener("click", () => {
      state[name] = !state[name];
      button.setAttribute("aria-pressed", state[name]);
      button.textContent = state[name] ? other : text;
      draw();
    });
    return button;
  };
  box.append(
    element("div", { class: "toy-controls" }, pick("left"), pick("right")),
    canvas, line,
    element(
      "div", { class: "toy-buttons" },
      toggle("where", "Where are the nodules?", "Hide the nodules' places"),
      toggle("error", `Error of the right one, × ${gain}`, "Back to the image"),
    ),
    told,
  );
  box.style.maxWidth = `${2 * size}px`;
  canvas.style.cssText = `width:100%;display:block;cursor:ew-resize;touch-action:pan-y`;
  const load = ([name, source]) =>
    new Promise((ready) => {
      pictures[name] = element("img", { src: source });
      pictures[name].decode().then(ready);
    });
  Promise.all(Object.entries(data.pictures).map(load)).then(draw);
};
