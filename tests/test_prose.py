"""How the built pages read: no code that reads tables aloud, no endless sentences.

Needs a built book: `make test-book` takes care of it.
"""

import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import readability  # noqa: E402  (beside the other tools)

PAGES = readability.pages()
LEDGERS = {"fidelity", "house", "glossary"}  # looked up, not read


def names(pages):
    return [page.name for page in pages]


def test_every_page_of_the_contents_is_built_with_its_text():
    listed = [
        line.split("file: ")[1].strip()
        for line in (ROOT / "_toc.yml").read_text().splitlines()
        if "file: " in line
    ]

    built = {page.name: page.words for page in PAGES}

    assert {name: built.get(name, 0) for name in listed if built.get(name, 0) < 30} == {
        "references": 0,
        "genindex": 0,
    }


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_a_page_has_nothing_that_no_page_may_have(page):
    assert list(page.complaints()) == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in LEDGERS], ids=lambda page: page.name
)
def test_a_page_reads_like_the_best_ones(page):
    assert page.long <= 0.05
    assert page.numbers <= 2.5
    assert page.reader >= 2


def test_a_wide_or_heavy_figure_is_found(tmp_path):
    Image.effect_noise((900, 900), 60).save(tmp_path / "large.png")
    Image.new("L", (700, 300)).save(tmp_path / "fine.png")
    (tmp_path / "page.html").write_text(
        "<article><p>Some words to read here.</p>"
        "<img src='large.png' alt='noise'><img src='fine.png' alt='black'></article>"
    )

    (page,) = readability.pages(tmp_path)

    wide, heavy = page.complaints()
    assert "wider than its column: noise, 900" in wide and "heavier" in heavy


def test_the_measures_measure(tmp_path):
    (tmp_path / "page.html").write_text(
        "<article><p>You see three words. " + "Here " + "one " * 46 + "end.</p>"
        "<p>It has 3 and 4.5 numbers in ten words, see below please.</p>"
        "<pre>never 1 2 3 counted as prose here</pre>"
        "<div class='cell_output'><p>We found 1.5 and 2.5 and 3.5 in all of this.</p></div>"
        "</article>"
    )

    (page,) = readability.pages(tmp_path)

    complaints = list(page.complaints())
    assert page.words == 4 + 48 + 12 + 11 and len(page.printed) == 1
    assert page.numbers == pytest.approx(100 * 5 / page.words)
    assert len(complaints) == 2 and "48 words" in complaints[0] and "aloud" in complaints[1]


def test_a_list_inside_a_list_speaks_for_itself():
    html = "<li>outer words <ul><li>inner words</li></ul></li>"
    outer, inner = readability.BeautifulSoup(html, "html.parser").find_all("li")

    assert readability._own_text(outer) == "outer words"
    assert readability._own_text(inner) == "inner words"
    assert "inner" in outer.get_text()  # the page itself is left as it is
