"""The methods: classical ones, the papers' networks, and trained weights.

Every method is called as ``f(noisy, sigma=None)`` and returns the IMAGE; a residual network
subtracts inside. `create` makes a paper's network with fresh weights, `load` what is ready to
denoise; `registry` says how a method is declared.

A network's class says what `denoise_lib.inference` needs to work in tiles: `receptive_radius`, the
pixels that an output pixel sees on each side of it, and `alignment`, the grid on which an image
may be cut; `suits_bf16 = False` keeps it in float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from denoise_lib.checks import unknown
from denoise_lib.methods import registry, released
from denoise_lib.methods.registry import Denoiser, Method, Network, get
from denoise_lib.methods.released import count_parameters
from denoise_lib.recipe import Recipe

__all__ = [
    "Denoiser",
    "Method",
    "Network",
    "available",
    "configuration",
    "count_parameters",
    "create",
    "get",
    "load",
    "recipe",
]


def available() -> list[str]:
    """Names that `load` can make here, those whose packages are missing left out."""
    return [
        name
        for name, method in registry.methods().items()
        if not isinstance(method, Network) and method.needs.installed
    ]


def create(name: str, **config: Any) -> torch.nn.Module:
    """Make a network with freshly initialised weights.

    Parameters
    ----------
    name : str
        "vincent", "gondara", "dncnn", "dncnn-b", "liu" or "rdn".
    **config
        Arguments of its class; the defaults are the paper's.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ValueError
        When the name is not known; the message lists the known ones.
    """
    return get(name, Network).create(**config)


def load(source: str | Path) -> Denoiser:
    """A denoiser that needs no training.

    Parameters
    ----------
    source : str or pathlib.Path
        A classical method, a trained network of the package, the DnCNN authors' weights
        ("dncnn-authors", "dncnn-b-authors"), or the path of a folder that `denoise train` wrote:
        ``./mine``, ``runs/mine``.

    Returns
    -------
    callable
        ``f(noisy, sigma=None) -> image``; a network in evaluation mode, on the CPU.

    Raises
    ------
    ValueError
        When there is neither a method nor a folder of this name, or the network is untrained; the
        message lists what there is.
    ModuleNotFoundError, ConnectionError, FileNotFoundError
        When a package or published files that it needs cannot be had.
    """
    if released.is_path(source):
        return released.load_trained(source)
    name, methods = str(source), registry.methods()
    if name not in methods:
        raise unknown("method", name[:60], [*available(), "a folder as a path, ./mine"])
    return methods[name].load()


def recipe(name: str, preset: str = "quick") -> Recipe:
    """How the chapter of a network trains it.

    Parameters
    ----------
    name : str
        As for `create`.
    preset : str
        "smoke", "quick" or "full".

    Returns
    -------
    Recipe

    Raises
    ------
    ValueError
        When either name is not known; the message lists the known ones.
    """
    return get(name, Network).recipe(preset)


def configuration(name: str, preset: str = "quick") -> dict[str, Any]:
    """How `create` should make a network that is to be trained at a preset.

    Parameters
    ----------
    name : str
        As for `create`.
    preset : str
        "smoke", "quick" or "full".

    Returns
    -------
    dict
        Arguments for `create`; empty where the paper's own configuration is used.

    Raises
    ------
    ValueError
        When either name is not known; the message lists the known ones.
    """
    return get(name, Network).configuration(preset)
