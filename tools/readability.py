"""How the built pages read, in numbers: python tools/readability.py [book/_build/html]

Only what a reader reads from top to bottom counts: code, tables, formulas, margin notes and
collapsed blocks are left out. Sentences are found by what ends them, so a page's shares are good
to a few per cent.
"""

from __future__ import annotations

import base64
import copy
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from PIL import Image

SITE = Path(__file__).resolve().parent.parent / "book" / "_build" / "html"
NOT_PAGES = {"404.html", "genindex.html", "search.html", "index.html", "references.html"}
NOT_PROSE = (
    "pre, table, details, .math, script, style, aside, .sidebar, .margin, .prev-next-footer, nav, "
    ".drawing, .toy, .caption-number, .footnote-list, .citation-list, .bibtex, svg"
)
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:[.,]\d+)*")
DECIMAL = re.compile(r"\d\.\d")
READER = re.compile(r"\b(?:you|your|yours|we|us|our|ours)\b", re.IGNORECASE)
LONG, TOO_LONG = 35, 45  # words
# Pixels of the text column, and bytes of a picture that has four pixels for each of these.
# The heaviest shows three fields of noise, which nothing compresses; a page stays below 1.5 MB.
WIDE, HEAVY = 720, 640 * 1024
# What only those say who made the book.
INSIDE = (
    "committed",
    "released network",
    "released row",
    "stored rows",
    "our aim",
    "milestone",
    "sitting",
    "core-minute",
    "quick budget",
    "the rows of",
    "portion",
    "short by",
    "hash guards",
)


@dataclass(frozen=True)
class Figure:
    """A picture of pixels.

    Attributes
    ----------
    name : str
        What its alternative text starts with.
    width : int
        As shown, in pixels of the screen.
    weight : int
        In bytes.
    """

    name: str
    width: int
    weight: int


@dataclass(frozen=True)
class Page:
    """The prose of a page.

    Attributes
    ----------
    name : str
        Its path in the site, without the suffix.
    paragraphs : tuple of str
        Of running text, lists included.
    printed : tuple of str
        Those of them that code has written.
    drawings : int
        Vector drawings.
    figures : tuple of Figure
        Other pictures.
    """

    name: str
    paragraphs: tuple[str, ...]
    printed: tuple[str, ...]
    drawings: int
    figures: tuple[Figure, ...]

    @property
    def sentences(self) -> list[str]:
        """Of at least three words."""
        found = (re.split(r"(?<=[.!?:])\s+(?=[A-Z“\"(])", text) for text in self.paragraphs)
        return [each for split in found for each in split if len(each.split()) >= 3]

    @property
    def words(self) -> int:
        """How many."""
        return sum(len(text.split()) for text in self.paragraphs)

    @property
    def long(self) -> float:
        """Share of its sentences that have more than `LONG` words."""
        sentences = self.sentences
        return sum(len(each.split()) > LONG for each in sentences) / max(1, len(sentences))

    @property
    def numbers(self) -> float:
        """For every hundred words."""
        return self._per_hundred(NUMBER)

    @property
    def reader(self) -> float:
        """How often reader or authors are spoken of, for every hundred words."""
        return self._per_hundred(READER)

    def complaints(self) -> Iterator[str]:
        """What must not be on any page."""
        for each in self.sentences:
            if len(each.split()) > TOO_LONG:
                yield f"{len(each.split())} words: {each[:90]}..."
        for text in self.printed:
            if len(DECIMAL.findall(text)) > 2:
                yield f"reads a table aloud: {text[:90]}..."
        for figure in self.figures:
            if figure.width > WIDE:
                yield f"wider than its column: {figure.name}, {figure.width} pixels"
            if figure.weight > HEAVY:
                yield f"heavier than {HEAVY} bytes: {figure.name}, {figure.weight}"
        for text in self.paragraphs:
            for word in INSIDE:
                if re.search(rf"\b{re.escape(word)}", text, re.IGNORECASE):
                    yield f"inside word {word!r}: {text[:90]}..."

    def _per_hundred(self, pattern: re.Pattern[str]) -> float:
        count = sum(len(pattern.findall(text)) for text in self.paragraphs)
        return 100 * count / max(1, self.words)


def read(path: Path, site: Path = SITE) -> Page | None:
    """The prose of a built page.

    Parameters
    ----------
    path : pathlib.Path
        Its HTML.
    site : pathlib.Path
        The folder that it is named from.

    Returns
    -------
    Page or None
        None where there is no article.
    """
    article = BeautifulSoup(path.read_text("utf-8"), "html.parser").select_one("article")
    if article is None:
        return None
    images = article.find_all("img")
    vector = [image for image in images if str(image.get("src", "")).endswith(".svg")]
    here = [image for image in images if "://" not in str(image.get("src", ""))]
    figures = tuple(_figure(image, path.parent) for image in here if image not in vector)
    drawings = len(vector) + len(article.select(".drawing"))
    for part in article.select(NOT_PROSE):
        part.extract()
    found = [(element, _own_text(element)) for element in article.select("p, li, dd")]
    found = [(element, text) for element, text in found if len(text.split()) >= 4]
    return Page(
        path.relative_to(site).with_suffix("").as_posix(),
        tuple(text for _, text in found),
        tuple(text for element, text in found if _by_code(element)),
        drawings,
        figures,
    )


def _own_text(element: Tag) -> str:
    """What an element says itself: paragraphs and lists inside it speak for themselves."""
    copied = copy.copy(element)
    for inner in copied.find_all(["p", "li", "dd", "ul", "ol", "dl"]):
        inner.extract()
    return " ".join(copied.get_text(" ").split())


def _figure(image: Tag, folder: Path) -> Figure:
    source = str(image.get("src", ""))
    if source.startswith("data:"):
        data = base64.b64decode(source.partition(",")[2])
    else:
        data = (folder / source).read_bytes()
    width = int(str(image.get("width") or Image.open(BytesIO(data)).width))
    return Figure(str(image.get("alt", ""))[:40], width, len(data))


def _by_code(element: Tag) -> bool:
    captioned = element.find_parent("figcaption") is not None
    return element.find_parent(class_="cell_output") is not None and not captioned


def pages(site: Path = SITE) -> list[Page]:
    """All pages of a built site that have prose.

    Parameters
    ----------
    site : pathlib.Path
        Its folder.

    Returns
    -------
    list of Page
    """
    paths = [
        path
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts and path.name not in NOT_PAGES
    ]
    return [page for path in paths if (page := read(path, site)) is not None]


def main() -> None:
    """Print a line for each page, and what is wrong on it."""
    site = Path(sys.argv[1]) if len(sys.argv) > 1 else SITE
    print(
        f"{'page':26}{'words':>7}{'>35 w':>7}{'num/100':>9}{'we/you':>8}{'drawn':>7}{'figures':>9}"
    )
    for page in pages(site):
        print(
            f"{page.name:26}{page.words:7}{page.long:7.0%}{page.numbers:9.1f}{page.reader:8.1f}"
            f"{page.drawings:7}{len(page.figures):9}"
        )
        for complaint in page.complaints():
            print(f"    {complaint}")


if __name__ == "__main__":
    main()
