// Every method against BM3D, at a noise level and by a score of the reader's choice: dots with paired
// intervals.
(window.toys ??= {}).ranking = (box, data, { element, svg, slider, choice }) => {
  const state = { level: data.levels.indexOf(25), metric: Object.keys(data.metrics)[0] };
  const [width, row, left, right] = [560, 24, 190, 540];
  const told = element("p", { "aria-live": "polite", class: "toy-told" });
  const root = svg("svg", { width: "100%", role: "img", style: `max-width:${width}px` });
  const text = (content, attributes) =>
    svg("text", { fill: "currentColor", "font-size": 13, dy: "0.35em", ...attributes }, content);

  const draw = () => {
    const { methods, digits, unit } = data.metrics[state.metric];
    const rows = methods
      .map((m) => ({ ...m, value: m.values[state.level], low: m.low[state.level], high: m.high[state.level] }))
      .filter((m) => m.value !== null)
      .sort((a, b) => b.value - a.value);
    const all = rows.flatMap((m) => [m.low ?? m.value, m.high ?? m.value]);
    const reach = Math.max(...all.map(Math.abs));
    const [low, high] = [Math.max(Math.min(...all), -1.2 * reach), Math.max(...all, 0)];
    const X = (v) => left + ((v - low) / (high - low)) * (right - left);
    const height = row * rows.length + 44;
    root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    root.setAttribute("aria-label", `Difference to BM3D by method, best first: ${rows.map((m) => m.label).join(", ")}`);
    root.replaceChildren(
      svg("path", { d: `M${X(0)} 4V${height - 36}`, stroke: "currentColor", "stroke-dasharray": "4 4" }),
      text("BM3D", { x: X(0), y: height - 24, "text-anchor": "middle" }),
      text(`${unit} above or below it`, { x: (left + right) / 2, y: height - 8, "text-anchor": "middle" }),
    );
    rows.forEach((m, i) => {
      const y = 14 + row * i;
      root.append(text(m.label, { x: left - 12, y, "text-anchor": "end" }));
      if (m.low !== null) {
        root.append(svg("path", { d: `M${X(m.low)} ${y}H${X(m.high)}`, stroke: m.colour, "stroke-width": 2 }));
      }
      const dot = svg("circle", { cx: X(m.value), cy: y, r: 5, fill: m.colour });
      dot.append(svg("title", {}, `${m.label}: ${m.value > 0 ? "+" : ""}${m.value.toFixed(digits)} ${unit}`));
      root.append(dot);
    });
    told.textContent = `First at σ = ${data.levels[state.level]}: ${rows[0].label}.`;
  };
  const change = (name) => (value) => {
    state[name] = value;
    draw();
  };
  box.append(
    element(
      "div", { class: "toy-controls" },
      slider(
        "noise level σ",
        { min: 0, max: data.levels.length - 1, value: state.level, show: (i) => data.levels[i] },
        change("level"),
      ).label,
      choice("score", Object.keys(data.metrics), state.metric, change("metric")).label,
    ),
    root, told,
  );
  draw();
};
