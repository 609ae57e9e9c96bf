"""Figures and HTML of the study's pages that show images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from denoise_lib.plotting.style import COLUMN, label

TINT = (0.90, 0.62, 0.0)
CORNER = 96  # pixels of a side, so that a small panel magnifies them


def nothing_pictures(folder: Path, methods: Sequence[str]) -> Figure:
    """What methods leave of noise on an even grey.

    Parameters
    ----------
    folder : pathlib.Path
        Has a picture nothing-METHOD.webp for each method, see `study.examples`.
    methods : sequence of str
        Four in a row.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FileNotFoundError
        When a picture is missing.
    """
    rows = math.ceil(len(methods) / 4)
    figure, axes = plt.subplots(rows, 4, figsize=(COLUMN, 1.95 * rows), layout="constrained")
    for axis, method in zip(axes.flat[: len(methods)], methods, strict=True):
        picture = np.asarray(Image.open(folder / f"nothing-{method}.webp").convert("L"))
        corner = picture[:CORNER, :CORNER]
        # Interpolated colours would make the file twice as heavy.
        axis.imshow(corner, cmap="PuOr", vmin=0, vmax=255, interpolation="nearest")
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
        From a title to an image of shape (H, W); all details in the grey scale of the first.
    places : sequence of tuple of int
        Rows and columns of the regions' middles.
    side : int
        Of a region, in pixels.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = plt.figure(figsize=(COLUMN, 5.9), layout="constrained")
    grid = figure.add_gridspec(2, 1, height_ratios=[3, 2])
    rows = zip((grid[0], grid[1]), (pictures, details), strict=True)
    parts = [(figure.add_subfigure(place), shown) for place, shown in rows]
    axes = [a for part, shown in parts for a in part.subplots(1, len(shown), squeeze=False)[0]]
    greys = next(iter(details.values()))
    scale = {"vmin": greys.min().item(), "vmax": greys.max().item()}
    for axis, (title, picture) in zip(axes, {**pictures, **details}.items(), strict=True):
        limits = {"vmin": 0, "vmax": 1} if title in pictures else scale
        axis.imshow(picture.numpy(), cmap="gray", interpolation="nearest", **limits)
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
        for number, (row, column) in enumerate(places if title in pictures else ()):
            corner = (column - side // 2, row - side // 2)
            width = 1 if number else 2.5  # the first is the magnified one
            axis.add_patch(Rectangle(corner, side, side, fill=False, ec="#E69F00", lw=width))
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
    size = COLUMN, COLUMN / count + 0.3
    figure, axes = plt.subplots(1, count, figsize=size, layout="constrained")
    for axis, title in zip(axes, ("image", *masks), strict=True):
        axis.imshow(image.numpy(), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    for axis, mask in zip(axes[1:], masks.values(), strict=True):
        tint = torch.zeros(*mask.shape, 4)
        tint[..., :3] = torch.tensor(TINT)
        tint[..., 3] = 0.5 * mask
        axis.imshow(tint.numpy())
    return figure
