"""The book's index: terms, each with the page that introduces it and the words that do.

The list is `index.yml`. It stands outside the text so that a page, and a chapter in Jupyter, reads
as it is written. Words that a page does not have are an error of the build, so that no entry leads
to where its term is no more.
"""

from __future__ import annotations

from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

LIST = "index.yml"
# What is read as prose, headings too, and where it is not.
PLACES = (nodes.paragraph, nodes.title, nodes.term)
ELSEWHERE = (nodes.entry, nodes.footnote, nodes.citation, nodes.figure)
logger = logging.getLogger(__name__)


def entries(folder: Path) -> dict[str, dict[str, str]]:
    """Read the list.

    Parameters
    ----------
    folder : Path
        Of the book.

    Returns
    -------
    dict
        From a page to its entries, each with the words to look for.
    """
    file = folder / LIST
    return yaml.safe_load(file.read_text("utf-8")) if file.exists() else {}


class IndexTerms(SphinxTransform):
    """Make the entries of a page lead to the first paragraph or heading with their words."""

    default_priority = 700  # before Sphinx collects the entries

    def apply(self, **kwargs):
        """Called by Sphinx when it has read a page."""
        folder, page = Path(self.env.srcdir), self.env.docname
        if (folder / LIST).exists():
            self.env.note_dependency(str(folder / LIST))
        for number, (entry, words) in enumerate(entries(folder).get(page, {}).items()):
            place = first_place(self.document, words)
            if place is None:
                logger.warning(
                    'index.yml says that this page has "%s", for the entry "%s"; it has not',
                    words, entry, location=page, type="index", subtype="missing",
                )  # fmt: skip
                continue
            _mark(place, entry, f"index-entry-{number}")


def first_place(document: nodes.document, words: str) -> nodes.Element | None:
    """The first part of a page that has some words, whatever their case.

    Parameters
    ----------
    document : docutils.nodes.document
        A page.
    words : str
        To look for.

    Returns
    -------
    docutils.nodes.Element or None
    """
    for node in document.findall(lambda node: isinstance(node, PLACES)):
        read = not isinstance(node.parent, ELSEWHERE)
        if read and words.lower() in " ".join(node.astext().split()).lower():
            return node
    return None


def _mark(place: nodes.Element, entry: str, identity: str) -> None:
    """Put an entry before a paragraph, or into the section of a heading, which has an address."""
    section = place.parent if isinstance(place, nodes.title) else None
    target = section["ids"][0] if section is not None else identity
    index = addnodes.index(entries=[("single", entry, target, "", None)])
    if section is not None:
        section.insert(1, index)
        return
    place["ids"].append(identity)
    if isinstance(place, nodes.term):
        place.append(index)
    else:
        place.parent.insert(place.parent.index(place), index)


def setup(app):
    """Called by Sphinx."""
    app.add_transform(IndexTerms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
