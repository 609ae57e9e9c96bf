"""One look for all tables, and names for their heads.

pandas and MyST write tables of different classes, pandas with an empty corner and, where the rows'
names have a name, with a second head of empty cells. Here all become the theme's tables in a box
that scrolls. One that is wider than the text takes the margin too.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

# Screen pixels of the text column, of a character (of a wide font), and of a cell's padding.
COLUMN, CHARACTER, PADDING = 680, 9, 20
# The parts of a cell like "34.7 (34.5 to 34.9)" between which its line may break.
PARTS = re.compile(r"\([^()]*\)|\S+")
LONG = 24  # characters
WORD = re.compile(r"[A-Za-z]{3}")


def restyled(html: str) -> str:
    """The same HTML with its tables in the book's style.

    Parameters
    ----------
    html : str
        A fragment.

    Returns
    -------
    str
    """
    soup = BeautifulSoup(html, "html.parser")
    for style in soup.find_all("style", attrs={"scoped": True}):
        style.decompose()  # pandas' own look
    for table in soup.find_all("table"):
        _restyle(soup, table)
    return str(soup)


def _restyle(soup: BeautifulSoup, table: Tag) -> None:
    del table["border"]
    table["class"] = [*table.get("class", []), "table"]
    _merge_heads(table)
    name_heads(table)
    for cell in table.find_all("td"):
        _keep_together(soup, cell)
    _align_words(table)
    if "sortable" not in table["class"]:
        table.wrap(soup.new_tag("div", attrs={"class": "pst-scrollable-table-container"}))


def _merge_heads(table: Tag) -> None:
    """Move the names of the rows' names, which pandas gives a line of their own, into the head."""
    rows = table.thead.find_all("tr") if table.thead else []
    for row in rows:
        del row["style"]
    if len(rows) < 2:
        return
    heads = [[head.get_text(strip=True) for head in row.find_all("th")] for row in rows[-2:]]
    above, below = heads
    if len(above) == len(below) and not any(a and b for a, b in zip(above, below, strict=True)):
        for head, name in zip(rows[-2].find_all("th"), below, strict=True):
            head.string = name or head.get_text(strip=True)
        rows[-1].decompose()


def name_heads(table: Tag) -> None:
    """Say what each head is of, and make an empty corner a cell like any other.

    Parameters
    ----------
    table : bs4.Tag
        It is changed.
    """
    for head in table.find_all("th"):
        if not head.get_text(strip=True):
            head.name = "td"
            continue
        along, several = ("col", "colspan") if head.find_parent("thead") else ("row", "rowspan")
        head["scope"] = f"{along}group" if int(head.get(several, 1)) > 1 else along


def _keep_together(soup: BeautifulSoup, cell: Tag) -> None:
    """Let a cell's line break around a bracket and nowhere else, that of a long text anywhere."""
    text = cell.get_text(strip=True)
    if cell.string and "(" in text:
        cell.clear()
        for part in PARTS.findall(text):
            cell.extend([soup.new_tag("span", string=part), " "])
    elif len(text) > LONG and WORD.search(text):
        cell["class"] = "long"


def _align_words(table: Tag) -> None:
    """Mark the cells of a column of words without brackets: they begin at its left."""
    rows = [row.find_all(["th", "td"]) for row in table.find_all("tr")]
    worded = {
        place
        for row in rows
        for place, cell in enumerate(row)
        if cell.name == "td" and not cell.find("span") and WORD.search(cell.get_text())
    }
    for row in rows:
        for place in worded & set(range(len(row))):
            row[place]["class"] = [*row[place].get_attribute_list("class"), "words"]


def least_width(table: Tag) -> int:
    """About how many screen pixels a table takes at least, its lines broken where they may be.

    Parameters
    ----------
    table : bs4.Tag
        Restyled.

    Returns
    -------
    int
    """
    widths: dict[int, int] = {}
    for row in table.find_all("tr"):
        for place, cell in enumerate(row.find_all(["th", "td"])):
            widths[place] = max(widths.get(place, 0), _longest(cell))
    return sum(CHARACTER * width + PADDING for width in widths.values())


def _longest(cell: Tag) -> int:
    """Characters of the longest part of a cell that does not break."""
    spans = [span.get_text() for span in cell.find_all("span")]
    breaks = cell.name == "th" or "long" in cell.get_attribute_list("class")
    parts = spans or (cell.get_text().split() if breaks else [cell.get_text(strip=True)])
    return max(map(len, parts), default=0)


class StyleTables(SphinxPostTransform):
    """Restyle the tables that cells show; a cell with a wide one takes the margin too."""

    default_priority = 900  # when MyST-NB has chosen what of a cell's output is shown
    formats = ("html",)

    def run(self, **kwargs):
        """Called by Sphinx before it writes a page."""
        for cell in self.document.findall(nodes.container):
            if cell.get("nb_element") == "cell_code":
                _restyle_cell(cell)


def _restyle_cell(cell: nodes.container) -> None:
    for raw in list(cell.findall(nodes.raw)):
        if raw.get("format") != "html" or "<table" not in raw.astext():
            continue
        html = restyled(raw.astext())
        raw.replace_self(nodes.raw("", html, format="html", classes=raw["classes"]))
        tables = BeautifulSoup(html, "html.parser").find_all("table")
        if max(map(least_width, tables)) > COLUMN:
            cell["classes"].append("tag_full-width")  # the theme's


def setup(app):
    """Called by Sphinx."""
    app.add_post_transform(StyleTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
