"""Are two denoisers different? Intervals over patients, and over trainings where there are several.

Images of one patient are not independent: the bootstrap resamples patients, not images. And a
network is one of many that the same training could have given: where several were trained, the
bootstrap draws among them too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from denoise_lib.checks import UserError
from denoise_lib.evaluation import check_one_protocol

RESAMPLES = 5000
LEVEL = 0.95
NOISY = "noisy"  # the input is no method: nobody doubts that it differs


def by_training(rows: pd.DataFrame, metric: str) -> dict[str, pd.DataFrame]:
    """Scores of each method, a row per image and a column per training.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate`, of one protocol; where there are several trainings of a network, with a
        column `seed` that tells them apart.
    metric : str
        "psnr", "ssim" or "mse".

    Returns
    -------
    dict of str to pandas.DataFrame
        All with the same index.

    Raises
    ------
    ValueError
        When the rows are of several protocols, or the methods were not measured on the same images.
    """
    check_one_protocol(rows)
    if "seed" not in rows:
        rows = rows.assign(seed=0)
    tables = {
        str(method): group.pivot(index="image", columns="seed", values=metric)
        for method, group in rows.groupby("method")
    }
    images = set(rows["image"])
    if any(len(table) != len(images) or table.isna().any(axis=None) for table in tables.values()):
        raise UserError("The methods were not measured on the same images: complete the rows.")
    return tables


def resampled_means(
    tables: Mapping[str, pd.DataFrame], groups: pd.Series, seed: int = 0
) -> pd.DataFrame:
    """Means over images in bootstrap resamples, the same patients for all methods.

    Among S trainings S are drawn, and what that changes is stretched by sqrt(S / (S - 1)): so few
    would otherwise seem to scatter less than they do. Their scatter itself is badly known from two
    or three: that part of an interval is an estimate, without a level of its own.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        What `by_training` returns.
    groups : pandas.Series
        The patient of each image, on the tables' index.
    seed : int
        Of the resampling.

    Returns
    -------
    pandas.DataFrame
        A row per resample, a column per method; no rows for fewer than two patients.
    """
    generator = np.random.default_rng(seed)
    counts = groups.groupby(groups.to_numpy()).size().to_numpy()
    if len(counts) < 2:
        return pd.DataFrame(columns=list(tables))
    even = np.full(len(counts), 1 / len(counts))
    drawn = generator.multinomial(len(counts), even, size=RESAMPLES)
    images = drawn @ counts
    means = {}
    for method, table in tables.items():
        sums = table.groupby(groups[table.index].to_numpy()).sum().to_numpy()
        each = (drawn @ sums) / images[:, None]
        number, middle = each.shape[1], each.mean(1)
        means[method] = middle
        if number > 1:
            chosen = generator.multinomial(number, [1 / number] * number, size=RESAMPLES) / number
            stretch = (number / (number - 1)) ** 0.5
            means[method] = middle + stretch * ((chosen * each).sum(1) - middle)
    return pd.DataFrame(means)


def mean_intervals(rows: pd.DataFrame, metric: str = "psnr") -> pd.DataFrame:
    """Mean of each method with its 95 % bootstrap interval, each by itself.

    Parameters
    ----------
    rows : pandas.DataFrame
        As for `by_training`.
    metric : str
        "psnr", "ssim" or "mse".

    Returns
    -------
    pandas.DataFrame
        Indexed by method: `mean` over images and trainings, `low` and `high` (percentiles; NaN for
        fewer than two patients), `spread` (standard deviation over images) and `trainings`.

    Raises
    ------
    ValueError
        As `by_training`.
    """
    tables = by_training(rows, metric)
    means = resampled_means(tables, _groups(rows))
    found = {}
    for method, table in tables.items():
        ends = [np.nan, np.nan]
        if len(means):
            ends = np.quantile(means[method], [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
        averages = table.mean(axis=1)
        row = {"mean": averages.mean(), "low": ends[0], "high": ends[1], "spread": averages.std()}
        found[method] = row | {"trainings": table.shape[1]}
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("method")


def compare_with(rows: pd.DataFrame, reference: str, metric: str = "psnr") -> pd.DataFrame:
    """Paired differences of every method to one of them, under one protocol.

    Differences are taken image by image. Patients are resampled, the same ones for all methods,
    and the intervals are *simultaneous*: each is as many standard errors wide as the largest
    deviation of any method reaches in 95 % of the resamples (the max-t method). So the chance that
    one of them misses its mean over patients is five in a hundred, however many methods there are;
    for what the trainings add to an interval see `resampled_means`.

    Parameters
    ----------
    rows : pandas.DataFrame
        As for `by_training`.
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
        When the reference is not among the methods, or as `by_training`.
    """
    tables = by_training(rows, metric)
    if reference not in tables:
        raise UserError(f"No rows of {reference!r} here; choose one of: {', '.join(tables)}.")
    others = [method for method in tables if method not in (reference, NOISY)]
    ours = tables[reference].mean(axis=1)
    paired = pd.DataFrame({m: tables[m].mean(axis=1) - ours for m in others})
    means = resampled_means(tables, _groups(rows))
    result = pd.DataFrame({"difference": paired.mean(), "spread": paired.std()})
    margin = max_t(means[others].sub(means[reference], axis=0), result["difference"])
    result["low"], result["high"] = result["difference"] - margin, result["difference"] + margin
    result["differs"] = (result["low"] > 0) | (result["high"] < 0)
    return result.rename_axis("method")


def max_t(resampled: pd.DataFrame, observed: pd.Series) -> pd.Series:
    """Half the width of simultaneous 95 % intervals.

    Parameters
    ----------
    resampled : pandas.DataFrame
        A row per resample, a column per method.
    observed : pandas.Series
        What the columns scatter about.

    Returns
    -------
    pandas.Series
        By column; NaN without resamples, zero where a column never varies.
    """
    if not len(resampled):
        return pd.Series(np.nan, index=observed.index)
    errors = resampled.std(ddof=0)
    varies = errors > 1e-12
    if not varies.any():
        return pd.Series(0.0, index=observed.index)
    deviations = (resampled - observed).abs().loc[:, varies] / errors[varies]
    return np.quantile(deviations.max(axis=1), LEVEL) * errors.where(varies, 0)


def _groups(rows: pd.DataFrame) -> pd.Series:
    return rows.drop_duplicates("image").set_index("image")["group"].sort_index()
