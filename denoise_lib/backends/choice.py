"""Which back end and which tile are fastest for an image: by rule, or measured once and kept."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from denoise_lib.backends import onnx_runtime
from denoise_lib.checks import UserError, unknown
from denoise_lib.device import has_fast_bf16, processor
from denoise_lib.files import cache_folder, replacing
from denoise_lib.prepared import device_of, prepare

BACKENDS = ("auto", "torch", "onnxruntime")
# Side of a tile with its margins, where nothing was measured. Smaller ones stay in the processor's
# cache; of larger ones less is margin.
TILE = 256
TILES = (512, TILE)
# From so many pixels on, a native-size radiograph, a measurement costs less than it saves.
MEASURED_FROM = 2048**2
ROUNDS = 2  # the first call of each shape prepares something


@dataclass(frozen=True)
class Choice:
    """How to compute a network.

    Attributes
    ----------
    backend : str
        "torch" or "onnxruntime".
    tile : int or None
        Side of a tile in pixels, margins included; None for the whole image.
    why : str
        In words.
    """

    backend: str
    tile: int | None
    why: str


def choose(
    model: nn.Module | Callable,
    size: Sequence[int],
    precision: str = "auto",
    backend: str = "auto",
    tile: int | str | None = "auto",
) -> Choice:
    """Decide what computes a network fastest.

    PyTorch where a precision or a tile is asked for. Else what a measurement found, which is made
    when the image is large, and kept for this processor, number of threads, network and versions.
    It may turn out otherwise on another day. Results differ by rounding, of bfloat16 where PyTorch
    computes in it.

    Parameters
    ----------
    model : torch.nn.Module or callable
        A network.
    size : sequence of int
        (H, W), or (N, 1, H, W): for many images of one size, all of them.
    precision : str
        As for `denoise`.
    backend : str
        One of `BACKENDS`: only the tile is chosen for any but "auto".
    tile : int, "auto" or None
        As for `denoise`.

    Returns
    -------
    Choice

    Raises
    ------
    ValueError
        When the back end is unknown, or ONNX Runtime is to compute in bfloat16.
    """
    if backend not in BACKENDS:
        raise unknown("back end", backend, BACKENDS)
    if backend == "onnxruntime" and precision == "bf16":
        raise UserError("ONNX Runtime computes in float32: choose precision='fp32' or 'auto'.")
    given = functools.partial(Choice, "torch" if backend == "auto" else backend)
    if tile != "auto":
        return given(cast(int | None, tile), "the tile was asked for")
    if precision != "auto":
        return given(TILE, f"{precision} was asked for")
    if device_of(model).type != "cpu" or not hasattr(model, "receptive_radius"):
        return given(TILE, "only networks on the processor are measured")
    if max(size[-2:]) <= TILE:
        return given(TILE, "the image is one tile")
    network = cast(nn.Module, model)
    names = _candidates(network) if backend == "auto" else [backend]
    about = _about(network, names)
    found = _kept(about)
    if found is None and math.prod(size) < MEASURED_FROM:
        return given(TILE, "the image is too small for a measurement")
    if found is None:
        found = _measure(network, names)
        _keep(about, found)
    name, tile = min(found, key=lambda each: found[each])
    listed = ", ".join(f"{n} in tiles of {t}: {v:.3g}" for (n, t), v in found.items())
    return Choice(name, tile, f"measured, microseconds for a pixel: {listed}")


def _candidates(model: nn.Module) -> list[str]:
    """The back ends that may be fastest."""
    return ["torch", "onnxruntime"] if onnx_runtime.possible(model) else ["torch"]


def uses_bf16(model: nn.Module | Callable, precision: str) -> bool:
    """Whether PyTorch computes a network in bfloat16.

    Parameters
    ----------
    model : torch.nn.Module or callable
        A network.
    precision : str
        "fp32", "bf16" or "auto".

    Returns
    -------
    bool
    """
    suited = getattr(model, "suits_bf16", True) and has_fast_bf16(device_of(model))
    return precision == "bf16" or (precision == "auto" and suited)


def prepared_by(backend: str, model: nn.Module | Callable, precision: str = "auto") -> Callable:
    """A network, ready to denoise.

    Parameters
    ----------
    backend : str
        "torch" or "onnxruntime".
    model : torch.nn.Module or callable
        A network.
    precision : str
        As for `denoise`.

    Returns
    -------
    callable
        ``f(noisy, sigma=None) -> image``.
    """
    if backend == "onnxruntime":
        return onnx_runtime.in_onnx_runtime(model)
    return prepare(model, uses_bf16(model, precision))


def core(model: nn.Module, tile: int) -> tuple[int, int]:
    """What of a tile is the image's, and what is margin.

    Parameters
    ----------
    model : torch.nn.Module
        With a `receptive_radius` and an `alignment`.
    tile : int
        Side of the tile in pixels.

    Returns
    -------
    tuple of int
        Side of what a tile gives, and the margin around it. The margin takes at most half.
    """
    radius, alignment = cast(int, model.receptive_radius), cast(int, model.alignment)
    margin = -(-radius // alignment) * alignment
    return max(tile - 2 * margin, margin, alignment) // alignment * alignment, margin


Found = dict[tuple[str, int], float]


def _measure(model: nn.Module, names: Sequence[str]) -> Found:
    """Microseconds for a pixel: each back end in large tiles, then the faster one in small ones."""
    found: Found = {}
    for name in names:
        try:
            run = prepared_by(name, model)
        except Exception as error:
            if len(names) == 1:
                raise
            warnings.warn(f"PyTorch denoises, because {name} cannot: {error}", stacklevel=4)
            continue
        found[name, TILES[0]] = microseconds(run, model, TILES[0])
    faster = min(found, key=lambda each: found[each])[0]
    for tile in TILES[1:]:
        found[faster, tile] = microseconds(prepared_by(faster, model), model, tile)
    return found


def microseconds(run: Callable, model: nn.Module, tile: int) -> float:
    """Time that a network takes for each pixel that a tile gives.

    Parameters
    ----------
    run : callable
        The network, made ready by a back end.
    model : torch.nn.Module
        The network.
    tile : int
        Side of the tile in pixels, margins included.

    Returns
    -------
    float
    """
    side, margin = core(model, tile)
    noisy = torch.rand(1, 1, side + 2 * margin, side + 2 * margin)
    seconds = []
    with torch.inference_mode():
        for _ in range(ROUNDS):
            start = time.perf_counter()
            run(noisy)
            seconds.append(time.perf_counter() - start)
    return 1e6 * min(seconds) / side**2


def _about(model: nn.Module, names: Sequence[str]) -> dict[str, Any]:
    """All that a measurement depends on."""
    return {
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "limit": os.environ.get("ONEDNN_MAX_CPU_ISA", ""),
        "versions": {p: _version(p) for p in ("denoise_lib", "torch", "onnxruntime")},
        "network": type(model).__name__,
        "weights": sum(parameter.numel() for parameter in model.parameters()),
        "bf16": uses_bf16(model, "auto"),
        "backends": list(names),
    }


@functools.cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _file(about: dict[str, Any]) -> Path:
    name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / "measured" / f"{name}.json"


def _kept(about: dict[str, Any]) -> Found | None:
    """An earlier measurement; None where there is none, or it cannot be read."""
    try:
        rows = json.loads(_file(about).read_text("utf-8"))["microseconds"]
        return {(str(name), int(tile)): float(value) for name, tile, value in rows} or None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(about: dict[str, Any], found: Found) -> None:
    rows = [[name, tile, value] for (name, tile), value in found.items()]
    try:
        with replacing(_file(about)) as temporary:
            temporary.write_text(json.dumps({**about, "microseconds": rows}, indent=2), "utf-8")
    except OSError:
        pass  # a cache that cannot be written: the next process measures again
