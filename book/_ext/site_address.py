"""Tell Sphinx where the site will stand, as soon as the repository's address is known.

Canonical links, the list for search engines and the cards' pictures need it; without it none is
written.
"""

from __future__ import annotations

import tools_on_path  # noqa: F401
from set_repository import ROOT, address, is_known, site


def set_base(app, config):
    """Leave an address that the configuration has."""
    url = address(ROOT)
    if not config.html_baseurl and is_known(url):
        config.html_baseurl = f"{site(url)}/"


def setup(app):
    """Called by Sphinx."""
    app.connect("config-inited", set_base)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
