// What the things to move have in common. A box (class "toy", data-toy="NAME") holds a still picture
// and, as JSON, what its script needs; `toys.NAME(live, data, kit)` of another file fills `live`,
// which then takes the still picture's place. A toy may be asynchronous.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const toys = (window.toys ??= {});

  const filled = (made, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const element = (tag, attributes = {}, ...children) =>
    filled(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) =>
    filled(document.createElementNS(SVG, tag), attributes, children);

  // Controls

  // A function that makes a control's handler: it sets one value of the state, then draws.
  const setter = (state, draw) => (name) => (value) => {
    state[name] = value;
    draw();
  };

  // A labelled range; `unit` follows its value, which `show` writes.
  const slider = (name, { min, max, step = 1, value, unit = "", show = String }, changed) => {
    const input = element("input", { type: "range", min, max, step, value, autocomplete: "off" });
    const shown = element("span", { "aria-hidden": "true" });
    const tell = () => {
      shown.textContent = `${show(Number(input.value))}${unit}`;
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    input.addEventListener("input", () => {
      tell();
      changed(Number(input.value));
    });
    tell();
    const set = (now) => {
      input.value = now;
      tell();
    };
    return Object.assign(element("label", {}, element("span", {}, name, " ", shown), input), { set });
  };

  // A labelled list of { value: text }.
  const choice = (name, options, value, changed) => {
    const select = element("select", { autocomplete: "off" });
    for (const [key, text] of Object.entries(options)) {
      select.append(element("option", key === value ? { value: key, selected: "" } : { value: key }, text));
    }
    select.addEventListener("change", () => changed(select.value));
    return element("label", {}, element("span", {}, name), select);
  };

  // A button that is pressed or not.
  const toggle = (text, changed) => {
    const button = element("button", { type: "button", "aria-pressed": "false" }, text);
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", pressed);
      changed(pressed);
    });
    return button;
  };

  // A sentence below: at once for the eye, and for a screen reader when the hand has come to rest.
  const teller = () => {
    const seen = element("p", { class: "toy-told" });
    const heard = element("p", { class: "toy-heard", role: "status" });
    let waiting;
    const tell = (text) => {
      if (seen.textContent === text) return;
      clearTimeout(waiting);
      if (seen.textContent) waiting = setTimeout(() => (heard.textContent = text), 600);
      seen.textContent = text;
    };
    return { told: element("div", {}, seen, heard), tell };
  };

  // Curves

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
      frame.append(words(+v.toFixed(6), { x: X(v), y: bottom + 16, "text-anchor": "middle", ...none }));
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
    const path = (points) =>
      "M" + points.map(([a, b]) => `${X(a).toFixed(1)} ${Y(b).toFixed(1)}`).join("L");
    return {
      root,
      clear: () => canvas.replaceChildren(),
      line: (points, attributes) =>
        canvas.append(svg("path", { d: path(points), fill: "none", "stroke-width": 2, ...attributes })),
      area: (points, attributes) => {
        const ends = [[points.at(-1)[0], y[0]], [points[0][0], y[0]]];
        canvas.append(svg("path", { d: `${path([...points, ...ends])}Z`, ...attributes }));
      },
      dot: (a, b, attributes) =>
        canvas.append(svg("circle", { cx: X(a), cy: Y(b), r: 5, ...attributes })),
      // A word with a sample of its colour, in the upper right corner, line by line.
      legend: (row, text, colour) => {
        const [end, height0] = [right, top + 8 + 15 * row];
        canvas.append(
          svg("rect", { x: end - 10, y: height0 - 5, width: 10, height: 10, fill: colour }),
          words(text, { x: end - 15, y: height0 + 4, "text-anchor": "end", "font-size": 12 }),
        );
      },
    };
  };

  // Pictures

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

  // A picture of grey levels from 0 to 255; a pixel is a square of `zoom` CSS pixels, or smaller
  // where the page is narrow.
  const picture = (width, height, zoom, caption) => {
    const canvas = element("canvas", { width, height, role: "img", "aria-label": caption });
    canvas.style.cssText = "display:block;width:100%;height:auto;image-rendering:pixelated";
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    const name = element("figcaption", {}, caption);
    const figure = element("figure", {}, canvas, name);
    figure.style.cssText = `width:${width * zoom}px;max-width:100%`;
    const show = (values) => {
      const { data } = image;
      for (let i = 0; i < values.length; i++) {
        data[4 * i] = data[4 * i + 1] = data[4 * i + 2] = values[i];
        data[4 * i + 3] = 255;
      }
      context.putImageData(image, 0, 0);
    };
    return { figure, canvas, context, name, show };
  };

  const mse = (a, b) => a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0) / a.length;

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
    return pass(pass(values, 1, 0), 0, 1);
  };

  const kit = {
    element, svg, setter, slider, choice, toggle, teller, plot, levels, greys, picture, mse, blur,
    dice: (seed) => toys.dice(seed), // of dice.js, which a worker loads too
  };

  toys.kit = kit; // for scripts that are no toys

  const enliven = async (box) => {
    const live = element("div", { class: "toy-live" });
    const data = JSON.parse(box.querySelector(".toy-data").textContent);
    await toys[box.dataset.toy](live, data, kit);
    box.querySelector(".toy-still").hidden = true;
    box.append(live);
  };
  // One that fails keeps its still picture and stops no other.
  const start = () => {
    for (const box of document.querySelectorAll(".toy")) enliven(box).catch(console.error);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else setTimeout(start); // after the scripts that follow this one
})();
