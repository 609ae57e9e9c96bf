"""Pages that compute in the browser: the directive `in-browser`, and what such a page loads.

    :::{in-browser} denoiser
    :::

The build makes what the page needs by tools/build_web.py, says so, and copies it to the site. Where
that fails, with no npm say, the page says why in a sentence, and so does a warning; to silence it:
suppress_warnings: [in_browser.missing]. Such pages carry a Content-Security-Policy: they talk to
their own host only, and run only the scripts that came with them.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
from pathlib import Path

import tools_on_path  # noqa: F401
from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

SCRIPTS = ("denoiser", "observer")
FOLDER = "_static/web"
# A page opened as a file may load neither workers nor pictures' pixels.
SERVED = (
    "A browser runs this page only from a web server, not from a file: run "
    "`python -m http.server --directory book/_build/html` and open http://localhost:8000/{page}."
)
NO_SCRIPT = "This page computes in your browser: allow scripts for it."
logger = logging.getLogger(__name__)


def pages(env) -> set[str]:
    """The pages that have such a box."""
    return getattr(env, "in_browser_pages", set())


class in_browser(nodes.General, nodes.Element):
    """A box that a script of the site fills."""


class InBrowser(SphinxDirective):
    """The directive; its argument is one of `SCRIPTS`."""

    required_arguments = 1

    def run(self):
        name = self.arguments[0]
        if name not in SCRIPTS:
            raise self.error(f"There is no script {name}: choose one of {', '.join(SCRIPTS)}.")
        self.env.in_browser_pages = pages(self.env) | {self.env.docname}
        return [in_browser(script=name)]


def visit(translator, node):
    """Write the box as HTML: a sentence, what the script must know, and the script."""
    app, script = translator.builder.app, node["script"]
    page = f"{translator.builder.current_docname}.html"
    if app.in_browser_missing:
        lost = html.escape(f"This copy of the book was built without it. {app.in_browser_missing}")
        translator.body.append(f'<div class="try"><p class="try-still">{lost}</p></div>')
    else:
        from build_web import manifest

        known = {**manifest(script), "folder": f"{FOLDER}/", "served": SERVED.format(page=page)}
        # A "<" in the text could end the script element.
        text = json.dumps(known, separators=(",", ":")).replace("<", "\\u003c")
        translator.body.append(
            f'<div class="try" data-try="{script}"><p class="try-still">{NO_SCRIPT}</p>'
            f'<script type="application/json">{text}</script></div>'
            f'<script defer src="{FOLDER}/scripts/{script}.js"></script>'
        )
    raise nodes.SkipNode


def leave_out(translator, node):
    """What is no web page has no such box."""
    raise nodes.SkipNode


def make(app):
    """Make what the pages need, at the beginning of a build for the web."""
    app.in_browser_missing = ""
    if app.builder.format != "html":
        return
    try:
        import build_web
    except ModuleNotFoundError as error:
        app.in_browser_missing = f"{error}: install the package with its extra [book]."
    else:
        logger.info("Making what the pages need that compute in the browser")
        try:
            build_web.build()
        except build_web.Missing as error:
            app.in_browser_missing = str(error)
    if app.in_browser_missing:
        logger.warning(
            "the pages that compute in the browser will not: %s",
            app.in_browser_missing,
            type="in_browser",
            subtype="missing",
        )


def outdated(app, env, added, changed, removed):
    """Read these pages again when something was made anew, or can no longer be made."""
    stamps = [] if app.in_browser_missing else sorted(made().rglob("*.made-from"))
    now = [app.in_browser_missing, *(stamp.read_text() for stamp in stamps)]
    if getattr(env, "in_browser_made", None) == now:
        return set()
    env.in_browser_made = now
    return pages(env) & env.found_docs


def made() -> Path:
    """Where the build makes it."""
    import build_web

    return build_web.FOLDER


def purge(app, env, docname):
    """Forget a page that is read again or gone."""
    env.in_browser_pages = pages(env) - {docname}


def merge(app, env, docnames, other):
    """Take over what another process has read."""
    env.in_browser_pages = pages(env) | pages(other)


def copy(app, exception):
    """Put it on the site, and a policy on its pages."""
    if exception or app.builder.format != "html" or app.in_browser_missing:
        return
    copied = Path(app.outdir) / FOLDER
    shutil.rmtree(copied, ignore_errors=True)  # scripts have other names after a change
    shutil.copytree(made(), copied, ignore=shutil.ignore_patterns("*.made-from"))
    for name in pages(app.env):
        protect(Path(app.builder.get_outfilename(name)))


def protect(page: Path) -> None:
    """Write the page's Content-Security-Policy into it."""
    text = page.read_text("utf-8")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>\n?', "", text)
    policy = html.escape(policy_for(text), quote=True)
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    # Before anything that it shall hold for; the encoding must stand in the first bytes.
    text, placed = re.subn(r"(<meta charset=[^>]*>\n?)", rf"\1{tag}", text, count=1)
    if not placed:
        raise ExtensionError(f"{page} says no encoding: nowhere to put its policy.")
    page.write_text(text, "utf-8")


SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL)
HANDLER = re.compile(r'\bon[a-z]+="([^"]*)"')


def policy_for(text: str) -> str:
    """The policy of a page: its own host; of scripts in the page those that are there now."""
    inline = [
        body
        for attributes, body in SCRIPT.findall(text)
        if "src=" not in attributes and "application/json" not in attributes
    ]
    handlers = [html.unescape(code) for code in HANDLER.findall(text)]
    allowed = sorted({_source(code) for code in (*inline, *handlers)})
    unsafe = ["'unsafe-hashes'"] if handlers else []
    rules = {
        "default-src": ["'self'"],
        # WebAssembly is compiled code; the worker begins with a line of text (src/work.js).
        "script-src": ["'self'", "'wasm-unsafe-eval'", "blob:", *unsafe, *allowed],
        "worker-src": ["blob:", "'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
    }
    return "; ".join(" ".join([name, *values]) for name, values in rules.items())


def _source(code: str) -> str:
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def setup(app):
    """Called by Sphinx."""
    app.add_node(in_browser, html=(visit, None), latex=(leave_out, None), text=(leave_out, None))
    app.add_directive("in-browser", InBrowser)
    app.connect("builder-inited", make)
    app.connect("env-get-outdated", outdated)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
