// Two pictures on top of each other and a line between them (class "slider"), which follows the
// pointer, a finger or the keys of the range input below. Under "slider-data", as JSON, a picture,
// its name and its scores for each choice of the two lists.
(() => {
  const enliven = (box) => {
    const data = JSON.parse(box.querySelector(".slider-data").textContent);
    const get = (tag, side) => box.querySelector(`${tag}[data-side="${side}"]`);
    const chosen = (side) => data[get("select", side).value];
    const [area, range] = [box.querySelector(".slider-pictures"), box.querySelector("input")];

    const move = (position = range.value) => {
      get("img", "left").style.clipPath = `inset(0 ${100 - position}% 0 0)`;
      box.querySelector(".slider-line").style.left = `${position}%`;
      const names = `${chosen("left").name} left of it, ${chosen("right").name} right of it`;
      range.setAttribute("aria-valuetext", `line at ${range.value} %, ${names}`);
    };
    const show = (side) => {
      const { src, name, scores } = chosen(side);
      Object.assign(get("img", side), { src, alt: `The chest radiograph on the ${side}: ${name}` });
      get("span", side).textContent = `${name}: ${scores}`;
      move();
    };
    const follow = (event) => {
      const { left, width } = area.getBoundingClientRect();
      const position = Math.min(100, Math.max(0, (100 * (event.clientX - left)) / width));
      range.value = position; // rounded to its step, which the line is not
      move(position);
    };

    area.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      area.setPointerCapture(event.pointerId);
      follow(event);
      // Keys go on from here, and no drag of the picture itself begins.
      range.focus({ preventScroll: true });
      event.preventDefault();
    });
    area.addEventListener("pointermove", (event) => {
      if (area.hasPointerCapture(event.pointerId)) follow(event);
    });
    range.addEventListener("input", () => move());
    for (const side of ["left", "right"]) {
      get("select", side).addEventListener("change", () => show(side));
      show(side);
    }
  };

  const start = () => document.querySelectorAll(".slider").forEach(enliven);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
