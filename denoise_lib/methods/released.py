"""Trained networks with their cards: `load_trained(name)`.

A network is a folder as `huggingface_hub` lays it out: `model.safetensors` and `config.json`. The
latter is the card: architecture, data, noise, recipe, commit, machine, hours, measured quality,
and the command that trains it again. The released ones are in the package, each with the plan of
its training, `plan.toml`, whose table [study] says that the comparison shows it.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from denoise_lib.checks import UserError
from denoise_lib.files import expanded, file_hash, replacing
from denoise_lib.methods.registry import Look, Method, Network, get, register, registered
from denoise_lib.methods.stored import (
    CARD,
    WEIGHTS,
    check_finite,
    check_fits,
    make,
    read_card,
    read_weights,
)

RELEASED = Path(__file__).parent / "weights"
PLAN = "plan.toml"


@dataclass(frozen=True, kw_only=True)
class Released(Method):
    """A trained network in the package.

    Attributes
    ----------
    network : Network
        What was trained.
    """

    network: Network

    @property
    def year(self) -> int:
        """Of the network's paper."""
        return self.network.year

    def load(self) -> nn.Module:
        """See `load_trained`."""
        return load_trained(self.name)

    def identity(self) -> dict[str, Any]:
        """Its weights, and the code of its network."""
        return {"weights": load_card(self.name)["sha256"], **self.network.identity()}


def declare() -> None:
    """Register the networks in the package; called when all of their papers' are known."""
    for name in available():
        if name in registered():  # after an error, discovery starts again
            continue
        network = get(load_card(name)["model"], Network)
        study = tomllib.loads((RELEASED / name / PLAN).read_text("utf-8")).get("study")
        label, marker = (study[key] for key in ("label", "marker")) if study else (name, "o")
        register(
            Released(
                name=name,
                look=Look(label, network.look.colour, marker),
                paper=network.paper,
                network=network,
                in_study=study is not None,
            )
        )


def available() -> list[str]:
    """Names of the networks in the package."""
    return sorted(path.parent.name for path in RELEASED.glob(f"*/{CARD}"))


def load_card(source: str | Path) -> dict:
    """What is known about a trained network.

    Parameters
    ----------
    source : str or pathlib.Path
        One of `available()`, or a folder.

    Returns
    -------
    dict
        The content of its `config.json`.

    Raises
    ------
    FileNotFoundError
        When there is no such network; the message lists the released ones.
    """
    return read_card(_find(source))


def load_trained(source: str | Path) -> nn.Module:
    """A trained network, from the package or from a folder.

    Parameters
    ----------
    source : str or pathlib.Path
        One of `available()`, or the path of a folder that `save_trained` or `denoise train` wrote;
        see `is_path`.

    Returns
    -------
    torch.nn.Module
        float32, on the CPU, in evaluation mode.

    Raises
    ------
    FileNotFoundError
        When there is no such network; the message lists the released ones.
    ValueError
        When the weights are not those the card was written for, its architecture is another
        than theirs, or either is damaged.
    """
    folder = _find(source)
    card = read_card(folder)
    weights = read_weights(folder, card["sha256"])
    return make(card["model"], card["config"], weights, str(folder / CARD))


def save_trained(
    model: nn.Module, folder: str | Path, architecture: str, config: dict | None = None, **card
) -> Path:
    """Write a trained network and its card.

    Kernels and matrices are stored as float16 where that has room for their values, everything
    else (biases, batch norm) as float32.

    Parameters
    ----------
    model : torch.nn.Module
        Its weights are written.
    folder : str or pathlib.Path
        Made if it is missing.
    architecture : str
        Name of a network.
    config : dict, optional
        Its arguments.
    **card
        What else there is to know: data, noise, recipe, commit, machine, hours, results.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    ValueError
        When a weight is NaN or infinite, the architecture is unknown or another, an entry would
        replace one of the card's own, or the folder cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: name a folder for the network.")
    if taken := {"sha256", "parameters"} & card.keys():
        raise UserError(f"The card has a {min(taken)} of its own: give the entry another name.")
    state = {
        key: value.contiguous().cpu()
        for key, value in model.state_dict().items()
        if value.is_floating_point()
    }
    check_finite(state, "The network")
    check_fits(architecture, config or {}, state, "The card")
    try:
        _write(state, folder, architecture, config or {}, count_parameters(model), card)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror or error}): name another folder."
        ) from error
    return folder


def _write(
    state: dict[str, torch.Tensor],
    folder: Path,
    architecture: str,
    config: dict,
    parameters: int,
    card: dict,
) -> None:
    from safetensors.torch import save_file

    with replacing(folder / WEIGHTS) as temporary:
        # The library's own writer has errors of its own kind, without the system's reason.
        temporary.touch()
        save_file({key: _smaller(value) for key, value in state.items()}, temporary)
    content = {
        "model": architecture,
        "config": config,
        "parameters": parameters,
        "sha256": file_hash(folder / WEIGHTS),
        **card,
    }
    _write_card(folder / CARD, content)


def _smaller(value: torch.Tensor) -> torch.Tensor:
    """A kernel or matrix as float16, unless that has no room for its values."""
    if value.ndim < 2 or (value.abs() > torch.finfo(torch.float16).max).any():
        return value
    return value.half()


def update_card(source: str | Path, **entries) -> None:
    """Add or replace entries of a card; the weights stay what they are.

    Parameters
    ----------
    source : str or pathlib.Path
        One of `available()`, or a folder.
    **entries
        By their key in the card.

    Raises
    ------
    FileNotFoundError
        When there is no such network; the message lists the released ones.
    """
    path = _find(source) / CARD
    _write_card(path, read_card(path.parent) | entries)


def count_parameters(model: nn.Module) -> int:
    """Number of trainable parameters.

    Parameters
    ----------
    model : torch.nn.Module
        Any network.

    Returns
    -------
    int
        Weights that a training changes.
    """
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _write_card(path: Path, content: dict) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def is_path(source: str | Path) -> bool:
    """Whether a trained network is asked for by its folder, not by its name.

    A folder is never taken for a network of the package, or the other way round, because of what
    happens to lie in the working directory.

    Parameters
    ----------
    source : str or pathlib.Path
        A name is one word; ``./mine``, ``runs/mine`` or a `Path` is a folder.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        When it is neither text nor a path.
    """
    if isinstance(source, Path):
        return True
    if not isinstance(source, str):
        raise UserError(f"{source!r} names no network: give a name in quotes, or a folder.")
    separators = [mark for mark in (os.sep, os.altsep) if mark]
    return source.startswith((".", "~")) or any(mark in source for mark in separators)


def _find(source: str | Path) -> Path:
    names = available()
    if not is_path(source):
        if source in names:
            return RELEASED / source
        raise FileNotFoundError(
            f"There is no trained network {str(source)[:60]!r}: name one of "
            f"{', '.join(names) or 'none'}, or a folder as a path, ./mine."
        )
    folder = expanded(source)
    for name in (CARD, WEIGHTS):
        if not _is_file(folder / name):
            raise FileNotFoundError(
                f"{str(folder)[:200]} has no {name}: name a folder that `denoise train` wrote, or "
                f"one of {', '.join(names) or 'none'}."
            )
    return folder


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or not to be entered
        return False
