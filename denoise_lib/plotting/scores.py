"""Scores in words: the one place where a number and its interval become text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from denoise_lib.plotting.style import label

_SPACE = "\N{NO-BREAK SPACE}"


def score_table(summary: pd.DataFrame) -> pd.DataFrame:
    """A summary of scores as readers see it: names, units, and what follows each mean.

    That is its 95 % interval over patients; or, where all images are of one patient, the standard
    deviation over images in brackets, which is no interval.

    Parameters
    ----------
    summary : pandas.DataFrame
        What `summarise` returns, or rows of `store.load_summary` indexed by method.

    Returns
    -------
    pandas.DataFrame
        Text, one row per method in the summary's order.
    """
    columns = {"psnr": ("PSNR (dB)", 1, 2), "ssim": ("SSIM", 1, 3), "mse": ("MSE × 10⁴", 1e4, 2)}
    table = pd.DataFrame(index=[label(method) for method in summary.index])
    for metric, (title, scale, digits) in columns.items():
        half = f"{metric}_ci" in summary
        ends = [f"{metric}_ci"] if half else [f"{metric}_low", f"{metric}_high"]
        values = (scale * summary[[metric, *ends]]).itertuples(index=False)
        table[title] = [
            with_interval(value, interval[0] if half else tuple(interval), digits)
            for value, *interval in values
        ]
        if summary[ends].isna().all(axis=None) and f"{metric}_spread" in summary:
            spreads = scale * summary[f"{metric}_spread"].to_numpy(float)
            table[title] = [
                text if np.isnan(spread) else f"{text} [{spread:.{digits}f}]".replace(" ", _SPACE)
                for text, spread in zip(table[title], spreads, strict=True)
            ]
    return table.rename_axis(columns="method")


def with_interval(
    value: float, interval: float | tuple[float, float], digits: int, signed: bool = False
) -> str:
    """A number and its interval, if there is one, without a space at which a line may break.

    Parameters
    ----------
    value : float
        The number.
    interval : float or tuple of float
        Half the width of an interval around it, or the lower and the upper end.
    digits : int
        After the point.
    signed : bool
        Whether a plus stands before what is positive, as in differences.

    Returns
    -------
    str
        "34.57 ± 0.12" or "34.57 (34.45 to 34.70)"; the number alone where the interval is NaN.
    """
    form = f"{{:{'+' if signed else ''}.{digits}f}}".format
    ends = interval if isinstance(interval, tuple) else (interval,)
    if not np.isfinite(ends).all():
        return form(value)
    if len(ends) == 1:
        return f"{form(value)} ± {ends[0]:.{digits}f}".replace(" ", _SPACE)
    return f"{form(value)} ({form(ends[0])} to {form(ends[1])})".replace(" ", _SPACE)
