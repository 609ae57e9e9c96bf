"""Which code computes something: a hash that text and layout do not change."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from types import ModuleType


def code_hash(*things: Callable | type | ModuleType) -> str:
    """Hash the syntax trees of functions, classes or modules.

    Comments, docstrings, layout, imports, annotations and decorators are left out: a declaration
    above a class says how it is shown, not what it computes.

    Parameters
    ----------
    *things : function, class or module
        Written in Python.

    Returns
    -------
    str
        Ten hexadecimal digits.
    """
    sources = [textwrap.dedent(inspect.getsource(thing)) for thing in things]
    return source_hash(*sources)


def source_hash(*sources: str, decorators: bool = False) -> str:
    """`code_hash` of source code.

    Parameters
    ----------
    *sources : str
        Python.
    decorators : bool
        Count them too: what is declared above a class shows in figures and lists.

    Returns
    -------
    str
        Ten hexadecimal digits.
    """
    digest = hashlib.sha256()
    for source in sources:
        digest.update(repr(_plain(ast.parse(source), decorators)).encode())
    return digest.hexdigest()[:10]


# Fields of the syntax tree that do not compute: declarations, annotations, how a string was quoted.
_SILENT = ("decorator_list", "annotation", "returns", "type_params", "kind", "type_comment")


def _plain(node: object, decorators: bool = False) -> object:
    """Nested tuples of what computes; the same from one version of Python to the next, which
    `ast.dump` is not."""
    if isinstance(node, list):
        return [_plain(each, decorators) for each in node if not _is_text(each)]
    if not isinstance(node, ast.AST):
        return node
    kept = [
        (name, _plain(value, decorators))
        for name, value in ast.iter_fields(node)
        if (name not in _SILENT or (decorators and name == "decorator_list"))
        and value not in (None, [])
    ]
    return type(node).__name__, kept


def _is_text(node: object) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, ast.Import | ast.ImportFrom)
