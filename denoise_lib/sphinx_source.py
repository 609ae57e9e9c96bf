"""A Sphinx role for the book's ledgers: a link to the lines that define something.

{source}`models.dncnn.DnCNN.forward` in a page becomes a link to those lines in the repository.
A name that does not exist is an error of the build, so that the ledgers cannot go stale.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

from docutils import nodes

_ROOT = Path(__file__).resolve().parent.parent


def source_lines(name: str) -> tuple[str, int, int]:
    """File below the repository's top, first and last line of something in `denoise_lib`.

    Parameters
    ----------
    name : str
        Dotted, without the package: "models.dncnn.DnCNN.forward".

    Returns
    -------
    tuple of str, int, int

    Raises
    ------
    ImportError, AttributeError
        When there is no such thing.
    """
    parts = name.split(".")
    target = importlib.import_module("denoise_lib")
    for depth, part in enumerate(parts):
        try:
            target = importlib.import_module(".".join(["denoise_lib", *parts[: depth + 1]]))
        except ModuleNotFoundError:
            target = getattr(target, part)
    lines, first = inspect.getsourcelines(target)
    path = Path(inspect.getsourcefile(target)).resolve().relative_to(_ROOT)
    return path.as_posix(), max(first, 1), max(first, 1) + len(lines) - 1


def _source_role(name, rawtext, text, lineno, inliner, options=None, content=None):
    theme = inliner.document.settings.env.config.html_theme_options
    try:
        path, first, last = source_lines(text)
    except (ImportError, AttributeError) as error:
        message = inliner.reporter.error(f"{rawtext} names nothing in denoise_lib: {error}")
        return [nodes.problematic(rawtext, rawtext)], [message]
    address = theme["repository_url"].rstrip("/")
    branch = theme.get("repository_branch") or "main"
    url = f"{address}/blob/{branch}/{path}#L{first}-L{last}"
    short = ".".join(text.split(".")[-2:])
    return [nodes.reference(rawtext, "", nodes.literal(text=short), refuri=url)], []


def setup(app):
    """Called by Sphinx."""
    app.add_role("source", _source_role)
    return {"parallel_read_safe": True}
