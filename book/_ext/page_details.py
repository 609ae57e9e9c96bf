"""Small corrections of what the theme and its extensions put on a page."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

# A picture of a page that says nothing of its size yet.
PICTURE = re.compile(r'<img (?=[^>]*src="[^"]*_images/([^"/]+\.(?:png|jpe?g))")(?![^>]* width=)')


def title_once(app, pagename, templatename, context, doctree):
    """The front page's heading is the book's title: say it once in the browser's tab."""
    if pagename == app.config.root_doc:
        context["docstitle"] = ""


def without_thebe(app, pagename, templatename, context, doctree):
    """Leave out the scripts of sphinx_thebe, which Jupyter Book always loads.

    They stand twice on each page, an error in the browser's console, and no button starts them.
    """
    for kind in ("script_files", "css_files"):
        # The same list is the builder's own; an extension may still add to it for this page.
        context[kind][:] = [file for file in context[kind] if not _is_thebes(file)]


def _is_thebes(file) -> bool:
    return "sphinx-thebe" in str(file) or "THEBE_JS_URL" in str(file)


def size_pictures(app, pagename, templatename, context, doctree):
    """Say each picture's size, so that no text jumps, and fetch it when it is near the window."""
    files = {name: Path(app.srcdir, path) for path, name in app.builder.images.items()}

    def sized(match: re.Match) -> str:
        with Image.open(files[match[1]]) as picture:
            width, height = picture.size
        return f'<img loading="lazy" width="{width}" height="{height}" '

    if "body" in context:
        context["body"] = PICTURE.sub(sized, context["body"])


def setup(app):
    """Called by Sphinx."""
    app.connect("html-page-context", size_pictures)
    app.connect("html-page-context", title_once)
    app.connect("html-page-context", without_thebe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
