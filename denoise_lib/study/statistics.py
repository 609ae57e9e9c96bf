"""Are two denoisers different? Intervals over patients.

Images of one patient are not independent: the bootstrap resamples patients, not images.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from denoise_lib.checks import UserError
from denoise_lib.evaluation import check_one_protocol

RESAMPLES = 5000
LEVEL = 0.95
NOISY = "noisy"  # the input is no method: nobody doubts that it differs


def mean_interval(values: pd.Series, groups: pd.Series, seed: int = 0) -> tuple[float, float]:
    """Bootstrap interval of the mean over images, resampling groups (patients).

    Parameters
    ----------
    values : pandas.Series
        One value per image.
    groups : pandas.Series
        The patient of each image, on the same index (in any order).
    seed : int
        Of the resampling.

    Returns
    -------
    tuple of float
        Lower and upper end of the 95 % percentile interval; NaN for fewer than two groups.

    Raises
    ------
    ValueError
        When there are no values.
    """
    if not len(values):
        raise UserError("There are no values: select at least one image.")
    by_group = values.groupby(groups[values.index].to_numpy()).agg(["sum", "count"])
    if len(by_group) < 2:
        return np.nan, np.nan
    found = stats.bootstrap(
        (by_group["sum"].to_numpy(), by_group["count"].to_numpy()),
        lambda total, count, axis=-1: total.sum(axis) / count.sum(axis),
        paired=True,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def compare_with(rows: pd.DataFrame, reference: str, metric: str = "psnr") -> pd.DataFrame:
    """Paired differences of every method to one of them, under one protocol.

    Differences are taken image by image. Patients are resampled, the same ones for all methods,
    and the intervals are *simultaneous*: each is as many standard errors wide as the largest
    deviation of any method reaches in 95 % of the resamples (the max-t method). So the chance that
    one of them misses its mean is five in a hundred, however many methods there are.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate`, of one protocol.
    reference : str
        The method to compare with.
    metric : str
        "psnr", "ssim" or "mse".

    Returns
    -------
    pandas.DataFrame
        Indexed by method, the noisy input left out: `difference` (method minus reference, mean
        over images), `low` and `high` (its interval; NaN where there is but one patient),
        `spread` (standard deviation over images) and `differs`, whether the interval leaves out
        zero.

    Raises
    ------
    ValueError
        When the rows are of several protocols, the reference is not among the methods, or a method
        was not measured on the same images.
    """
    check_one_protocol(rows)
    table = rows.pivot(index="image", columns="method", values=metric)
    if reference not in table:
        known = ", ".join(table.columns)
        raise UserError(f"No rows of {reference!r} here; choose one of: {known}.")
    if table.isna().any().any():
        raise UserError("The methods were not measured on the same images: complete the rows.")
    groups = rows.drop_duplicates("image").set_index("image")["group"][table.index]
    others = table.columns.drop([reference, NOISY], errors="ignore")
    paired = table[others].sub(table[reference], axis=0)
    result = pd.DataFrame({"difference": paired.mean(), "spread": paired.std()})
    margin = simultaneous_margin(paired, groups)
    result["low"], result["high"] = result["difference"] - margin, result["difference"] + margin
    result["differs"] = (result["low"] > 0) | (result["high"] < 0)
    return result.rename_axis("method")


def simultaneous_margin(values: pd.DataFrame, groups: pd.Series, seed: int = 0) -> pd.Series:
    """Half the width of simultaneous 95 % intervals of means over images, by the max-t bootstrap.

    Parameters
    ----------
    values : pandas.DataFrame
        A row per image, a column per method.
    groups : pandas.Series
        The patient of each image, in the same order.
    seed : int
        Of the resampling.

    Returns
    -------
    pandas.Series
        By column; NaN for fewer than two patients, zero where a column never varies.
    """
    by_group = values.groupby(groups.to_numpy())
    sums, counts = by_group.sum().to_numpy(), by_group.size().to_numpy()
    if len(counts) < 2:
        return pd.Series(np.nan, index=values.columns)
    even = np.full(len(counts), 1 / len(counts))
    drawn = np.random.default_rng(seed).multinomial(len(counts), even, size=RESAMPLES)
    means = (drawn @ sums) / (drawn @ counts)[:, None]
    deviations = np.abs(means - values.mean().to_numpy())
    errors = means.std(0)
    varies = errors > 1e-12
    if not varies.any():
        return pd.Series(0.0, index=values.columns)
    largest = (deviations[:, varies] / errors[varies]).max(1)
    return pd.Series(np.quantile(largest, LEVEL) * np.where(varies, errors, 0), values.columns)
