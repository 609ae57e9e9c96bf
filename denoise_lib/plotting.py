"""Figures and tables of the book, in colours that colour-blind readers can tell apart.

Functions that draw return a matplotlib figure and show nothing by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from denoise_lib.evaluation import score, summarise
from denoise_lib.protocol import Protocol

# Method, its name in figures and its colour. Okabe and Ito's palette and two greys; methods that
# share a hue differ in marker.
_STYLES = {
    "clean": ("Clean", "#999999", "."),
    "noisy": ("Noisy input", "#999999", "x"),
    "gaussian": ("Gaussian filter", "#56B4E9", "v"),
    "median": ("Median filter", "#56B4E9", "^"),
    "bilateral": ("Bilateral filter", "#CC79A7", "<"),
    "wavelet": ("Wavelet BayesShrink", "#CC79A7", ">"),
    "nlm": ("Non-local means", "#009E73", "P"),
    "tv": ("Total variation", "#009E73", "X"),
    "bm3d": ("BM3D", "#000000", "D"),
    "vincent": ("Stacked autoencoder", "#E69F00", "d"),
    "gondara": ("Conv. autoencoder", "#E69F00", "o"),
    "dncnn": ("DnCNN", "#D55E00", "s"),
    "dncnn-b": ("DnCNN-B (blind)", "#D55E00", "*"),
    "liu": ("Liu's denoiser", "#0072B2", "p"),
    "liu-joint": ("Liu's, joint training", "#0072B2", "H"),
    "rdn": ("RDN (small)", "#0072B2", "h"),
    # Trained for longer, on real radiographs; blind.
    "vincent-nih": ("Stacked autoencoder, released", "#E69F00", "D"),
    "gondara-nih": ("Conv. autoencoder, released", "#E69F00", "8"),
    "dncnn-nih": ("DnCNN, released", "#D55E00", "^"),
    "liu-nih": ("Liu's denoiser, released", "#0072B2", "P"),
    "rdn-nih": ("RDN (small), released", "#0072B2", "v"),
    "dncnn-authors": ("DnCNN-S, authors' weights", "#D55E00", "X"),
    "dncnn-b-authors": ("DnCNN-B, authors' weights", "#D55E00", "P"),
}
_UNKNOWN = ("#666666", "o")
METRIC_LABELS = {"psnr": "PSNR (dB)", "ssim": "SSIM", "mse": "MSE"}
RESIDUAL_RANGE = 0.15
NOTHING_RANGE = 12 / 255  # what is left of noise on an even grey


def label(method: str) -> str:
    """A method's name as readers see it."""
    return _STYLES[method][0] if method in _STYLES else method


def colour_and_marker(method: str) -> tuple[str, str]:
    """A method's colour and marker in figures."""
    return _STYLES[method][1:] if method in _STYLES else _UNKNOWN


