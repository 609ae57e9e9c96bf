"""Trained networks with their cards: `load_pretrained(name)`.

A network is a folder as `huggingface_hub` lays it out: `model.safetensors` and `config.json`. The
latter is the card: architecture, data, noise, recipe, commit, machine, hours, measured quality,
and the command that trains it again. The released ones are in the package.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import nn

from denoise_lib import models

RELEASED = Path(__file__).parent / "weights"
WEIGHTS, CARD = "model.safetensors", "config.json"


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


def load_pretrained(source: str | Path) -> nn.Module:
    """A trained network, from the package or from a folder.

    Parameters
    ----------
    source : str or pathlib.Path
        One of `available()`, or a folder that `save_pretrained` or `denoise train` wrote.

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
    folder = _find(source)
    card = load_card(folder)
    path = folder / WEIGHTS
    if _sha256(path) != card["sha256"]:
        raise ValueError(f"{path} is not the file its card describes: copy or install it again.")
    weights = {name: tensor.float() for name, tensor in load_file(path).items()}
    model = models.create(card["model"], **card["config"])
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
        raise ValueError(
            f"{folder / CARD} says {card['model']} {card['config']}, but the weights are of "
            f"another architecture ({len(wrong)} tensors differ, {min(wrong)} among them): "
            "use the card that came with them."
        )
    model.load_state_dict(weights, strict=False)
    return model.eval()


def save_pretrained(
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
        A name that `models.create` knows.
    config : dict, optional
        Its arguments.
    **card
        What else there is to know: data, noise, recipe, commit, machine, hours, results.

    Returns
    -------
    pathlib.Path
        The folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        key: (value.half() if value.ndim > 1 else value).contiguous().cpu()
        for key, value in model.state_dict().items()
        if value.is_floating_point()
    }
    save_file(weights, folder / WEIGHTS)
    content = {
        "model": architecture,
        "config": config or {},
        "parameters": models.count_parameters(model),
        "sha256": _sha256(folder / WEIGHTS),
        **card,
    }
    (folder / CARD).write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    return folder


def update_card(source: str | Path, **entries) -> None:
    """Add or replace entries of a card; the weights stay what they are."""
    path = _find(source) / CARD
    content = json.loads(path.read_text("utf-8")) | entries
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


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
