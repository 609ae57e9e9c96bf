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
from pathlib import Path

import ablations
import observations
import pandas as pd
from filelock import FileLock

from denoise_lib import results

STUDIES = ablations.STUDIES | observations.OBSERVATIONS


def run(name: str) -> None:
    """Measure what a study's table does not have yet."""
    path = results.ablation_path(name)
    with FileLock(path.with_suffix(".lock")):  # another process on the same table waits
        _run(name, path)


def _run(name: str, path: Path) -> None:
    table = pd.read_csv(path) if path.exists() else pd.DataFrame()
    for key, measure in STUDIES[name]():
        if has(table, key):
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


def has(table: pd.DataFrame, key: dict) -> bool:
    """Whether a table has a row with this key."""
    if not set(key) <= set(table.columns):
        return False
    return bool((table[list(key)] == pd.Series(key)).all(axis=1).any())


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
