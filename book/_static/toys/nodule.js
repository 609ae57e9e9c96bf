// A radiograph with small nodules: two versions with a line between them, a button that shows where
// the nodules are, and a switch to the error of what stands right.
(window.toys ??= {}).nodule = (box, data, { element, choice, toggle, greys, picture }) => {
  const { size, places, names, gain } = data;
  const state = { left: data.left, right: data.right, line: 50, where: false, error: false };
  const image = picture(size, size, 2, "");
  const { canvas, context } = image;
  const told = element("p", { "aria-live": "polite", class: "toy-told" });
  const line = element("input", {
    type: "range", min: 0, max: 100, value: 50, autocomplete: "off", "aria-label": "Where the line is",
  });
  let pictures = null;

  const draw = () => {
    if (!pictures) return;
    const edge = Math.round((size * state.line) / 100);
    const [left, right, { clean }] = [pictures[state.left], pictures[state.right], pictures];
    image.show(clean.map((c, i) => {
      if (i % size < edge) return left[i];
      return state.error ? 128 + gain * (right[i] - c) : right[i];
    }));
    context.fillStyle = "#e69f00";
    context.fillRect(edge - 0.5, 0, 1, size);
    context.strokeStyle = "#e69f00";
    for (const [row, column] of state.where ? places : []) {
      context.beginPath();
      context.arc(column + 0.5, row + 0.5, 12, 0, 2 * Math.PI);
      context.stroke();
    }
    const shown = state.error ? `error of ${names[state.right]}, times ${gain}` : names[state.right];
    canvas.setAttribute(
      "aria-label", `A chest radiograph: ${names[state.left]} left of the line, ${shown} right of it`);
    told.textContent = `Left: ${names[state.left]}. Right: ${shown}.`;
  };
  const change = (name) => (value) => {
    state[name] = value;
    draw();
  };
  const keys = Object.keys(names);
  const pick = (side) =>
    choice(side, Object.values(names), names[state[side]], (label) =>
      change(side)(keys.find((name) => names[name] === label))).label;
  const moveTo = (position) => {
    line.value = Math.min(100, Math.max(0, position));
    change("line")(Number(line.value));
  };
  line.addEventListener("input", () => moveTo(line.value));
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
  canvas.style.cursor = "ew-resize";
  box.style.maxWidth = `${2 * size}px`;
  box.append(
    element("div", { class: "toy-controls" }, pick("left"), pick("right")),
    canvas, line,
    element(
      "div", { class: "toy-buttons" },
      toggle(["Where are the nodules?", "Hide the nodules' places"], change("where")),
      toggle([`Error of the right one, × ${gain}`, "Back to the image"], change("error")),
    ),
    told,
  );
  greys(data.pictures, size, size).then((loaded) => {
    pictures = loaded;
    draw();
  });
};
