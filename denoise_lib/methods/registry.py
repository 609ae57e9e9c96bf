"""Every method is declared once, beside its code; everything else asks here.

`@network` stands above the class of a paper's network, `@classical` above the function of a
classical method. A trained network is declared by its folder in `weights/`, the DnCNN authors' own
in `authors`. From the declarations follow what can be made by name, the command's lists, colours
and names in figures, what the study measures and tunes, and what the tests try.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from denoise_lib.checks import UserError, unknown
from denoise_lib.identity import code_hash
from denoise_lib.methods.arguments import checked_arguments
from denoise_lib.needs import NOTHING, Needs
from denoise_lib.recipe import PRESETS, Recipe

Denoiser = Callable[..., torch.Tensor]
Architecture = TypeVar("Architecture", bound=type[torch.nn.Module])


@dataclass(frozen=True)
class Look:
    """How readers see a method: its name in figures and tables, its colour and its marker.

    Okabe and Ito's colours and two greys; methods that share a hue differ in marker.
    """

    label: str
    colour: str = "#666666"
    marker: str = "o"


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """What is known of any method.

    Attributes
    ----------
    name : str
        By which it is asked for.
    look : Look
        How it is shown.
    paper : str
        Key in `book/references.bib`; empty where the book cites none.
    told_sigma : bool
        Whether it uses the noise level that it is told.
    needs : Needs
        What has to be there besides the library.
    in_study : bool
        Whether the comparison measures it.
    """

    name: str
    look: Look
    paper: str = ""
    told_sigma: bool = False
    needs: Needs = NOTHING
    in_study: bool = True

    @abstractmethod
    def load(self) -> Denoiser:
        """The method, ready to denoise: ``f(noisy, sigma=None) -> image``."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Plain values that change when what the method computes does."""


Kind = TypeVar("Kind", bound=Method)


@dataclass(frozen=True, kw_only=True)
class Network(Method):
    """A paper's network, untrained.

    Attributes
    ----------
    architecture : callable
        The class.
    config : mapping
        Its arguments where they are not the defaults.
    year : int
        Of the paper: the order in which readers meet the networks.
    parameters : int
        Trainable weights of the paper's configuration.
    tiny : mapping
        Arguments that make it small enough for a test.
    recipes : mapping
        How a chapter trains it at each preset.
    small : mapping
        Arguments at the presets below "full", where the paper's network is beyond a minute.
    layer_recipes : mapping
        How each layer of its `stack` is trained before the whole, at each preset; empty for most.
    """

    architecture: type[torch.nn.Module]
    config: Mapping[str, Any] = field(default_factory=dict)
    year: int
    parameters: int
    tiny: Mapping[str, Any] = field(default_factory=dict)
    recipes: Mapping[str, Recipe]
    small: Mapping[str, Any] = field(default_factory=dict)
    layer_recipes: Mapping[str, Recipe] = field(default_factory=dict)

    def create(self, **config: Any) -> torch.nn.Module:
        """Make the network with fresh weights.

        Parameters
        ----------
        **config
            Arguments of the class; by default the paper's.

        Returns
        -------
        torch.nn.Module

        Raises
        ------
        ValueError
            When an argument is unknown or of the wrong kind, a number out of its range, or the
            network too large: a sentence, before any memory is taken.
        """
        arguments = checked_arguments(self.name, self.architecture, {**self.config, **config})
        return self.architecture(**arguments)

    def recipe(self, preset: str) -> Recipe:
        """How it is trained at a preset.

        Parameters
        ----------
        preset : str
            "smoke", "quick" or "full".

        Returns
        -------
        Recipe

        Raises
        ------
        ValueError
            When the preset is not known; the message lists the known ones.
        """
        check_preset(preset)
        return self.recipes[preset]

    def configuration(self, preset: str) -> dict[str, Any]:
        """Arguments for `create` at a preset.

        Parameters
        ----------
        preset : str
            "smoke", "quick" or "full".

        Returns
        -------
        dict
            Empty where it is the paper's network.

        Raises
        ------
        ValueError
            When the preset is not known; the message lists the known ones.
        """
        check_preset(preset)
        return {} if preset == "full" else dict(self.small)

    def load(self) -> Denoiser:
        """Refused with a UserError: it has to be trained first."""
        raise UserError(
            f"{self.name!r} is an untrained network: make it with methods.create, or load a "
            "trained one."
        )

    def identity(self) -> dict[str, Any]:
        """The code of the module that has its class, and its arguments.

        How it is trained is added by whoever trains it.

        Returns
        -------
        dict
            Plain values; see `Method.identity`.
        """
        module = importlib.import_module(self.architecture.__module__)
        return {"code": code_hash(module), "config": dict(self.config)}


