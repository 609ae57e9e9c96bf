"""Measure what the study lacks, and check what it has: `denoise study run`, `check`.

Several measurements run at a time, one thread each. Each adds its rows a few images at a time, so
the run can be stopped and started again. What needs a package that is not installed is left out,
and so is what needs published files where DENOISE_DATA names no folder that has them, unless they
may be downloaded: the tables then have the committed rows.
"""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

import pandas as pd
import torch
from tqdm.auto import tqdm

from denoise_lib.checks import UserError, unknown
from denoise_lib.evaluation import evaluate
from denoise_lib.methods.registry import Network, get
from denoise_lib.methods.released import Released
from denoise_lib.provenance import provenance
from denoise_lib.study import side_studies, store
from denoise_lib.study.grid import PARTS, Measurement, measurements
from denoise_lib.study.variants import TrainedOn, WholeImage

PORTION = 20  # images between two savings
# PSNR (dB) may differ by this much on another machine; where a network is trained anew, another
# processor takes other steps.
TOLERANCE, RETRAINED_TOLERANCE = 0.02, 1.0
LEFT_OUT = (ConnectionError, FileNotFoundError, ModuleNotFoundError)


def missing(wanted: Sequence[Measurement]) -> dict[Measurement, list[str]]:
    """The images of each measurement that `results/` has no current row of.

    Parameters
    ----------
    wanted : sequence of Measurement
        Parts of the study may share some.

    Returns
    -------
    dict of Measurement to list of str
        Only those that lack any.
    """
    rows = store.scores().read()
    keyed = rows.groupby([*store.KEY[:-1], "fingerprint"])["image"].agg(set).to_dict()
    lacking = {}
    for measurement in dict.fromkeys(wanted):
        key = measurement.key
        have = keyed.get(tuple(key[name] for name in (*store.KEY[:-1], "fingerprint")), set())
        if ids := [name for name in measurement.protocol.items().ids if name not in have]:
            lacking[measurement] = ids
    return lacking


def measure(measurement: Measurement, ids: Sequence[str] | None = None) -> pd.DataFrame:
    """Measure a method and keep its rows.

    Parameters
    ----------
    measurement : Measurement
        What, how, under which protocol.
    ids : sequence of str, optional
        These images only; by default those that `results/` lacks.

    Returns
    -------
    pandas.DataFrame
        The new rows.
    """
    if ids is None:
        ids = missing([measurement]).get(measurement, [])
    if not ids:
        return pd.DataFrame()
    provenance()  # the code that runs, not what is committed meanwhile
    denoiser, portions = measurement.make(), []
    key = measurement.key
    stamp = {name: key[name] for name in ("variant", "precision", "fingerprint")}
    for start in range(0, len(ids), PORTION):
        rows = evaluate(
            denoiser,
            measurement.protocol,
            measurement.method,
            progress=False,
            only=ids[start : start + PORTION],
        )
        store.save(rows, training(measurement), **stamp)
        portions.append(rows)
    return pd.concat(portions, ignore_index=True)


def training(measurement: Measurement) -> str:
    """What a row says of a network's training.

    Parameters
    ----------
    measurement : Measurement
        What, how, under which protocol.

    Returns
    -------
    str
        "quick", "released", or empty.
    """
    if is_trained_here(measurement):
        return "quick"
    return "released" if isinstance(get(measurement.method), Released) else ""


def is_trained_here(measurement: Measurement) -> bool:
    """Whether making the denoiser means training a network.

    Parameters
    ----------
    measurement : Measurement
        What, how, under which protocol.

    Returns
    -------
    bool
    """
    by_variant = isinstance(measurement.variant, TrainedOn | WholeImage)
    return by_variant or isinstance(get(measurement.method), Network)


def run_scores(wanted: Sequence[Measurement], jobs: int) -> int:
    """Measure what is missing, `jobs` at a time, behind one progress bar.

    Parameters
    ----------
    wanted : sequence of Measurement
        What this machine can measure.
    jobs : int
        Processes, of one thread each: two denoisers at a time are faster than one with two threads.

    Returns
    -------
    int
        How many were measured.

    Raises
    ------
    RuntimeError
        When some failed, after the others are done.
    """
    lacking, failed = missing(wanted), []
    if not lacking:
        return 0
    context = multiprocessing.get_context("spawn")  # a fork would inherit PyTorch's threads
    pool = ProcessPoolExecutor(jobs, context, torch.set_num_threads, (1,))
    with tqdm(total=len(lacking), desc="study", unit="protocol") as bar:
        futures = {pool.submit(measure, each, ids): each for each, ids in lacking.items()}
        try:
            for future in as_completed(futures):
                bar.update()
                if error := future.exception():  # the others go on
                    each = futures[future]
                    failed.append(f"{each.method} {each.variant} on {each.protocol}: {error}")
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    pool.shutdown()
    if failed:
        raise RuntimeError("\n".join(failed))
    return len(lacking)


