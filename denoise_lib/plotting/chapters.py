"""Figures of the chapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from denoise_lib.evaluation import summarise
from denoise_lib.plotting.panels import DPI, GAP, TITLE, magnified, pixel_axes, show_pixels
from denoise_lib.plotting.style import COLUMN, METRIC_LABELS, colour_and_marker, label


def filter_groups(groups: Mapping[str, torch.Tensor], columns: int = 4) -> Figure:
    """Filters as small pictures, in groups beside each other.

    Parameters
    ----------
    groups : mapping
        From a title to filters of shape (N, H, W), each shown from minus to plus its largest
        value.
    columns : int
        Filters in a row of a group.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = max(-(-len(filters) // columns) for filters in groups.values())
    size = COLUMN, COLUMN / len(groups) * rows / columns + 0.3
    figure = plt.figure(figsize=size, layout="constrained")
    parts = figure.subfigures(1, len(groups), squeeze=False)[0]
    for part, (title, filters) in zip(parts, groups.items(), strict=True):
        part.suptitle(title, fontsize=10)
        for axis in part.subplots(rows, columns, squeeze=False).flat:
            axis.set_axis_off()
        for axis, values in zip(part.axes, filters, strict=False):
            limit = values.abs().max()
            axis.imshow(values.detach(), cmap="PuOr", vmin=-limit, vmax=limit)
    return figure


def score_dots(rows: pd.DataFrame, metric: str = "psnr", leave_out: Sequence[str] = ()) -> Figure:
    """Mean of each method as a dot, the best at the top, from where differences show.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate`, of one protocol.
    metric : str
        "psnr", "ssim" or "mse".
    leave_out : sequence of str
        Methods that would press all others together; the text says what they reach.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        When rows of different protocols are mixed.
    """
    means = summarise(rows)[metric].drop(list(leave_out)).sort_values(ascending=metric != "mse")
    size = 0.8 * COLUMN, 0.28 * len(means) + 0.7
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    for place, (method, mean) in enumerate(means.items()):
        colour, marker = colour_and_marker(str(method))
        axis.plot(mean, place, marker, color=colour, markersize=8)
    axis.set_yticks(range(len(means)), [label(str(method)) for method in means.index])
    axis.set_xlabel(f"{METRIC_LABELS[metric]}, test images")
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def training_curve(curve: pd.DataFrame, references: Mapping[str, float] | None = None) -> Figure:
    """Validation PSNR against the step, with lines for other methods.

    Parameters
    ----------
    curve : pandas.DataFrame
        What a training records; its column `psnr`.
    references : mapping, optional
        From a method to its PSNR (dB) on the same images.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(0.8 * COLUMN, 3), layout="constrained")
    axis.plot(curve.index, curve["psnr"], color="#D55E00", marker="o", markersize=4)
    axis.set(xlabel="step", ylabel="validation PSNR (dB)")
    for method, value in (references or {}).items():
        colour, _ = colour_and_marker(method)
        axis.axhline(value, color=colour, linestyle="--", linewidth=1)
        axis.annotate(
            label(method),
            (1.01, value),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9,
            color=colour,
        )
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def field(points: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> Figure:
    """Arrows in the plane, over a cloud of points.

    Parameters
    ----------
    points : torch.Tensor
        Shape (N, 2).
    start, end : torch.Tensor
        Of the arrows, shape (M, 2).

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(0.7 * COLUMN, 0.6 * COLUMN), layout="constrained")
    axis.plot(*points.T, ".", color="#0072B2", markersize=2, alpha=0.5)
    axis.quiver(
        *start.T,
        *(end - start).T,
        angles="xy",
        scale_units="xy",
        scale=1,
        color="#D55E00",
        width=0.004,
    )
    axis.set_aspect("equal")
    axis.set_axis_off()
    return figure


def outlines(
    images: Mapping[str, tuple[torch.Tensor, torch.Tensor]], structures: Sequence[str]
) -> Figure:
    """Images with the outlines that a segmenter finds in them, two in a row.

    Parameters
    ----------
    images : mapping
        From a title to an image of shape (H, W), clean range [0, 1], and logits of shape
        (structures, H, W).
    structures : sequence of str
        Names of the four structures.

    Returns
    -------
    matplotlib.figure.Figure
    """
    colours = ("#56B4E9", "#D55E00", "#F0E442", "#009E73")
    side = max(max(image.shape) for image, _ in images.values())
    cell = magnified(side, 2) or int(COLUMN * DPI) // 2 - GAP
    figure, axes = pixel_axes(-(-len(images) // 2), 2, cell, below=TITLE)
    for axis, (title, (image, logits)) in zip(axes.flat, images.items(), strict=False):
        show_pixels(axis, image.clamp(0, 1).numpy(), cell, cmap="gray", vmin=0, vmax=1)
        for values, colour in zip(logits, colours, strict=True):
            axis.contour(values, levels=[0], colors=colour, linewidths=1)
        axis.set_title(title, fontsize=10)
    handles = [
        Line2D([], [], color=colour, label=name)
        for colour, name in zip(colours, structures, strict=True)
    ]
    figure.legend(handles=handles, loc="lower center", ncols=4, frameon=False)
    return figure


def error_details(errors: Mapping[str, torch.Tensor]) -> Figure:
    """Errors beside each other, every pixel a square, on one scale.

    Parameters
    ----------
    errors : mapping
        From a title to an error of shape (H, W), clean range [0, 1].

    Returns
    -------
    matplotlib.figure.Figure
    """
    limit = max(3 * error.std().item() for error in errors.values())
    size = 0.4 * COLUMN * len(errors), 0.45 * COLUMN
    figure, axes = plt.subplots(1, len(errors), figsize=size, layout="constrained")
    for axis, (title, error) in zip(np.atleast_1d(axes), errors.items(), strict=True):
        axis.imshow(error, cmap="PuOr", vmin=-limit, vmax=limit, interpolation="nearest")
        axis.set_title(title, fontsize=10)
        axis.set_axis_off()
    return figure


def wires(lost: np.ndarray, fused: np.ndarray, layers: Sequence[str]) -> Figure:
    """What each wire of a residual dense network is worth, two blocks in a row.

    Parameters
    ----------
    lost : numpy.ndarray
        PSNR (dB) lost without a source, by block, reading layer and source; NaN where there is no
        wire.
    fused : numpy.ndarray
        PSNR (dB) lost without a block in the global fusion.
    layers : sequence of str
        Names of the reading layers.

    Returns
    -------
    matplotlib.figure.Figure
    """
    blocks = len(lost)
    figure = plt.figure(figsize=(COLUMN, 0.5 * COLUMN * -(-blocks // 2)), layout="constrained")
    grid = figure.add_gridspec(-(-blocks // 2), 3, width_ratios=[3, 3, 1])
    for number, values in enumerate(lost):
        axis = figure.add_subplot(grid[number // 2, number % 2])
        _heat(axis, values)
        axis.set_title(f"block {number + 1}", fontsize=10)
        axis.set_xticks(range(len(layers)), ["in", *layers[:-1]])
        axis.set_yticks(range(len(layers)), layers)
        axis.set(xlabel="from", ylabel="to")
    axis = figure.add_subplot(grid[:, 2])
    _heat(axis, fused[:, None])
    axis.set_title("global\nfusion", fontsize=10)
    axis.set_yticks(range(blocks), [f"block {number + 1}" for number in range(blocks)])
    axis.set_xticks([])
    return figure


def _heat(axis: Axes, values: np.ndarray) -> None:
    axis.imshow(values, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=2))
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value > 1 else "black"
            text = f"{value.round(2) + 0.0:.2f}"
            axis.text(column, row, text, ha="center", va="center", color=colour, size=9)
