"""The figures of the study's pages, drawn from the tables of `study.tables`.

Each function makes a figure of its own and returns it. Which methods a figure shows is said by the
page.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import cast

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import Bbox

from denoise_lib.plotting.style import colour_and_marker, label

FREQUENCY = "spatial frequency (cycles per pixel)"
SIGMA = "noise level sigma (0-255 scale)"
DIVERGED = 29  # dB at noise level 25: what is below would press the others together
LOWEST = -3.5  # dB of `gain_curves`: with all that is worse, the best could not be told apart
CROWDED = 28  # dB: mistakes that cost less have their names in a column of the figure


def _legend_beside(axis: Axes) -> None:
    axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def _legend_below(figure: Figure, axis: Axes, columns: int = 3) -> None:
    handles, names = axis.get_legend_handles_labels()
    style = {"loc": "outside lower center", "ncols": columns, "frameon": False, "fontsize": 9}
    figure.legend(handles, names, **style)


def scatter(table: pd.DataFrame, x: str, y: str, axis: Axes) -> None:
    """A point for each method; see `name_points`.

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
        colour, marker = colour_and_marker(str(name))
        axis.semilogx(row[x], row[y], marker, color=colour, markersize=8)
    axis.margins(x=0.35, y=0.1)
    axis.spines[["top", "right"]].set_visible(False)


def name_points(table: pd.DataFrame, x: str, y: str, axis: Axes) -> None:
    """Write a name beside each point, at the nearest place where it covers no name and no point.

    Parameters
    ----------
    table : pandas.DataFrame
        As for `scatter`.
    x, y : str
        Columns.
    axis : matplotlib.axes.Axes
        Of a figure that is complete but for the names: where they are free depends on the layout.
    """
    cast(Figure, axis.figure).draw_without_rendering()
    rows = table.dropna(subset=[x, y]).sort_values(y, ascending=False)
    points = {label(str(name)): (row[x], row[y]) for name, row in rows.iterrows()}
    centres = [axis.transData.transform(point) for point in points.values()]
    taken = [Bbox.from_extents(*(centre - 6), *(centre + 6)) for centre in centres]
    for name, point in points.items():
        places = itertools.product((4, -10, 16, -22, 28, -34), ((7, "left"), (-7, "right")))
        tried = []
        for up, (along, side) in places:
            for text in tried:
                text.set_visible(False)
            style = {"textcoords": "offset points", "fontsize": 8, "ha": side}
            tried.append(axis.annotate(name, point, (along, up), **style))
            box = tried[-1].get_window_extent().expanded(1, 1.1)
            inside = axis.bbox.x0 < box.x0 and box.x1 < axis.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
        for text in tried[:-1]:  # where all places are taken, the last stays
            text.remove()
        taken.append(tried[-1].get_window_extent())


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


def training_curves(trainings: pd.DataFrame) -> Figure:
    """PSNR of networks against what they were trained with: patches, and minutes of one core.

    Parameters
    ----------
    trainings : pandas.DataFrame
        The side study of that name: a point for each at noise level 25, a line through the means
        over seeds. What diverged is left out.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained", sharey=True)
    column, titles = "psnr_25", {"patches": "patches of 40 x 40", "minutes": "core-minutes"}
    for axis, (spent, title) in zip(axes, titles.items(), strict=True):
        seen = set()
        for name, rows in trainings.groupby("network", sort=False):
            colour, marker = colour_and_marker(str(name))
            axis.semilogx(rows[spent], rows[column], marker, color=colour, ms=3, alpha=0.6)
            means = rows.groupby("share")[[spent, column]].mean()
            style = {"color": colour, "ls": "--" if colour in seen else "-"}
            axis.semilogx(
                means[spent], means[column], marker=marker, ms=5, label=label(str(name)), **style
            )
            seen.add(colour)
        axis.set_xlabel(title)
        axis.set_ylim(DIVERGED, trainings[column].max() + 0.4)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("PSNR (dB), validation, sigma 25")
    _legend_below(figure, axes[0], 2)
    return figure


def width_curves(gain: pd.DataFrame) -> Figure:
    """What methods gain over the noisy image, against the width over which noise is shared.

    Parameters
    ----------
    gain : pandas.DataFrame
        Gain in PSNR (dB), indexed by the width in pixels, a column for each method.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    method_lines(gain, axis)
    axis.axhline(0, color="#bbbbbb", zorder=0)
    axis.set(xlabel="width of the correlation (pixels)", ylabel="gain in PSNR (dB)")
    axis.set_xticks(list(gain.index))
    _legend_beside(axis)
    return figure


