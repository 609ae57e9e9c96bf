// The controls of the page that denoises. What they do is given as functions.

export const DOSES = [30, 50, 90, 150, 270, 500, 900, 1400, 2700, 5000, 10000];

const NOISES = {
  none: "none: leave it as it is",
  white: "white",
  correlated: "correlated: neighbours share it",
  xray: "counted X-ray photons",
};

const ZOOMS = [["fit", null], ["1 : 1", 1], ["2 : 1", 2], ["4 : 1", 4]];

export const controls = (kit, data, state, act, canvas, report) => {
  const { element, slider, choice, toggle } = kit;
  const button = (text, pressed, attributes = {}) => {
    const made = element("button", { type: "button", ...attributes }, text);
    made.addEventListener("click", pressed);
    return made;
  };
  const heard = element("p", { class: "try-told", role: "status" });

  // The image and its noise
  const titles = Object.fromEntries(data.images.map(({ name, title }) => [name, title]));
  const image = choice("radiograph", titles, data.images[0].name, act.choose);
  const file = element("input", { type: "file", accept: data.accept, class: "toy-heard", tabindex: -1, "aria-label": "A radiograph of yours" });
  file.addEventListener("change", () => {
    if (file.files[0]) act.open(file.files[0]);
    file.value = "";
  });
  const noise = choice("noise that is added", NOISES, state.kind, (kind) => act.changed({ kind }));
  const sigma = slider("σ", { min: 1, max: 75, value: state.sigma }, (value) => act.changed({ sigma: value }));
  const dose = slider(
    "dose (photons in the open beam)",
    { min: 0, max: DOSES.length - 1, value: state.dose, show: (i) => DOSES[i] },
    (value) => act.changed({ dose: value }));
  const again = button("Draw it again", () => act.changed({ seed: state.seed + 1 }));

  // The network
  const named = Object.fromEntries(data.networks.map(({ name, title, bytes }) =>
    [name, `${title} (${(bytes / 1e6).toFixed(1)} MB)`]));
  const network = choice("network", named, state.network, act.network);
  const duration = element("p", { class: "try-note" });
  const run = button("Denoise", act.denoise, { class: "try-start" });
  const stop = button("Cancel", act.cancel, { hidden: "" });
  const bar = element("progress", { max: 1, "aria-label": "How far the network is" });
  bar.hidden = true;
  const card = toggle(`Use the graphics card (${data.cardMegabytes} MB more)`, (on) => act.provider(on ? "webgpu" : "wasm"));
  card.hidden = true;
  navigator.gpu?.requestAdapter().then((adapter) => (card.hidden = !adapter)).catch(() => {});

  // A card that fails is not asked again.
  const withoutCard = () => {
    card.hidden = true;
    act.provider("wasm");
  };

  // What is seen
  const sides = { left: null, right: null };
  const sidebox = element("div", { class: "toy-controls" });
  const line = element("input", { type: "range", min: 0, max: 100, value: 50, autocomplete: "off", "aria-label": "Where the line is" });
  line.addEventListener("input", () => act.line(line.value / 100));
  const caption = element("p", { class: "try-note" });
  const zooms = ZOOMS.map(([text, zoom]) => button(text, () => act.zoom(zoom)));
  const marks = toggle("Show the nodules", act.marked);
  const alpha = slider(
    "share of the denoised image, α",
    { min: 0, max: 1, step: 0.05, value: 1, show: (v) => v.toFixed(2) }, act.blended);
  const save = button("Download, 16-bit PNG", act.save);

  const root = element(
    "div", { class: "try-live" },
    element("div", { class: "toy-controls" }, image, noise, sigma, dose),
    element("div", { class: "toy-buttons" }, button("Open a file of yours …", () => file.click()), file, again),
    element("div", { class: "toy-controls try-run" }, network, element("div", { class: "toy-buttons" }, run, stop, card)),
    duration, bar, heard,
    sidebox, element("div", { class: "try-window" }, canvas), line, caption,
    element("div", { class: "toy-buttons", role: "group", "aria-label": "Zoom" }, ...zooms, marks),
    element("div", { class: "toy-controls" }, alpha),
    element("div", { class: "toy-buttons" }, save),
    report.root,
  );
  dropped(root, act);

  const busy = (on) => {
    run.disabled = save.disabled = on;
    root.setAttribute("aria-busy", on);
    stop.hidden = !on;
    if (!on) bar.hidden = true;
    if (!on && !state.estimates.size) save.disabled = true;
  };
  const expect = ({ network: name, image: chosen }) => {
    if (!chosen) return;
    const { seconds } = data.networks.find((each) => each.name === name);
    const share = chosen.image.data.length / data.secondsFor;
    const guess = report.speed() * seconds * share;
    duration.textContent = `About ${guess < 10 ? guess.toFixed(1) : guess.toFixed(0)} s for this image${report.speed() === 1 ? " on one slow core" : " on your machine"}.`;
  };
  return {
    root,
    busy,
    withoutCard,
    tell: (text) => (heard.textContent = text),
    progress: (share) => {
      bar.hidden = false;
      // A single tile says nothing before it is done: the bar then only moves to and fro.
      if (share > 0) bar.value = share;
      else bar.removeAttribute("value");
    },
    caption: (text) => (caption.textContent = text),
    lineMoved: (share) => (line.value = Math.round(100 * share)),
    noisyTitle: ({ kind }) => (kind === "none" ? "as it is" : "noisy"),
    networkChosen: expect,
    noiseChosen: (now) => {
      noise.querySelector("select").value = now.kind;
      sigma.hidden = now.kind !== "white" && now.kind !== "correlated";
      dose.hidden = now.kind !== "xray";
      again.hidden = now.kind === "none";
      alpha.querySelector("input").disabled = false;
      expect(now);
    },
    imageChosen: ({ image: chosen }) => {
      const select = image.querySelector("select");
      select.querySelector("option[value='']")?.remove();
      if (chosen.own) select.prepend(element("option", { value: "", selected: "" }, chosen.title));
      marks.hidden = !chosen.places?.length;
      marks.setAttribute("aria-pressed", "false");
    },
    offerLayers: (layers, now) => {
      const options = Object.fromEntries([...layers].map(([name, { title }]) => [name, title]));
      for (const side of Object.keys(sides)) {
        sides[side] = choice(side, options, now[side], (name) => act.layer(side, name));
      }
      const focused = [...sidebox.querySelectorAll("select")].indexOf(document.activeElement);
      sidebox.replaceChildren(...Object.values(sides));
      if (focused >= 0) sidebox.querySelectorAll("select")[focused].focus();
    },
  };
};

// A file may be dropped on the page's box, or pasted.
const dropped = (root, act) => {
  const take = (list, event) => {
    const given = [...(list ?? [])].find((each) => each instanceof File);
    if (!given) return;
    event.preventDefault();
    act.open(given);
  };
  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.classList.add("try-over");
  });
  root.addEventListener("dragleave", () => root.classList.remove("try-over"));
  root.addEventListener("drop", (event) => {
    root.classList.remove("try-over");
    take(event.dataTransfer.files, event);
  });
  document.addEventListener("paste", (event) => take(event.clipboardData?.files, event));
};
