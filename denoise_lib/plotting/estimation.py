"""The figure of the page on measuring noise."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

MARKERS = "osD^"


def ratio_panels(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """Estimated over true noise level, a panel for each kind of noise.

    Parameters
    ----------
    panels : mapping
        From a title to ratios: indexed by the noise level, a column for each estimator or data
        set.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(7, 3), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, (title, ratios) in zip(axes[0], panels.items(), strict=True):
        axis.axhline(1, color="0.6", linewidth=1)
        for marker, name in zip(MARKERS, ratios, strict=False):
            axis.plot(ratios.index, ratios[name], marker=marker, markersize=5, label=name)
        axis.set_xlabel("true sigma")
        axis.set_title(title, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("estimated / true")
    axes[0, 0].legend(frameon=False, fontsize=9)
    return figure
