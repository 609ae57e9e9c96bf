"""Files of the site that are no pages of the book: a page "not found", and what robots read."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from page_dates import changed_at, last_commits

NOT_FOUND = "404"
TEXT = """<h1>There is no such page</h1>
<p>The link is old, or has a slip of the pen. Start from the
<a href="welcome.html">front page</a>, look into the <a href="genindex.html">index</a>, or
<a href="search.html">search</a> for what you were after.</p>"""
# An address in a tag that is neither a place on the page nor complete.
RELATIVE = re.compile(r'((?:href|src|action|data-content_root)=")(?![a-z]+:|[/#"])([^"]*")')


def add_not_found(app):
    """Have Sphinx write the page in the theme, with menu and search."""
    yield NOT_FOUND, {"title": "Page not found", "body": TEXT}, "page.html"


def anchored(page: str, base: str) -> str:
    """A page whose links lead to the right places from any depth.

    Parameters
    ----------
    page : str
        HTML of a page at the top of the site.
    base : str
        The path of the site on its host.

    Returns
    -------
    str
    """
    return RELATIVE.sub(lambda match: match[1] + urljoin(base, match[2]), page)


def sitemap(pages: dict[str, str]) -> str:
    """List pages for search engines.

    Parameters
    ----------
    pages : dict of str
        From an address to the day of the last change.

    Returns
    -------
    str
        XML.
    """
    lines = [
        f"<url><loc>{html.escape(address)}</loc><lastmod>{day}</lastmod></url>"
        for address, day in pages.items()
    ]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
            *lines,
            "</urlset>\n",
        ]
    )


def write_files(app, exception):
    """Make the page "not found" work from any depth; list the pages where the address is known."""
    if exception is not None or app.builder.format != "html":
        return
    base, out = app.config.html_baseurl, Path(app.outdir)
    page = out / f"{NOT_FOUND}.html"
    page.write_text(anchored(page.read_text("utf-8"), urlsplit(base).path or "/"), "utf-8")
    if not base:
        return
    commits = last_commits()
    pages = {
        urljoin(base, app.builder.get_target_uri(name)): str(
            changed_at(Path(app.env.doc2path(name)), commits)[0]
        )
        for name in sorted(app.env.found_docs)
    }
    (out / "sitemap.xml").write_text(sitemap(pages), "utf-8")
    (out / "robots.txt").write_text(
        f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n", "utf-8"
    )


def setup(app):
    """Called by Sphinx."""
    app.connect("html-collect-pages", add_not_found)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
