"""Scores in words: the one place where a number and its interval become text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from denoise_lib.plotting.style import label

_SPACE = "\N{NO-BREAK SPACE}"  # no line break parts a number from its interval


def score_table(summary: pd.DataFrame) -> pd.DataFrame:
    """A summary of scores as readers see it: names, units, and the 95 % interval after each mean.

    Parameters
    ----------
    summary : pandas.DataFrame
        What `summarise` returns.

    Returns
    -------
    pandas.DataFrame
        Text, one row per method in the summary's order.
    """
    columns = {"psnr": ("PSNR (dB)", 1, 2), "ssim": ("SSIM", 1, 3), "mse": ("MSE × 10⁴", 1e4, 2)}
    table = pd.DataFrame(index=[label(method) for method in summary.index])
    for metric, (title, scale, digits) in columns.items():
        pairs = zip(scale * summary[metric], scale * summary[f"{metric}_ci"], strict=True)
        table[title] = [with_interval(value, half, digits) for value, half in pairs]
    table["time per image (s)"] = [f"{seconds:.3f}" for seconds in summary["seconds"]]
    return table.rename_axis(columns="method")


def with_interval(value: float, interval: float | tuple[float, float], digits: int) -> str:
    """A number and its interval, if there is one.

    Parameters
    ----------
    value : float
        The number.
    interval : float or tuple of float
        Half the width of an interval around it, or the lower and the upper end.
    digits : int
        After the point.

    Returns
    -------
    str
        "34.57 ± 0.12" or "34.57 (34.45 to 34.70)"; the number alone where the interval is NaN.
    """
    ends = interval if isinstance(interval, tuple) else (interval,)
    texts = [f"{end:.{digits}f}" for end in ends]
    if not np.isfinite(ends).all():
        return f"{value:.{digits}f}"
    if len(texts) == 1:
        return f"{value:.{digits}f}{_SPACE}±{_SPACE}{texts[0]}"
    return f"{value:.{digits}f} ({texts[0]} to {texts[1]})"
