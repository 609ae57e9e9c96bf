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
    // One that waits keeps the focus, so it is not disabled but does nothing.
    made.addEventListener("click", () => made.ariaDisabled !== "true" && pressed(made));
    return made;
  };
  const row = (...children) => element("div", { class: "toy-buttons" }, ...children);
  const heard = element("p", { class: "try-told", role: "status" });

  // The image and its noise
  const titles = Object.fromEntries(data.images.map(({ name, title }) => [name, title]));
  const image = choice("radiograph", titles, data.images[0].name, (name) => name && act.choose(name));
  const file = element("input", { type: "file", class: "toy-heard", tabindex: -1, "aria-label": "A radiograph of yours" });
  file.addEventListener("change", () => {
    if (file.files[0]) act.open(file.files[0]);
    file.value = "";
  });
  const noise = choice("noise that is added", NOISES, state.noise.kind, (kind) => act.noised({ kind }));
  const sigma = slider("σ", { min: 1, max: 75, value: state.noise.sigma }, (value) => act.noised({ sigma: value }));
  const dose = slider(
    "dose (photons in the open beam)",
    { min: 0, max: DOSES.length - 1, value: state.noise.dose, show: (i) => DOSES[i] },
    (value) => act.noised({ dose: value }));
  const again = button("Draw it again", () => act.noised({ seed: state.noise.seed + 1 }));

  // The network
  const named = Object.fromEntries(data.networks.map(({ name, title, bytes }) =>
    [name, `${title} (${(bytes / 1e6).toFixed(1)} MB)`]));
  const network = choice("network", named, state.network, act.network);
  const duration = element("p", { class: "try-note" });
  const run = button("Denoise", act.denoise, { class: "try-start" });
  const stop = button("Cancel", act.cancel, { "aria-disabled": "true" });
  const bar = element("progress", { max: 1, "aria-label": "How far the network is" });
  bar.hidden = true;
  const card = toggle(`Use the graphics card (${data.cardMegabytes} MB more)`, (on) => act.provider(on ? "webgpu" : "wasm"));
  card.hidden = true;
  navigator.gpu?.requestAdapter().then((adapter) => (card.hidden = !adapter)).catch(() => {});

  // What is seen
  const sides = element("div", { class: "toy-controls" });
  const line = element("input", { type: "range", min: 0, max: 100, value: 50, autocomplete: "off", "aria-label": "Where the line is" });
  line.addEventListener("input", () => act.line(line.value / 100));
  const caption = element("p", { class: "try-note" });
  const zooms = ZOOMS.map(([text, zoom]) =>
    button(text, (pressed) => {
      for (const each of zooms) each.ariaPressed = String(each === pressed);
      act.zoom(zoom);
    }, { "aria-pressed": String(!zoom) }));
  const marks = toggle("Show the nodules", act.marked);
  const alpha = slider(
    "share of the denoised image, α",
    { min: 0, max: 1, step: 0.05, value: 1, show: (v) => v.toFixed(2) }, act.mixed);
  const save = button("Download, 16-bit PNG", act.save);

  const root = element(
    "div", { class: "try-live" },
    element("div", { class: "toy-controls" }, image, noise, sigma, dose),
    row(button("Open a file of yours …", () => file.click()), file, again),
    element("div", { class: "toy-controls try-run" }, network, row(run, stop, card)),
    duration, bar, heard,
    sides, element("div", { class: "try-window" }, canvas), line, caption,
    element("div", { class: "toy-buttons", role: "group", "aria-label": "Zoom" }, ...zooms, marks),
    element("div", { class: "toy-controls" }, alpha),
    row(save),
    report.root,
  );

  const busy = { waiting: false, running: false };
  const tellBusy = (change) => {
    Object.assign(busy, change);
    run.ariaDisabled = String(busy.waiting || busy.running);
    stop.ariaDisabled = String(!busy.running);
    root.ariaBusy = String(busy.waiting || busy.running);
    if (!busy.running) bar.hidden = true;
  };
  const expect = ({ network: name, provider }, scene) => {
    if (!scene) return;
    const factor = report.factor(provider);
    const { seconds } = data.networks.find((each) => each.name === name);
    const guess = (factor ?? 1) * seconds * (scene.noisy.data.length / data.secondsFor);
    const about = guess < 10 ? guess.toFixed(1) : guess.toFixed(0);
    const shown = `${guess < 1 ? "Less than a second" : `About ${about} seconds`} for this image`;
    if (factor) duration.textContent = `${shown} on your machine.`;
    else duration.textContent = provider === "wasm" ? `${shown} on one slow core.` : "";
  };
  return {
    root,
    focus: () => run.focus({ preventScroll: true }),
    waiting: (on) => tellBusy({ waiting: on }),
    running: (on) => tellBusy({ running: on }),
    // A card that fails is not asked again.
    withoutCard: () => {
      card.hidden = true;
      act.provider("wasm");
    },
    tell: (text) => {
      if (heard.textContent !== text) heard.textContent = text;
    },
    progress: (share) => {
      bar.hidden = false;
      // A single tile says nothing before it is done: the bar then only moves to and fro.
      if (share > 0) bar.value = share;
      else bar.removeAttribute("value");
    },
    caption: (text) => (caption.textContent = text),
    lineMoved: (share) => (line.value = Math.round(100 * share)),
    networkChosen: expect,
    noiseChosen: (now, scene) => {
      noise.querySelector("select").value = now.kind;
      sigma.set(now.sigma);
      dose.set(now.dose);
      sigma.hidden = now.kind !== "white" && now.kind !== "correlated";
      dose.hidden = now.kind !== "xray";
      again.hidden = now.kind === "none";
      expect(state, scene);
    },
    imageChosen: ({ own, name, title, places }) => {
      const select = image.querySelector("select");
      select.querySelector("option[value='']")?.remove();
      if (own) select.prepend(element("option", { value: "" }, title));
      select.value = own ? "" : name;
      marks.hidden = !places.length;
      if (!places.length) {
        state.marked = false;
        marks.ariaPressed = "false";
      }
    },
    offerLayers: (layers, now) => {
      const options = Object.fromEntries([...layers].map(([name, { title }]) => [name, title]));
      const focused = [...sides.querySelectorAll("select")].indexOf(document.activeElement);
      const made = ["left", "right"].map((side) =>
        choice(side, options, now[side], (name) => act.layer(side, name)));
      sides.replaceChildren(...made);
      if (focused >= 0) sides.querySelectorAll("select")[focused].focus();
    },
  };
};