def show_images(images: Mapping[str, torch.Tensor], columns: int = 4, width: float = 10) -> Figure:
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
    """
    height, width = clean.shape[-2:]
    row, column, side = inset or (height // 4, width // 5, width // 5)
    detail = clean[..., row : row + side, column : column + side]
    contrast = detail.min().item(), detail.max().item()
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
        residual = bottom.imshow(
            (image - clean)[0, 0].numpy(), cmap="PuOr", vmin=-RESIDUAL_RANGE, vmax=RESIDUAL_RANGE
        )
    figure.colorbar(
        residual, ax=axes, location="bottom", shrink=0.4, aspect=40, label="estimate - clean"
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


def score_table(summary: pd.DataFrame) -> pd.DataFrame:
    """A summary of scores as readers see it: names, units, and the 95 % interval after each mean.

    Parameters
    ----------
    summary : pandas.DataFrame
        What `summarise` returns.

    Returns
    -------
    pandas.DataFrame
        Text, one row per method in the summary's order.
    """
    columns = {"psnr": ("PSNR (dB)", 1, 2), "ssim": ("SSIM", 1, 3), "mse": ("MSE × 10⁴", 1e4, 2)}
    table = pd.DataFrame(index=[label(method) for method in summary.index])
    for metric, (title, scale, digits) in columns.items():
        pairs = zip(scale * summary[metric], scale * summary[f"{metric}_ci"], strict=True)
        table[title] = [with_interval(value, half, digits) for value, half in pairs]
    table["time per image (s)"] = [f"{seconds:.3f}" for seconds in summary["seconds"]]
    return table.rename_axis(columns="method")


def with_interval(value: float, half: float, digits: int) -> str:
    """A number and its half interval, if there is one, that no line break parts."""
    if not np.isfinite(half):
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{half:.{digits}f}"


def metric_bars(rows: pd.DataFrame, metric: str = "psnr", axis: Axes | None = None) -> Figure:
    """Mean of each method with its 95 % confidence interval, best at the top.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate`, of one protocol.
    metric : str
        "psnr", "ssim" or "mse".
    axis : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        When rows of different protocols are mixed.
    """
    summary = summarise(rows).sort_values(metric, ascending=metric != "mse")
    if axis is None:
        _, axis = plt.subplots(figsize=(7, 0.35 * len(summary) + 0.9), layout="constrained")
    bars = axis.barh(
        [label(method) for method in summary.index],
        summary[metric],
        xerr=summary[f"{metric}_ci"],
        color=[colour_and_marker(method)[0] for method in summary.index],
        error_kw={"capsize": 3, "ecolor": "#444444"},
    )
    digits = {"psnr": "%.2f", "ssim": "%.3f", "mse": "%.5f"}[metric]
    axis.bar_label(bars, fmt=digits, padding=4)
    axis.margins(x=0.12)
    axis.set_xlabel(f"{METRIC_LABELS[metric]}, mean and 95 % interval")
    axis.spines[["top", "right"]].set_visible(False)
    return axis.figure


def interval_bars(summary: pd.DataFrame, metric: str, axis: Axes) -> None:
    """Mean of each method with its bootstrap interval, best at the top.

    Parameters
    ----------
    summary : pandas.DataFrame
        Rows of `results.load_summary`, of one protocol.
    metric : str
        "psnr", "ssim" or "mse".
    axis : matplotlib.axes.Axes
        Where to draw.

    Raises
    ------
    ValueError
        When rows of different protocols are mixed.
    """
    if summary["protocol"].nunique() != 1:
        raise ValueError("These rows come from several protocols: select the rows of one.")
    summary = summary.sort_values(metric, ascending=metric != "mse")
    errors = [
        summary[metric] - summary[f"{metric}_low"],
        summary[f"{metric}_high"] - summary[metric],
    ]
    bars = axis.barh(
        [label(method) for method in summary["method"]],
        summary[metric],
        xerr=errors,
        color=[colour_and_marker(method)[0] for method in summary["method"]],
        error_kw={"capsize": 2, "ecolor": "#444444"},
    )
    axis.bar_label(bars, fmt={"psnr": "%.2f", "ssim": "%.3f", "mse": "%.5f"}[metric], padding=4)
    axis.margins(x=0.2)
    axis.set_xlabel(METRIC_LABELS[metric])
    axis.spines[["top", "right"]].set_visible(False)


def scatter(table: pd.DataFrame, x: str, y: str, axis: Axes) -> None:
    """A point with a name for each method.

    Parameters
    ----------
    table : pandas.DataFrame
        Indexed by method.
    x, y : str
        Columns; `x` on a logarithmic axis.
    axis : matplotlib.axes.Axes
        Where to draw.
    """
    for method, row in table.dropna(subset=[x, y]).iterrows():
        colour, marker = colour_and_marker(method)
        axis.semilogx(row[x], row[y], marker, color=colour, markersize=8)
        axis.annotate(
            label(method), (row[x], row[y]), (6, 4), textcoords="offset points", fontsize=8
        )
    axis.margins(x=0.25, y=0.1)
    axis.spines[["top", "right"]].set_visible(False)


def method_lines(table: pd.DataFrame, axis: Axes) -> None:
    """A line for each method: the columns' values over the index.

    Parameters
    ----------
    table : pandas.DataFrame
        One column per method. Of two methods of one colour the second has a dashed line.
    axis : matplotlib.axes.Axes
        Where to draw.
    """
    seen = set()
    for method in table:
        colour, marker = colour_and_marker(method)
        axis.plot(
            table.index,
            table[method],
            color=colour,
            marker=marker,
            ms=5,
            linestyle="--" if colour in seen else "-",
            label=label(method),
        )
        seen.add(colour)
    axis.spines[["top", "right"]].set_visible(False)


def noise_level_curves(rows: pd.DataFrame, metric: str = "psnr", axis: Axes | None = None):
    """Mean of each method against the noise level.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate` on one data set; each sigma has its own protocol.
    metric : str
        "psnr", "ssim" or "mse".
    axis : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        When rows of one sigma come from different protocols.
    """
    if axis is None:
        _, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
    levels = {sigma: summarise(group)[metric] for sigma, group in rows.groupby("sigma")}
    table = pd.DataFrame(levels)
    order = table.mean(axis=1).sort_values(ascending=metric == "mse").index
    for method in order:
        colour, marker = colour_and_marker(method)
        axis.plot(
            table.columns, table.loc[method], color=colour, marker=marker, label=label(method)
        )
    axis.set_xticks(table.columns)
    axis.set_xlabel("noise level sigma (0-255 scale)")
    axis.set_ylabel(METRIC_LABELS[metric])
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return axis.figure


def learning_curve(curve: pd.DataFrame, references: Mapping[str, float] | None = None) -> Figure:
    """Training loss and validation PSNR against the step.

    Parameters
    ----------
    curve : pandas.DataFrame
        What `training.fit` returns.
    references : mapping or pandas.Series, optional
        From a method to its PSNR (dB) on the same validation images, drawn as a line.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    left.semilogy(curve.index, curve["loss"], color="#0072B2", marker="o", markersize=4)
    left.set(xlabel="step", ylabel="training loss")
    right.plot(curve.index, curve["psnr"], color="#D55E00", marker="o", markersize=4)
    right.set(xlabel="step", ylabel="validation PSNR (dB)")
    references = dict({} if references is None else references)
    for method, value in references.items():
        right.axhline(value, color=colour_and_marker(method)[0], linestyle="--")
    low, high = right.get_ylim()
    height = -np.inf
    for method, value in sorted(references.items(), key=lambda item: item[1]):
        # Beside its line, or above the name below it where two lines nearly touch.
        height = max((value - low) / (high - low), height + 0.08)
        right.annotate(
            label(method),
            (1.02, height),
            xycoords="axes fraction",
            va="center",
            fontsize=9,
            color=colour_and_marker(method)[0],
        )
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    return figure
