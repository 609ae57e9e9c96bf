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

  // Grey levels of a picture that was sent as bytes.
  const levels = (base64) => Float32Array.from(atob(base64), (c) => c.charCodeAt(0));

  // Grey levels of pictures that were sent as files: a promise of { name: levels }.
  const greys = async (sources, width, height) => {
    const read = async ([name, src]) => {
      const image = element("img", { src });
      await image.decode();
      const brush = element("canvas", { width, height }).getContext("2d");
      brush.drawImage(image, 0, 0);
      const { data } = brush.getImageData(0, 0, width, height);
      return [name, Float32Array.from({ length: width * height }, (_, i) => data[4 * i])];
    };
    return Object.fromEntries(await Promise.all(Object.entries(sources).map(read)));
  };

  // A button that is pressed or not; `texts` has what it says in either state.
  const toggle = (texts, changed) => {
    const button = element("button", { type: "button", "aria-pressed": "false" }, texts[0]);
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", pressed);
      button.textContent = texts[Number(pressed)];
      changed(pressed);
    });
    return button;
  };

  // A picture of grey levels from 0 to 255, every pixel as a square of `zoom` screen pixels.
  const picture = (width, height, zoom, caption) => {
    const canvas = element("canvas", { width, height, role: "img", "aria-label": caption });
    canvas.style.cssText = `width:${width * zoom}px;height:auto;max-width:100%;image-rendering:pixelated`;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    const name = element("figcaption", {}, caption);
    const show = (values, colour = (v) => [v, v, v]) => {
      values.forEach((v, i) => image.data.set([...colour(v), 255], 4 * i));
      context.putImageData(image, 0, 0);
    };
    return { figure: element("figure", {}, canvas, name), canvas, context, name, show };
  };

  // The same draws for everyone: mulberry32, and pairs of normal numbers by Box and Muller.
  const dice = (seed) => {
    let state = seed >>> 0;
    const uniform = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const normal = () =>
      Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    // Exact by products of uniform numbers for few, close to normal for many.
    const poisson = (mean) => {
      if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
      const limit = Math.exp(-mean);
      let [count, product] = [-1, 1];
      do {
        count += 1;
        product *= uniform();
      } while (product > limit);
      return count;
    };
    return { uniform, normal, poisson };
  };

  // Weighted by a Gaussian along rows, then along columns; the edges are repeated.
  const blur = (values, width, height, deviation) => {
    const reach = Math.ceil(3 * deviation);
    const weights = Array.from({ length: 2 * reach + 1 }, (_, i) =>
      Math.exp(-((i - reach) ** 2) / (2 * deviation ** 2)));
    const total = weights.reduce((a, b) => a + b, 0);
    const pass = (input, dx, dy) => {
      const output = new Float32Array(input.length);
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
          let sum = 0;
          for (let i = -reach; i <= reach; i++) {
            const r = Math.min(height - 1, Math.max(0, row + dy * i));
            const c = Math.min(width - 1, Math.max(0, column + dx * i));
            sum += weights[i + reach] * input[r * width + c];
          }
          output[row * width + column] = sum / total;
        }
      }
      return output;
    };
    return reach < 1 ? Float32Array.from(values) : pass(pass(values, 1, 0), 0, 1);
  };

  const kit = { element, svg, slider, choice, toggle, plot, levels, greys, picture, dice, blur };

  const start = () => {
    for (const box of document.querySelectorAll(".toy")) {
      const toy = toys[box.dataset.toy];
      if (!toy) continue;
      const data = JSON.parse(box.querySelector(".toy-data").textContent);
      const live = element("div", { class: "toy-live" });
      toy(live, data, kit);
      box.querySelector(".toy-still").hidden = true;
      box.append(live);
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else window.addEventListener("load", start);
})();
