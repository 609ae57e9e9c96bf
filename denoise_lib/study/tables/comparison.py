"""The comparison: means, levels, tests, tuning and the time of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from denoise_lib.plotting import label, with_interval
from denoise_lib.study.grid import COMPARED_WITH
from denoise_lib.study.tables.shared import mean_psnr, select


def verdicts(
    differences: pd.DataFrame,
    dataset: str,
    methods: Sequence[str],
    metric: str = "psnr",
    digits: int = 2,
) -> pd.DataFrame:
    """The difference of each method at each noise level, and whether it is decided.

    Parameters
    ----------
    differences : pandas.DataFrame
        What `store.load_summary("differences")` returns.
    dataset : str
        A data set of the comparison.
    methods : sequence of str
        In the order of the rows; the one that all are compared with is left out.
    metric : str
        "psnr" or "ssim".
    digits : int
        After the point.

    Returns
    -------
    pandas.DataFrame
        Text, indexed by name, a column for each level: the difference with its interval, with its
        spread over the images of one patient, or "open" where the interval holds zero; a dash
        where nothing was measured.

    Raises
    ------
    UserError
        When nothing was compared on this data set.
    """
    chosen = select(differences, dataset=dataset, metric=metric)
    columns = {
        f"sigma {sigma:g}": {
            label(row["method"]): _verdict(row, digits) for row in group.to_dict("records")
        }
        for sigma, group in chosen.groupby("sigma")
    }
    order = [label(method) for method in methods if method != COMPARED_WITH]
    return pd.DataFrame(columns).reindex(order).fillna("–")


def _verdict(row: Mapping[Any, Any], digits: int) -> str:
    if np.isnan(row["low"]):
        return f"{row['difference']:+.{digits}f} [{row['spread']:.{digits}f}]"
    text = with_interval(row["difference"], (row["low"], row["high"]), digits, signed=True)
    return text if row["differs"] else f"open: {text}"


def everything(summary: pd.DataFrame) -> pd.DataFrame:
    """All means with their intervals, as the sortable table names them.

    Parameters
    ----------
    summary : pandas.DataFrame
        What `store.load_summary` returns.

    Returns
    -------
    pandas.DataFrame
        A row for each method, data set and level.
    """
    table = summary.assign(
        method=summary["method"].map(label),
        mse=1e4 * summary["mse"],
    )
    ends = [f"{metric}{end}" for metric in ("psnr", "ssim") for end in ("", "_low", "_high")]
    table = table[["method", "dataset", "sigma", *ends, "mse", "images", "groups"]]
    words = {"_": " ", "psnr": "PSNR", "ssim": "SSIM"}
    for old, new in words.items():
        table.columns = table.columns.str.replace(old, new)
    return table.rename(columns={"mse": "MSE × 10⁴", "groups": "patients"})


def sortable(table: pd.DataFrame) -> str:
    """`everything` as HTML that the book's script makes sortable.

    Parameters
    ----------
    table : pandas.DataFrame
        What `everything` returns.

    Returns
    -------
    str
    """
    formats: dict[Any, Any] = {
        name: f"{{:.{digits}f}}".format
        for name in table.columns.astype(str)
        for metric, digits in {"PSNR": 2, "SSIM": 4, "MSE": 3}.items()
        if name.startswith(metric)
    }
    html = table.to_html(index=False, formatters=formats, na_rep="–", border=0, classes="sortable")
    return f'<div class="sortable-scroll">{html}</div>'


def undecided(differences: pd.DataFrame, dataset: str, sigma: float = 25) -> list[str]:
    """The methods whose interval of the difference to the reference holds zero.

    Parameters
    ----------
    differences : pandas.DataFrame
        What `store.load_summary("differences")` returns.
    dataset : str
        A data set of the comparison.
    sigma : float
        Noise level, 0-255.

    Returns
    -------
    list of str

    Raises
    ------
    UserError
        When nothing was tested there.
    """
    tests = select(differences, dataset=dataset, sigma=sigma, metric="psnr")
    return tests[~tests["differs"].astype(bool)]["method"].tolist()


def tuned_elsewhere(own: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """What the classical methods lose by parameters that were tuned on other images.

    Parameters
    ----------
    own, other : pandas.DataFrame
        Rows of one protocol on `nih-sample`, tuned on its validation images and on `chest-drr`.

    Returns
    -------
    pandas.DataFrame
        PSNR (dB) of both and the loss, indexed by method, best first.
    """
    borrowed = mean_psnr(other)
    table = pd.DataFrame(
        {
            "tuned on nih-sample (dB)": mean_psnr(own)[borrowed.index],
            "tuned on chest-drr (dB)": borrowed,
        }
    )
    table["loss (dB)"] = table["tuned on nih-sample (dB)"] - table["tuned on chest-drr (dB)"]
    return table.sort_values("tuned on nih-sample (dB)", ascending=False)
