// A residual dense block as wires: choose a block and one of its layers, and see what each of its
// sources is worth. Thickness shows the decibels that are lost when the wire is cut.
(window.toys ??= {}).wires = (live, data, { element, svg, setter, choice, teller }) => {
  const { lost, layers, fused } = data; // lost[block][layer][source], null where there is no wire
  const names = ["the block's input", ...layers.map((name) => (name === "fuse" ? "the fusion" : `layer ${name}`))];
  const listed = (items) => Object.fromEntries(items.map((item, i) => [String(i), item]));
  const state = { block: "0", layer: String(layers.length >> 1) };
  const { told, tell } = teller();
  const [width, step, x] = [340, 52, 110];
  const height = step * (layers.length + 1) + 20;
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", role: "img" });
  root.style.maxWidth = `${width}px`;
  const draw = () => {
    const layer = Number(state.layer);
    const worth = lost[Number(state.block)][layer];
    const Y = (i) => 24 + step * i;
    const known = worth.map((value, source) => ({ value, source })).filter(({ value }) => value !== null);
    const wires = known.map(({ value, source }) => {
      const [from, to, bend] = [Y(source), Y(layer + 1), 60 + 24 * (layer - source)];
      return svg("path", {
        d: `M${x + 50} ${from}C${x + 50 + bend} ${from} ${x + 50 + bend} ${to} ${x + 50} ${to}`,
        fill: "none", stroke: "#d55e00",
        "stroke-width": Math.max(0.8, 10 * Math.sqrt(Math.max(0, value) / 2)),
      });
    });
    const boxes = names.flatMap((name, i) => {
      const fill = i === layer + 1 ? "#d9c6ea" : i <= layer ? "#b7d3ee" : "#dddddd";
      return [
        svg("rect", { x: x - 50, y: Y(i) - 15, width: 100, height: 30, rx: 4, fill }),
        svg("text", {
          x, y: Y(i), dy: "0.35em", "text-anchor": "middle", "font-size": 12, fill: "#1a1a1a",
        }, name),
      ];
    });
    root.replaceChildren(...wires, ...boxes);
    const all = known.map(({ value, source }) => `${names[source]} ${value.toFixed(2)} dB`).join(", ");
    root.setAttribute("aria-label", `What ${names[layer + 1]} would lose without each of its sources: ${all}`);
    tell(
      `Cut off from ${names[layer + 1]}, each costs: ${all}. ` +
      `Cut off from the global fusion, the whole block costs ${fused[Number(state.block)].toFixed(1)} dB.`);
  };
  const change = setter(state, draw);
  live.append(
    element(
      "div", { class: "toy-controls" },
      choice("block", listed(lost.map((_, i) => `block ${i + 1}`)), state.block, change("block")),
      choice("who reads?", listed(names.slice(1)), state.layer, change("layer")),
    ),
    root, told,
  );
  draw();
};
