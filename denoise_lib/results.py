"""The study's committed tables: rows of `evaluate`, one CSV file per data set and method."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pandas as pd
import torch

from denoise_lib import baselines
from denoise_lib.evaluation import compare
from denoise_lib.protocol import Protocol

_PACKAGE = Path(__file__).parent


def folder() -> Path:
    """Where the tables are: `results/` of the checkout, or the copy inside an installed package."""
    checkout = _PACKAGE.parent / "results"
    return checkout if checkout.is_dir() else _PACKAGE / "results"


def load(protocol: Protocol | None = None, where: Path | None = None) -> pd.DataFrame:
    """Read the committed rows.

    Parameters
    ----------
    protocol : Protocol, optional
        Only rows whose hash is this protocol's, so that they may stand beside your own.
    where : pathlib.Path, optional
        Another folder of tables.

    Returns
    -------
    pandas.DataFrame
        The columns of `evaluate`, and `preset`, `commit` and `machine`.

    Raises
    ------
    FileNotFoundError
        When there is no table, or none with rows of this protocol.
    """
    tables = [pd.read_csv(path) for path in sorted((where or folder()).glob("*/*.csv"))]
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"protocol": []})
    if protocol is not None:
        rows = rows[rows["protocol"] == protocol.hash].reset_index(drop=True)
    if rows.empty:
        raise FileNotFoundError(
            "No committed results for this protocol: make them with `python tools/run_study.py`."
        )
    return rows


def references(protocol: Protocol) -> pd.DataFrame:
    """The baselines' rows under a protocol: the committed ones, or else measured now.

    Parameters
    ----------
    protocol : Protocol
        As for `evaluate`.

    Returns
    -------
    pandas.DataFrame
        The columns of `evaluate`, one row per image and baseline, the noisy input among them.
    """
    try:
        rows = load(protocol)
    except FileNotFoundError:
        names = [name for name in baselines.available() if name != "bm3d"]  # seconds an image
        return compare({name: baselines.create(name) for name in names}, protocol)
    known = ["noisy", *baselines.tuned_parameters()]
    return rows[rows["method"].isin(known)].reset_index(drop=True)


def save(rows: pd.DataFrame, preset: str | None = None, where: Path | None = None) -> Path:
    """Write rows of one method on one data set, replacing older rows of the same protocols.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate`.
    preset : str, optional
        The budget a network was trained with.
    where : pathlib.Path, optional
        Another folder of tables.

    Returns
    -------
    pathlib.Path
        The file written.
    """
    (dataset,), (method,) = rows["dataset"].unique(), rows["method"].unique()
    path = (where or folder()) / dataset / f"{method}.csv"
    rows = rows.assign(preset=preset, **provenance())
    if path.exists():
        older = pd.read_csv(path)
        kept = older[~older["protocol"].isin(rows["protocol"])]
        rows = pd.concat([kept, rows], ignore_index=True) if len(kept) else rows
    path.parent.mkdir(parents=True, exist_ok=True)
    # Sorted and rounded, so that a repeated run changes as few lines as possible.
    rows.sort_values(["sigma", "image"]).to_csv(path, index=False, float_format="%.6g")
    return path


def load_ablation(name: str) -> pd.DataFrame:
    """Read a committed side study of one chapter, as `tools/run_ablations.py` wrote it.

    Parameters
    ----------
    name : str
        The study, e.g. "dncnn".

    Returns
    -------
    pandas.DataFrame
        One row per trained network, or per measurement.

    Raises
    ------
    FileNotFoundError
        When there is no such study; the message lists those there are.
    """
    path = ablation_path(name)
    if not path.exists():
        known = sorted(p.stem.removeprefix("ablation_") for p in folder().glob("ablation_*.csv"))
        raise FileNotFoundError(
            f"No side study {name!r} in {folder()}; there are: {', '.join(known) or 'none'}."
        )
    return pd.read_csv(path)


def ablation_path(name: str) -> Path:
    """Where a side study's table is."""
    return folder() / f"ablation_{name}.csv"


def provenance() -> dict[str, str]:
    """The commit and the machine, as they stand in every committed row."""
    return {"commit": _commit(), "machine": _machine()}


def _commit() -> str:
    """The commit, with "-dirty" where code was changed; new results and weights apart."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(_PACKAGE.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        code = ("denoise_lib", "tools", ":!denoise_lib/weights/*/*.json", ":!*.safetensors")
        changed = git("status", "--porcelain", "--untracked-files=all", *code)
        return git("rev-parse", "--short=10", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _machine() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    name = torch.cpu.get_capabilities().get("cpu_name") or platform.processor()
    return f"{name}, {torch.get_num_threads()} threads"
