"""Trained networks with their cards: `load_trained(name)`.

A network is a folder as `huggingface_hub` lays it out: `model.safetensors` and `config.json`. The
latter is the card: architecture, data, noise, recipe, commit, machine, hours, measured quality,
and the command that trains it again. The released ones are in the package, each with the plan of
its training, `plan.toml`, whose table [study] says that the comparison shows it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from denoise_lib.checks import UserError
from denoise_lib.files import replacing
from denoise_lib.methods.registry import Look, Method, Network, get, register, registered

RELEASED = Path(__file__).parent / "weights"
WEIGHTS, CARD, PLAN = "model.safetensors", "config.json", "plan.toml"


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
    return json.loads((_find(source) / CARD).read_text("utf-8"))


def load_trained(source: str | Path) -> nn.Module:
    """A trained network, from the package or from a folder.

    Parameters
    ----------
    source : str or pathlib.Path
        One of `available()`, or a folder that `save_trained` or `denoise train` wrote.

    Returns
    -------
    torch.nn.Module
        float32, on the CPU, in evaluation mode.

    Raises
    ------
    FileNotFoundError
        When there is no such network; the message lists the released ones.
    ValueError
        When the weights are not those the card was written for, or its architecture is another
        than theirs.
    """
    from safetensors.torch import load_file

    folder = _find(source)
    card = load_card(folder)
    path = folder / WEIGHTS
    if _sha256(path) != card["sha256"]:
        raise UserError(f"{path} is not the file its card describes: copy or install it again.")
    weights = {name: tensor.float() for name, tensor in load_file(path).items()}
    model = get(card["model"], Network).create(**card["config"])
    expected = model.state_dict()
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
            f"{folder / CARD} says {card['model']} {card['config']}, but the weights are of "
            f"another architecture ({len(wrong)} tensors differ, {min(wrong)} among them): "
            "use the card that came with them."
        )
    model.load_state_dict(weights, strict=False)
    return model.eval()


def save_trained(
    model: nn.Module, folder: str | Path, architecture: str, config: dict | None = None, **card
) -> Path:
    """Write a trained network and its card.

    Kernels and matrices are stored as float16, everything else (biases, batch norm) as float32.

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
    """
    from safetensors.torch import save_file

    folder = Path(folder)
    weights = {
        key: (value.half() if value.ndim > 1 else value).contiguous().cpu()
        for key, value in model.state_dict().items()
        if value.is_floating_point()
    }
    with replacing(folder / WEIGHTS) as temporary:
        save_file(weights, temporary)
    content = {
        "model": architecture,
        "config": config or {},
        "parameters": count_parameters(model),
        "sha256": _sha256(folder / WEIGHTS),
        **card,
    }
    _write_card(folder / CARD, content)
    return folder


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
    _write_card(path, json.loads(path.read_text("utf-8")) | entries)


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


def _find(source: str | Path) -> Path:
    for folder in (Path(source), RELEASED / str(source)):
        if (folder / CARD).is_file() and (folder / WEIGHTS).is_file():
            return folder
    raise FileNotFoundError(
        f"There is no trained network {str(source)!r}: name a folder with {CARD} and {WEIGHTS}, "
        f"or one of {', '.join(available()) or 'none'}."
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
