// The reader as observer: which of two regions has the nodule?
import { interval, needed, round } from "./trials.js";

const TRIALS = 20;
const ZOOM = 5;
const PAUSE = 250; // milliseconds
const percent = (share) => `${Math.round(100 * share)} %`;

const start = (box, data, kit) => {
  const { element, picture } = kit;
  const { size, methods, columns } = data;
  const folder = new URL(data.folder, document.baseURI);
  const counts = new Map(methods.map(({ name }) => [name, { hits: 0, number: 0 }]));
  // Every visit has a seed of its own; ?seed=N in the address sets it.
  const asked = Number(new URLSearchParams(location.search).get("seed"));
  const state = { seed: asked || 1 + Math.floor(9999 * Math.random()), seeds: [], trials: [], done: 0, answered: 0 };
  // The example, which was seen without noise, is dealt by no method.
  const seen = new Set(methods.map(({ name }) => `${data.example} ${name}`));
  let levels = null;

  const region = (row, column) => {
    const width = size * columns.length * 2;
    const start = row * size * width + column * size;
    return Float32Array.from({ length: size * size }, (_, i) =>
      levels[start + Math.floor(i / size) * width + (i % size)]);
  };
  // Of a pair, by a method: with the nodule, or without.
  const shown = (pair, method, present) => region(pair, 2 * columns.indexOf(method) + (present ? 0 : 1));

  const views = ["left", "right"].map((side) => {
    const view = picture(size, size, ZOOM, `the ${side} region`);
    view.canvas.style.imageRendering = "auto"; // large squares hide what is faint
    view.button = element("button", { type: "button", class: "try-choice", "aria-label": `The nodule is in the ${side} region` }, view.canvas);
    view.button.addEventListener("click", () => answer(side === "right"));
    return view;
  });
  const heard = element("p", { class: "try-told", role: "status" });
  const bar = element("progress", { max: TRIALS, value: 0, "aria-label": "Trials done" });
  const pairbox = element("div", { class: "try-pair" }, ...views.map((view) => view.button));
  const outcome = element("div", {});
  const live = element("div", { class: "try-live try-observer", tabindex: -1 }, heard, pairbox, bar, outcome);

  const example = () => {
    const pair = data.example;
    views[0].show(shown(pair, "clean", true));
    views[1].show(shown(pair, "clean", false));
    heard.textContent = "This is what you look for, without noise: a small round nodule in the middle of the left region. The right one has none.";
    const go = element("button", { type: "button", class: "try-start" }, `Begin: ${TRIALS} pairs`);
    go.addEventListener("click", begin);
    for (const { button } of views) button.disabled = true;
    outcome.replaceChildren(go);
    bar.hidden = true;
    go.focus({ preventScroll: true });
  };

  const begin = () => {
    state.trials = deal(state.seed);
    state.seeds.push(state.seed);
    state.done = 0;
    outcome.replaceChildren();
    bar.hidden = pairbox.hidden = false;
    for (const { button } of views) button.disabled = false;
    ask();
    live.focus({ preventScroll: true });
  };

  const deal = (seed) => {
    const known = { trials: TRIALS, pairs: data.pairs, methods: methods.map(({ name }) => name), seen };
    return round(known, kit.dice(seed).uniform);
  };

  const ask = () => {
    const { pair, method, right } = state.trials[state.done];
    views[0].show(shown(pair, method, !right));
    views[1].show(shown(pair, method, right));
    bar.value = state.done;
    heard.textContent = `Pair ${state.done + 1} of ${TRIALS}: which region has a nodule in its middle? Click it, or press ← or →.`;
  };

  const answer = (right) => {
    const trial = state.trials[state.done];
    // A second press of a double click, or of a key that is held, is no answer.
    if (!trial || performance.now() - state.answered < PAUSE) return;
    state.answered = performance.now();
    seen.add(`${trial.pair} ${trial.method}`);
    const count = counts.get(trial.method);
    count.number += 1;
    count.hits += right === trial.right ? 1 : 0;
    state.done += 1;
    if (state.done < TRIALS) ask();
    else end();
  };
  live.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    if (event.repeat || event.altKey || event.ctrlKey || event.metaKey) return;
    if (state.done >= state.trials.length) return;
    event.preventDefault();
    answer(event.key === "ArrowRight");
  });

  const end = () => {
    bar.hidden = pairbox.hidden = true;
    const [all, hits] = ["number", "hits"].map((key) => [...counts.values()].reduce((sum, c) => sum + c[key], 0));
    const [low, high] = interval(hits, all);
    heard.textContent = `You found ${hits} of ${all}: ${percent(hits / all)} (${percent(low)} to ${percent(high)}). Guessing finds half.`;
    state.seed += 1;
    const more = deal(state.seed) !== null;
    const again = element("button", { type: "button", class: "try-start" }, `${TRIALS} more, with seed ${state.seed}`);
    again.addEventListener("click", begin);
    const copy = element("button", { type: "button" }, "Copy the results");
    copy.addEventListener("click", () => copied(copy, asText(methods, counts, state)));
    outcome.replaceChildren(
      table(element, methods, counts),
      element("p", {}, meaning(methods, counts)),
      element("div", { class: "toy-buttons" }, ...(more ? [again] : []), copy),
      more ? "" : element("p", { class: "try-note" }, "You have seen the pairs of this page; another round would show you known ones."),
    );
    (more ? again : copy).focus({ preventScroll: true });
  };

  return async () => {
    box.replaceChildren(live);
    heard.textContent = "Loading …";
    const width = size * columns.length * 2;
    const address = new URL(data.file, folder).href;
    ({ levels } = await kit.greys({ levels: address }, width, size * data.pairs));
    example();
  };
};

