// Choose a method and an image: the clean one stands left, and right the estimate, its error with the
// contrast raised, what was taken away, or the noisy image.
(window.toys ??= {}).viewer = async (live, data, kit) => {
  const { element, setter, choice, teller, greys, picture, mse } = kit;
  const { size, names, gain } = data;
  const images = Object.fromEntries(data.images.map((name) => [name, name]));
  const pictures = await greys(data.pictures, size, size);
  const kinds = { estimate: "the estimate", error: `its error, × ${gain}`, removed: "what it took away", noisy: "the noisy image" };
  const state = { method: data.method, image: data.images[0], kind: "estimate" };
  const left = picture(size, size, 2, "clean");
  const right = picture(size, size, 2, "");
  const { told, tell } = teller();

  const draw = () => {
    const get = (name) => pictures[`${name} ${state.image}`];
    const [clean, noisy, estimate] = [get("clean"), get("noisy"), get(state.method)];
    left.show(clean);
    right.show(estimate.map((v, i) => {
      if (state.kind === "noisy") return noisy[i];
      if (state.kind === "error") return 128 + gain * (v - clean[i]);
      return state.kind === "removed" ? 128 + noisy[i] - v : v;
    }));
    const whose = state.kind === "noisy" ? "" : `${names[state.method]}: `;
    right.name.textContent = whose + kinds[state.kind];
    right.canvas.setAttribute("aria-label", right.name.textContent);
    const psnr = 10 * Math.log10(255 ** 2 / mse(estimate, clean));
    tell(`${names[state.method]} on the middle of ${state.image}: ${psnr.toFixed(1)} dB.`);
  };
  const change = setter(state, draw);
  live.append(
    element(
      "div", { class: "toy-controls" },
      choice("method", names, state.method, change("method")),
      choice("image", images, state.image, change("image")),
      choice("right", kinds, state.kind, change("kind")),
    ),
    element("div", { class: "toy-pictures" }, left.figure, right.figure),
    told,
  );
  draw();
};
