"""Warn when a chapter's stored outputs are older than its code.

A chapter is shown as it was executed last. `make book` executes what needs it first, a plain
`jupyter-book build book/` does not. To silence it: suppress_warnings: [chapter.stale].
"""

from __future__ import annotations

from pathlib import Path

import tools_on_path  # noqa: F401
from sphinx.util import logging

logger = logging.getLogger(__name__)


def is_stale(notebook: Path) -> bool:
    """Whether a notebook has a percent script beside it whose outputs it does not hold.

    Parameters
    ----------
    notebook : Path
        A document of the book.

    Returns
    -------
    bool
        False for whatever is no pair of script and notebook.
    """
    source = notebook.with_suffix(".py")
    if notebook.suffix != ".ipynb" or not source.exists():
        return False
    from execute_notebooks import is_current

    return not is_current(source)


def warn(app, env, docnames):
    """Name every stale chapter, in each build, whether or not the page is read again."""
    for name in sorted(env.found_docs):
        if is_stale(Path(env.doc2path(name))):
            logger.warning(
                "the outputs of this chapter are older than its code or the library; to execute "
                "it: python tools/execute_notebooks.py %s",
                Path(name).name,
                type="chapter",
                subtype="stale",
                location=name,
            )


def setup(app):
    """Called by Sphinx."""
    app.connect("env-before-read-docs", warn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
