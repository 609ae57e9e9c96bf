"""A Sphinx role for the book's ledgers: a link to the lines that define something.

{source}`models.dncnn.DnCNN.forward` in a page becomes a link to those lines of denoise_lib in the
repository, {source}`tests.test_models.test_parameter_counts` to those of a test. A name that does
not exist is an error of the build, so that the ledgers cannot go stale.
"""

from __future__ import annotations

import ast
from pathlib import Path

from docutils import nodes
from repository_links import SCHEME

ROOT = Path(__file__).resolve().parents[2]


def source_lines(name: str) -> tuple[str, int, int]:
    """Find the definition of something by reading the code, without importing it.

    Parameters
    ----------
    name : str
        Dotted: below `denoise_lib` ("models.dncnn.DnCNN.forward"), or else below the repository
        ("tests.test_models.test_parameter_counts").

    Returns
    -------
    tuple of str, int, int
        File below the repository's top, first and last line.

    Raises
    ------
    LookupError
        When there is no such thing.
    """
    for folder in (ROOT / "denoise_lib", ROOT):
        parts = name.split(".")
        for depth in range(len(parts), 0, -1):
            place = folder.joinpath(*parts[:depth])
            for path in (place.with_suffix(".py"), place / "__init__.py"):
                if path.is_file():
                    first, last = _definition(path, parts[depth:], name)
                    return path.relative_to(ROOT).as_posix(), first, last
    raise LookupError(f"there is no module for {name}")


def _definition(path: Path, parts: list[str], name: str) -> tuple[int, int]:
    text = path.read_text("utf-8")
    node: ast.AST = ast.parse(text)
    if not parts:
        return 1, len(text.splitlines())
    for part in parts:
        found = [child for child in getattr(node, "body", []) if part in _names(child)]
        if not found:
            raise LookupError(f"{path.name} does not define {name}")
        node = found[-1]
    decorators = [decorator.lineno for decorator in getattr(node, "decorator_list", [])]
    return min([node.lineno, *decorators]), node.end_lineno


def _names(node: ast.stmt) -> list[str]:
    """What a statement defines: a function, a class or variables."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _source_role(name, rawtext, text, lineno, inliner, options=None, content=None):
    try:
        path, first, last = source_lines(text)
    except LookupError as error:
        message = inliner.reporter.error(f"{rawtext} names nothing here: {error}")
        return [nodes.problematic(rawtext, rawtext)], [message]
    target = f"{SCHEME}{path}#L{first}-L{last}"
    short = "tested" if path.startswith("tests/") else ".".join(text.split(".")[-2:])
    return [nodes.reference(rawtext, "", nodes.literal(text=short), refuri=target)], []


def setup(app):
    """Called by Sphinx."""
    app.add_role("source", _source_role)
    return {"parallel_read_safe": True}
