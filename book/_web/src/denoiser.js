// The page that denoises: choose an image, noise and a network; see what became of it.
import { DOSES, controls } from "./controls.js";
import { Refusal } from "./refusal.js";
import { makeReport } from "./report.js";
import { makeView } from "./view.js";
import { Cancelled, makeWork } from "./work.js";

const SEED = 7;
const LARGE = 1.5e6; // pixels, beyond which a choice is drawn when the hand rests
const GAIN = 4; // of what was removed

const blend = (noisyImage, estimate, alpha) =>
  alpha === 1
    ? estimate
    : { ...estimate, data: estimate.data.map((v, i) => alpha * v + (1 - alpha) * noisyImage.data[i]) };

const removed = (noisyImage, estimate) => ({
  ...estimate, data: estimate.data.map((v, i) => 0.5 + GAIN * (noisyImage.data[i] - v)),
});

const start = (box, data, kit) => {
  const { work, cancel } = makeWork(new URL(data.folder, document.baseURI));
  const state = {
    image: null, // as it was chosen: { name, title, image, places, own }
    kind: "white", sigma: 25, dose: DOSES.indexOf(270), seed: SEED,
    noisy: null,
    network: data.networks[0].name,
    provider: "wasm",
    estimates: new Map(), // from a network's name to { estimate, seconds }
    alpha: 1, left: "noisy", right: null, marked: false,
    running: false, // a network
    generation: 0, // of the noisy image
  };
  const network = (name) => data.networks.find((each) => each.name === name);
  const report = makeReport(kit, data);
  const view = makeView(kit, { changed: () => panel.lineMoved(view.line()) });

  // What may be shown, by name: { title, image() }. Images that are computed are kept until they change.
  const kept = new Map();
  const keep = (key, make) => {
    if (!kept.has(key)) kept.set(key, make());
    return kept.get(key);
  };
  const layers = () => {
    const clean = state.kind === "none" ? [] : [["clean", { title: "clean", image: () => state.image.image }]];
    const estimates = [...state.estimates].flatMap(([name, { estimate }]) => {
      const { title } = network(name);
      const blended = () => keep(`blend ${name}`, () => blend(state.noisy, estimate, state.alpha));
      const taken = () => keep(`removed ${name}`, () => removed(state.noisy, blended()));
      return [
        [name, { title, image: blended }],
        [`removed ${name}`, { title: `removed by ${title}, × ${GAIN}`, image: taken }],
      ];
    });
    const given = state.kind === "none" ? "as it is" : "noisy";
    return new Map([["noisy", { title: given, image: () => state.noisy }], ...estimates, ...clean]);
  };

  const show = () => {
    const all = layers();
    if (!all.has(state.left)) state.left = "noisy";
    if (!all.has(state.right)) state.right = all.has(state.network) ? state.network : "noisy";
    panel.offerLayers(all, state);
    const [left, right] = [all.get(state.left), all.get(state.right)];
    view.show(left.image(), right.image(), state.marked ? state.image.places : []);
    const words = `${state.image.title}: ${left.title} left of the line, ${right.title} right of it`;
    view.canvas.setAttribute("aria-label", words);
    panel.caption(`Left of the line: ${left.title}. Right of it: ${right.title}.`);
  };

  const tell = (text) => panel.tell(text);
  const failed = (error) => {
    if (error instanceof Cancelled) return tell("Cancelled.");
    if (error instanceof Refusal) return tell(error.message);
    console.error(error);
    tell(`This did not work (${error.message}): reload the page, or choose another network.`);
  };
  // The buttons say that something is being done.
  let doing = 0;
  const busy = async (act) => {
    doing += 1;
    panel.busy(true);
    try {
      return await act();
    } catch (error) {
      failed(error);
    } finally {
      doing -= 1;
      panel.busy(doing > 0);
    }
  };
  // What a network is doing for an image that goes is of no use.
  const interrupt = () => state.running && cancel();

  // A new image or other noise: what was computed of the old one is gone.
  const renew = async () => {
    const { image } = state.image;
    const { kind, seed } = state;
    const generation = ++state.generation;
    const parameters = { sigma: state.sigma, dose: DOSES[state.dose], ...data.xray };
    const made = kind === "none" ? image : await work("noise", { image, kind, parameters, seed });
    if (generation !== state.generation) return;
    state.noisy = made;
    state.estimates.clear();
    kept.clear();
    panel.noiseChosen(state);
    report.clear();
    show();
    const { noise } = await work("measure", { image: state.noisy });
    if (generation !== state.generation) return;
    report.level(noise, state.kind);
    await judge("noisy", state.noisy);
  };

  const judge = async (name, estimate) => {
    const clean = state.kind === "none" ? null : state.image.image;
    const { generation } = state;
    const found = await work("judge", { clean, noisy: state.noisy, estimate });
    if (generation !== state.generation) return;
    report.add(name, name === "noisy" ? panel.noisyTitle(state) : network(name).title, found, state);
  };

  const denoise = () => busy(async () => {
    state.running = true;
    let seconds;
    try {
      seconds = await run();
    } finally {
      state.running = false;
    }
    await judgeAll();
    tell(`Done in ${seconds.toFixed(1)} seconds.`);
  });

  const run = async () => {
    const chosen = network(state.network);
    tell(`${chosen.title}: loading …`);
    const progress = (share) => {
      panel.progress(share);
      tell(share < 1 ? `${chosen.title}: ${Math.round(100 * share)} % …` : "");
    };
    const given = { image: state.noisy, network: chosen };
    const found = await work("denoise", { ...given, provider: state.provider }, { progress }).catch((error) => {
      if (error instanceof Cancelled || state.provider === "wasm") throw error;
      console.warn(error);
      panel.withoutCard();
      return work("denoise", { ...given, provider: "wasm" }, { progress });
    });
    state.estimates.set(chosen.name, found);
    kept.clear();
    const others = [...state.estimates.keys()].filter((name) => name !== chosen.name);
    Object.assign(state, { right: chosen.name, left: others.at(-1) ?? "noisy" });
    show();
    report.took(chosen.name, found.seconds, state);
    return found.seconds;
  };

  const judgeAll = async () => {
    for (const [name, { estimate }] of state.estimates) {
      await judge(name, keep(`blend ${name}`, () => blend(state.noisy, estimate, state.alpha)));
    }
    report.curves([...state.estimates.keys()], network);
  };

  const choose = (name) => busy(async () => {
    interrupt();
    const found = data.images.find((each) => each.name === name);
    const address = new URL(found.file, new URL(data.folder, document.baseURI));
    const response = await fetch(address);
    if (!response.ok) throw new Refusal(`${found.title} is missing on this site: choose another image.`);
    if (state.image?.own) state.kind = "white";
    await take(await response.arrayBuffer(), found.file, { title: found.title, places: found.places });
    await renew();
    tell("");
  });

  const open = (file) => busy(async () => {
    interrupt();
    tell(`Reading ${file.name} …`);
    await take(await file.arrayBuffer(), file.name, { title: file.name, own: true });
    state.kind = "none";
    await renew();
    tell(`${file.name}: ${state.noisy.width} x ${state.noisy.height} pixels. It stays on this machine.`);
  });

  const take = async (bytes, name, about) => {
    const image = await work("read", { bytes, name }, { transfer: [bytes] });
    state.image = { name: name.replace(/^.*\/|\.[^.]*$/g, ""), places: [], ...about, image };
    state.marked = false;
    panel.imageChosen(state);
  };

  const save = () => busy(async () => {
    const name = state.estimates.has(state.right) ? state.right : [...state.estimates.keys()].at(-1);
    const image = blend(state.noisy, state.estimates.get(name).estimate, state.alpha);
    const bytes = await work("encode", { image });
    const link = kit.element("a", {
      href: URL.createObjectURL(new Blob([bytes], { type: "image/png" })),
      download: `${state.image.name}-${name}.png`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    tell(`Saved ${link.download}, 16 bits. Not for diagnosis.`);
  });

  let resting;
  const blended = (alpha) => {
    state.alpha = alpha;
    for (const key of [...kept.keys()]) kept.delete(key);
    clearTimeout(resting);
    const large = state.noisy.data.length > LARGE;
    if (!large) show();
    resting = setTimeout(() => busy(async () => { show(); await judgeAll(); }), large ? 500 : 250);
  };

  const changed = (change) => {
    Object.assign(state, change);
    interrupt();
    clearTimeout(resting);
    resting = setTimeout(() => busy(renew), 150);
  };

  const panel = controls(kit, data, state, {
    choose, open, denoise, cancel, save, blended, changed, tell, failed,
    layer: (side, name) => { state[side] = name; show(); },
    marked: (on) => { state.marked = on; show(); },
    network: (name) => { state.network = name; panel.networkChosen(state); },
    provider: (name) => { state.provider = name; },
    line: view.lineTo,
    zoom: view.zoomTo,
  }, view.canvas, report);

  const begin = async () => {
    box.replaceChildren(panel.root);
    await choose(data.images[0].name);
  };
  return { begin, open, denoise };
};

const enliven = (box) => {
  const { kit } = window.toys;
  const data = JSON.parse(box.querySelector("script").textContent);
  const still = box.querySelector(".try-still");
  if (location.protocol === "file:") {
    still.textContent = data.served;
    return;
  }
  const app = start(box, data, kit);
  const button = kit.element("button", { type: "button", class: "try-start" }, `Denoise a radiograph (loads ${data.megabytes} MB)`);
  const input = kit.element("input", { type: "file", accept: data.accept, class: "toy-heard", tabindex: -1, "aria-label": "A radiograph of yours" });
  const own = kit.element("button", { type: "button" }, "… or a file of yours");
  const go = async (then) => {
    button.disabled = own.disabled = true;
    await app.begin();
    await then();
  };
  button.addEventListener("click", () => go(app.denoise));
  own.addEventListener("click", () => input.click());
  input.addEventListener("change", () => input.files[0] && go(() => app.open(input.files[0])));
  still.replaceChildren(kit.element("div", { class: "toy-buttons" }, button, own, input), kit.element("p", { class: "try-note" }, "Nothing is loaded before you ask, and your image stays on this machine."));
};

for (const box of document.querySelectorAll('.try[data-try="denoiser"]')) enliven(box);
