"""Where the site will stand: GitHub Pages of the repository that pyproject.toml names.

While the name of its owner is the placeholder, nobody knows the address, and nothing that needs it
is written.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = "OWNER"


def repository() -> str:
    """The repository's address.

    Returns
    -------
    str
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project["urls"]["Repository"]


def pages_address(repository: str) -> str:
    """Where GitHub Pages shows the site of a repository.

    Parameters
    ----------
    repository : str
        Its address.

    Returns
    -------
    str
        With a slash at the end; empty where the owner is not known, or the host is another.
    """
    match = re.fullmatch(r"https://github\.com/([^/]+)/([^/]+?)/?", repository)
    if not match or match[1] == PLACEHOLDER:
        return ""
    return f"https://{match[1].lower()}.github.io/{match[2]}/"


def set_base(app, config):
    """Tell Sphinx the address, unless the configuration has one: it writes the canonical links."""
    config.html_baseurl = config.html_baseurl or pages_address(repository())


def setup(app):
    """Called by Sphinx."""
    app.connect("config-inited", set_base)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
