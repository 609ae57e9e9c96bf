"""The tables that follow from the rows: `denoise study tables`.

`results/summary.csv`: mean and bootstrap interval of each method, data set and noise level.
`results/differences.csv`: paired differences to DnCNN, with simultaneous intervals.
The same rows give the same tables to the last byte.
"""

from __future__ import annotations

import pandas as pd
from tqdm.auto import tqdm

from denoise_lib.evaluation import METRICS
from denoise_lib.files import replacing
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import store
from denoise_lib.study.grid import COMPARED_WITH, SIGMAS, compared, datasets, other_seeds, released
from denoise_lib.study.statistics import compare_with, mean_intervals
from denoise_lib.study.variants import Retrained


def main_rows(dataset: str, sigma: float) -> pd.DataFrame:
    """The complete rows of the compared methods under one of the main protocols.

    Where a network was trained several times, its column `seed` tells the trainings apart.

    Parameters
    ----------
    dataset : str
        One of `grid.datasets()`.
    sigma : float
        Noise level, 0-255.

    Returns
    -------
    pandas.DataFrame
        A training that lacks images is left out, and named in a line of output.
    """
    rows = store.load(Protocol(dataset, noise=GaussianNoise(sigma)), variant=None)
    wanted = {(method, "") for method in compared()}
    wanted |= {(name, str(Retrained(seed))) for name in released() for seed in other_seeds(name)}
    of_one = pd.Series(list(zip(rows["method"], rows["variant"], strict=True)), index=rows.index)
    rows, of_one = rows[of_one.isin(wanted)], of_one[of_one.isin(wanted)]
    counts = of_one.value_counts()  # the data set itself need not be here
    incomplete = counts.index[counts < counts.max()]
    if len(incomplete):
        names = ", ".join(" ".join(each).strip() for each in incomplete)
        print(f"{dataset}, sigma {sigma}, lacks rows of {names}: left out")
    rows = rows[~of_one.isin(incomplete)]
    return rows.assign(seed=rows["variant"])


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean, interval and counts of each method.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate`, of one protocol.

    Returns
    -------
    pandas.DataFrame
        A row for each method: `images`, `groups`, `trainings`, and of each metric the mean, the
        ends of its 95 % interval (`psnr`, `psnr_low`, `psnr_high`; NaN where all images are of one
        patient) and its standard deviation over images (`psnr_spread`).
    """
    tables = {metric: mean_intervals(rows, metric) for metric in METRICS}
    images = rows.groupby("method").agg(images=("image", "nunique"), groups=("group", "nunique"))
    for metric, table in tables.items():
        images[metric] = table["mean"]
        for end in ("low", "high", "spread"):
            images[f"{metric}_{end}"] = table[end]
    return images.assign(trainings=tables["psnr"]["trainings"]).reset_index()


def differences(rows: pd.DataFrame) -> pd.DataFrame:
    """Each method against the one that all are compared with, by each metric.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate`, of one protocol.

    Returns
    -------
    pandas.DataFrame
        The columns of `compare_with`, `method` and `metric`.

    Raises
    ------
    ValueError
        As `compare_with`.
    """
    tables = [
        compare_with(rows, COMPARED_WITH, metric).assign(metric=metric).reset_index()
        for metric in METRICS
    ]
    return pd.concat(tables, ignore_index=True)


def write() -> None:
    """Derive both tables anew."""
    tables: dict[str, list[pd.DataFrame]] = {"summary": [], "differences": []}
    places = [(dataset, sigma) for dataset in datasets() for sigma in SIGMAS]
    for dataset, sigma in tqdm(places, desc="tables"):
        rows = main_rows(dataset, sigma)
        where = {"dataset": dataset, "sigma": sigma, "protocol": rows["protocol"].iloc[0]}
        tables["summary"].append(summary(rows).assign(**where))
        if rows["image"].nunique() > 1:  # chest-cr is one image
            tables["differences"].append(differences(rows).assign(**where))
    for name, parts in tables.items():
        with replacing(store.folder() / f"{name}.csv") as temporary:
            pd.concat(parts).to_csv(temporary, index=False, float_format="%.6g")
