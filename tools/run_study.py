"""Measure what the study lacks, and derive its tables: `make study`.

    python tools/run_study.py                         everything that is missing
    python tools/run_study.py --parts main --methods bm3d
    python tools/run_study.py --check                 measure some rows again and compare them

papermill executes notebooks/measure.ipynb for each method, variant and data set, several at a time;
each adds its rows to `results/rows.parquet` a few images at a time, so the run can be stopped and
started again. What needs a package that is not installed is left out, and so is what needs the
published data sets or the DnCNN authors' weights where those are not in the folder that
DENOISE_DATA names, unless --download is given: the tables then have the committed rows. Other
measurements than scores are in tools/observations.py.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import execute_notebooks
import nbformat
import yaml
from tqdm.auto import tqdm

from denoise_lib import results, study
from denoise_lib.evaluation import evaluate
from denoise_lib.study import Cell

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "study"
# What a method or a data set needs: a package, and a folder in DENOISE_DATA or a download.
PACKAGES = {
    "bm3d": "bm3d",
    "chest-cr": "data_store",
    study.AUTHORS: "h5py",
    study.AUTHORS_BLIND: "h5py",
}
FOLDERS = {
    "nih-sample": "chest_xray",
    study.AUTHORS: "reference/dncnn",
    study.AUTHORS_BLIND: "reference/dncnn",
}
Group = tuple[str, str, str, int | None]


def missing(cells: list[Cell]) -> dict[Group, list[Cell]]:
    """The cells without all their rows, by what one execution of the notebook measures."""
    try:
        rows = results.load(variant=None)
        have = rows.groupby(["method", "variant", "protocol"]).size()
    except FileNotFoundError:
        have = {}
    groups = defaultdict(list)
    for cell in dict.fromkeys(cells):  # parts overlap
        key = (cell.method, cell.variant, cell.protocol.hash)
        if have.get(key, 0) < len(cell.protocol.items()):
            group = (cell.method, cell.variant, cell.protocol.dataset, cell.protocol.limit)
            groups[group].append(cell)
    return dict(groups)


def can_run(cell: Cell, download: bool = False) -> bool:
    """Whether this machine has what a cell needs, or may download it."""
    needs = (cell.method, cell.protocol.dataset)
    packages = [PACKAGES[name] for name in needs if name in PACKAGES]
    if not all(importlib.util.find_spec(package) for package in packages):
        return False
    folders = [FOLDERS[name] for name in needs if name in FOLDERS]
    data = os.environ.get("DENOISE_DATA")
    return download or all(data and (Path(data) / folder).is_dir() for folder in folders)


def measure(group: Group, cells: list[Cell]) -> None:
    """Execute the notebook for one method, variant and data set, in a process of its own."""
    method, variant, dataset, limit = group
    name = "_".join(str(part) for part in (*group, cells[0].protocol.hash)).replace(":", "-")
    source, target = WORK / "measure.ipynb", WORK / f"{name}.ipynb"
    parameters = {
        "method": method,
        "variant": variant,
        "dataset": dataset,
        "noises": [cell.protocol.noise.to_dict() for cell in cells],
        "limit": limit,
        "record": True,
    }
    command = [
        sys.executable,
        "-m",
        "papermill",
        "--no-progress-bar",
        "--cwd",
        str(ROOT / "notebooks"),
    ]
    command += ["-k", "python3", "-y", yaml.safe_dump(parameters), str(source), str(target)]
    # One thread each: two denoisers at a time are faster than one with two threads.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(
            f"{method} {variant} on {dataset} failed: see {target}\n{done.stderr[-2000:]}"
        )


def run(groups: dict[Group, list[Cell]], jobs: int) -> None:
    """Measure all groups, `jobs` at a time, behind one progress bar."""
    WORK.mkdir(parents=True, exist_ok=True)
    notebook = execute_notebooks.read_source(ROOT / "notebooks" / "measure.py")
    nbformat.write(notebook, WORK / "measure.ipynb")
    total = sum(len(cells) for cells in groups.values())
    pool, failed = ThreadPoolExecutor(jobs), []
    with tqdm(total=total, desc="study", unit="protocol", disable=not total) as bar:
        futures = {pool.submit(measure, group, cells): cells for group, cells in groups.items()}
        try:
            for future in as_completed(futures):
                bar.update(len(futures[future]))
                if error := future.exception():  # the others go on
                    failed.append(str(error))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if failed:
        raise SystemExit("\n".join(failed))


CHECKED_DB = 0.02  # PSNR may differ by this much on another machine


def check(cells: list[Cell]) -> None:
    """Measure the first image of each cell on `chest-drr` again; stop where a row differs."""
    cells = [cell for cell in cells if cell.protocol.dataset == "chest-drr" and can_run(cell)]
    worst = 0.0
    for cell in tqdm(cells, desc="check", unit="protocol"):
        committed = results.load(cell.protocol, cell.variant)
        image = cell.protocol.items().ids[0]
        denoiser = study.create(cell.method, cell.variant, cell.protocol.noise)
        row = evaluate(denoiser, cell.protocol, cell.method, progress=False, only=[image])
        known = committed[(committed.method == cell.method) & (committed.image == image)]
        if known.empty:
            raise SystemExit(f"No row of {cell.method}: run this without --check first.")
        difference = abs(known["psnr"].iloc[0] - row["psnr"].iloc[0])
        if not difference <= CHECKED_DB:
            raise SystemExit(
                f"{cell.method} under {cell.protocol.hash} gives {row['psnr'].iloc[0]:.3f} dB for "
                f"{image}, not {known['psnr'].iloc[0]:.3f}: measure it anew, or find what changed."
            )
        worst = max(worst, difference)
    print(f"{len(cells)} rows measured again: the largest difference is {worst:.4f} dB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", default=list(study.PARTS), choices=list(study.PARTS))
    parser.add_argument("--methods", nargs="+", help="only these (default: all)")
    parser.add_argument("--datasets", nargs="+", help="only these (default: all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument(
        "--download", action="store_true", help="also what must be downloaded first"
    )
    parser.add_argument("--check", action="store_true", help="measure some rows again instead")
    arguments = parser.parse_args()
    for name in ("DENOISE_DATA", "DENOISE_RESULTS"):  # the notebooks run in another folder
        if os.environ.get(name):
            os.environ[name] = os.path.abspath(os.environ[name])
    if arguments.check:
        check(study.cells("main"))
        return
    cells = [
        cell
        for part in arguments.parts
        for cell in study.cells(part)
        if (arguments.methods is None or cell.method in arguments.methods)
        and (arguments.datasets is None or cell.protocol.dataset in arguments.datasets)
        and can_run(cell, arguments.download)
    ]
    start = time.perf_counter()
    groups = missing(cells)
    run(groups, arguments.jobs)
    print(f"{sum(map(len, groups.values()))} protocols in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
