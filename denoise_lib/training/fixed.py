"""What fixes a training, as plain values: a checkpoint holds it, and --resume compares it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch

MOST_NAMED = 3  # differences that an error names


def of_network(model: torch.nn.Module) -> dict[str, dict[str, Any]]:
    """The class, the settings and the weights' shapes of every part of a network.

    Parameters
    ----------
    model : torch.nn.Module
        Any.

    Returns
    -------
    dict of str to dict
        By the part's name; "network" is the whole.
    """
    return {
        f"network {name}".strip(): _part(module) for name, module in sorted(model.named_modules())
    }


def _part(module: torch.nn.Module) -> dict[str, Any]:
    settings = {
        name: value
        for name, value in sorted(vars(module).items())
        if not name.startswith("_") and name != "training" and _is_plain(value)
    }
    shapes = {name: tuple(value.shape) for name, value in module.named_parameters(recurse=False)}
    return {"class": type(module).__name__, **settings, **shapes}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def of_images(images: torch.Tensor, ids: Sequence[str] | None = None) -> dict[str, Any]:
    """The training images: how many there are, and hashes of their pixels and names.

    Parameters
    ----------
    images : torch.Tensor
        Shape (N, 1, H, W).
    ids : sequence of str, optional
        Their names.

    Returns
    -------
    dict
        `shape`, `pixels` and `ids`.
    """
    pixels = images.detach().cpu().contiguous().numpy()
    names = "\n".join(ids or []).encode("utf-8", "surrogateescape")
    return {"shape": list(images.shape), "pixels": _digest(pixels.data), "ids": _digest(names)}


def _digest(content: Any) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Name what differs between what fixes two trainings.

    Parameters
    ----------
    before, now : mapping
        Plain values, mappings of them included.

    Returns
    -------
    str
        "noise sigma was 25.0, is 50.0"; empty where nothing differs.
    """
    old, new = _flat(before), _flat(now)
    found = [
        f"{name} was {old.get(name, 'not there')}, is {new.get(name, 'not there')}"
        for name in [*new, *(name for name in old if name not in new)]
        if name not in old or name not in new or old[name] != new[name]
    ]
    more = len(found) - MOST_NAMED
    return ", ".join(found[:MOST_NAMED]) + (f", and {more} more" if more > 0 else "")


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name} ")
        else:  # a tuple is a list once it was stored as JSON
            found[prefix + name] = list(value) if isinstance(value, tuple) else value
    return found
