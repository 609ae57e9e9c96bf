"""How methods fail: worst images, spectra, faint edges, and what comes of nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from denoise_lib.plotting import label
from denoise_lib.study.tables.shared import select

PLACES = ("worst", "2nd", "3rd", "4th", "5th")


def worst(rows: pd.DataFrame, method: str) -> pd.DataFrame:
    """The images on which a method scores lowest.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one protocol.
    method : str
        Which.

    Returns
    -------
    pandas.DataFrame
        Its rows of the five lowest PSNRs, the lowest first.

    Raises
    ------
    UserError
        When the method has no rows.
    """
    # By name where two are equal.
    return select(rows, method=method).sort_values(["psnr", "image"]).head(len(PLACES))


def worst_images(rows: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """The worst images of each method by name.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one protocol.
    methods : sequence of str
        Which.

    Returns
    -------
    pandas.DataFrame
        Text with PSNR in dB, indexed by the method's name.

    Raises
    ------
    UserError
        When a method has no rows.
    """
    lowest = {method: worst(rows, method) for method in methods}
    table = {
        label(method): [f"{each.image} ({each.psnr:.1f} dB)" for each in chosen.itertuples()]
        for method, chosen in lowest.items()
    }
    return pd.DataFrame(table, index=list(PLACES)).T


def worst_of_all(rows: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """The images that are among the worst of every method.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one protocol.
    methods : sequence of str
        Which.

    Returns
    -------
    list of str
        Names in alphabetical order.
    """
    images = [set(worst(rows, method)["image"]) for method in methods]
    return sorted(set.intersection(*images))


def spectrum(curves: pd.DataFrame, kind: str) -> pd.DataFrame:
    """One kind of spectrum of every method.

    Parameters
    ----------
    curves : pandas.DataFrame
        The side study of that name.
    kind : str
        See `study.side.curves.curve`.

    Returns
    -------
    pandas.DataFrame
        Indexed by frequency (cycles per pixel); a column for each method.

    Raises
    ------
    UserError
        When there is no such spectrum.
    """
    return select(curves, kind=kind).pivot(index="frequency", columns="method", values="value")


def half_frequency(transfer: pd.Series) -> float:
    """The frequency at which half of an edge is left.

    Parameters
    ----------
    transfer : pandas.Series
        Transfer of an edge, indexed by frequency (cycles per pixel), rising.

    Returns
    -------
    float
        Between two frequencies by a straight line; NaN where the transfer stays above a half.
    """
    below = np.flatnonzero(transfer < 0.5)
    if not len(below):
        return np.nan
    end = max(below[0], 1)
    ends = [end, end - 1]
    return float(np.interp(0.5, transfer.iloc[ends], transfer.index[ends]))


def resolution(curves: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """What is left of edges, by their contrast.

    Parameters
    ----------
    curves : pandas.DataFrame
        The side study of that name.
    methods : sequence of str
        Which.

    Returns
    -------
    pandas.DataFrame
        What `half_frequency` returns, indexed by method; a column for each contrast, the faintest
        first.
    """
    kinds = [kind for kind in curves["kind"].unique() if kind.startswith("edge ")]
    contrasts = sorted(float(kind.removeprefix("edge ")) for kind in kinds)
    return pd.DataFrame(
        {
            f"contrast {contrast:g}": spectrum(curves, f"edge {contrast:g}")[list(methods)].apply(
                half_frequency
            )
            for contrast in contrasts
        }
    )


def weaker_on_faint(table: pd.DataFrame, linear: str = "gaussian") -> tuple[float, list[str]]:
    """The methods that transfer the faintest edge less well than the strongest.

    Parameters
    ----------
    table : pandas.DataFrame
        What `resolution` returns.
    linear : str
        A linear method, whose transfer cannot depend on the contrast.

    Returns
    -------
    error : float
        The change of the linear method (cycles per pixel): the error of the reading.
    methods : list of str
        The others whose change is larger than that, and than 0.01.
    """
    known = table.fillna(0.5)  # the highest frequency of all
    change = known.iloc[:, -1] - known.iloc[:, 0]
    error = abs(change[linear])
    others = change.drop(linear)
    return float(error), others.index[others > max(error, 0.01)].tolist()


def invented(deviations: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """What methods make of an even grey with noise.

    Parameters
    ----------
    deviations : pandas.DataFrame
        The side study `invented`.
    curves : pandas.DataFrame
        The side study of that name.

    Returns
    -------
    pandas.DataFrame
        Indexed by method, the smallest standard deviation first: `bias`, `std` and `largest` on
        the 0-255 scale, and `most`, the largest power at any frequency relative to the noise.
    """
    table = deviations.set_index("method")[["bias", "std", "largest"]]
    return table.assign(most=spectrum(curves, "noise").max()).sort_values("std")
