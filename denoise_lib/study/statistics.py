"""Are two denoisers different? Intervals and tests over patients.

Images of one patient are not independent. Intervals resample patients, not images; tests compare
patients' means.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from denoise_lib.checks import UserError
from denoise_lib.evaluation import check_one_protocol

RESAMPLES = 5000
LEVEL = 0.95
ALPHA = 0.05


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

    Differences are taken image by image and averaged per patient. The test is Wilcoxon's signed
    rank test on those averages, and Holm's correction is over the methods.

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
        Indexed by method: `difference` (method minus reference, mean over images), `low` and
        `high` (its 95 % bootstrap interval over patients), `p`, `p_holm`, and `differs`, whether
        p_holm < 0.05. The test is about ranks, the interval about the mean: they can disagree.

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
    found: dict[str, dict] = {}
    for method in table.columns.drop(reference):
        difference = table[method] - table[reference]
        low, high = mean_interval(difference, groups)
        by_patient = difference.groupby(groups.to_numpy()).mean()
        # Equal methods differ nowhere: there is nothing to rank, and no evidence of a difference.
        p = 1.0 if (by_patient == 0).all() else stats.wilcoxon(by_patient)[1]
        p = p if len(by_patient) > 1 else np.nan
        found[method] = {"difference": difference.mean(), "low": low, "high": high, "p": p}
    columns = ["difference", "low", "high", "p"]
    result = pd.DataFrame.from_dict(found, orient="index", columns=columns).rename_axis("method")
    result["p_holm"] = holm(result["p"])
    result["differs"] = result["p_holm"] < ALPHA
    return result


def holm(p: pd.Series) -> pd.Series:
    """Holm's step-down correction: each p times the number of hypotheses not yet rejected.

    Parameters
    ----------
    p : pandas.Series
        p values of a family of tests; NaN where there was no test.

    Returns
    -------
    pandas.Series
        Adjusted p values, at most 1, on the same index.
    """
    # Written out: three lines are no reason to ask for statsmodels.
    ordered = p.dropna().sort_values()
    factors = np.arange(len(ordered), 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(ordered.to_numpy() * factors), 1.0)
    return pd.Series(adjusted, index=ordered.index).reindex(p.index)