def cost_panels(costs: pd.DataFrame, fronts: Mapping[str, pd.DataFrame]) -> Figure:
    """PSNR against seconds and against multiply-adds; what nothing beats in both is joined.

    Parameters
    ----------
    costs : pandas.DataFrame
        What `tables.cost.joined` returns.
    fronts : mapping
        The Pareto fronts for "seconds" and "kmacs", from `tables.cost.pareto_front`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(2, 1, figsize=(7, 7.2), layout="constrained", sharey=True)
    titles = {
        "seconds": "seconds for 1024 x 1024 on the processor",
        "kmacs": "thousand multiply-adds per pixel",
    }
    for axis, (column, title) in zip(axes, titles.items(), strict=True):
        scatter(costs, column, "psnr", axis)
        front = fronts[column]
        axis.step(front[column], front["psnr"], where="post", color="#bbbbbb", zorder=0)
        axis.set(xlabel=title, ylabel="PSNR (dB), sigma 25")
    for axis, column in zip(axes, titles, strict=True):
        name_points(costs, column, "psnr", axis)
    return figure


def noise_matrix(matrix: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """PSNR of networks trained on one noise and tested on another; colour compares a column.

    Bold is what leads its column by half a decibel or more.

    Parameters
    ----------
    matrix : pandas.DataFrame
        PSNR (dB); a row for each noise of the training, a column for each of the test.
    titles : mapping
        From a noise to its name in the figure.

    Returns
    -------
    matplotlib.figure.Figure
    """
    loss = matrix - matrix.max()
    leads = matrix.apply(lambda column: -column.nlargest(2).diff().iloc[-1] >= 0.5).to_numpy()
    figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
    picture = axis.imshow(loss, cmap="cividis", vmin=-15, vmax=0)
    for row, column in np.ndindex(matrix.shape):
        below = loss.to_numpy()[row, column]
        axis.text(
            column,
            row,
            f"{matrix.iloc[row, column]:.1f}",
            ha="center",
            va="center",
            color="white" if below < -6 else "black",
            fontweight="bold" if below == 0 and leads[column] else "normal",
        )
    names = [titles[key] for key in matrix.columns]
    axis.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axis.set_yticks(range(len(matrix)), [titles[key] for key in matrix.index])
    axis.set(xlabel="tested on", ylabel="trained on")
    figure.colorbar(picture, label="dB below the best of the column")
    return figure


def told_curves(told: pd.DataFrame, blind: tuple[str, float], true: float) -> Figure:
    """PSNR against the noise level that a method is told.

    Parameters
    ----------
    told : pandas.DataFrame
        What `tables.mismatch.told` returns.
    blind : tuple of str and float
        A method that is not told the level, and its PSNR (dB).
    true : float
        The level that the noise has, 0-255.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for method in told:  # each by itself: they were told different levels
        method_lines(told[[method]].dropna(), axis)
    method, psnr = blind
    colour, _ = colour_and_marker(method)
    axis.axhline(psnr, color=colour, linestyle="--", label=f"{label(method)}, not told")
    axis.axvline(true, color="#bbbbbb", zorder=0)
    axis.set(xlabel=f"the level it is told (true: {true:g})", ylabel="PSNR (dB)")
    _legend_beside(axis)
    return figure


