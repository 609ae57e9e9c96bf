"""Every figure has a caption and a number that starts anew on each page.

A cell says its caption in its metadata, `mystnb: figure: caption:`. MyST-NB puts it below a
picture; here it is put below what else a cell shows, a thing to move or a drawing, and all are
numbered in the order of the page. Sphinx's own numbers run through the whole book, so that a new
figure would change those of every later page.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.transforms import SphinxTransform


class CaptionFigures(SphinxTransform):
    """Caption what MyST-NB leaves without, then number the figures of the page."""

    default_priority = 400

    def apply(self, **kwargs):
        """Called by Sphinx when it has read a page."""
        for cell in self.document.findall(_is_cell):
            caption = _caption_of(cell)
            if caption and not list(cell.findall(nodes.figure)):
                _wrap_output(cell, caption)
        number_figures(self.document)


def number_figures(document: nodes.document) -> None:
    """Write "Figure 1." and so on before the captions, and give each figure an address.

    Parameters
    ----------
    document : docutils.nodes.document
        A page.
    """
    captions = document.findall(lambda node: isinstance(node, nodes.caption))
    figures = [caption for caption in captions if isinstance(caption.parent, nodes.figure)]
    for number, caption in enumerate(figures, start=1):
        label = f"Figure {number}."
        caption.insert(0, nodes.inline(label, label, classes=["caption-number"]))
        caption.insert(1, nodes.Text(" "))
        caption.parent["ids"].append(f"figure-{number}")


def _is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _caption_of(cell: nodes.container) -> str | None:
    mystnb = cell.get("cell_metadata", {}).get("mystnb") or {}
    return (mystnb.get("figure") or {}).get("caption")


def _wrap_output(cell: nodes.container, caption: str) -> None:
    """Put what a cell shows into a figure with a caption."""
    (output,) = [part for part in cell.children if part.get("nb_element") == "cell_code_output"]
    figure = nodes.figure("", *output.children, nodes.caption(caption, caption))
    output.children = []
    output += figure


def without_sphinxs_numbers(app, config):
    """Jupyter Book asks for them, and so does an extension of its own."""
    config.numfig = False


def setup(app):
    """Called by Sphinx."""
    app.connect("config-inited", without_sphinxs_numbers, priority=900)
    app.add_transform(CaptionFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
