// What the page says in numbers: the noise that it found, a row for each version, and the spectrum of
// what was removed.
import { isSharpened, isWhite } from "./white.js";

const COLUMNS = ["", "PSNR (dB)", "SSIM", "seconds"];
const ENOUGH = 128 ** 2; // pixels, for seconds that say something of larger images
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

const number = (value, digits) => (value == null ? "–" : Number.isFinite(value) ? value.toFixed(digits) : "∞");

export const makeReport = (kit, data) => {
  const { element, plot } = kit;
  const level = element("p", {});
  const head = element("tr", {}, ...COLUMNS.map((text) => element("th", { scope: "col" }, text || "image")));
  const body = element("tbody");
  const table = element("table", { class: "try-table" }, element("caption", {}, "Against the image before the noise was added"), element("thead", {}, head), body);
  const figure = element("figure", { hidden: "" });
  const verdict = element("p", {});
  const rows = new Map();
  const seconds = new Map();
  const spectra = new Map();
  const factors = new Map(); // how much longer than data.networks says, by provider

  const fill = (name, title, found) => {
    if (!rows.has(name)) {
      rows.set(name, element("tr", {}));
      body.append(rows.get(name));
    }
    const cells = [number(found.psnr, 2), number(found.ssim, 3), seconds.has(name) ? seconds.get(name).toFixed(1) : "–"];
    rows.get(name).replaceChildren(
      element("th", { scope: "row" }, title), ...cells.map((text) => element("td", {}, text)));
  };

  return {
    root: element("div", { class: "try-report" }, level, table, verdict, figure),
    // Undefined as long as nothing was measured.
    factor: (provider) => factors.get(provider),
    clear: () => {
      rows.clear();
      seconds.clear();
      spectra.clear();
      body.replaceChildren();
      level.textContent = verdict.textContent = "";
      figure.hidden = true;
    },
    level: (noise, kind) => {
      level.textContent = described(noise, kind);
    },
    took: (name, value, image, provider) => {
      seconds.set(name, value);
      if (image.data.length < ENOUGH) return;
      const expected = data.networks.find((each) => each.name === name).seconds;
      factors.set(provider, value / ((expected * image.data.length) / data.secondsFor));
    },
    add: (name, title, found, { kind }) => {
      table.caption.hidden = kind === "none";
      fill(name, title, found);
      if (name !== "noisy") spectra.set(name, found);
    },
    curves: (names, network) => {
      const last = names.at(-1);
      verdict.textContent = judged(network(last).title, spectra.get(last));
      const shown = names.filter((name) => spectra.get(name).spectrum && spectra.get(name).removed);
      figure.hidden = !shown.length;
      if (!shown.length) return;
      const decibels = (power) => 10 * Math.log10(Math.max(power, 1e-12) * 255 ** 2);
      const lines = shown.map((name) => spectra.get(name).spectrum.map(([f, p]) => [f, decibels(p)]));
      const values = lines.flat().map(([, v]) => v);
      const y = [10 * Math.floor(Math.min(...values) / 10), 10 * Math.ceil(Math.max(...values) / 10)];
      const chart = plot({ x: [0, 0.5], y, ticks: [0.1, 10], width: 420, xlabel: "cycles per pixel", ylabel: "power (dB)" });
      // What white noise of the last one's strength would be.
      const { removed: taken, white } = spectra.get(shown.at(-1));
      if (white) {
        const even = 20 * Math.log10(taken.sigma);
        chart.line([[0, even], [0.5, even]], { stroke: "currentColor", "stroke-dasharray": "4 4", "stroke-width": 1 });
      }
      lines.forEach((points, i) => {
        chart.line(points, { stroke: COLOURS[i % COLOURS.length] });
        chart.legend(i, network(shown[i]).title, COLOURS[i % COLOURS.length]);
      });
      chart.root.setAttribute("aria-label", "Power spectrum of what was removed");
      const caption = element("figcaption", {}, "The spectrum of what was removed. White noise is a level line.");
      figure.replaceChildren(chart.root, caption);
    },
  };
};



const signed = (found) => found.correlation.toFixed(2).replace("-", "−");

// The words for what `noiseOf` found in the image.
const described = (noise, kind) => {
  if (!noise) return "This image is even: there is no noise to be found.";
  const correlated = `Neighbouring differences correlate by ${signed(noise)}; white noise has −0.50.`;
  if (isWhite(noise)) {
    const weak = noise.sigma < 5 ? " That is weaker than anything that the networks were tested on: leave it alone." : "";
    const strong = noise.sigma > 55 ? " That is more than the networks were trained for." : "";
    return `${correlated} The noise looks white, with σ ≈ ${noise.sigma.toFixed(1)} of 255.${weak}${strong}`;
  }
  if (isSharpened(noise)) return `${correlated} The image was sharpened: go back to the one before that.`;
  const why = kind === "none" ? "Neighbours share the noise, or there is none" : "Neighbours share the noise";
  return `${correlated} ${why}: these networks expect white noise.`;
};

// The words for what was removed.
const judged = (title, { removed, white }) => {
  if (!removed) return `${title} removed nothing.`;
  if (white) return `What ${title} removed looks white: noise, as far as this test sees. It is no proof that nothing faint went with it.`;
  return `What ${title} removed is not white (${signed(removed)}, white noise has −0.50): a part of it is structure, or noise that neighbours share.`;
};
