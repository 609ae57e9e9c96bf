"""Denoise an image of any size, fast and in little memory: `denoise(image, model, sigma)`."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from tqdm.auto import tqdm

from denoise_lib.checks import (
    check_denoiser,
    check_estimate,
    check_flag,
    check_noisy,
    check_sigma,
    check_whole,
    unknown,
)
from denoise_lib.device import PRECISIONS, has_fast_bf16

# Side of a tile with its margins. Smaller ones stay in the processor's cache; of larger ones less
# is margin. `make bench` compares 128, 256 and 512.
TILE = 256


def denoise(
    image: torch.Tensor,
    model: nn.Module | Callable,
    sigma: float | None = None,
    tile: int | None = TILE,
    self_ensemble: bool = False,
    precision: str = "auto",
    progress: bool = False,
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
    tile : int or None
        Side of a tile in pixels, margins included; it is enlarged where the margins would take
        more than half of it. None denoises the image at once.
    self_ensemble : bool
        Average over the eight flips and transpositions of the image: eight times the work.
    precision : str
        "fp32", "bf16", or "auto": bf16 where the hardware multiplies it natively and the network
        loses at most 0.03 dB by it (Liu's loses more at weak noise).
    progress : bool
        Show a progress bar over the tiles.

    Returns
    -------
    torch.Tensor
        float32, the shape of `image`, on the CPU, not clipped.

    Raises
    ------
    TypeError, ValueError
        When the image is no float tensor of such a shape, has NaN or is on another scale, the model
        is no denoiser or returns none, or an option is out of its range.
    """
    noisy = _as_batch(image)
    check_denoiser(model)
    sigma = check_sigma(sigma)
    check_flag(self_ensemble, "self_ensemble")
    if precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    if tile is not None:
        tile = check_whole(tile, "tile (its side in pixels, or None for no tiles)", 1)
    suited = getattr(model, "suits_bf16", True) and has_fast_bf16(device_of(model))
    bf16 = precision == "bf16" or (precision == "auto" and suited)
    prepared = prepare(model, bf16)

    def run(noisy: torch.Tensor) -> torch.Tensor:
        return check_estimate(prepared(noisy, sigma=sigma), noisy)

    if tile is not None and isinstance(model, nn.Module) and hasattr(model, "receptive_radius"):
        margin, alignment = cast(int, model.receptive_radius), cast(int, model.alignment)
        run = functools.partial(_in_tiles, run, tile, margin, alignment, progress)
    with torch.inference_mode():
        one = _averaged if self_ensemble else (lambda f, y: f(y))
        estimates = [one(run, y[None]).float().cpu() for y in noisy]
    return torch.cat(estimates).view(image.shape)


def _as_batch(image: torch.Tensor) -> torch.Tensor:
    if isinstance(image, torch.Tensor) and 2 <= image.ndim <= 3:
        image = image.view(1, *((1,) if image.ndim == 2 else ()), *image.shape)
    check_noisy(image)
    return image.float()


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
    run: Callable, tile: int, margin: int, alignment: int, progress: bool, noisy: torch.Tensor
) -> torch.Tensor:
    """Denoise one image tile by tile; each gives the part that its margins do not touch."""
    margin = -(-margin // alignment) * alignment
    core = max(tile - 2 * margin, margin, alignment) // alignment * alignment
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
