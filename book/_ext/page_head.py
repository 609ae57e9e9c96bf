"""What search engines and messengers show of a page: a description, and a card with a picture."""

from __future__ import annotations

import html
import re
from io import BytesIO
from pathlib import Path

import tools_on_path  # noqa: F401
from docutils import nodes
from matplotlib.figure import Figure
from matplotlib.image import imread

LONGEST = 200  # characters of a description
CARD, CARD_SIZE = "_static/card.png", (1200, 630)
CARD_TEXT = "A noisy chest radiograph, the same denoised, and clean."
IMAGES = Path(__file__).resolve().parents[2] / "results" / "images"
# What stands in a paragraph and is not read with it.
UNREAD = (nodes.footnote_reference, nodes.system_message, nodes.raw)


def describe(page: nodes.document) -> str:
    """A page's first paragraph that is more than a citation, cut behind a sentence or a word.

    Parameters
    ----------
    page : docutils.nodes.document

    Returns
    -------
    str
        Empty where there is none.
    """
    for paragraph in page.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section) and not _is_citation(paragraph):
            text = " ".join(_read(paragraph).split())
            return shortened(re.sub(r"\s+([.,;:?!])", r"\1", text))
    return ""


def _is_citation(paragraph: nodes.paragraph) -> bool:
    """Whether all of it is emphasised, as the paper is at the top of its chapter."""
    said = [part for part in paragraph.children if not isinstance(part, UNREAD)]
    return all(isinstance(part, nodes.emphasis) or not part.astext().strip() for part in said)


def _read(node: nodes.Node) -> str:
    if isinstance(node, nodes.Text):
        return node.astext()
    return "".join(_read(child) for child in node.children if not isinstance(child, UNREAD))


def shortened(text: str) -> str:
    """A text's first sentences, or its first words where the first sentence is too long.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Of at most `LONGEST` characters.
    """
    if len(text) <= LONGEST:
        return text
    start = text[: LONGEST - 1]
    sentences = re.match(r".*[.?!](?=\s)", start)
    return sentences[0] if sentences else f"{start.rsplit(' ', 1)[0].rstrip(',;:')}…"


def add_tags(app, pagename, templatename, context, doctree):
    """Write the tags into the head of a page that an author wrote."""
    if doctree is None:
        return
    title = html.unescape(re.sub(r"<[^>]+>", "", context["title"]))
    tags = card_tags(title, describe(doctree), app.config, context.get("pageurl"))
    context["metatags"] += "".join(
        f'\n<meta {"property" if ":" in name and "twitter" not in name else "name"}="{name}" '
        f'content="{html.escape(text)}">'
        for name, text in tags.items()
        if text
    )


def card_tags(title: str, description: str, config, address: str | None) -> dict[str, str]:
    """The tags of a page; those that hold an address only where the site's is known.

    Parameters
    ----------
    title, description : str
        Of the page.
    config : sphinx.config.Config
        The book's title, and the site's address.
    address : str or None
        The page's.

    Returns
    -------
    dict of str
    """
    tags = {
        "description": description,
        "og:title": title,
        "og:description": description,
        "og:type": "article",
        "og:site_name": config.html_title,
        "twitter:card": "summary_large_image" if config.html_baseurl else "summary",
    }
    if config.html_baseurl:
        tags |= {
            "og:url": address or config.html_baseurl,
            "og:image": f"{config.html_baseurl}{CARD}",
            "og:image:width": str(CARD_SIZE[0]),
            "og:image:height": str(CARD_SIZE[1]),
            "og:image:alt": CARD_TEXT,
        }
    return tags


def draw_card(path: Path, title: str, claim: str) -> None:
    """Draw the picture that messengers show of the book.

    Parameters
    ----------
    path : Path
        Of the file to write.
    title, claim : str
        Of the book, and of its first page.
    """
    from execute_notebooks import smaller  # takes a second to import

    width, height = CARD_SIZE
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="#111111")
    side, gap, names = 360, 30, {"noisy": "noisy", "liu-nih": "denoised", "clean": "clean"}
    for place, (name, label) in enumerate(names.items()):
        left = gap + place * (side + gap)
        box = (left / width, 1 - (50 + side) / height, side / width, side / height)
        axis = figure.add_axes(box)
        axis.imshow(imread(IMAGES / f"nodule-{name}.png"), cmap="gray", vmin=0, vmax=1)
        axis.set_axis_off()
        axis.set_title(label, color="white", fontsize=20)
    figure.text(gap / width, 0.2, title, color="white", fontsize=38, fontweight="bold")
    figure.text(gap / width, 0.09, claim, color="#e69f00", fontsize=26)
    file = BytesIO()
    figure.savefig(file)
    path.write_bytes(smaller(file.getvalue()))


def write_card(app, exception):
    """Put the card among the site's files."""
    if exception is None and app.builder.format == "html":
        claim = app.env.titles[app.config.root_doc].astext()
        draw_card(Path(app.outdir, CARD), app.config.html_title, claim)


def setup(app):
    """Called by Sphinx."""
    app.connect("html-page-context", add_tags)
    app.connect("build-finished", write_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
