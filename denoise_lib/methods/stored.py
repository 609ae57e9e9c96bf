"""The folder of a trained network: a card and weights, which may be damaged, foreign or hostile.

Nothing is believed before it is checked: the hash of the weights first, then the card, and of what
the card asks for nothing is made that is larger than the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from denoise_lib.checks import UserError
from denoise_lib.files import file_hash
from denoise_lib.methods.registry import Network, get

WEIGHTS, CARD = "model.safetensors", "config.json"
LARGEST_CARD = 1_000_000  # bytes; a released one has 7,000
SMALL = 64  # an argument up to here costs nothing


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a folder.

    Parameters
    ----------
    folder : pathlib.Path
        That has one.

    Returns
    -------
    dict
        With at least `model`, `config` and `sha256`, of the right types.

    Raises
    ------
    ValueError
        When it is damaged.
    """
    path = folder / CARD
    advice = "use the card that came with the weights"
    if path.stat().st_size > LARGEST_CARD:
        raise UserError(f"{path} is no card, it has more than {LARGEST_CARD} bytes: {advice}.")
    try:
        card = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError):  # no JSON, no text, nested too deep
        raise UserError(f"{path} is not JSON, or damaged: {advice}.") from None
    expected = {"model": str, "config": dict, "sha256": str}
    card = card if isinstance(card, dict) else {}
    if lacking := [key for key, kind in expected.items() if not isinstance(card.get(key), kind)]:
        raise UserError(f"{path} has no {', '.join(lacking)} as a card has: {advice}.")
    return card


def read_weights(folder: Path, sha256: str) -> dict[str, torch.Tensor]:
    """The weights of a folder, float32.

    Parameters
    ----------
    folder : pathlib.Path
        That has them.
    sha256 : str
        What the file must hash to.

    Returns
    -------
    dict of str to torch.Tensor

    Raises
    ------
    ValueError
        When the file has another hash, is no safetensors file, or holds NaN or infinity.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / WEIGHTS
    if file_hash(path) != sha256:
        raise UserError(f"{path} is not the file its card describes: copy or install it again.")
    try:
        weights = {name: tensor.float() for name, tensor in load_file(path).items()}
    except SafetensorError:
        raise UserError(
            f"{path} is no safetensors file, or damaged: copy it again, or save the network with "
            "denoise_lib.methods.released.save_trained."
        ) from None
    check_finite(weights, str(path))
    return weights


def check_finite(weights: Mapping[str, torch.Tensor], where: str) -> None:
    """Refuse weights that are NaN or infinite.

    Parameters
    ----------
    weights : mapping of str to torch.Tensor
        By name.
    where : str
        How the error names them.

    Raises
    ------
    ValueError
        When one is; the message names the tensor.
    """
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise UserError(f"{where} has NaN or infinity in {name}: train the network again.")


def make(
    model: str, config: dict[str, Any], weights: Mapping[str, torch.Tensor], where: str
) -> nn.Module:
    """A network with these weights.

    Parameters
    ----------
    model : str
        Name of a network.
    config : dict
        Its arguments.
    weights : mapping of str to torch.Tensor
        By name, complete but for the counters of batch norm.
    where : str
        How errors name what asks for it.

    Returns
    -------
    torch.nn.Module
        In evaluation mode.

    Raises
    ------
    ValueError
        When there is no such network, or the weights are of another architecture.
    """
    check_fits(model, config, weights, where)
    network = get(model, Network).create(**config)
    network.load_state_dict(dict(weights), strict=False)
    return network.eval()


def check_fits(
    model: str, config: dict[str, Any], weights: Mapping[str, torch.Tensor], where: str
) -> None:
    """Refuse weights that are not of an architecture, and make nothing large to find out.

    Parameters
    ----------
    model : str
        Name of a network.
    config : dict
        Its arguments.
    weights : mapping of str to torch.Tensor
        By name.
    where : str
        How errors name what asks for it.

    Raises
    ------
    ValueError
        As `make`.
    """
    try:
        network = get(model, Network)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    _check_sizes(config, weights, where)
    try:
        with torch.device("meta"):  # shapes without memory
            expected = network.create(**config).state_dict()
    except Exception as error:  # whatever a constructor does with a foreign argument
        raise UserError(
            f"{where} says {model} {config}, which cannot be made ({error})."
        ) from error
    counters = {name for name in expected if name.endswith("num_batches_tracked")}
    wrong = [
        name
        for name in (expected.keys() | weights.keys()) - counters
        if name not in weights
        or name not in expected
        or weights[name].shape != expected[name].shape
    ]
    if wrong:
        raise UserError(
            f"{where} says {model} {config}, but the weights are of another architecture "
            f"({len(wrong)} tensors differ, {min(wrong)} among them): use the card that came with "
            "them."
        )


def _check_sizes(config: Any, weights: Mapping[str, torch.Tensor], where: str) -> None:
    """Refuse sizes that the weights do not have: to make a network of a million layers takes
    hours, even without memory."""
    longest = max((side for tensor in weights.values() for side in tensor.shape), default=0)
    limit = max(SMALL, len(weights), longest)
    for number in _numbers(config):
        if not abs(number) <= limit:  # NaN is not
            raise UserError(
                f"{where} asks for a size of {number:g}, but the weights have {len(weights)} "
                f"tensors and no side above {longest}: use the card that came with them."
            )


def _numbers(config: Any) -> list[float]:
    if isinstance(config, dict):
        config = list(config.values())
    if isinstance(config, (list, tuple)):
        return [number for each in config for number in _numbers(each)]
    return [config] if isinstance(config, (int, float)) else []
