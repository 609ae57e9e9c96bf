"""Other noises: networks trained on each, Anscombe's transform, and a wrong level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from denoise_lib import noise
from denoise_lib.checks import UserError
from denoise_lib.noise import XRayNoise
from denoise_lib.study.grid import MATRIX_SEEDS, STABILISED, classical, doses, middle_level
from denoise_lib.study.tables.shared import select
from denoise_lib.study.variants import Anscombe, TrainedOn, study_noises

TRANSFORMED = "with the transform"


def titles() -> dict[str, str]:
    """The names that figures and tables give to the study's noises.

    Returns
    -------
    dict of str to str
        From the study's name of a noise to its title.
    """
    return {
        name: shown.title
        for declared in noise.declared().values()
        for name, shown in declared.study.items()
    }


def matrix(measured: Mapping[str, pd.DataFrame], noises: Sequence[str]) -> pd.DataFrame:
    """Networks trained on one noise and tested on another.

    Parameters
    ----------
    measured : mapping
        From a noise to the rows of its protocol, of all variants.
    noises : sequence of str
        Which.

    Returns
    -------
    pandas.DataFrame
        Mean PSNR (dB) over images and seeds; a row for each noise of the training, a column for
        each of the test.

    Raises
    ------
    UserError
        When a pair was not measured.
    """
    return pd.DataFrame(
        {
            tested: {trained: _mean_over_seeds(measured[tested], trained) for trained in noises}
            for tested in noises
        }
    )


def _mean_over_seeds(rows: pd.DataFrame, trained: str) -> float:
    variants = [str(TrainedOn(trained, "nih-sample", seed)) for seed in MATRIX_SEEDS]
    return sum(select(rows, variant=each)["psnr"].mean() for each in variants) / len(variants)


def by_noise(measured: Mapping[str, pd.DataFrame], methods: Sequence[str]) -> pd.DataFrame:
    """Methods as they are, on each noise.

    Parameters
    ----------
    measured : mapping
        From a noise to the rows of its protocol.
    methods : sequence of str
        Which.

    Returns
    -------
    pandas.DataFrame
        Mean PSNR (dB), indexed by method, the highest average first; a column for each noise.
    """
    table = pd.DataFrame(
        {
            name: select(rows, variant="").groupby("method")["psnr"].mean().reindex(list(methods))
            for name, rows in measured.items()
        }
    )
    return table.loc[table.mean(axis=1).sort_values(ascending=False).index]


def by_dose(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What knowing the dose is worth: told the level, or transformed.

    Parameters
    ----------
    measured : mapping
        From a dose of photon noise to the rows of its protocol, of all variants.

    Returns
    -------
    pandas.DataFrame
        Mean PSNR (dB), indexed by method and way; a column for each dose, the highest first.

    Raises
    ------
    UserError
        When something was not measured.
    """
    noises = study_noises()

    def level(dose: str) -> object:
        noise = noises[dose]
        assert isinstance(noise, XRayNoise)  # what makes it a dose
        return middle_level(noise)

    def row(method: str, variant_of: Callable[[str], object]) -> dict[str, float]:
        return {
            dose: select(measured[dose], method=method, variant=str(variant_of(dose)))[
                "psnr"
            ].mean()
            for dose in doses()
        }

    rows: dict[tuple[str, str], dict[str, float]] = {}
    for method in STABILISED:
        told = method in classical()
        rows[method, "level estimated" if told else "directly, blind"] = row(method, lambda _: "")
        if told:
            rows[method, "told the level at middle grey"] = row(method, level)
        rows[method, TRANSFORMED] = row(method, lambda _: Anscombe())
    return pd.DataFrame(rows).T


def transform_gains(table: pd.DataFrame) -> pd.DataFrame:
    """What the transform adds to the row above it.

    Parameters
    ----------
    table : pandas.DataFrame
        What `by_dose` returns.

    Returns
    -------
    pandas.DataFrame
        In dB, indexed by method; a column for each dose.
    """
    transformed = table.index.get_level_values(1) == TRANSFORMED
    return (table - table.shift())[transformed].droplevel(1)


def told(rows: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Methods that are told a noise level, whatever it is.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one protocol, of all variants.
    methods : sequence of str
        Which, as far as they were measured, in the order of the columns.

    Returns
    -------
    pandas.DataFrame
        Mean PSNR (dB), indexed by the level told (0-255); a column for each method, NaN where it
        was not told that level.

    Raises
    ------
    UserError
        When no method was told a level.
    """
    prefix = "told:"
    chosen = rows[rows["variant"].str.startswith(prefix)]
    if chosen.empty:
        raise UserError("No method was told a level in these rows: run `make study`.")
    level = chosen["variant"].str.removeprefix(prefix).astype(float).rename("told")
    means = chosen.groupby([level, "method"])["psnr"].mean().unstack()
    return means[[method for method in methods if method in means]]
