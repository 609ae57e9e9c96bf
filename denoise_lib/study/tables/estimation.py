"""Where estimates of the noise level are right, and where they fail."""

from __future__ import annotations

import pandas as pd

from denoise_lib.study.tables.shared import select


def errors(rows: pd.DataFrame, kind: str, estimator: str) -> pd.DataFrame:
    """Estimated over true noise level.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of the side study `estimation`.
    kind : str
        Of the noise.
    estimator : str
        Which.

    Returns
    -------
    pandas.DataFrame
        A ratio of means, indexed by the noise level, a column for each data set.

    Raises
    ------
    UserError
        When nothing was measured.
    """
    chosen = select(rows, kind=kind, estimator=estimator)
    ratio = 1 + chosen["bias"] / chosen["true"]
    return chosen.assign(ratio=ratio).pivot(index="sigma", columns="dataset", values="ratio")
