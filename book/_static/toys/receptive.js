// What one pixel of the output can see, by the depth of the network: a square that grows by a ring of
// pixels with each 3 x 3 convolution.
(window.toys ??= {}).receptive = (live, data, { element, slider, teller, levels, picture }) => {
  const { width, height } = data;
  const clean = levels(data.clean);
  const image = picture(width, height, data.zoom, "bright: what the pixel in the middle can see");
  const { told, tell } = teller();
  const draw = (depth) => {
    const [row, column] = data.pixel;
    const inside = (i) =>
      Math.abs(Math.floor(i / width) - row) <= depth && Math.abs((i % width) - column) <= depth;
    image.show(clean.map((v, i) => (inside(i) ? v : 0.35 * v)));
    image.context.fillStyle = "#e69f00";
    image.context.fillRect(column, row, 1, 1);
    const side = 2 * depth + 1;
    tell(`${depth === 1 ? "One convolution sees" : `${depth} convolutions see`} ${side} × ${side} pixels.`);
  };
  live.append(
    element("div", { class: "toy-controls" }, slider("depth D", { min: 1, max: 24, value: 17 }, draw)),
    element("div", { class: "toy-pictures" }, image.figure),
    told,
  );
  draw(17);
};
