"""Input checks whose one-sentence errors say what to do."""

from __future__ import annotations

import math

import torch


def check_images(images: torch.Tensor, what: str = "images") -> None:
    """Refuse anything but a finite float tensor of grey images.

    Parameters
    ----------
    images : torch.Tensor
        Should be floating point, shape (N, 1, H, W), finite. Noisy images may leave [0, 1].
    what : str
        How the error names the tensor.

    Raises
    ------
    TypeError
        When it is not a floating-point tensor.
    ValueError
        When its shape is not (N, 1, H, W) or a value is not finite.
    """
    if not isinstance(images, torch.Tensor) or not images.is_floating_point():
        found = images.dtype if isinstance(images, torch.Tensor) else type(images).__name__
        raise TypeError(f"The {what} must be a float tensor, not {found}: convert with .float().")
    if images.ndim != 4 or images.shape[1] != 1:
        raise ValueError(
            f"The {what} must have shape (N, 1, H, W), not {tuple(images.shape)}: "
            "add the missing axes or convert colour to grey."
        )
    if not torch.isfinite(images).all():
        raise ValueError(f"The {what} contain NaN or infinity: remove them before denoising.")


def check_clean(images: torch.Tensor) -> None:
    """Refuse clean images outside [0, 1], after `check_images`.

    Parameters
    ----------
    images : torch.Tensor
        Should be floating point, shape (N, 1, H, W), in [0, 1].

    Raises
    ------
    TypeError, ValueError
        As `check_images`, and ValueError when a value lies outside [0, 1].
    """
    check_images(images, "clean images")
    if images.numel() and (images.min() < 0 or images.max() > 1):
        raise ValueError(
            f"Clean images must lie in [0, 1], not [{images.min():.3g}, {images.max():.3g}]: "
            "divide 8-bit images by 255."
        )


def check_number(value: float, name: str, low: float = 0.0, high: float = math.inf) -> float:
    """Return `value` as a float, or refuse it when it is not a finite number in [low, high]."""
    value = float(value)
    if not math.isfinite(value) or not low <= value <= high:
        allowed = f"between {low:g} and {high:g}" if math.isfinite(high) else f"at least {low:g}"
        raise ValueError(f"{name} must be a number {allowed}, not {value:g}.")
    return value
