// Tables of class "sortable": a click on a column's name sorts by it, a second one the other way
// round, and a box above the table keeps the rows that hold every word typed into it. The table is
// complete without this script.
(() => {
  const key = (cell) => {
    const text = cell.textContent.trim();
    const number = Number(text);
    return text !== "" && Number.isFinite(number) ? number : text.toLowerCase();
  };

  // Numbers before words, words in alphabetical order, cells without a value last in either order.
  const compare = (a, b, sign) => {
    const missing = (value) => value === "" || value === "–" || value === "nan";
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    if (typeof a !== typeof b) return typeof a === "number" ? -sign : sign;
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
  };

  const sortBy = (table, header) => {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows];
    const keys = new Map(rows.map((row) => [row, key(row.cells[header.cellIndex])]));
    rows.sort((a, b) => compare(keys.get(a), keys.get(b), descending ? -1 : 1));
    table.tBodies[0].append(...rows);
  };

  const addFilter = (table) => {
    const rows = [...table.tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const box = document.createElement("div");
    box.className = "sortable-filter";
    box.innerHTML = '<label>Filter <input type="search"></label> <span role="status"></span>';
    const [input, status] = [box.querySelector("input"), box.querySelector("span")];
    const filter = () => {
      const words = input.value.toLowerCase().split(/\s+/);
      rows.forEach((row, i) => (row.hidden = !words.every((word) => texts[i].includes(word))));
      status.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
    };
    input.addEventListener("input", filter);
    filter();
    // Above the box that scrolls, if there is one.
    (table.closest(".sortable-scroll") ?? table).before(box);
  };

  const enliven = (table) => {
    for (const header of table.tHead.querySelectorAll("th")) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sortBy(table, header));
      header.append(button);
    }
    addFilter(table);
  };

  const start = () => document.querySelectorAll("table.sortable").forEach(enliven);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
