// A residual dense block as wires: choose a block and one of its layers, and see what each of its
// sources is worth. Thickness shows the decibels that are lost when the wire is cut.
(window.toys ??= {}).wires = (box, data, { element, svg, choice }) => {
  const { lost, layers } = data; // lost[block][layer][source], null where there is no wire
  const blocks = lost.map((_, i) => `block ${i + 1}`);
  const state = { block: 0, layer: layers.length - 1 };
  const told = element("p", { "aria-live": "polite", class: "toy-told" });
  const [width, step, x] = [340, 52, 110];
  const root = svg("svg", { viewBox: `0 0 ${width} ${step * (layers.length + 1) + 20}`, width: "100%", role: "img" });
  root.style.maxWidth = `${width}px`;
  const names = ["the block's input", ...layers.map((name) => (name === "fuse" ? "the fusion" : `layer ${name}`))];
  const draw = () => {
    const worth = lost[state.block][state.layer];
    const Y = (i) => 24 + step * i;
    const parts = [];
    worth.forEach((value, source) => {
      if (value === null) return;
      const [from, to] = [Y(source), Y(state.layer + 1)];
      const bend = 60 + 24 * (state.layer - source);
      parts.push(svg("path", {
        d: `M${x + 50} ${from}C${x + 50 + bend} ${from} ${x + 50 + bend} ${to} ${x + 50} ${to}`,
        fill: "none", stroke: "#d55e00", "stroke-width": Math.max(0.8, 10 * Math.sqrt(Math.max(0, value) / 2)),
      }));
    });
    names.forEach((name, i) => {
      const chosen = i === state.layer + 1;
      const reads = i <= state.layer;
      parts.push(
        svg("rect", { x: x - 50, y: Y(i) - 15, width: 100, height: 30, rx: 4, fill: chosen ? "#d9c6ea" : reads ? "#b7d3ee" : "#dddddd" }),
        svg("text", { x, y: Y(i), dy: "0.35em", "text-anchor": "middle", "font-size": 12, fill: "#1a1a1a" }, name),
      );
    });
    root.replaceChildren(...parts);
    const known = worth.map((v, i) => [v, names[i]]).filter(([v]) => v !== null);
    const [most, source] = known.reduce((a, b) => (a[0] > b[0] ? a : b));
    const says = `${names[state.layer + 1]} of ${blocks[state.block]} would miss ${source} most: ${most.toFixed(2)} dB.`;
    told.textContent = says[0].toUpperCase() + says.slice(1);
    root.setAttribute("aria-label", told.textContent);
  };
  const pick = (name, options, key) =>
    choice(name, options, options[state[key]], (value) => {
      state[key] = options.indexOf(value);
      draw();
    }).label;
  box.append(
    element("div", { class: "toy-controls" }, pick("block", blocks, "block"), pick("who reads?", names.slice(1), "layer")),
    root, told,
  );
  draw();
};