_METHODS: dict[str, Method] = {}


def register(method: Method) -> None:
    """Add a method.

    Parameters
    ----------
    method : Method
        What `@network` or `@classical` declared, say.

    Raises
    ------
    ValueError
        When there is a method of this name.
    """
    if method.name in _METHODS:
        raise ValueError(f"There is a method {method.name!r} already: give the new one a name.")
    _METHODS[method.name] = method


def registered() -> frozenset[str]:
    """Names of the methods that are known so far."""
    return frozenset(_METHODS)


def network(
    name: str, label: str, colour: str, marker: str, **declared: Any
) -> Callable[[Architecture], Architecture]:
    """Declare the class below as a network; see `Network` for the keywords.

    Parameters
    ----------
    name, label, colour, marker : str
        See `Method` and `Look`.
    **declared
        The other attributes of `Network`.

    Returns
    -------
    callable
        A decorator that leaves the class as it is.
    """

    def declare(architecture: Architecture) -> Architecture:
        look = Look(label, colour, marker)
        register(Network(name=name, look=look, architecture=architecture, **declared))
        return architecture

    return declare


_discovered: list[str] = []


def discover() -> None:
    """Import every module of `denoise_lib.methods`, so that what they declare is known."""
    if _discovered:
        return
    package = importlib.import_module("denoise_lib.methods")
    _discovered.extend(module.name for module in pkgutil.iter_modules(package.__path__))
    try:
        for name in _discovered:
            importlib.import_module(f"{package.__name__}.{name}")
        # Last: a trained network looks like the untrained one that it was.
        importlib.import_module(f"{package.__name__}.released").declare()
    except BaseException:
        _discovered.clear()  # the next call meets the same error, not half of the methods
        raise


def methods(kind: type[Kind] = Method, in_study: bool | None = None) -> dict[str, Kind]:
    """All methods of a kind by name, in the order of the book.

    Parameters
    ----------
    kind : type
        `Classical`, `Network`, `Released`, `Authors`, or `Method` for all.
    in_study : bool, optional
        Only those that are, or are not, in the study.

    Returns
    -------
    dict of str to Method
    """
    discover()
    found = [
        method
        for method in _METHODS.values()
        if isinstance(method, kind) and in_study in (None, method.in_study)
    ]
    return {method.name: method for method in sorted(found, key=_order)}


def _order(method: Method) -> tuple[int, int]:
    kinds = ("Classical", "Network", "Released", "Authors")
    year = getattr(method, "year", 0)
    return kinds.index(type(method).__name__), year


def get(name: str, kind: type[Kind] = Method) -> Kind:
    """The declaration of a method.

    Parameters
    ----------
    name : str
        Its name.
    kind : type
        Which kind it must be of.

    Returns
    -------
    Method

    Raises
    ------
    ValueError
        When there is none; the message lists those there are.
    """
    known = methods(kind)
    if name not in known:
        what = "method" if kind is Method else kind.__name__.lower()
        raise unknown(what, name, known)
    return known[name]


def check_preset(preset: str) -> None:
    """Refuse an unknown preset.

    Parameters
    ----------
    preset : str
        "smoke", "quick" or "full".

    Raises
    ------
    ValueError
        When the preset is not known; the message lists the known ones.
    """
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)


@contextmanager
def temporarily() -> Iterator[None]:
    """Forget at the end what is declared meanwhile: for tests."""
    discover()
    before = dict(_METHODS)
    try:
        yield
    finally:
        _METHODS.clear()
        _METHODS.update(before)
