"""Side studies: small tables of other measurements than scores, one module each in `side/`.

A side study is a function from the columns of a row's key to the other columns, declared with the
values that these keys take:

    @side_study("Is a nodule easier to detect?", method=compared, sigma=(15, 25, 50))
    def detection(method, sigma) -> dict: ...
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import json
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, TypeVar

from denoise_lib.checks import unknown
from denoise_lib.identity import code_hash
from denoise_lib.methods.classical import Classical, tuning_for
from denoise_lib.methods.registry import Network, methods
from denoise_lib.methods.registry import get as get_method
from denoise_lib.needs import NOTHING, Needs
from denoise_lib.study.store import Table, side_table

Keys = Callable[[], Iterable[Mapping[str, Any]]]
Measure = TypeVar("Measure", bound=Callable[..., dict[str, Any]])


@dataclass(frozen=True)
class SideStudy:
    """A declared side study.

    Attributes
    ----------
    name : str
        Of its function and its table.
    question : str
        What it answers.
    measure : callable
        ``measure(**key) -> dict``, the other columns of a row.
    keys : callable
        ``keys() -> iterable of dict``, in the order of the table.
    code : tuple of module
        Besides its own module, what makes its numbers.
    in_study : bool
        Whether `make study` measures it; the others belong to a chapter.
    repeatable : bool
        Whether a row takes less than a minute and comes out the same on another machine:
        nothing is trained or timed. `denoise study check` measures some of its rows again.
    trains : tuple of str
        Networks that it trains, by the recipes of their chapters.
    needs : Needs
        What has to be there besides the library and the method that a key names.
    identity : callable, optional
        ``identity(key) -> plain values`` that change when a row's numbers do; by default the code
        of its module, and all that is named above.
    growing : bool
        Whether its table may lack rows: they take hours each, and are kept as they come.
    tuned_for : str
        The data set whose images the classical methods are tuned for.
    """

    name: str
    question: str
    measure: Callable[..., dict[str, Any]]
    keys: Keys
    code: tuple[ModuleType, ...] = ()
    in_study: bool = False
    repeatable: bool = False
    trains: tuple[str, ...] = ()
    needs: Needs = NOTHING
    identity: Callable[[Mapping[str, Any]], Any] | None = None
    growing: bool = False
    tuned_for: str = "chest-drr"

    @cached_property
    def table(self) -> Table:
        """Its table, whose key are all columns that occur in its keys."""
        columns = dict.fromkeys(itertools.chain.from_iterable(self.keys()))
        return side_table(self.name, tuple(columns))

    def stamped(self) -> list[dict[str, Any]]:
        """Its keys, each with the fingerprint of the code and of the method that it names."""
        own = importlib.import_module(self.measure.__module__)
        shared = importlib.import_module("denoise_lib.study.side.shared")
        made_by = [code_hash(own, shared, *self.code)]
        for name in self.trains:
            network = get_method(name, Network)
            made_by += [network.identity(), network.small, asdict(network.recipe("quick"))]
        known = methods()

        def fingerprint(key: Mapping[str, Any]) -> str:
            if self.identity is not None:
                return _digest(self.identity(key))
            method = known.get(key.get("method", ""))
            if method is None or method.name in self.trains:
                return _digest([made_by, None])
            classical = isinstance(method, Classical) and method.grid
            tuning = [tuning_for(self.tuned_for)] if classical else []
            return _digest([made_by, method.identity(*tuning)])

        return [{**key, "fingerprint": fingerprint(key)} for key in self.keys()]

    def can_measure(self, key: Mapping[str, Any], download: bool = False) -> bool:
        """Whether this machine has what a row needs.

        Parameters
        ----------
        key : mapping
            Of the row.
        download : bool
            What can be downloaded counts as there.

        Returns
        -------
        bool
        """
        method = methods().get(key.get("method", ""))
        return self.needs.met(download) and (method is None or method.needs.met(download))


def _digest(values: Any) -> str:
    text = json.dumps(values, sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


_STUDIES: dict[str, SideStudy] = {}


def side_study(
    question: str,
    keys: Keys | None = None,
    code: tuple[ModuleType, ...] = (),
    in_study: bool = False,
    repeatable: bool = False,
    trains: tuple[str, ...] = (),
    needs: Needs = NOTHING,
    identity: Callable[[Mapping[str, Any]], Any] | None = None,
    growing: bool = False,
    tuned_for: str = "chest-drr",
    **axes: Iterable[Any] | Callable[[], Iterable[Any]],
) -> Callable[[Measure], Measure]:
    """Declare the function below as a side study; see `SideStudy`.

    Parameters
    ----------
    question : str
        What it answers.
    keys : callable, optional
        Where the keys are no grid.
    code : tuple of module
        Besides its own module, what makes its numbers.
    in_study : bool
        Whether `make study` measures it.
    repeatable : bool
        Whether its rows come out the same on another machine.
    trains : tuple of str
        Networks that it trains, by the recipes of their chapters.
    needs : Needs
        What has to be there besides the library and the method that a key names.
    identity : callable, optional
        What a row's numbers depend on, where it is not the whole module.
    growing : bool
        Whether its table may lack rows.
    tuned_for : str
        The data set whose images the classical methods are tuned for.
    **axes
        The values of each column of the key, all combined with all; a sequence, or a function
        that returns one.

    Returns
    -------
    callable
        A decorator that leaves the function as it is.
    """

    def grid() -> Iterator[dict[str, Any]]:
        values = [each() if callable(each) else each for each in axes.values()]
        for combination in itertools.product(*values):
            yield dict(zip(axes, combination, strict=True))

    def declare(measure: Measure) -> Measure:
        name = measure.__name__
        if name in _STUDIES:
            raise ValueError(f"There is a side study {name!r} already: give it another name.")
        _STUDIES[name] = SideStudy(
            name,
            question,
            measure,
            keys or grid,
            code,
            in_study,
            repeatable,
            trains,
            needs,
            identity,
            growing,
            tuned_for,
        )
        return measure

    return declare


def side_studies() -> dict[str, SideStudy]:
    """All side studies by name."""
    package = importlib.import_module("denoise_lib.study.side")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(_STUDIES)


def get(name: str) -> SideStudy:
    """The declaration of a side study.

    Parameters
    ----------
    name : str
        Of its function.

    Returns
    -------
    SideStudy

    Raises
    ------
    ValueError
        When there is none of this name; the message lists all.
    """
    known = side_studies()
    if name not in known:
        raise unknown("side study", name, known)
    return known[name]


@contextmanager
def temporarily() -> Iterator[None]:
    """Forget at the end what is declared meanwhile: for tests."""
    side_studies()
    before = dict(_STUDIES)
    try:
        yield
    finally:
        _STUDIES.clear()
        _STUDIES.update(before)
