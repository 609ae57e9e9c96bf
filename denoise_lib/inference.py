"""Denoise an image of any size, fast and in little memory: `denoise(image, model, sigma)`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import nn
from tqdm.auto import tqdm

from denoise_lib import backends
from denoise_lib.checks import (
    check_denoiser,
    check_estimate,
    check_flag,
    check_noisy,
    check_sigma,
    check_whole,
    unknown,
)
from denoise_lib.device import PRECISIONS
from denoise_lib.prepared import device_of


def denoise(
    image: torch.Tensor,
    model: nn.Module | Callable,
    sigma: float | None = None,
    tile: int | str | None = "auto",
    self_ensemble: bool = False,
    precision: str = "auto",
    progress: bool = False,
    backend: str = "auto",
) -> torch.Tensor:
    """Denoise images of any size, tile by tile.

    Tiles overlap by what the network sees around a pixel, so that the result has no seams: in
    float32 it is that of the whole image to rounding (on a GPU, to the rounding of TF32).

    Parameters
    ----------
    image : torch.Tensor
        float32, shape (H, W), (1, H, W) or (N, 1, H, W); the clean range is [0, 1]. Noise may leave
        it; an image with a mean below -1 or above 2, or a value beyond 100, is refused: it is on
        another scale.
    model : torch.nn.Module or callable
        ``f(noisy, sigma=None) -> image``. One of the library's networks; any other module or
        function is given the whole image.
    sigma : float, optional
        Standard deviation of the noise on the 0-255 scale, for a model that uses it.
    tile : int, "auto" or None
        Side of a tile in pixels, margins included; it is enlarged where the margins would take
        more than half of it. "auto" takes the faster of two; see `backends.choose`. None denoises
        the image at once.
    self_ensemble : bool
        Average over the eight flips and transpositions of the image: eight times the work.
    precision : str
        "fp32", "bf16", or "auto": bf16 where the hardware multiplies it natively and the network
        loses at most 0.03 dB by it (Liu's loses more at weak noise).
    progress : bool
        Show a progress bar over the tiles.
    backend : str
        "torch", "onnxruntime" (float32, the library's networks only), or "auto": the faster of
        them; see `backends.choose`. Their results differ by rounding.

    Returns
    -------
    torch.Tensor
        float32, the shape of `image`, on the CPU, not clipped.

    Raises
    ------
    TypeError, ValueError
        When the image is no float tensor of such a shape, has NaN or is on another scale, the model
        is no denoiser or returns none, ONNX Runtime cannot compute it, or an option is out of its
        range.
    """
    noisy = _as_batch(image)
    check_denoiser(model)
    sigma = check_sigma(sigma)
    check_flag(self_ensemble, "self_ensemble")
    if precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    if tile not in (None, "auto"):
        tile = check_whole(tile, "tile (its side in pixels, auto, or None for no tiles)", 1)
    choice = backends.choose(model, noisy.shape, precision, backend, tile)
    prepared = backends.prepared_by(choice.backend, model, precision)

    def run(noisy: torch.Tensor) -> torch.Tensor:
        return check_estimate(prepared(noisy, sigma=sigma), noisy)

    known = isinstance(model, nn.Module) and hasattr(model, "receptive_radius")
    if known and choice.tile is not None:
        core, margin = backends.core(cast(nn.Module, model), choice.tile)
        run = functools.partial(_in_tiles, run, core, margin, progress)
    with torch.inference_mode():
        one = _averaged if self_ensemble else (lambda f, y: f(y))
        estimates = [one(run, y[None]).float().cpu() for y in noisy]
    return torch.cat(estimates).view(image.shape)


def _as_batch(image: torch.Tensor) -> torch.Tensor:
    # A sparse tensor cannot be viewed: the check says so.
    dense = isinstance(image, torch.Tensor) and image.layout == torch.strided
    if dense and 2 <= image.ndim <= 3:
        image = image.view(1, *((1,) if image.ndim == 2 else ()), *image.shape)
    check_noisy(image)
    return image.float()


@contextmanager
def evaluating(model: nn.Module | Callable) -> Iterator[torch.device]:
    """Apply a network as it is meant to be: in evaluation mode, without gradients.

    In training mode batch norm would make an image depend on the others in its batch.

    Parameters
    ----------
    model : torch.nn.Module or callable
        Its mode is put back afterwards.

    Yields
    ------
    torch.device
        Where its input must be.
    """
    trained = model if isinstance(model, nn.Module) and model.training else None
    if trained is not None:
        trained.eval()
    try:
        with torch.inference_mode():
            yield device_of(model)
    finally:
        if trained is not None:
            trained.train()


def _averaged(run: Callable, noisy: torch.Tensor) -> torch.Tensor:
    """The mean over the eight symmetries of the square, each undone."""
    total = torch.zeros(noisy.shape)
    for turns in range(4):
        for mirrored in (False, True):
            turned = noisy.rot90(turns, (-2, -1))
            estimate = run((turned.flip(-1) if mirrored else turned).contiguous()).float().cpu()
            estimate = estimate.flip(-1) if mirrored else estimate
            total += estimate.rot90(-turns, (-2, -1))
    return total / 8


# Written out: the sliding windows of other libraries blend overlapping estimates; these are exact.
def _in_tiles(
    run: Callable, core: int, margin: int, progress: bool, noisy: torch.Tensor
) -> torch.Tensor:
    """Denoise one image tile by tile; each gives the part that its margins do not touch."""
    height, width = noisy.shape[-2:]
    result = torch.empty(noisy.shape, dtype=torch.float32)
    windows = [
        (rows, columns)
        for rows in _windows(height, core, margin)
        for columns in _windows(width, core, margin)
    ]
    for rows, columns in tqdm(windows, desc="tiles", disable=not progress or len(windows) == 1):
        (top, first, last, bottom), (left, start, end, right) = rows, columns
        estimate = run(noisy[..., top:bottom, left:right])
        result[..., first:last, start:end] = estimate[
            ..., first - top : last - top, start - left : end - left
        ]
    return result


def _windows(length: int, core: int, margin: int) -> Iterator[tuple[int, int, int, int]]:
    """Along one axis: begin of a tile, begin and end of what it gives, end of the tile."""
    for first in range(0, length, core):
        last = min(first + core, length)
        yield max(first - margin, 0), first, last, min(last + margin, length)
