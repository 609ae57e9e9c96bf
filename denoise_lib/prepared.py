"""A network made ready to denoise: the same numbers from PyTorch, sooner."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def device_of(model: nn.Module | Callable) -> torch.device:
    """Where a network's weights are.

    Parameters
    ----------
    model : torch.nn.Module or callable
        A network, or any function.

    Returns
    -------
    torch.device
        Where the network's first weight is; the processor for anything without weights.
    """
    parameter = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    return torch.device("cpu") if parameter is None else parameter.device


def prepare(model: nn.Module | Callable, bf16: bool = False) -> Callable:
    """A copy of a network that computes the same, faster.

    Batch norms are merged into the convolutions before them, and the memory layout is
    channels_last. With `bf16` all but the first and the last convolution compute in bfloat16: the
    first sees the image and the last makes it, and 8 bits are too few for either.

    Parameters
    ----------
    model : torch.nn.Module or callable
        Left as it is; anything but a module is returned.
    bf16 : bool
        Use bfloat16 inside.

    Returns
    -------
    callable
        ``f(noisy, sigma=None) -> image``, for evaluation only.
    """
    if not isinstance(model, nn.Module):
        return model
    network = copy.deepcopy(model).eval().requires_grad_(False)
    fold_batch_norm(network)
    convolutions = {name: m for name, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    device = device_of(network)
    # PyTorch's stubs leave memory_format out.
    network.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    if bf16:
        names = list(convolutions)
        for name in {*names[:1], *names[-1:]}:
            is_first = name == names[0] and name != names[-1]
            network.set_submodule(name, _InFloat32(convolutions[name], is_first))

    def run(noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        noisy = noisy.to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            return network(noisy, sigma=sigma)

    return run


class _InFloat32(nn.Module):
    """A convolution that computes in float32 where all around it is bfloat16."""

    def __init__(self, conv: nn.Conv2d, is_first: bool):
        super().__init__()
        self.conv, self.is_first = conv, is_first

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        with torch.autocast(maps.device.type, enabled=False):
            maps = self.conv(maps.float())
        return maps.bfloat16() if self.is_first else maps


def fold_batch_norm(model: nn.Module) -> None:
    """Merge each batch norm of a network into the convolution before it, in place.

    Parameters
    ----------
    model : torch.nn.Module
        In evaluation mode, in which it computes the same afterwards, to rounding.
    """
    for module in model.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for index in range(len(module) - 1):
            conv, norm = module[index], module[index + 1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[index] = fuse_conv_bn_eval(conv, norm)
                module[index + 1] = nn.Identity()