def mistake_plane(
    points: pd.DataFrame,
    titles: Mapping[str, str],
    bars: Mapping[str, tuple[float, float]],
    above: Collection[str] = (),
) -> Figure:
    """Each mistake where it lands, in PSNR and SSIM, beside scores that others published.

    Parameters
    ----------
    points : pandas.DataFrame
        `psnr` (dB) and `ssim`, indexed by mistake and method.
    titles : mapping
        From a mistake to its name in the figure.
    bars : mapping
        From the name of a published result to its PSNR (dB) and SSIM.
    above : collection of str
        Mistakes whose name stands above their points instead of below.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7, 5.6), layout="constrained")
    for method, rows in points.groupby(level=1, sort=False):
        colour, marker = colour_and_marker(str(method))
        axis.plot(rows["psnr"], rows["ssim"], marker, color=colour, label=label(str(method)))
    for name, place in bars.items():
        axis.plot(*place, "*", color="black", markersize=13)
        axis.annotate(name, place, (8, 4), textcoords="offset points", weight="bold")
    middles = points.groupby(level=0).mean()
    crowded = middles["psnr"] > CROWDED
    for mistake, place in middles[~crowded].iterrows():
        where = (place["psnr"], place["ssim"])
        offset, side = ((0, 10), "center") if mistake in above else ((7, -12), "left")
        axis.annotate(titles[str(mistake)], where, offset, textcoords="offset points", ha=side)
    column = middles[crowded].sort_values("ssim")
    heights = 1.02 - 0.07 * np.arange(len(column))[::-1]
    for height, (mistake, place) in zip(heights, column.iterrows(), strict=True):
        axis.annotate(
            titles[str(mistake)],
            (place["psnr"], place["ssim"]),
            (CROWDED + 12, height),
            va="center",
            arrowprops={"arrowstyle": "-", "color": "#999999"},
        )
    axis.set(xlabel="PSNR (dB)", ylabel="SSIM", xlim=(3, CROWDED + 25), ylim=(0, 1.05))
    axis.spines[["top", "right"]].set_visible(False)
    _legend_below(figure, axis)
    return figure


def error_spectra(removed: pd.DataFrame, error: pd.DataFrame) -> Figure:
    """What methods take away, and what is wrong with the result, against frequency.

    Parameters
    ----------
    removed, error : pandas.DataFrame
        Power relative to the noise, indexed by frequency; a column for each method.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.9), layout="constrained")
    for axis, table in zip(axes, (removed, error), strict=True):
        method_lines(table, axis)
        axis.set(xlabel=FREQUENCY, ylabel="power relative to the noise")
    axes[0].axhline(1, color="#999999", linestyle=":")
    axes[0].set(title="what was removed", ylim=(0, 2.3))
    axes[1].set(title="what is wrong", yscale="log", ylabel="")
    _legend_below(figure, axes[0])
    return figure


def observer_charts(
    observers: Mapping[str, pd.DataFrame],
    psnr: pd.Series,
    named: Mapping[str, tuple[int, int]],
) -> Figure:
    """Change of observers' AUC against the methods' PSNR.

    Parameters
    ----------
    observers : mapping
        From a title to what `tables.reader.seen` returns.
    psnr : pandas.Series
        Mean PSNR (dB), indexed by method.
    named : mapping
        From a method whose name is shown to where: points to the right and up. The others are grey.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each observer, one above the other.
    """
    figure, axes = plt.subplots(
        len(observers),
        figsize=(6.4, 3.1 * len(observers)),
        layout="constrained",
        squeeze=False,
        sharex=True,
    )
    for axis, (title, table) in zip(axes.flat, observers.items(), strict=True):
        axis.axhline(0, color="#999999", linestyle=":")
        for method, row in table.drop(index="noisy").iterrows():
            name = str(method)
            colour, marker = colour_and_marker(name) if name in named else ("#bbbbbb", "o")
            ends = _ends(row["change"], row["change_low"], row["change_high"])
            style = {"fmt": marker, "color": colour, "capsize": 2, "zorder": 2 + (name in named)}
            axis.errorbar(psnr[name], row["change"], yerr=ends, **style)
            if name in named:
                right, up = named[name]
                axis.annotate(
                    label(name),
                    (psnr[name], row["change"]),
                    xytext=(right, up),
                    textcoords="offset points",
                    ha="left" if right > 0 else "right",
                    va="center",
                    fontsize=9,
                )
        axis.set(title=title, ylabel="change of AUC")
        axis.margins(x=0.1)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1, 0].set_xlabel("PSNR (dB)")
    return figure


def _ends(value: float, low: float, high: float) -> list[list[float]]:
    """For `errorbar`; an interval of resamples may leave out what it is about."""
    return [[max(0, value - low)], [max(0, high - value)]]