const table = (element, methods, counts) => {
  const titles = ["image", "right", "you (95 % interval)", "Hotelling", "eye filter"];
  const head = element("tr", {}, ...titles.map((text) => element("th", { scope: "col" }, text)));
  const rows = methods.map(({ name, title, hotelling, eye }) => {
    const { hits, number } = counts.get(name);
    const [low, high] = interval(hits, number);
    const yours = `${percent(hits / number)} (${percent(low)} to ${percent(high)})`;
    const cells = [`${hits} of ${number}`, yours, percent(hotelling), percent(eye)];
    return element("tr", {}, element("th", { scope: "row" }, title), ...cells.map((text) => element("td", {}, text)));
  });
  const made = element("table", { class: "try-table" }, element("thead", {}, head), element("tbody", {}, ...rows));
  return element("div", { class: "try-scroll" }, made);
};

// What so many trials can show, for the two versions that the model observer tells apart best.
const meaning = (methods, counts) => {
  const sorted = [...methods].sort((a, b) => a.hotelling - b.hotelling);
  const [worst, best] = [sorted[0], sorted.at(-1)];
  const number = needed(best.hotelling, worst.hotelling);
  const { number: had } = counts.get(best.name);
  const enough = had >= number ? "You have as many." : `You have ${had}.`;
  return (
    `In a choice between two, the share of right answers is the AUC: your column may stand beside the observers'. ` +
    `The last two columns are the model observers' on such images. But look at your intervals. To tell “${best.title}” from “${worst.title}” as they differ for the Hotelling observer ` +
    `(${percent(best.hotelling)} and ${percent(worst.hotelling)}), you would need about ${number} trials of each. ${enough}`
  );
};

const asText = (methods, counts, { seeds }) => [
  `method\tright\ttrials\tHotelling AUC\teye filter AUC\t(seeds: ${seeds.join(", ")})`,
  ...methods.map(({ name, hotelling, eye }) => {
    const { hits, number } = counts.get(name);
    return [name, hits, number, hotelling.toFixed(3), eye.toFixed(3)].join("\t");
  }),
].join("\n");

const copied = async (button, text) => {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser does not allow it: select the table instead";
  }
};

const enliven = (box) => {
  const data = JSON.parse(box.querySelector("script").textContent);
  const still = box.querySelector(".try-still");
  const { kit } = window.toys;
  if (location.protocol === "file:") {
    still.textContent = data.served;
    return;
  }
  const go = start(box, data, kit);
  const button = kit.element("button", { type: "button", class: "try-start" }, `Show me (loads ${data.megabytes} MB)`);
  button.addEventListener("click", () => {
    button.disabled = true;
    go().catch((error) => {
      console.error(error);
      box.append(kit.element("p", {}, "The regions did not arrive: reload the page."));
    });
  });
  still.replaceChildren(button);
};

for (const box of document.querySelectorAll('.try[data-try="observer"]')) enliven(box);
