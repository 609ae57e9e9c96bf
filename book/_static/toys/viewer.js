// Choose a method and an image: the clean one stands left, and right the estimate, its error or what
// was taken away, both with the contrast raised.
(window.toys ??= {}).viewer = (box, data, { element, choice, greys, picture }) => {
  const { size, names, images, gain } = data;
  const kinds = ["the estimate", `its error, × ${gain}`, "what it took away"];
  const state = { method: data.method, image: images[0], kind: kinds[0] };
  const left = picture(size, size, 2, "clean");
  const right = picture(size, size, 2, "");
  const told = element("p", { "aria-live": "polite", class: "toy-told" });
  let pictures = null;

  const draw = () => {
    if (!pictures) return;
    const get = (name) => pictures[`${name} ${state.image}`];
    const [clean, noisy, estimate] = [get("clean"), get("noisy"), get(state.method)];
    left.show(clean);
    right.show(estimate.map((v, i) => {
      if (state.kind === kinds[1]) return 128 + gain * (v - clean[i]);
      return state.kind === kinds[2] ? 128 + noisy[i] - v : v;
    }));
    right.name.textContent = `${names[state.method]}: ${state.kind}`;
    right.canvas.setAttribute("aria-label", right.name.textContent);
    const mse = estimate.reduce((sum, v, i) => sum + (v - clean[i]) ** 2, 0) / estimate.length;
    told.textContent =
      `${names[state.method]} on ${state.image}: ${(10 * Math.log10(255 ** 2 / mse)).toFixed(1)} dB.`;
  };
  const change = (name) => (value) => {
    state[name] = value;
    draw();
  };
  const keys = Object.keys(names);
  box.append(
    element(
      "div", { class: "toy-controls" },
      choice("method", Object.values(names), names[state.method], (label) =>
        change("method")(keys.find((name) => names[name] === label))).label,
      choice("image", images, state.image, change("image")).label,
      choice("right", kinds, state.kind, change("kind")).label,
    ),
    element("div", { class: "toy-pictures" }, left.figure, right.figure),
    told,
  );
  greys(data.pictures, size, size).then((loaded) => {
    pictures = loaded;
    draw();
  });
};
