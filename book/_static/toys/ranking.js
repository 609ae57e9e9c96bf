// Every method against one of them, at a noise level and by a score of the reader's choice: dots with
// paired intervals.
(window.toys ??= {}).ranking = (live, data, { element, svg, setter, slider, choice, teller }) => {
  const state = { level: data.levels.indexOf(25), metric: Object.keys(data.metrics)[0] };
  const metrics = Object.fromEntries(Object.keys(data.metrics).map((name) => [name, name]));
  const [width, row, left, right] = [400, 24, 192, 336];
  const { told, tell } = teller();
  const root = svg("svg", { width: "100%", role: "img", style: "max-width:560px" });
  const text = (content, attributes) =>
    svg("text", { fill: "currentColor", "font-size": 12, dy: "0.35em", ...attributes }, content);

  const draw = () => {
    const { methods, digits, unit } = data.metrics[state.metric];
    const at = (values) => values[state.level];
    const measured = methods
      .map((m) => ({ ...m, value: at(m.values), low: at(m.low), high: at(m.high) }))
      .filter((m) => m.value !== null);
    const zero = { label: data.reference, colour: "currentColor", value: 0, low: 0, high: 0 };
    const rows = [...measured, zero].sort((a, b) => b.value - a.value);
    const ends = rows.flatMap((m) => [m.low ?? m.value, m.high ?? m.value]);
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const X = (v) => left + ((v - low) / (high - low || 1)) * (right - left);
    const signed = ({ value }) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(digits)}`;
    const height = row * rows.length + 26;
    root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const listed = rows.map((m) => `${m.label} ${signed(m)}`).join(", ");
    root.setAttribute("aria-label", `Difference to ${data.reference} in ${unit}, best first: ${listed}`);
    root.replaceChildren(
      svg("path", { d: `M${X(0)} 2V${height - 22}`, stroke: "currentColor", "stroke-dasharray": "4 4" }),
      text(`${unit} against ${data.reference}`, { x: (left + right) / 2, y: height - 8, "text-anchor": "middle" }),
    );
    rows.forEach((m, i) => {
      const y = 14 + row * i;
      root.append(
        text(m.label, { x: left - 10, y, "text-anchor": "end" }),
        text(signed(m), { x: width - 4, y, "text-anchor": "end" }),
        svg("path", { d: `M${X(m.low ?? m.value)} ${y}H${X(m.high ?? m.value)}`, stroke: m.colour, "stroke-width": 2 }),
        svg("circle", { cx: X(m.value), cy: y, r: 5, fill: m.colour }),
      );
    });
    tell(`First by ${state.metric} at σ = ${at(data.levels)}: ${rows[0].label}.`);
  };
  const change = setter(state, draw);
  live.append(
    element(
      "div", { class: "toy-controls" },
      slider(
        "noise level σ",
        { min: 0, max: data.levels.length - 1, value: state.level, show: (i) => data.levels[i] },
        change("level"),
      ),
      choice("score", metrics, state.metric, change("metric")),
    ),
    root, told,
  );
  draw();
};
