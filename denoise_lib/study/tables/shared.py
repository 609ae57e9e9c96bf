"""Selections and means that several pages need."""

from __future__ import annotations

from typing import Any

import pandas as pd

from denoise_lib.checks import UserError


def select(table: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """The rows whose columns have these values.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows or summaries as `study.store` reads them.
    **values
        A value for each column that is to be compared.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    UserError
        When there is no such row.
    """
    chosen = table
    for column, value in values.items():
        chosen = chosen[chosen[column] == value]
    if chosen.empty:
        wanted = ", ".join(f"{column} {value!r}" for column, value in values.items())
        raise UserError(f"There are no rows with {wanted}: measure them with `make study`.")
    return chosen


def at(summary: pd.DataFrame, dataset: str, sigma: float = 25) -> pd.DataFrame:
    """The methods of the comparison on one data set at one noise level.

    Parameters
    ----------
    summary : pandas.DataFrame
        What `store.load_summary` returns.
    dataset : str
        A data set of the comparison.
    sigma : float
        Noise level, 0-255.

    Returns
    -------
    pandas.DataFrame
        Indexed by method, which stays a column, best PSNR first.

    Raises
    ------
    UserError
        When nothing was measured there.
    """
    chosen = select(summary, dataset=dataset, sigma=sigma)
    return chosen.set_index("method", drop=False).sort_values("psnr", ascending=False)


def mean_psnr(rows: pd.DataFrame) -> pd.Series:
    """Mean PSNR (dB) of each method.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one protocol.

    Returns
    -------
    pandas.Series
        Indexed by method.
    """
    return rows.groupby("method")["psnr"].mean()