def run_side(name: str, download: bool = False, only: Mapping[str, str] | None = None) -> None:
    """Measure the rows that a side study's table lacks; each is kept as soon as it is measured.

    Parameters
    ----------
    name : str
        Of the side study.
    download : bool
        Also what must be downloaded first.
    only : mapping, optional
        Only rows whose key has these values, as text.

    Raises
    ------
    ValueError
        When there is none of this name, or no such column in its key; the message lists all.
    """
    study = side_studies.get(name)
    for column in only or {}:
        if column not in study.table.key:
            raise unknown("column of the key", column, study.table.key)
    provenance()  # the code that runs, not what is committed meanwhile
    for key in tqdm(study.table.lacks(study.stamped()), desc=name):
        asked = {column: value for column, value in key.items() if column != "fingerprint"}
        if any(str(asked[column]) != value for column, value in (only or {}).items()):
            continue
        if not study.can_measure(asked, download):
            continue
        try:
            row = {**asked, **study.measure(**asked), "fingerprint": key["fingerprint"]}
        except LEFT_OUT as error:
            tqdm.write(f"{name} {asked} is left out: {error}")
            continue
        study.table.add(pd.DataFrame([row]), sort=False)


def stale() -> list[str]:
    """What `results/` has that today's code, parameters or weights did not make, in words."""
    wanted = [each for part in PARTS for each in measurements(part)]
    current = {tuple(each.key.values()) for each in wanted}
    names = list(wanted[0].key)
    groups = store.scores().read().groupby(names, sort=True).size()
    found = [
        f"{'/'.join(key)}: {count} rows"
        for key, count in zip(groups.index.to_list(), groups, strict=True)
        if key not in current
    ]
    for study in side_studies.side_studies().values():
        keys = study.stamped()
        rows, lacking = study.table.read(), study.table.lacks(keys)
        if old := len(rows) - (len(keys) - len(lacking)):
            found.append(f"side study {study.name}: {old} rows")
    return found


def check(chosen: Sequence[Measurement]) -> tuple[int, float]:
    """Measure the first image of each again and compare it with its committed row.

    Parameters
    ----------
    chosen : sequence of Measurement
        See `sample`.

    Returns
    -------
    int
        How many were measured.
    float
        The largest difference of PSNR (dB), trainings left out.

    Raises
    ------
    ValueError
        When a row differs, or is missing.
    """
    worst = 0.0
    for each in tqdm(chosen, desc="check", unit="row"):
        image = each.protocol.items().ids[0]
        rows = store.load(each.protocol, each.variant)
        known = rows[(rows["method"] == each.method) & (rows["image"] == image)]
        if known.empty:
            raise UserError(f"No row of {each.method} {each.variant}: run `denoise study run`.")
        found = evaluate(each.make(), each.protocol, each.method, progress=False, only=[image])
        difference = abs(known["psnr"].iloc[0] - found["psnr"].iloc[0])
        tolerance = RETRAINED_TOLERANCE if is_trained_here(each) else TOLERANCE
        if not difference <= tolerance:
            raise UserError(
                f"{each.method} {each.variant} under {each.protocol.hash} gives "
                f"{found['psnr'].iloc[0]:.3f} dB for {image}, not {known['psnr'].iloc[0]:.3f}: "
                "measure it anew, or find what changed."
            )
        worst = max(worst, 0 if is_trained_here(each) else difference)
    return len(chosen), worst


def check_sides() -> int:
    """Measure some rows of every repeatable side study again, and compare them.

    Returns
    -------
    int
        How many were measured: two of each study whose data are here.

    Raises
    ------
    ValueError
        When a number differs by more than a thousandth.
    """
    count = 0
    for study in side_studies.side_studies().values():
        rows = study.table.read()
        for key in _first_two(study) if study.repeatable else ():
            if not study.can_measure(key):
                continue
            found = study.measure(**key)
            if not store.has(rows, key):
                raise UserError(f"No row of {study.name} {key}: run `denoise study run`.")
            known = rows[(rows[list(key)] == pd.Series(key)).all(axis=1)].iloc[0]
            for name, value in found.items():
                if not _alike(known[name], value):
                    raise UserError(
                        f"{study.name} {key} gives {name} = {value}, not {known[name]}: measure it "
                        "anew, or find what changed."
                    )
            count += 1
    return count


def _first_two(study: side_studies.SideStudy) -> list[dict]:
    """A key for each of the first two values of the first column: noisy and a filter, mostly."""
    keys = list(map(dict, study.keys()))
    column = study.table.key[0]
    values = list(dict.fromkeys(key[column] for key in keys))[:2]
    return [next(key for key in keys if key[column] == value) for value in values]


def _alike(known: Any, found: Any) -> bool:
    if isinstance(found, str):
        return known == found
    return math.isclose(float(known), float(found), rel_tol=1e-3, abs_tol=1e-3)


def sample(candidates: Sequence[Measurement], trainings: bool = False) -> list[Measurement]:
    """One measurement of every kind: each method, each variant, each data set, each noise.

    Parameters
    ----------
    candidates : sequence of Measurement
        To choose from.
    trainings : bool
        Also where a network is trained first, a minute or more each.

    Returns
    -------
    list of Measurement
        Each has something that none before it has.
    """
    seen: set[tuple] = set()
    chosen = []
    for each in candidates:
        if is_trained_here(each) and not trainings:
            continue
        kinds = {
            ("method", each.method),
            ("variant", type(each.variant)),
            ("place", each.protocol.dataset, type(each.protocol.noise)),
        }
        if not kinds <= seen:
            seen |= kinds
            chosen.append(each)
    return chosen
