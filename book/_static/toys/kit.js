// What the things to move have in common. A box (class "toy", data-toy="NAME") holds a still picture
// and, as JSON, what its script needs; `toys.NAME(box, data, kit)` of another file brings it to life.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const toys = (window.toys ??= {});

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const svg = (tag, attributes = {}, ...children) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  // A labelled range; `unit` follows its value.
  const slider = (name, { min, max, step = 1, value, unit = "", show = String }, changed) => {
    const input = element("input", { type: "range", min, max, step, value, autocomplete: "off" });
    const output = element("output");
    const tell = () => {
      output.textContent = `${show(Number(input.value))}${unit}`;
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", () => {
      tell();
      changed(Number(input.value));
    });
    tell();
    const label = element("label", {}, element("span", {}, name, " ", output), input);
    return { label, input, set: (next) => ((input.value = next), tell()) };
  };

  const choice = (name, options, value, changed) => {
    const select = element("select", { autocomplete: "off" });
    for (const option of options) {
      select.append(element("option", option === value ? { selected: "" } : {}, option));
    }
    select.addEventListener("change", () => changed(select.value));
    return { label: element("label", {}, element("span", {}, name), select), select };
  };

  // Axes with ticks; `line` and `area` draw curves of points in the units of the axes.
  const plot = ({ x, y, width = 340, height = 200, xlabel, ylabel, ticks = [0, 0] }) => {
    const [left, right, top, bottom] = [44, width - 16, 8, height - 38];
    const X = (v) => left + ((v - x[0]) / (x[1] - x[0])) * (right - left);
    const Y = (v) => bottom - ((v - y[0]) / (y[1] - y[0])) * (bottom - top);
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", role: "img" });
    const words = (text, attributes) => svg("text", { fill: "currentColor", ...attributes }, text);
    const frame = svg("g", { stroke: "currentColor", "font-size": 12 });
    frame.append(svg("path", { d: `M${left} ${top}V${bottom}H${right}`, fill: "none" }));
    const none = { stroke: "none" };
    for (let v = x[0]; ticks[0] && v <= x[1]; v += ticks[0]) {
      frame.append(svg("path", { d: `M${X(v)} ${bottom}v4` }));
      frame.append(words(v, { x: X(v), y: bottom + 16, "text-anchor": "middle", ...none }));
    }
    for (let v = y[0]; ticks[1] && v <= y[1]; v += ticks[1]) {
      frame.append(svg("path", { d: `M${left} ${Y(v)}h-4` }));
      frame.append(words(v, { x: left - 7, y: Y(v) + 4, "text-anchor": "end", ...none }));
    }
    const middle = { "text-anchor": "middle", ...none };
    frame.append(words(xlabel, { x: (left + right) / 2, y: height - 5, ...middle }));
    const [cx, cy] = [11, (top + bottom) / 2];
    frame.append(words(ylabel, { transform: `rotate(-90 ${cx} ${cy})`, x: cx, y: cy, ...middle }));
    const canvas = svg("g");
    root.append(frame, canvas);
    const path = (points) => "M" + points.map(([a, b]) => `${X(a).toFixed(1)} ${Y(b).toFixed(1)}`).join("L");
    return {
      root,
      canvas,
      X,
      Y,
      clear: () => canvas.replaceChildren(),
      line: (points, attributes) =>
        canvas.append(svg("path", { d: path(points), fill: "none", "stroke-width": 2, ...attributes })),
      area: (points, attributes) => {
        const ends = [[points.at(-1)[0], y[0]], [points[0][0], y[0]]];
        canvas.append(svg("path", { d: `${path([...points, ...ends])}Z`, ...attributes }));
      },
      dot: (a, b, attributes) => canvas.append(svg("circle", { cx: X(a), cy: Y(b), r: 5, ...attributes })),
      text: (a, b, text, attributes) =>
        canvas.append(words(text, { x: X(a), y: Y(b), "font-size": 12, ...attributes })),
    };
  };

  const start = () => {
    for (const box of document.querySelectorAll(".toy")) {
      const toy = toys[box.dataset.toy];
      if (!toy) continue;
      const data = JSON.parse(box.querySelector(".toy-data").textContent);
      const live = element("div", { class: "toy-live" });
      toy(live, data, { element, svg, slider, choice, plot });
      box.querySelector(".toy-still").hidden = true;
      box.append(live);
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else window.addEventListener("load", start);
})();
