// A radiograph with small nodules: two versions with a line between them, a button that shows where
// the nodules are, and a switch to the error of what stands right.
(window.toys ??= {}).nodule = async (live, data, kit) => {
  const { element, setter, choice, toggle, teller, greys, picture } = kit;
  const { size, places, names, gain } = data;
  const pictures = await greys(data.pictures, size, size);
  const state = { left: data.left, right: data.right, line: 50, where: false, error: false };
  const { canvas, context, show } = picture(size, size, 2, "");
  canvas.classList.add("grip");
  const { told, tell } = teller();
  const line = element("input", {
    type: "range", min: 0, max: 100, value: 50, autocomplete: "off", "aria-label": "Where the line is",
  });
  let frame = null;

  const draw = () => {
    frame = null;
    const edge = Math.round((size * state.line) / 100);
    const [left, right, { clean }] = [pictures[state.left], pictures[state.right], pictures];
    show(clean.map((c, i) => {
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
    const shown = state.error ? `the error of ${names[state.right]}, times ${gain}` : names[state.right];
    const sides = `${names[state.left]} left of it, ${shown} right of it`;
    canvas.setAttribute("aria-label", `A chest radiograph and a line: ${sides}`);
    line.setAttribute("aria-valuetext", `line at ${state.line} %, ${sides}`);
    tell(`Left: ${names[state.left]}. Right: ${shown}.`);
  };
  const change = setter(state, () => (frame ??= requestAnimationFrame(draw)));
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
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    follow(event);
    line.focus({ preventScroll: true }); // keys go on from here
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) follow(event);
  });
  canvas.style.cursor = "ew-resize";
  live.style.maxWidth = `${2 * size}px`;
  live.append(
    element(
      "div", { class: "toy-controls" },
      choice("left", names, state.left, change("left")),
      choice("right", names, state.right, change("right")),
    ),
    canvas, line,
    element(
      "div", { class: "toy-buttons" },
      toggle("Show the nodules", change("where")),
      toggle(`Show the error, × ${gain}`, change("error")),
    ),
    told,
  );
  draw();
};
