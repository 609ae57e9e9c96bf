"""Charts of scores. Functions that draw return a figure, or draw into an axis they are given."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from denoise_lib.evaluation import check_one_protocol, summarise
from denoise_lib.plotting.style import METRIC_LABELS, colour_and_marker, label


def metric_bars(rows: pd.DataFrame, metric: str = "psnr", axis: Axes | None = None) -> Figure:
    """Mean of each method, best at the top, with its 95 % interval where there are patients.

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
    known = summary[f"{metric}_ci"].notna().any()
    axis.set_xlabel(f"{METRIC_LABELS[metric]}, mean{' and 95 % interval' if known else ''}")
    axis.spines[["top", "right"]].set_visible(False)
    return _figure(axis)


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
    check_one_protocol(summary)
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
    for name, row in table.dropna(subset=[x, y]).iterrows():
        method = str(name)
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
    for method in map(str, table):
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


def noise_level_curves(
    rows: pd.DataFrame, metric: str = "psnr", axis: Axes | None = None
) -> Figure:
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
    return _figure(axis)


def _figure(axis: Axes) -> Figure:
    figure = axis.get_figure(root=True)
    assert figure is not None  # only an axis that was removed has none
    return figure


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
