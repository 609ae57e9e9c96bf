"""Images side by side."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from denoise_lib.checks import UserError
from denoise_lib.evaluation import score
from denoise_lib.plotting.style import COLUMN, RESIDUAL_RANGE, label
from denoise_lib.protocol import Protocol


def show_images(
    images: Mapping[str, torch.Tensor], columns: int = 4, width: float = COLUMN
) -> Figure:
    """A grid of grey images with titles.

    Parameters
    ----------
    images : mapping
        From a title to an image of shape (1, H, W) or (1, 1, H, W), shown from 0 to 1.
    columns : int
        Images per row.
    width : float
        Width of the figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell = width / columns
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, rows * (cell + 0.3)), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (title, image) in zip(axes.flat, images.items(), strict=False):
        axis.imshow(image.squeeze().numpy(), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=10)
    return figure


def comparison_panel(
    clean: torch.Tensor,
    estimates: Mapping[str, torch.Tensor],
    protocol: Protocol,
    inset: tuple[int, int, int] | None = None,
    columns: int = 4,
) -> Figure:
    """Images with a zoomed inset, their scores, and under each its residual.

    Parameters
    ----------
    clean : torch.Tensor
        Shape (1, 1, H, W), in [0, 1].
    estimates : mapping
        From a method to its image of shape (1, 1, H, W).
    protocol : Protocol
        Defines the scores.
    inset : tuple of int, optional
        Row, column and side, in pixels, of the square to magnify; by default a fifth of the
        image's width, in the upper part of the left half: in a chest, ribs over lung.
    columns : int
        Images per row.

    Returns
    -------
    matplotlib.figure.Figure
        The clean image first. Insets span the grey levels of the clean detail, residuals
        (estimate minus clean) -0.15 to 0.15.

    Raises
    ------
    ValueError
        When there are no estimates.
    """
    if not estimates:
        raise UserError("There is nothing to compare the clean image with: give an estimate.")
    height, width = clean.shape[-2:]
    row, column, side = inset or (height // 4, width // 5, width // 5)
    detail = clean[..., row : row + side, column : column + side]
    contrast = detail.min().item(), detail.max().item()
    residuals = Normalize(-RESIDUAL_RANGE, RESIDUAL_RANGE)
    panels = {"clean": clean, **estimates}
    bands = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        2 * bands, columns, figsize=(2.6 * columns, 5.9 * bands), layout="constrained"
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for index, (method, image) in enumerate(panels.items()):
        band, place = divmod(index, columns)
        top, bottom = axes[2 * band, place], axes[2 * band + 1, place]
        _draw_with_inset(top, image[0, 0].clamp(0, 1).numpy(), (row, column, side), contrast)
        if method == "clean":
            top.set_title("Clean", fontsize=10)
            continue
        scores = score(clean, image, protocol)
        gap = "\n" if band else ""  # else the title touches the residual above it
        top.set_title(f"{gap}{label(method)}\n{scores['psnr']:.2f} dB, SSIM {scores['ssim']:.3f}")
        top.title.set_fontsize(10)
        bottom.imshow((image - clean)[0, 0].numpy(), cmap="PuOr", norm=residuals)
    figure.colorbar(
        ScalarMappable(residuals, "PuOr"),
        ax=axes,
        location="bottom",
        shrink=0.4,
        aspect=40,
        label="estimate - clean",
    )
    return figure


def _draw_with_inset(
    axis: Axes, image: np.ndarray, inset: tuple[int, int, int], contrast: tuple[float, float]
) -> None:
    row, column, side = inset
    axis.imshow(image, cmap="gray", vmin=0, vmax=1)
    zoom = axis.inset_axes((0.53, 0.02, 0.45, 0.45))
    zoom.imshow(
        image[row : row + side, column : column + side],
        cmap="gray",
        vmin=contrast[0],
        vmax=contrast[1],
        extent=(column, column + side, row + side, row),
    )
    zoom.set(xticks=[], yticks=[])
    for spine in zoom.spines.values():
        spine.set_color("#E69F00")
    axis.indicate_inset_zoom(zoom, edgecolor="#E69F00", alpha=1)
