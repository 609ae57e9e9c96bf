"""Small corrections of what the theme and its extensions put on a page."""

from __future__ import annotations

import re
from pathlib import Path

import tools_on_path  # noqa: F401
from PIL import Image

HEAVY = 75_000  # bytes
PHONE = 528  # screen pixels: a wider picture scrolls on a phone, so that its text can be read
INCH = 100  # screen pixels, as in denoise_lib.plotting
# A picture of a page that says nothing of its size yet.
PICTURE = re.compile(r'<img (?=[^>]*src="[^"]*_images/([^"/]+)")(?![^>]* width=)')
REPAIRS = [
    (re.compile(wrong), right)
    for wrong, right in (
        # A button is called what is written on it.
        (r'(<button class="btn search-button-field[^>]*?) aria-label="[^"]*"', r"\1"),
        (r'(<i class="theme-switch [^>]*?) title="[^"]*"', r'\1 aria-hidden="true"'),
        (r'<summary aria-label="Toggle hidden content">', "<summary>"),
        # The theme's sidebar, which holds the logo, is no landmark.
        (r'(<div id="pst-primary-sidebar")', r'\1 role="navigation" aria-label="Book"'),
        # A list whose items are none, and have a role that is given up.
        (r'<div role="list" class="citation-list">', '<div class="citation-list">'),
        (r' role="doc-biblioentry"', ""),
        # Heads of the tables that MyST writes; those of cells are named in table_style.py.
        (r'<th class="head([^"]*)"(?: [^>]*)?>(?:<p></p>)?</th>', r'<td class="head\1"></td>'),
        (r'<th class="head', '<th scope="col" class="head'),
    )
]


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
        keep_small(files[match[1]])
        width, height = shown_size(files[match[1]])
        wide = "data-wide " if width > PHONE else ""
        return f'<img loading="lazy" width="{width}" height="{height}" {wide}'

    if "body" in context:
        context["body"] = PICTURE.sub(sized, context["body"])


def keep_small(file: Path) -> None:
    """Pack a heavy picture that a page has drawn, as those of the chapters are packed.

    Parameters
    ----------
    file : Path
        It is written anew if it has more than one channel.
    """
    if file.suffix == ".png" and file.stat().st_size > HEAVY:
        with Image.open(file) as picture:
            packed = picture.mode in ("L", "P")
        if not packed:
            from execute_notebooks import smaller  # takes a second to import

            file.write_bytes(smaller(file.read_bytes()))


def shown_size(file: Path) -> tuple[int, int]:
    """How large a picture is shown, in screen pixels.

    Parameters
    ----------
    file : Path
        A picture of pixels, which may have several for one of the screen: it says how many dots an
        inch has, of a hundred screen pixels. Or an SVG, which says its size in points.

    Returns
    -------
    tuple of int
        Width and height.
    """
    if file.suffix == ".svg":
        sizes = re.findall(r'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"', file.read_text())
        return tuple(round(float(length) * INCH / 72) for length in sizes[0])
    with Image.open(file) as picture:
        dots = picture.info.get("dpi", (INCH, INCH))[0]
        return tuple(round(length * INCH / dots) for length in picture.size)


def repair_pages(app):
    """Mend the markup of every page behind the theme's templates: Sphinx has no event there."""
    if app.builder.format != "html":
        return
    render = app.builder.templates.render

    def repaired(template: str, context: dict) -> str:
        return repair(render(template, context))

    app.builder.templates.render = repaired


def repair(page: str) -> str:
    """Mend what keeps a screen reader from saying what is seen.

    Parameters
    ----------
    page : str
        HTML.

    Returns
    -------
    str
    """
    for wrong, right in REPAIRS:
        page = wrong.sub(right, page)
    return page


def setup(app):
    """Called by Sphinx."""
    app.connect("html-page-context", size_pictures)
    app.connect("html-page-context", title_once)
    app.connect("html-page-context", without_thebe)
    app.connect("builder-inited", repair_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
