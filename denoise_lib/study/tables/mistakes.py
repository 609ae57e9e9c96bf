"""Mistakes, one at a time, and what each does to the scores."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from denoise_lib.study.tables.shared import select
from denoise_lib.study.variants import WholeImage

RGB = "rgb"  # noise drawn for each channel: another protocol, not a variant
TITLES = {
    "": "no mistake",
    "offset-0.1": "brightness offset of 0.1",
    "offset-0.2": "brightness offset of 0.2",
    "rescaled-twice": "scaled back from [-1, 1] twice",
    "mean-not-added": "mean subtracted, not added again",
    "stretched": "output stretched",
    "wrapped": "8 bits, not clipped",
    "residual": "the predicted noise shown as the image",
    "batch-statistics": "batch norm left in training mode",
    "whole-image": "dense layers, whole image",
    "trained:gaussian-5": "trained for sigma 5",
    "trained:gaussian-20": "trained for sigma 20, a minute",
    "trained:gaussian-50": "trained for sigma 50",
    RGB: "noise drawn for R, G and B",
}


def means(rows: pd.DataFrame, rgb: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """The scores of methods under each mistake in scoring.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one protocol, of all variants.
    rgb : pandas.DataFrame
        Rows under the noise that is left of noise in three channels.
    methods : sequence of str
        Which.

    Returns
    -------
    pandas.DataFrame
        `psnr` (dB), `ssim` and `mse`, indexed by variant and method; `RGB` among the variants.

    Raises
    ------
    UserError
        When a method has no rows without a mistake.
    """
    for method in methods:
        select(rows, method=method, variant="")
    both = pd.concat([rows, rgb.assign(variant=RGB)])
    both = both[both["method"].isin(methods)]
    return both.groupby(["variant", "method"])[["psnr", "ssim", "mse"]].mean()


def before_training(rows: pd.DataFrame) -> pd.DataFrame:
    """The scores of networks whose training was the mistake.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one protocol, of all variants.

    Returns
    -------
    pandas.DataFrame
        `psnr` (dB), `ssim` and `mse`, indexed by method and variant.
    """
    trained = rows["variant"].str.startswith("trained:") | (rows["variant"] == str(WholeImage()))
    return rows[trained].groupby(["method", "variant"])[["psnr", "ssim", "mse"]].mean()
