"""The built site: every link leads somewhere, every picture has a text. Needs a built book."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import set_repository
from bs4 import BeautifulSoup
from built_site import SITE

# Made by the theme, not by an author.
GENERATED = {"genindex.html", "index.html", "search.html"}


@pytest.fixture(scope="module")
def pages() -> dict[str, BeautifulSoup]:
    paths = [path for path in SITE.rglob("*.html") if "_static" not in path.parts]
    assert paths, "Build the book first: make book"
    return {
        path.relative_to(SITE).as_posix(): BeautifulSoup(path.read_text(), "html.parser")
        for path in paths
    }


def test_every_internal_link_leads_to_a_page_and_a_place_on_it(pages):
    anchors = {
        name: {tag["id"] for tag in page.find_all(id=True)}
        | {tag["name"] for tag in page.find_all("a", attrs={"name": True})}
        for name, page in pages.items()
    }
    broken = []
    for name, page in pages.items():
        for link in page.find_all("a", href=True):
            url = urlsplit(link["href"])
            if url.scheme or url.netloc or link["href"] == "#":
                continue
            # The page "not found" gives addresses from the site's top.
            above = SITE if url.path.startswith("/") else (SITE / name).parent
            path = above / unquote(url.path.lstrip("/")) if url.path else SITE / name
            target = path.resolve().relative_to(SITE.resolve()).as_posix()
            if not path.exists():
                broken.append(f"{name}: {link['href']} (no such file)")
            elif url.fragment and target in anchors and url.fragment not in anchors[target]:
                broken.append(f"{name}: {link['href']} (no such place)")
    assert broken == []


def test_every_picture_is_there_and_has_an_alternative_text(pages):
    problems = []
    for name, page in pages.items():
        for image in page.select("article img"):
            source = image.get("src", "")
            described = image.get("alt", "").strip() and image["alt"] != source
            if not described or image["alt"].endswith((".png", ".svg")):
                problems.append(f"{name}: {source} has no alternative text")
            if not urlsplit(source).scheme and not ((SITE / name).parent / source).exists():
                problems.append(f"{name}: {source} is missing")
    assert problems == []


def test_no_page_shows_unrendered_markup(pages):
    marks = ("{cite}", "{footcite}", "{doc}", "{numref}", "{ref}", "<IPython.core", "nan dB")
    marks += ("|---", "|—", "Warning:", "Traceback (most recent call last)")
    for name, page in pages.items():
        text = page.select_one("article").get_text() if name not in GENERATED else ""
        assert [mark for mark in marks if mark in text] == [], name


def test_each_chapter_opens_in_colab_and_binder_or_says_that_it_cannot_yet(pages):
    url = set_repository.address(set_repository.ROOT)
    chapters = [name for name in pages if name.startswith("notebooks/")]
    assert chapters
    for name in chapters:
        links = set_repository.launches(url, Path(name).stem)
        buttons = pages[name].select(".dropdown-launch-buttons li > *")
        found = {button.get_text(strip=True): button.get("href") for button in buttons}
        unknown = {f"{service}: no public address yet": None for service in links}
        assert found == (links if set_repository.is_known(url) else unknown), name


def test_no_page_leads_to_the_placeholder_of_the_address(pages):
    placeholder = f"{set_repository.PLACEHOLDER}/"
    for name, page in pages.items():
        leads = [tag for tag in page.find_all(href=True) if placeholder in tag["href"]]
        assert leads == [], name


def test_each_chapter_is_downloaded_as_its_plain_copy(pages):
    for name in pages:
        if name.startswith("notebooks/"):
            (link,) = pages[name].select("a.btn-download-source-button")
            notebook = nbformat.read((SITE / name).parent / link["href"], as_version=4)
            assert "A copy to run" in notebook.cells[1].source
            assert not any("{footcite}" in cell.source for cell in notebook.cells)
