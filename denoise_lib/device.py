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
        False too where PyTorch is too old to tell: float32 is never wrong. And where
        ONEDNN_MAX_CPU_ISA keeps PyTorch from using what the processor has.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    features = _capabilities()
    has_it = features.get("amx_bf16") or features.get("avx512_bf16")
    return bool(has_it and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def machine() -> str:
    """The GPU, or the processor and its threads, in words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{_name()}, {torch.get_num_threads()} threads"


def processor() -> str:
    """The processor's name, and of what it has the parts that a network's speed depends on.

    As PyTorch may use them: ATEN_CPU_CAPABILITY and ONEDNN_MAX_CPU_ISA make any processor like an
    older one, for measurements.

    Returns
    -------
    str
        "AMD EPYC, AVX512, bf16".
    """
    best = torch.backends.cpu.get_cpu_capability()
    bf16 = "bf16" if has_fast_bf16(torch.device("cpu")) else "no bf16"
    return f"{_name()}, {best}, {bf16}"


def _name() -> str:
    return _capabilities().get("cpu_name") or platform.processor() or platform.machine()


def _capabilities() -> dict[str, Any]:
    """What PyTorch knows about the processor; nothing where it is too old to tell."""
    ask = getattr(torch.cpu, "get_capabilities", None)
    return ask() if ask is not None else {}
