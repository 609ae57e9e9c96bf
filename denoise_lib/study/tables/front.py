"""The front page: which method, and what the three claims rest on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from denoise_lib.plotting import label, score_table
from denoise_lib.study.grid import OUTSIDE_TRAINING
from denoise_lib.study.tables.reader import seen
from denoise_lib.study.tables.shared import at, select

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


@dataclass(frozen=True)
class Evidence:
    """What the claims of the front page rest on, each indexed by method.

    Attributes
    ----------
    scores : pandas.DataFrame
        Means on real radiographs at the level shown, best PSNR first.
    tests : pandas.DataFrame
        PSNR there, minus that of the method that all are compared with, and the test.
    beyond : pandas.Series
        PSNR (dB) at a level that no network was trained for.
    detection : pandas.DataFrame
        The Hotelling observer of the smaller nodule at the level shown.
    """

    scores: pd.DataFrame
    tests: pd.DataFrame
    beyond: pd.Series
    detection: pd.DataFrame


def evidence(
    summary: pd.DataFrame,
    differences: pd.DataFrame,
    detection: pd.DataFrame,
    sigma: float,
) -> Evidence:
    """Select what the claims of the front page rest on.

    Parameters
    ----------
    summary, differences : pandas.DataFrame
        What `store.load_summary` returns.
    detection : pandas.DataFrame
        The side study of that name.
    sigma : float
        The level shown, 0-255.

    Returns
    -------
    Evidence

    Raises
    ------
    UserError
        When one of them lacks rows.
    """
    diameter = detection["diameter"].min()
    tests = select(differences, dataset=DATASET, sigma=sigma, metric="psnr")
    return Evidence(
        scores=at(summary, DATASET, sigma),
        tests=tests.set_index("method"),
        beyond=at(summary, DATASET, OUTSIDE_TRAINING)["psnr"],
        detection=seen(detection, sigma, diameter, "hotelling"),
    )
