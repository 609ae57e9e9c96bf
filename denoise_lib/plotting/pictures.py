"""Figures and HTML of the study's pages that show images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from denoise_lib.plotting.style import label

TINT = (0.90, 0.62, 0.0)


def _signed(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("L"))


def worst_strips(folder: Path, lowest: Mapping[str, Sequence[tuple[str, float]]]) -> Figure:
    """What each method removed from its worst image, and its errors in its worst images.

    Parameters
    ----------
    folder : pathlib.Path
        Has a picture worst-METHOD.webp for each method, see `study.examples`.
    lowest : mapping
        From a method to the names and PSNRs (dB) of its worst images.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FileNotFoundError
        When a picture is missing.
    """
    size = (12, 2.28 * len(lowest))
    figure, axes = plt.subplots(len(lowest), 1, figsize=size, layout="constrained", squeeze=False)
    for axis, (method, images) in zip(axes[:, 0], lowest.items(), strict=True):
        strip = _signed(folder / f"worst-{method}.webp")
        axis.imshow(strip, cmap="PuOr", vmin=0, vmax=255)
        scores = "   ".join(f"{name} {psnr:.1f} dB" for name, psnr in images)
        axis.set_title(f"{label(method)}:  {scores}", fontsize=10)
        axis.axvline(len(strip) - 0.5, color="black")  # the first is what was removed
        axis.set_axis_off()
    return figure


def nothing_pictures(folder: Path, methods: Sequence[str]) -> Figure:
    """What methods leave of noise on an even grey.

    Parameters
    ----------
    folder : pathlib.Path
        Has a picture nothing-METHOD.webp for each method, see `study.examples`.
    methods : sequence of str
        At most fifteen.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FileNotFoundError
        When a picture is missing.
    """
    figure, axes = plt.subplots(3, 5, figsize=(12, 7.8), layout="constrained")
    for axis, method in zip(axes.flat, methods, strict=False):
        axis.imshow(_signed(folder / f"nothing-{method}.webp"), cmap="PuOr", vmin=0, vmax=255)
        axis.set_title(label(method), fontsize=9)
    for axis in axes.flat:
        axis.set_axis_off()
    return figure


def nodule_panels(
    pictures: Mapping[str, torch.Tensor],
    details: Mapping[str, torch.Tensor],
    places: Sequence[tuple[int, int]],
    side: int,
) -> Figure:
    """Radiographs with marked regions, and some of these magnified.

    Parameters
    ----------
    pictures, details : mapping
        From a title to an image of shape (H, W); all details in one grey scale.
    places : sequence of tuple of int
        Rows and columns of the regions' middles.
    side : int
        Of a region, in pixels.

    Returns
    -------
    matplotlib.figure.Figure
    """
    count = len(pictures) + len(details)
    figure, axes = plt.subplots(1, count, figsize=(2.6 * count, 2.9), layout="constrained")
    greys = torch.stack(list(details.values()))
    scale = {"vmin": greys.min().item(), "vmax": greys.max().item()}
    for axis, (title, picture) in zip(axes, {**pictures, **details}.items(), strict=True):
        limits = {"vmin": 0, "vmax": 1} if title in pictures else scale
        axis.imshow(picture.numpy(), cmap="gray", **limits)
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
        for row, column in places if title in pictures else ():
            corner = (column - side // 2, row - side // 2)
            axis.add_patch(Rectangle(corner, side, side, fill=False, ec="#E69F00"))
    return figure


def mask_panels(image: torch.Tensor, masks: Mapping[str, torch.Tensor]) -> Figure:
    """An image, and each of its masks tinted over it.

    Parameters
    ----------
    image : torch.Tensor
        Shape (H, W), in [0, 1].
    masks : mapping
        From a title to a mask of shape (H, W).

    Returns
    -------
    matplotlib.figure.Figure
    """
    count = 1 + len(masks)
    figure, axes = plt.subplots(1, count, figsize=(2.4 * count, 2.8), layout="constrained")
    for axis, title in zip(axes, ("image", *masks), strict=True):
        axis.imshow(image.numpy(), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title)
        axis.set_axis_off()
    for axis, mask in zip(axes[1:], masks.values(), strict=True):
        tint = torch.zeros(*mask.shape, 4)
        tint[..., :3] = torch.tensor(TINT)
        tint[..., 3] = 0.5 * mask
        axis.imshow(tint.numpy())
    return figure
