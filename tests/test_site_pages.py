"""Every page of the built site in a browser: it fits, keeps still, is light, and can be heard.

Needs a built book and Chromium: `make test-book` takes care of both.
"""

import gzip
import re
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup
from built_site import PAGES, ROOT, SITE, WIDTHS, heard

# Written by Sphinx, not by an author.
GENERATED = {"404.html", "genindex.html", "search.html"}
WRITTEN = [name for name in PAGES if name not in GENERATED]
HEAVIEST = 1_500_000  # bytes of a page and its pictures, compressed as a server does


@pytest.fixture(scope="module")
def texts() -> dict[str, BeautifulSoup]:
    return {name: BeautifulSoup((SITE / name).read_text(), "html.parser") for name in PAGES}


def faults(found: dict) -> dict:
    """The pages on which something was found."""
    return {name: what for name, what in found.items() if what}


# In a browser


WATCH = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifts.push(entry.value);
  }).observe({ type: "layout-shift", buffered: true });
}"""

# Opens everything that is folded, then measures tables and code in the boxes that they scroll in.
MEASURE = """() => {
  for (const folded of document.querySelectorAll("article details")) folded.open = true;
  const box = (element) => {
    const scrolls = (e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
    let found = element.parentElement;
    while (found.tagName !== "ARTICLE" && !scrolls(found)) found = found.parentElement;
    return found;
  };
  const tables = [...document.querySelectorAll("article table.table:not(.sortable)")];
  const hidden = (table) => {
    const row = table.rows[table.rows.length - 1];
    const cell = row.cells[Math.min(1, row.cells.length - 1)];
    return cell.getBoundingClientRect().right - box(table).getBoundingClientRect().right > 1;
  };
  const name = (element) => element.textContent.trim().replace(/\\s+/g, " ").slice(0, 60);
  return {
    tables: tables.length,
    cut: tables.filter((t) => t.offsetWidth > box(t).clientWidth + 1).map(name),
    unseen: tables.filter(hidden).map(name),
    code: [...document.querySelectorAll("article div.highlight pre")]
      .filter((pre) => pre.scrollWidth > pre.clientWidth + 1).map(name),
    small: [...document.querySelectorAll("article figure > img[data-wide]")]
      .filter((image) => image.clientWidth < 520).map((image) => image.alt.slice(0, 60)),
    wide: document.querySelectorAll("article figure > img[data-wide]").length,
    overflow: document.documentElement.scrollWidth - innerWidth,
  };
}"""


@pytest.fixture(scope="module", params=["phone", "desktop"])
def visits(request, browser, address) -> tuple[str, dict[str, dict]]:
    """Each page at a width, read from top to bottom: what moved, and what does not fit."""
    context = browser.new_context(viewport={"width": WIDTHS[request.param], "height": 900})
    context.add_init_script(f"({WATCH})()")
    page, found = context.new_page(), {}
    for name in PAGES:
        page.goto(f"{address}/{name}")
        page.evaluate("async () => { await window.MathJax?.startup?.promise; }")
        for top in range(0, page.evaluate("document.documentElement.scrollHeight"), 850):
            page.evaluate("top => scrollTo(0, top)", top)
            page.wait_for_timeout(15)
        shift = page.evaluate("shifts.reduce((sum, value) => sum + value, 0)")
        found[name] = {**page.evaluate(MEASURE), "shift": shift}
    context.close()
    return request.param, found


def test_no_page_shifts_while_it_loads(visits):
    _, found = visits
    shifts = {name: round(visit["shift"], 3) for name, visit in found.items()}
    assert {name: shift for name, shift in shifts.items() if shift >= 0.1} == {}


def test_tables_fit_and_show_their_first_numbers(visits):
    width, found = visits
    assert sum(visit["tables"] for visit in found.values()) > 40
    assert faults({name: visit["unseen"] for name, visit in found.items()}) == {}
    if width == "desktop":
        assert faults({name: visit["cut"] for name, visit in found.items()}) == {}


def test_no_code_is_cut_at_the_side(visits):
    _, found = visits
    assert faults({name: visit["code"] for name, visit in found.items()}) == {}


def test_a_wide_figure_can_be_read_on_every_screen(visits):
    _, found = visits
    assert sum(visit["wide"] for visit in found.values()) > 30
    assert faults({name: visit["small"] for name, visit in found.items()}) == {}


def test_no_page_is_wider_than_a_window(visits):
    _, found = visits
    assert {name: v["overflow"] for name, v in found.items() if v["overflow"] > 0} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(browser, address, theme):
    context = browser.new_context(
        viewport={"width": WIDTHS["desktop"], "height": 900}, bypass_csp=True
    )
    page, found = context.new_page(), {}
    for name in PAGES:
        page.goto(f"{address}/{name}")
        page.add_style_tag(content="* { transition: none !important; animation: none !important; }")
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        page.evaluate(
            "() => { for (const d of document.querySelectorAll('details')) d.open = true; }"
        )
        found[name] = heard(page)
    context.close()
    assert faults(found) == {}


def test_on_paper_a_toy_is_its_picture_and_nothing_is_cut(open_page):
    page = open_page("failures.html", 680)
    page.locator(".toy-live").first.wait_for()

    page.emulate_media(media="print")

    assert page.locator("img.toy-still").is_visible()
    for hidden in (".toy-live", ".bd-sidebar-primary", ".prev-next-footer", "button.copybtn"):
        assert not page.locator(hidden).first.is_visible()
    assert page.evaluate(MEASURE)["cut"] == []


def test_a_page_that_is_not_there_works_from_any_depth(browser, address):
    page = browser.new_page()
    missing = f"{address}/notebooks/deep/nothing.html"
    body = (SITE / "404.html").read_text()
    answer = {"status": 404, "body": body, "content_type": "text/html"}
    page.route(missing, lambda route: route.fulfill(**answer))
    failed = []
    page.on("response", lambda r: failed.append(r.url) if r.status >= 400 else None)

    page.goto(missing)

    assert failed == [missing]
    page.locator("article a", has_text="front page").click()
    page.wait_for_url("**/welcome.html")
    page.close()


# As files


def weight(name: str, page: BeautifulSoup) -> int:
    """Bytes of a page and of its pictures; what all pages share is counted with none."""
    total = len(gzip.compress((SITE / name).read_bytes()))
    for source in {str(image["src"]) for image in page.select("article img[src]")}:
        if not source.startswith("data:"):
            file = (SITE / name).parent / unquote(source)
            data = file.read_bytes()
            total += len(gzip.compress(data) if file.suffix == ".svg" else data)
    return total


def test_no_page_is_heavy(texts):
    weights = {name: weight(name, page) for name, page in texts.items()}
    assert max(weights.values()) > 200_000  # there are pictures
    assert {name: bytes for name, bytes in weights.items() if bytes > HEAVIEST} == {}


def test_every_figure_has_a_caption_and_the_next_number(texts):
    wrong = {}
    for name in WRITTEN:
        article = texts[name].article
        shown = article.select("img:not(.card-picture), .toy, .drawing")
        bare = [part for part in shown if not part.find_parent("figure")]
        numbers = [label.get_text() for label in article.select("figcaption .caption-number")]
        if bare or numbers != [f"Figure {n}." for n in range(1, len(article("figure")) + 1)]:
            wrong[name] = [numbers, [str(part)[:80] for part in bare]]
    assert wrong == {}


def test_no_section_has_a_number(texts):
    assert faults({name: page.select(".section-number") for name, page in texts.items()}) == {}


def heading(page: BeautifulSoup) -> str:
    return page.article.h1.find(string=True).strip()


def test_the_menu_and_the_cards_call_a_page_by_its_title(texts):
    wrong = []
    for name in WRITTEN:
        links = texts[name].select(".bd-links a[href]")
        named = [(link["href"], link.get_text(" ", strip=True)) for link in links]
        for card in texts[name].select(".sd-card:has(a.sd-stretched-link[href])"):
            named.append((card.select_one("a.sd-stretched-link")["href"], card.get_text(" ")))
        for href, text in named:
            url = urlsplit(urljoin(name, href))
            target = texts.get(url.path if href != "#" else name)
            if not url.netloc and target and heading(target) not in " ".join(text.split()):
                wrong.append((name, href, text))
    assert wrong == []


def test_the_heads_of_tables_say_what_they_are_of(texts):
    heads = [head for page in texts.values() for head in page.select("article table.table th")]
    assert len(heads) > 300
    assert [
        str(head) for head in heads if not head.get("scope") or not head.get_text().strip()
    ] == []


def meta(page: BeautifulSoup, name: str) -> str:
    tag = page.find("meta", attrs={"name": name}) or page.find("meta", attrs={"property": name})
    return tag["content"] if tag else ""


def test_every_page_says_what_it_is_to_who_has_not_opened_it(texts):
    described = {name: meta(texts[name], "description") for name in WRITTEN}
    assert [name for name, text in described.items() if not 20 <= len(text) <= 200] == []
    assert len(set(described.values())) == len(described)
    for name in WRITTEN:
        assert meta(texts[name], "og:title") == heading(texts[name])
        assert meta(texts[name], "og:description") == described[name]


def test_every_page_says_when_it_was_changed_and_what_it_is_made_from(texts):
    when = re.compile(r"Last updated on \d+ \w+ \d{4}(, commit \w{7,})?\.")
    of = re.compile(r"Results [0-9a-f]{8}, data sets [0-9a-f]{8}\.")
    for name in WRITTEN:
        footer = " ".join(texts[name].select_one("footer.bd-footer-content").get_text().split())
        assert when.search(footer) and of.search(footer), name


def test_the_index_leads_to_the_words(texts):
    index, listed = texts["genindex.html"], yaml.safe_load((ROOT / "book/index.yml").read_text())
    links = {tuple(link["href"].split("#")) for link in index.select("article table a[href]")}
    assert len(links) >= 60
    for page, entries in listed.items():
        places = [
            texts[f"{page}.html"].find(id=place) for file, place in links if file == f"{page}.html"
        ]
        found = " ".join(" ".join(place.get_text().split()) for place in places).lower()
        for words in entries.values():
            assert words.lower().replace("'", "’") in found.replace("'", "’"), (page, words)
