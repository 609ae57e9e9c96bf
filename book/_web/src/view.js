// Two versions of an image with a line between them, to be zoomed and moved: one canvas.

import { filled } from "./blend.js";

const BESIDE = 0xff808080; // the image, as a pixel of the canvas
const TARGET = 500; // pixels of a side, below which no smaller version is needed

const halved = async ({ width, height, data }) => {
  const [w, h] = [Math.max(1, width >> 1), Math.max(1, height >> 1)];
  const [right, below] = [width > 1 ? 1 : 0, height > 1 ? width : 0];
  const mean = (i) => {
    const place = 2 * Math.floor(i / w) * width + 2 * (i % w);
    return (data[place] + data[place + right] + data[place + below] + data[place + right + below]) / 4;
  };
  return { width: w, height: h, data: await filled(w * h, mean) };
};

// Smaller and smaller versions of an image, so that one seen from afar is no pattern of single pixels.
const pyramids = new WeakMap();

// A promise of the same image, ready to be shown from near and far.
export const prepared = async (image) => {
  if (!pyramids.has(image)) {
    const levels = [image];
    while (Math.max(levels.at(-1).width, levels.at(-1).height) > TARGET) levels.push(await halved(levels.at(-1)));
    pyramids.set(image, levels);
  }
  return image;
};

const smaller = (image, level) => {
  const levels = pyramids.get(image);
  return [levels[Math.min(level, levels.length - 1)], 2 ** Math.min(level, levels.length - 1)];
};

export const makeView = (kit, { height: most = 640, changed }) => {
  const canvas = kit.element("canvas", { role: "img", tabindex: 0, class: "try-canvas" });
  const context = canvas.getContext("2d", { alpha: false });
  // `zoom` is in canvas pixels for a pixel of the image, null to fit; `x`, `y` the image's point in
  // the middle of the canvas.
  const state = { left: null, right: null, line: 0.5, zoom: null, x: 0, y: 0, circles: [] };
  let frame = null;

  const scale = () => {
    const { width, height } = state.right;
    return state.zoom ?? Math.min(canvas.width / width, canvas.height / height);
  };

  const painted = (zoom) => {
    const level = Math.max(0, Math.floor(Math.log2(1 / zoom)));
    const [left] = smaller(state.left, level);
    const [right, step] = smaller(state.right, level);
    const picture = context.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(picture.data.buffer);
    const edge = state.line * canvas.width;
    const columns = Int32Array.from({ length: canvas.width }, (_, x) => {
      const column = Math.floor(((x + 0.5 - canvas.width / 2) / zoom + state.x) / step);
      return column >= 0 && column < right.width ? column : -1;
    });
    for (let y = 0; y < canvas.height; y++) {
      const row = Math.floor(((y + 0.5 - canvas.height / 2) / zoom + state.y) / step);
      const outside = row < 0 || row >= right.height;
      for (let x = 0; x < canvas.width; x++) {
        const column = columns[x];
        if (outside || column < 0) {
          pixels[y * canvas.width + x] = BESIDE;
          continue;
        }
        const image = x < edge ? left : right;
        const grey = Math.round(255 * Math.min(1, Math.max(0, image.data[row * image.width + column])));
        pixels[y * canvas.width + x] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
      }
    }
    return picture;
  };

  const paint = () => {
    frame = null;
    if (!state.right || !canvas.width || !canvas.height) return;
    const zoom = scale();
    context.putImageData(painted(zoom), 0, 0);
    context.fillStyle = context.strokeStyle = "#e69f00";
    context.lineWidth = Math.max(1, Math.round(devicePixelRatio));
    context.fillRect(state.line * canvas.width - context.lineWidth / 2, 0, context.lineWidth, canvas.height);
    for (const [row, column] of state.circles) {
      const x = (column + 0.5 - state.x) * zoom + canvas.width / 2;
      const y = (row + 0.5 - state.y) * zoom + canvas.height / 2;
      context.beginPath();
      context.arc(x, y, 12 * zoom, 0, 2 * Math.PI);
      context.stroke();
    }
  };
  const draw = () => (frame ??= requestAnimationFrame(paint));

  // As wide as the page allows, in whole pixels of the screen; never taller than is seen at once.
  const fit = () => {
    if (!state.right) return;
    const { width, height } = state.right;
    const across = canvas.parentElement?.clientWidth;
    if (!across) return; // not on the page yet
    const tall = Math.min(most, innerHeight * 0.75, (across * height) / width);
    canvas.style.height = `${tall}px`;
    canvas.width = Math.round(across * devicePixelRatio);
    canvas.height = Math.round(tall * devicePixelRatio);
    held();
    draw();
  };

  // The middle stays within the image.
  const held = () => {
    const { width, height } = state.right;
    state.x = state.zoom ? Math.min(width, Math.max(0, state.x)) : width / 2;
    state.y = state.zoom ? Math.min(height, Math.max(0, state.y)) : height / 2;
  };

  const move = (dx, dy) => {
    state.x -= dx / scale();
    state.y -= dy / scale();
    held();
    draw();
    changed?.();
  };
  const zoomTo = (zoom) => {
    state.zoom = zoom && zoom * devicePixelRatio;
    canvas.style.touchAction = zoom ? "none" : "pan-y pinch-zoom";
    held();
    draw();
    changed?.();
  };
  const lineTo = (share) => {
    state.line = Math.min(1, Math.max(0, share));
    draw();
    changed?.();
  };

  grips(canvas, state, { move, lineTo });
  new ResizeObserver(fit).observe(document.documentElement);
  return {
    canvas,
    zoomTo,
    lineTo,
    line: () => state.line,
    show: (left, right, circles = []) => {
      const other = state.right?.width !== right.width || state.right?.height !== right.height;
      Object.assign(state, { left, right, circles });
      if (other) state.zoom = null;
      if (other) fit();
      else draw();
    },
  };
};

// A pointer that goes down near the line moves the line, elsewhere the image if it is larger than the
// window; keys move the image.
const grips = (canvas, state, { move, lineTo }) => {
  let hold = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const zoom = canvas.width / box.width;
    return [(event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const [x, y] = at(event);
    const near = Math.abs(x - state.line * canvas.width) < 24 * devicePixelRatio;
    hold = { line: near || !state.zoom, x, y };
    canvas.setPointerCapture(event.pointerId);
    if (hold.line) lineTo(x / canvas.width);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!hold) return;
    const [x, y] = at(event);
    if (hold.line) lineTo(x / canvas.width);
    else move(x - hold.x, y - hold.y);
    Object.assign(hold, { x, y });
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (hold = null));
  canvas.addEventListener("keydown", (event) => {
    const step = 40 * devicePixelRatio;
    const ways = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (!(event.key in ways) || !state.zoom) return;
    event.preventDefault();
    move(...ways[event.key]);
  });
};
