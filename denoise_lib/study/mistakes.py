"""What is done to a good output on its way to the score: ``g(noisy, estimate) -> image``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch


def _offset(amount: float, noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return estimate + amount


def _rescaled_twice(noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return (estimate + 1) / 2


def _stretched(noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return (estimate - estimate.min()) / (estimate.max() - estimate.min())


def _wrapped(noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return (estimate * 255).round().remainder(256) / 255


def _residual(noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return noisy - estimate


def _without_mean(noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return estimate - estimate.mean()


MISTAKES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "offset-0.1": partial(_offset, 0.1),
    "offset-0.2": partial(_offset, 0.2),
    "rescaled-twice": _rescaled_twice,
    "mean-not-added": _without_mean,
    "stretched": _stretched,
    "wrapped": _wrapped,
    "residual": _residual,
}
