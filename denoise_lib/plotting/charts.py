"""Charts of scores. Functions that draw return a figure, or draw into an axis they are given."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from denoise_lib.plotting.style import colour_and_marker, label


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