def blend_charts(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """What a blend of the denoised image with the noisy one has, against the share alpha.

    Parameters
    ----------
    panels : mapping
        From what is shown to a table indexed by alpha, a column for each method.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(7, 3.4), layout="constrained")
    for axis, (title, table) in zip(axes, panels.items(), strict=True):
        method_lines(table, axis)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("share alpha")
    _legend_below(figure, axes[0])
    return figure


def shortcut_charts(
    aucs: Mapping[str, tuple[float, float, float]],
    answered: Mapping[str, pd.DataFrame],
    changes: Mapping[str, Sequence[str]],
) -> Figure:
    """One number against a trained network, and the network's answers to weak changes of the image.

    Parameters
    ----------
    aucs : mapping
        From what separates the labels to its AUC and the ends of its interval.
    answered : mapping
        From a training to what `tables.reader.answers` returns.
    changes : mapping
        From a title to the methods of a panel, "clean" first, whose names end in an amount.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for the AUCs, and one for each kind of change.
    """
    figure, axes = plt.subplots(
        1, 1 + len(changes), figsize=(7, 3.6), layout="constrained", width_ratios=[1, 1.2, 1.2]
    )
    for place, (auc, low, high) in enumerate(aucs.values()):
        ends = _ends(auc, low, high)
        axes[0].errorbar(place, auc, yerr=ends, fmt="o", color="#333333", capsize=3)
    axes[0].set_xticks(range(len(aucs)), list(aucs), fontsize=9)
    axes[0].set(ylabel="AUC, clean images", xlim=(-0.6, len(aucs) - 0.4), ylim=(0.5, 1))
    dashes = ("-", "--")
    shares = {"found": ("#D55E00", "of pneumonias"), "alarms": ("#0072B2", "of the others")}
    for axis, (title, methods) in zip(axes[1:], changes.items(), strict=True):
        amounts = [0.0, *(float(method.split()[1]) for method in methods[1:])]
        for (training, table), dash in zip(answered.items(), dashes, strict=True):
            for column, (colour, words) in shares.items():
                line = {"color": colour, "linestyle": dash, "marker": "o", "ms": 4}
                name = f"{words}, trained on {training} images"
                axis.plot(amounts, table.loc[list(methods), column], label=name, **line)
        axis.set(xlabel=title, ylim=(0, 1.03))
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[1].set_ylabel("called pneumonia")
    for axis in axes[2:]:
        axis.tick_params(labelleft=False)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    _legend_below(figure, axes[1], 2)
    return figure


def variance_by_grey(
    measured: Mapping[str, tuple[np.ndarray, np.ndarray]], levels: np.ndarray
) -> Figure:
    """Measured noise against the clean grey level, and what a model predicts.

    Parameters
    ----------
    measured : mapping
        From a name to the measured and the predicted variance at each level; at most three.
    levels : array
        Clean grey levels in [0, 1].

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    colours = ("#0072B2", "#E69F00", "#D55E00")
    chosen = colours[: len(measured)]
    for colour, (name, (found, predicted)) in zip(chosen, measured.items(), strict=True):
        axis.plot(255 * levels, 255 * found**0.5, "o", color=colour, label=name)
        axis.plot(255 * levels, 255 * predicted**0.5, color=colour)
    axis.plot([], [], color="#888888", label="by the formula")
    axis.set(xlabel="clean grey level (0-255)", ylabel="standard deviation of the noise (0-255)")
    axis.set_ylim(0)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    return figure


def power_spectra(table: pd.DataFrame) -> Figure:
    """Power of images against frequency, a line for each data set.

    Parameters
    ----------
    table : pandas.DataFrame
        Power on the 0-255 scale, indexed by frequency; a column for each data set, at most three.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    styles = (("#0072B2", "-"), ("#E69F00", "--"), ("#D55E00", ":"))
    for name, (colour, line) in zip(table, styles[: len(table.columns)], strict=True):
        axis.plot(table.index, table[name], line, color=colour, label=name)
    axis.axvspan(0.25, 0.5, color="#eeeeee", zorder=0)
    axis.set(xlabel=FREQUENCY, ylabel="power (grey levels squared)", yscale="log", xlim=(0, 0.5))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    return figure


def grain_spectra(power: pd.DataFrame) -> Figure:
    """What methods take out of an image whose truth nobody knows, against frequency.

    Parameters
    ----------
    power : pandas.DataFrame
        Power on the 0-255 scale, indexed by frequency; a column for each method, and for the image.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    method_lines(power, axis)
    axis.set(xlabel=FREQUENCY, ylabel="power (grey levels squared)", yscale="log", xlim=(0, 0.5))
    _legend_beside(axis)
    return figure


def gain_curves(
    summary: pd.DataFrame, methods: Sequence[str], reference: str, trained_to: float | None = None
) -> Figure:
    """Difference of the mean PSNR to one method against the noise level, to `LOWEST` below it.

    Parameters
    ----------
    summary : pandas.DataFrame
        Rows of `store.load_summary`, of one data set.
    methods : sequence of str
        Which, without the reference.
    reference : str
        The method that is the zero line.
    trained_to : float, optional
        Beyond this noise level (0-255) the background is grey.

    Returns
    -------
    matplotlib.figure.Figure
    """
    means = summary.pivot(index="sigma", columns="method", values="psnr")
    gains = means[list(methods)].sub(means[reference], axis=0)
    figure, axis = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    method_lines(gains, axis)
    axis.axhline(0, color="#888888", linestyle="--")
    if trained_to is not None:
        axis.axvspan(trained_to, gains.index.max() * 1.03, color="#eeeeee", zorder=0)
        axis.set_xlim(right=gains.index.max() * 1.03)
    axis.set(xlabel="noise level σ", ylabel=f"PSNR (dB) above {label(reference)}")
    axis.set_ylim(bottom=LOWEST)
    _legend_beside(axis)
    return figure
