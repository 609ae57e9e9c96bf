"""The built site, served to a browser: what the tests of its pages share.

The fixtures stand in conftest.py.
"""

import os
import shutil
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "book" / "_build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MISSING = "needs a browser: install Chromium (make browser) or set CHROMIUM to the path of one"
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    # The top's index.html does nothing but lead to the first page.
    if "_static" not in path.parts and path != SITE / "index.html"
)
AXE = ROOT / "book" / "_web" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = {"phone": 390, "tablet": 820, "desktop": 1300}


def browser_path() -> str | None:
    """Where a browser is, if there is one."""
    names = filter(None, (os.environ.get("CHROMIUM"), *BROWSERS))
    return next(filter(None, map(shutil.which, names)), None)


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and tells nobody."""

    def log_message(self, format, *args):
        pass


def give_up(reason: str):
    """Continuous integration must not pass without a browser; elsewhere its tests are skipped."""
    if os.environ.get("CI", "").lower() in ("", "0", "false"):
        pytest.skip(reason)
    pytest.fail(reason)


LISTEN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations
    .filter((each) => ["serious", "critical"].includes(each.impact))
    .map((each) => `${each.id}: ${each.nodes[0].html.slice(0, 120)}`);
}"""


def heard(page) -> list:
    """What axe finds wrong with a page, critical or serious; its context must bypass a policy."""
    if not AXE.exists():
        give_up(f"needs axe-core, which the build of the book installs: {AXE} is missing")
    page.add_script_tag(path=str(AXE))
    return page.evaluate(LISTEN)
