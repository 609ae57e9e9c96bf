"""Every data set is declared once, above its loader: `@dataset`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from denoise_lib.checks import unknown
from denoise_lib.data.items import Dataset
from denoise_lib.needs import NOTHING, Needs


@dataclass(frozen=True)
class Source:
    """A declared data set.

    Attributes
    ----------
    name : str
        By which it is asked for.
    load : callable
        ``load(**options) -> Dataset``.
    needs : Needs
        What has to be there besides the library.
    place : int or None
        Its place among the data sets that the comparison measures on, 1 for the first; None where
        it is not one of them.
    """

    name: str
    load: Callable[..., Dataset]
    needs: Needs = NOTHING
    place: int | None = None


Loader = TypeVar("Loader", bound=Callable[..., Dataset])

_SOURCES: dict[str, Source] = {}


def dataset(
    name: str, needs: Needs = NOTHING, place: int | None = None
) -> Callable[[Loader], Loader]:
    """Declare the loader below; see `Source`.

    Parameters
    ----------
    name : str
        By which `load_dataset` knows it.
    needs : Needs
        What has to be there besides the library.
    place : int, optional
        Among the data sets of the comparison.

    Returns
    -------
    callable
        A decorator that leaves the loader as it is.
    """

    def declare(load: Loader) -> Loader:
        if name in _SOURCES:
            raise ValueError(f"There is a data set {name!r} already: give the new one a name.")
        _SOURCES[name] = Source(name, load, needs, place)
        return load

    return declare


def sources() -> dict[str, Source]:
    """All declared data sets by name."""
    package = importlib.import_module("denoise_lib.data")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(_SOURCES)


def get(name: str) -> Source:
    """The declaration of a data set.

    Parameters
    ----------
    name : str
        Of the data set.

    Returns
    -------
    Source

    Raises
    ------
    ValueError
        When there is none of this name; the message lists all.
    """
    known = sources()
    if name not in known:
        raise unknown("data set", name, [*known, "folder:PATH"])
    return known[name]


@contextmanager
def temporarily() -> Iterator[None]:
    """Forget at the end what is declared meanwhile: for tests."""
    sources()
    before = dict(_SOURCES)
    try:
        yield
    finally:
        _SOURCES.clear()
        _SOURCES.update(before)
