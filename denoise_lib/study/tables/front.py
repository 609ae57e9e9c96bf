"""The front page: which method."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from denoise_lib.plotting import label, score_table
from denoise_lib.study.tables.shared import select

DATASET = "nih-sample"


def captions(scores: pd.DataFrame, methods: Collection[str]) -> dict[str, tuple[str, str]]:
    """What stands under the pictures that a reader compares.

    Parameters
    ----------
    scores : pandas.DataFrame
        Rows of one image, one for each method.
    methods : collection of str
        Methods, "clean" among them or not.

    Returns
    -------
    dict of str to tuple of str
        From a method to its name and its scores on this image; "the original" where it has none.
    """
    rows = scores.set_index("method")
    return {
        name: (
            label(name),
            f"{rows['psnr'][name]:.2f} dB, SSIM {rows['ssim'][name]:.3f}"
            if name in rows.index
            else "the original",
        )
        for name in methods
    }


def methods(scores: pd.DataFrame, cost: pd.DataFrame, blind: Collection[str]) -> pd.DataFrame:
    """Scores, whether a method must be told the level, and its time.

    Parameters
    ----------
    scores : pandas.DataFrame
        What `shared.at` returns.
    cost : pandas.DataFrame
        The side study of that name.
    blind : collection of str
        Methods that are not told the level.

    Returns
    -------
    pandas.DataFrame
        Text, indexed by name, in the order of `scores`; time in seconds for 1024 x 1024 pixels.

    Raises
    ------
    UserError
        When the cost of a method was not measured.
    """
    table = score_table(scores)[["PSNR (dB)", "SSIM"]].rename_axis(columns=None)
    table["MSE × 10⁴"] = [f"{1e4 * mse:.2f}" for mse in scores["mse"]]
    # The noisy input is nothing that one runs.
    table["told the level"] = [
        "–" if method == "noisy" else "no" if method in blind else "yes" for method in scores.index
    ]
    table["seconds"] = [
        "–" if method == "noisy" else _seconds(select(cost, method=method)["seconds"].iloc[0])
        for method in scores.index
    ]
    return table


def _seconds(value: float) -> str:
    return f"{value:.{1 if value > 1 else 2}f}"
