"""Read pages again when what they are computed from has changed.

Sphinx knows that a page has changed; it does not know that the page's cells read results/ and call
denoise_lib, nor that its {source} links hold line numbers, nor that every page is made by the
book's extensions. A page that is read again is executed again, chapters aside, which carry their
outputs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INPUTS = (ROOT / "denoise_lib", ROOT / "results", ROOT / "book" / "matplotlibrc")
MAKERS = (ROOT / "book" / "_ext",)
# Written by running code, not read by a page.
IGNORED = {".pyc", ".lock", ".part"}
DEPENDS = re.compile(r"\{code-cell\}|\{source\}`")


def digest(folders: Iterable[Path]) -> str:
    """Hash names and contents of all files, so that a mere touch changes nothing.

    Parameters
    ----------
    folders : iterable of Path

    Returns
    -------
    str
    """
    total = hashlib.sha256()
    for folder in folders:
        for path in [folder] if folder.is_file() else sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in IGNORED:
                name = path.relative_to(folder).as_posix()
                total.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return total.hexdigest()


def outdated(app, env, added, changed, removed):
    """Name the pages to read again; the digest is stored with Sphinx's own record of the build."""
    now, makers = digest(INPUTS), digest(MAKERS)
    before, makers_before = getattr(env, "inputs_digest", None), getattr(env, "makers_digest", None)
    # A build that an error stops does not store them, so that the next one reads the pages again.
    env.inputs_digest, env.makers_digest = now, makers
    if makers != makers_before:
        return list(env.found_docs)
    if now == before:
        return []
    return [
        name
        for name in env.found_docs
        if DEPENDS.search(Path(env.doc2path(name)).read_text("utf-8"))
    ]


def setup(app):
    """Called by Sphinx."""
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
