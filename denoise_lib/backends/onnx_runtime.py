"""A network computed by ONNX Runtime, which is faster than PyTorch on some processors.

The exported network is kept in the user's cache, because making it takes seconds.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import nn

from denoise_lib.checks import UserError, require
from denoise_lib.export import EXAMPLE, INPUT, OUTPUT, as_onnx
from denoise_lib.files import cache_folder, replacing
from denoise_lib.prepared import prepare

PACKAGES = ("onnxruntime", "onnx", "onnxscript")
# The largest difference from PyTorch, of pixels in [0, 1]. Rounding makes one of 1e-6.
TOLERANCE = 1e-4

_sessions: dict[tuple[str, int], Callable] = {}


def possible(model: nn.Module | Callable) -> bool:
    """Whether ONNX Runtime may compute a network.

    Parameters
    ----------
    model : torch.nn.Module or callable
        Anything that denoises.

    Returns
    -------
    bool
        True for the library's networks, where the packages of the extra `onnx` are installed. What
        a class of somebody else's does cannot be told from its weights.
    """
    return _is_ours(model) and all(importlib.util.find_spec(name) is not None for name in PACKAGES)


def _is_ours(model: nn.Module | Callable) -> TypeGuard[nn.Module]:
    ours = type(model).__module__.startswith("denoise_lib.methods.")
    return ours and isinstance(model, nn.Module) and hasattr(model, "receptive_radius")


def in_onnx_runtime(model: nn.Module | Callable) -> Callable:
    """A network in ONNX Runtime, on as many threads as PyTorch has.

    Made once in a process, and checked against PyTorch on a small image.

    Parameters
    ----------
    model : torch.nn.Module or callable
        A network of the library.

    Returns
    -------
    callable
        ``f(noisy, sigma=None) -> image``, float32.

    Raises
    ------
    ModuleNotFoundError
        When a package that it needs is not installed.
    ValueError
        When it is no such network, or one that ONNX Runtime would compute wrongly.
    """
    for package in PACKAGES:
        require(package, "onnx", "ONNX Runtime")
    if not _is_ours(model):
        raise UserError("ONNX Runtime computes the library's networks only: use backend='torch'.")
    key = digest(model), torch.get_num_threads()
    if key not in _sessions:
        _sessions[key] = _kept(model, key[0]) or _made(model, key[0])
    return _sessions[key]


def digest(model: nn.Module) -> str:
    """What tells a network from any other: its weights, and every plain value of its modules.

    Parameters
    ----------
    model : torch.nn.Module
        Of the library.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    found = hashlib.sha256(repr([*map(_described, model.modules())]).encode())
    for name, tensor in model.state_dict().items():
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def _described(module: nn.Module) -> tuple[str, list[tuple[str, Any]]]:
    plain = (bool, int, float, str, tuple)
    values = [(k, v) for k, v in vars(module).items() if k != "training" and isinstance(v, plain)]
    return type(module).__qualname__, sorted(values)


def _kept(model: nn.Module, name: str) -> Callable | None:
    """From the cache; None where it is not there, broken, or not what the network computes now."""
    try:
        run = _session(_path(name).read_bytes())
    except Exception:  # ONNX Runtime has an error of its own for every way of being broken
        return None
    return run if _agrees(run, model) else None


def _made(model: nn.Module, name: str) -> Callable:
    content = as_onnx(model)
    run = _session(content)
    if not _agrees(run, model):
        raise UserError("ONNX Runtime computes this network wrongly: use backend='torch'.")
    try:
        with replacing(_path(name)) as temporary:
            temporary.write_bytes(content)
    except OSError:
        pass  # a cache that cannot be written: the next process makes it again
    return run


def _path(name: str) -> Path:
    versions = "-".join(require(p, "onnx", "ONNX Runtime").__version__ for p in ("onnx", "torch"))
    return cache_folder() / "onnx" / f"{name}-{versions}.onnx"


def _session(content: bytes) -> Callable:
    """A function that computes the content of an ONNX file."""
    runtime = require("onnxruntime", "onnx", "ONNX Runtime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        (estimate,) = session.run([OUTPUT], {INPUT: noisy.contiguous().numpy()})
        return torch.from_numpy(estimate)

    return run


def _agrees(run: Callable, model: nn.Module) -> bool:
    """Whether it computes what the network does, told a noise level or not: a file has no sigma."""
    probe = torch.rand(1, 1, *EXAMPLE, generator=torch.Generator().manual_seed(0))
    network = prepare(model)
    with torch.inference_mode():
        expected = [network(probe, sigma=sigma) for sigma in (None, 25.0)]
    largest = max(1.0, *(one.abs().max().item() for one in expected))
    found = run(probe)
    return all((found - one).abs().max().item() < TOLERANCE * largest for one in expected)
