"""Overlapping patches: each is estimated, and each pixel is the mean over the patches it is in."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F


def by_patches(
    noisy: torch.Tensor,
    patch_size: int,
    stride: int,
    estimate: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """Apply a function of patches to images.

    Parameters
    ----------
    noisy : torch.Tensor
        float32, shape (N, 1, H, W), any H and W: edges are replicated and cropped afterwards.
    patch_size : int
        Side of a patch in pixels.
    stride : int
        Pixels from one patch to the next, at most `patch_size`.
    estimate : callable
        From patches of shape (N, count, patch_size ** 2) to as many of the same size.

    Returns
    -------
    torch.Tensor
        Shape (N, 1, H, W).
    """
    height, width = noisy.shape[-2:]
    margin = patch_size - stride  # so that border pixels are in several patches too
    extra = [(-(size + 2 * margin - patch_size)) % stride for size in (width, height)]
    padding = (margin, margin + extra[0], margin, margin + extra[1])
    padded = F.pad(noisy, padding, mode="replicate")
    size = padded.shape[-2:]
    columns = F.unfold(padded, patch_size, stride=stride)  # (N, patch pixels, count)
    # Added up in the image's own precision: a sum of sixteen bfloat16 numbers is a rough one.
    estimates = estimate(columns.mT).mT.to(noisy.dtype)
    total = F.fold(estimates, size, patch_size, stride=stride)
    count = F.fold(torch.ones_like(estimates), size, patch_size, stride=stride)
    return (total / count)[..., margin : margin + height, margin : margin + width]
