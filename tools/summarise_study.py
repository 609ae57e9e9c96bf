"""Derive the study's summary tables from its rows: `make study` ends with it.

`results/study_summary.csv`: mean and bootstrap interval of each method, data set and noise level.
`results/study_differences.csv`: paired differences to DnCNN, with Holm-corrected Wilcoxon tests.
The same rows give the same tables to the last byte.
"""

from __future__ import annotations

import argparse

import pandas as pd
from tqdm.auto import tqdm

from denoise_lib import results, study
from denoise_lib.evaluation import METRICS
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.statistics import compare_with, mean_interval


def main_rows(dataset: str, sigma: float) -> pd.DataFrame:
    """The complete rows of the study's methods under one of its main protocols."""
    protocol = Protocol(dataset, noise=GaussianNoise(sigma))
    rows = results.load(protocol)
    rows = rows[rows["method"].isin(study.METHODS)]
    counts = rows.groupby("method").size()  # the data set itself need not be here
    incomplete = counts.index[counts < counts.max()]
    if len(incomplete):
        print(f"{dataset}, sigma {sigma}, lacks rows of {', '.join(incomplete)}: left out")
    return rows[~rows["method"].isin(incomplete)]


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean, interval and counts of each method under one protocol."""
    table = []
    for method, group in rows.groupby("method"):
        row = {"method": method, "images": len(group), "groups": group["group"].nunique()}
        for metric in METRICS:
            low, high = mean_interval(group[metric], group["group"])
            row |= {metric: group[metric].mean(), f"{metric}_low": low, f"{metric}_high": high}
        table.append(row)
    return pd.DataFrame(table)


def differences(rows: pd.DataFrame) -> pd.DataFrame:
    """Each method against the reference, by each metric."""
    tables = [
        compare_with(rows, study.REFERENCE, metric).assign(metric=metric).reset_index()
        for metric in METRICS
    ]
    return pd.concat(tables, ignore_index=True)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    tables: dict[str, list] = {"summary": [], "differences": []}
    places = [(dataset, sigma) for dataset in study.DATASETS for sigma in study.SIGMAS]
    for dataset, sigma in tqdm(places, desc="tables"):
        rows = main_rows(dataset, sigma)
        where = {"dataset": dataset, "sigma": sigma, "protocol": rows["protocol"].iloc[0]}
        tables["summary"].append(summary(rows).assign(**where))
        if rows["group"].nunique() > 1:  # chest-cr is one image
            tables["differences"].append(differences(rows).assign(**where))
    for name, parts in tables.items():
        path = results.folder() / f"study_{name}.csv"
        pd.concat(parts).to_csv(path, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
