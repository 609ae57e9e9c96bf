// The page that denoises: choose an image, noise and a network; see what became of it.
import { blend, removed } from "./blend.js";
import { DOSES, controls } from "./controls.js";
import { Refusal } from "./refusal.js";
import { makeReport } from "./report.js";
import { makeView, prepared } from "./view.js";
import { Cancelled, makeWork } from "./work.js";

const GAIN = 4; // of what was removed
const FIRST = { kind: "white", sigma: 25, dose: DOSES.indexOf(270), seed: 7 };

const start = (box, data, kit) => {
  const folder = new URL(data.folder, document.baseURI);
  const { work, cancel } = makeWork(folder);
  // What is shown and judged: replaced as a whole, when all of a new one is there.
  // { about: { name, title, places, own }, clean, noise: { kind, sigma, dose, seed }, noisy,
  //   estimates: Map from a network's name to { estimate, seconds }, made: Map of what was computed }
  let scene = null;
  const state = {
    noise: { ...FIRST }, // as the controls say
    network: data.networks[0].name, provider: "wasm",
    alpha: 1, left: "noisy", right: null, marked: false,
    running: false, // a network
  };
  const network = (name) => data.networks.find((each) => each.name === name);
  const report = makeReport(kit, data);
  const view = makeView(kit, { changed: () => panel.lineMoved(view.line()) });
  const tell = (text) => panel.tell(text);

  const failed = (error) => {
    if (error instanceof Cancelled) return tell("Cancelled.");
    if (error instanceof Refusal) return tell(error.message);
    console.error(error);
    tell(`This did not work (${error.message}): reload the page, or choose another network.`);
  };

  // The last of several requests counts; an earlier one ends without a word when it finds out.
  let latest = 0;
  class Overtaken extends Error {}
  const request = async (act) => {
    const own = ++latest;
    if (state.running) cancel();
    panel.waiting(true);
    const current = (value) => {
      if (own !== latest) throw new Overtaken();
      return value;
    };
    try {
      await act(current);
      return own === latest;
    } catch (error) {
      if (own !== latest || error instanceof Overtaken) return false;
      failed(error);
      if (scene) restore();
      return false;
    } finally {
      if (own === latest) panel.waiting(false);
    }
  };
  // The controls as they were when the scene was made.
  const restore = () => {
    state.noise = { ...scene.noise };
    panel.imageChosen(scene.about);
    panel.noiseChosen(state.noise, scene);
  };

  // Of an image and the noise that is asked for, a scene.
  const stage = async (about, clean, noise, current) => {
    const { kind, seed } = noise;
    const parameters = { sigma: noise.sigma, dose: DOSES[noise.dose], ...data.xray };
    const noisy = kind === "none" ? clean : current(await work("noise", { image: clean, kind, parameters, seed }));
    const found = { about, clean, noise: { ...noise }, noisy, estimates: new Map(), made: new Map() };
    const { noise: level } = current(await work("measure", { image: noisy }));
    await prepared(noisy);
    current();
    scene = found;
    state.noise = { ...noise };
    panel.imageChosen(about);
    panel.noiseChosen(state.noise, scene);
    report.clear();
    report.level(level, kind);
    await show();
    await judge(scene, "noisy", noisy);
  };

  const judge = async (of, name, estimate) => {
    const clean = of.noise.kind === "none" ? null : of.clean;
    const found = await work("judge", { clean, noisy: of.noisy, estimate });
    if (of !== scene) return;
    report.add(name, name === "noisy" ? given(of) : network(name).title, found, of.noise);
  };
  const given = ({ noise }) => (noise.kind === "none" ? "as it is" : "noisy");

  // What may be shown, by name: { title, image() }, the latter a promise. What was computed is kept
  // until α changes or another estimate comes.
  const kept = (key, make) => {
    if (!scene.made.has(key)) scene.made.set(key, make());
    return scene.made.get(key);
  };
  const blended = (name) => kept(`blend ${name}`, () => blend(scene.noisy, scene.estimates.get(name).estimate, state.alpha));
  const layers = () => {
    const estimates = [...scene.estimates.keys()].flatMap((name) => {
      const { title } = network(name);
      const taken = () => kept(`removed ${name}`, async () => removed(scene.noisy, await blended(name), GAIN));
      return [
        [name, { title, image: () => blended(name) }],
        [`removed ${name}`, { title: `removed by ${title}, × ${GAIN}`, image: taken }],
      ];
    });
    const clean = scene.noise.kind === "none" ? [] : [["clean", { title: "clean", image: () => scene.clean }]];
    return new Map([["noisy", { title: given(scene), image: () => scene.noisy }], ...estimates, ...clean]);
  };

  let drawing = 0;
  const show = async () => {
    const own = ++drawing;
    const all = layers();
    if (!all.has(state.left)) state.left = "noisy";
    if (!all.has(state.right)) state.right = all.has(state.network) ? state.network : "noisy";
    panel.offerLayers(all, state);
    const sides = [all.get(state.left), all.get(state.right)];
    const images = await Promise.all(sides.map(async ({ image }) => prepared(await image())));
    if (own !== drawing) return;
    const [left, right] = sides.map(({ title }) => title);
    view.show(...images, state.marked ? scene.about.places : []);
    const words = `${scene.about.title}: ${left} left of the line, ${right} right of it`;
    view.canvas.setAttribute("aria-label", words);
    panel.caption(`Left of the line: ${left}. Right of it: ${right}.`);
  };

  const denoise = async () => {
    if (state.running || !scene) return;
    const [of, chosen] = [scene, network(state.network)];
    state.running = true;
    panel.running(true);
    try {
      const found = await run(of, chosen);
      if (of !== scene) return;
      await arrived(of, chosen, found);
      tell(`Done in ${found.seconds.toFixed(1)} seconds.`);
    } catch (error) {
      if (of === scene) failed(error);
    } finally {
      state.running = false;
      panel.running(false);
    }
  };
  const run = (of, chosen) => {
    tell(`${chosen.title}: loading …`);
    const progress = (share) => {
      panel.progress(share);
      // Every tenth: a screen reader reads it out.
      if (share < 1) tell(`${chosen.title}: ${10 * Math.floor(10 * share)} % …`);
    };
    const asked = { image: of.noisy, network: chosen };
    const by = (provider) => work("denoise", { ...asked, provider }, { progress });
    return by(state.provider).catch((error) => {
      if (error instanceof Cancelled || error instanceof Refusal || state.provider === "wasm") throw error;
      console.warn(error);
      panel.withoutCard();
      return by("wasm");
    });
  };
  const arrived = async (of, chosen, found) => {
    of.estimates.delete(chosen.name); // so that it becomes the last
    of.estimates.set(chosen.name, found);
    of.made.clear();
    const others = [...of.estimates.keys()].filter((name) => name !== chosen.name);
    Object.assign(state, { right: chosen.name, left: others.at(-1) ?? "noisy" });
    report.took(chosen.name, found.seconds, of.noisy, state.provider);
    panel.networkChosen(state, of);
    await show();
    await judgeAll(of);
  };
  const judgeAll = async (of) => {
    for (const name of of.estimates.keys()) await judge(of, name, await blended(name));
    if (of === scene) report.curves([...of.estimates.keys()], network);
  };

  const choose = (name) => request(async (current) => {
    const found = data.images.find((each) => each.name === name);
    const response = await fetch(new URL(found.file, folder)).catch(() => null);
    if (!response?.ok) throw new Refusal(`${found.title} did not arrive: check your connection and choose it again.`);
    const bytes = current(await response.arrayBuffer());
    const about = { name, title: found.title, places: found.places, own: false };
    const noise = scene?.about.own ? { ...state.noise, kind: FIRST.kind } : state.noise;
    await stage(about, current(await read(bytes, found.file)), noise, current);
    tell("");
  });
  const open = (file) => request(async (current) => {
    tell(`Reading ${file.name} …`);
    const clean = current(await read(current(await file.arrayBuffer()), file.name));
    const about = { name: file.name.replace(/\.[^.]*$/, ""), title: file.name, places: [], own: true };
    await stage(about, clean, { ...state.noise, kind: "none" }, current);
    tell(`${file.name}: ${clean.width} x ${clean.height} pixels. It stays on this machine.`);
  });
  const read = (bytes, name) => work("read", { bytes, name }, { transfer: [bytes] });

  const hands = { alpha: null, noise: null };
  const rested = (hand, act, milliseconds) => {
    clearTimeout(hands[hand]);
    hands[hand] = setTimeout(act, milliseconds);
  };
  const noised = (change) => {
    Object.assign(state.noise, change);
    panel.noiseChosen(state.noise, scene);
    panel.waiting(true);
    rested("noise", () => request((current) => stage(scene.about, scene.clean, { ...state.noise }, current)), 150);
  };
  const mixed = (alpha) => {
    state.alpha = alpha;
    scene.made.clear();
    rested("alpha", async () => {
      const of = scene;
      await show();
      await judgeAll(of).catch(() => {}); // cancelled: the next rest of the hand tells
    }, 100);
  };

  const save = async () => {
    const names = [state.right, state.left, ...[...scene.estimates.keys()].reverse()];
    const name = names.find((each) => scene.estimates.has(each));
    if (!name) return tell("There is nothing to save yet: denoise first.");
    const bytes = await work("encode", { image: await blended(name) });
    const share = state.alpha === 1 ? "" : `-${state.alpha.toFixed(2)}`;
    const link = kit.element("a", {
      href: URL.createObjectURL(new Blob([bytes], { type: "image/png" })),
      download: `${scene.about.name}-${name}${share}.png`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    tell(`Saved ${link.download}, 16 bits. Not for diagnosis.`);
  };

  const panel = controls(kit, data, state, {
    choose, open, denoise, cancel, noised, mixed,
    save: () => save().catch(failed),
    layer: (side, name) => { state[side] = name; show(); },
    marked: (on) => { state.marked = on; show(); },
    network: (name) => { state.network = name; panel.networkChosen(state, scene); },
    provider: (name) => { state.provider = name; panel.networkChosen(state, scene); },
    line: view.lineTo,
    zoom: view.zoomTo,
  }, view.canvas, report);

  // Whether there is a first image to work on.
  const begin = (file) => {
    box.replaceChildren(panel.root);
    panel.focus();
    return file ? open(file) : choose(data.images[0].name);
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
  const input = kit.element("input", { type: "file", class: "toy-heard", tabindex: -1, "aria-label": "A radiograph of yours" });
  const own = kit.element("button", { type: "button" }, "… or a file of yours");
  let begun = false;
  const go = async (file) => {
    if (begun) return file && app.open(file);
    begun = true;
    if (await app.begin(file)) await app.denoise();
  };
  button.addEventListener("click", () => go());
  own.addEventListener("click", () => input.click());
  input.addEventListener("change", () => input.files[0] && go(input.files[0]));
  const promise = kit.element("p", { class: "try-note" }, "Nothing is loaded before you ask, and your image stays on this machine.");
  still.replaceChildren(kit.element("span", { class: "toy-buttons" }, button, own, input));
  still.after(promise);
  given(box, go);
};

// A file may be dropped on the page, or pasted.
const given = (box, go) => {
  const take = (list, event) => {
    const file = [...(list ?? [])].find((each) => each instanceof File);
    if (!file) return;
    event.preventDefault();
    go(file);
  };
  const over = (on) => box.classList.toggle("try-over", on);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", () => over(false));
  document.addEventListener("drop", (event) => {
    over(false);
    take(event.dataTransfer.files, event);
  });
  document.addEventListener("paste", (event) => take(event.clipboardData?.files, event));
};

for (const box of document.querySelectorAll('.try[data-try="denoiser"]')) enliven(box);
