// The weight of the reader's loss: what Liu's denoiser makes of an image, the heart that its reader
// finds there, and the error.
(window.toys ??= {}).joint = (live, data, { element, slider, teller }) => {
  const { weights, outlines, errors, scores } = data;
  const { told, tell } = teller();
  const shown = (caption) => {
    const image = element("img", { alt: "" });
    return { image, figure: element("figure", {}, image, element("figcaption", {}, caption)) };
  };
  const left = shown("the heart: found (orange), true (blue)");
  const right = shown("the error, with the contrast raised");
  const draw = (i) => {
    left.image.src = outlines[i];
    right.image.src = errors[i];
    const { heart, stranger, psnr } = scores[i];
    left.image.alt = `Denoised with a weight of ${weights[i]}, with two outlines of the heart.`;
    right.image.alt = "Its error, with the contrast raised.";
    tell(
      `λ = ${weights[i]}: the heart's Dice is ${heart.toFixed(2)} by the denoiser's own reader, ` +
      `${stranger.toFixed(2)} by a stranger; ${psnr.toFixed(1)} dB.`);
  };
  const start = 1;
  live.append(
    element("div", { class: "toy-controls" },
      slider("weight of the reader, λ =", {
        min: 0, max: weights.length - 1, value: start, show: (i) => String(weights[i]),
      }, draw)),
    element("div", { class: "toy-pictures" }, left.figure, right.figure),
    told,
  );
  draw(start);
};
