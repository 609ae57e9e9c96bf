"""Where networks compute, and how precisely."""

from __future__ import annotations

import platform
from typing import Any

import torch

PRECISIONS = ("auto", "bf16", "fp32")


def training_device() -> torch.device:
    """Where `fit` trains: the GPU where there is one."""
    from accelerate import PartialState  # takes a second to import

    device = PartialState().device
    assert device is not None  # it is only before the state is made
    return device


def has_fast_bf16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 natively.

    GPUs since 2020 do, and processors with AMX or AVX512-BF16.

    Parameters
    ----------
    device : torch.device
        A GPU or the processor.

    Returns
    -------
    bool
        False too where PyTorch is too old to tell: float32 is never wrong.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    processor = _processor()
    return bool(processor.get("amx_bf16") or processor.get("avx512_bf16"))


def machine() -> str:
    """The GPU, or the processor and its threads, in words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    name = _processor().get("cpu_name") or platform.processor() or platform.machine()
    return f"{name}, {torch.get_num_threads()} threads"


def _processor() -> dict[str, Any]:
    """What PyTorch knows about the processor; nothing where it is too old to tell."""
    ask = getattr(torch.cpu, "get_capabilities", None)
    return ask() if ask is not None else {}
