"""Make the committed side studies of the chapters and the study: results/ablation_NAME.csv.

    python tools/run_ablations.py                 what is missing, of every study
    python tools/run_ablations.py dncnn rdn       of these

A row is written as soon as it is measured, so the run can be stopped and started again; delete a
file to measure it anew. What needs data or a package that is not here is left out. The studies
themselves are in tools/ablations.py and tools/observations.py.
"""

from __future__ import annotations

import argparse
import os

import ablations
import observations
import pandas as pd

from denoise_lib import results

STUDIES = ablations.STUDIES | observations.OBSERVATIONS


def run(name: str) -> None:
    """Measure what a study's table does not have yet."""
    path = results.ablation_path(name)
    table = pd.read_csv(path) if path.exists() else pd.DataFrame()
    for key, measure in STUDIES[name]():
        if len(table) and any(has(row, key) for _, row in table.iterrows()):
            continue
        try:
            row = {**key, **measure(), **results.provenance()}
        except (ConnectionError, FileNotFoundError, ModuleNotFoundError) as error:
            print(f"{name} {key} is left out: {error}", flush=True)
            continue
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
        # Written elsewhere first: an interruption in the middle of it leaves the old table whole.
        temporary = path.with_suffix(".part")
        table.to_csv(temporary, index=False, float_format="%.6g")
        os.replace(temporary, path)
        print(name, row, flush=True)


def has(row: pd.Series, key: dict) -> bool:
    """Whether a row of a table is the one with this key."""
    return all(name in row and row[name] == value for name, value in key.items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("studies", nargs="*", default=list(STUDIES), help=", ".join(STUDIES))
    studies = parser.parse_args().studies
    unknown = set(studies) - set(STUDIES)
    if unknown:
        parser.error(f"unknown {', '.join(sorted(unknown))}; choose from {', '.join(STUDIES)}")
    for name in studies:
        run(name)


if __name__ == "__main__":
    main()
