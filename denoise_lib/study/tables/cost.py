"""What a method costs, next to what it reaches."""

from __future__ import annotations

import pandas as pd

from denoise_lib.checks import UserError


def joined(cost: pd.DataFrame, psnr: pd.Series) -> pd.DataFrame:
    """Costs with the PSNR that they buy.

    Parameters
    ----------
    cost : pandas.DataFrame
        The side study of that name.
    psnr : pandas.Series
        PSNR (dB), indexed by method.

    Returns
    -------
    pandas.DataFrame
        Indexed by method; `psnr`, and `kmacs`, thousands of multiply-adds per pixel, are added.

    Raises
    ------
    UserError
        When a method has costs but no PSNR.
    """
    missing = set(cost["method"]) - set(psnr.index)
    if missing:
        raise UserError(f"No PSNR of {', '.join(sorted(missing))}: derive it with `make study`.")
    table = cost.set_index("method")
    return table.assign(psnr=psnr, kmacs=table["macs_per_pixel"] / 1000)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The costs as text, best PSNR first.

    Parameters
    ----------
    table : pandas.DataFrame
        What `joined` returns.

    Returns
    -------
    pandas.DataFrame
        Indexed by method; a dash where a method has no weights or training.
    """
    columns = {
        "PSNR (dB)": ("psnr", "{:.2f}"),
        "parameters": ("parameters", "{:,.0f}"),
        "thousand MACs per pixel": ("kmacs", "{:.1f}"),
        "seconds": ("seconds", "{:.2f}"),
        "memory (MiB)": ("peak_mib", "{:.0f}"),
        "training (core hours)": ("training_hours", "{:.2f}"),
    }
    ordered = table.sort_values("psnr", ascending=False)
    return pd.DataFrame(
        {
            title: ["–" if pd.isna(value) else form.format(value) for value in ordered[column]]
            for title, (column, form) in columns.items()
        },
        index=ordered.index,
    )


def pareto_front(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """The methods that nothing beats in both PSNR and a cost.

    Parameters
    ----------
    table : pandas.DataFrame
        What `joined` returns.
    column : str
        The cost.

    Returns
    -------
    pandas.DataFrame
        Their rows, the cheapest first.
    """
    ordered = table.dropna(subset=[column]).sort_values(column)
    return ordered[ordered["psnr"] >= ordered["psnr"].cummax()]
