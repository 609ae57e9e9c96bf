"""The study's committed tables: rows of `evaluate` in one file, and what is derived from them."""

from __future__ import annotations

import io
import os
import platform
import subprocess
from functools import cache
from pathlib import Path

import pandas as pd
import torch
from filelock import FileLock

from denoise_lib import baselines
from denoise_lib.evaluation import compare
from denoise_lib.protocol import Protocol

_PACKAGE = Path(__file__).parent

ROWS = "rows.parquet"
# What a row is known by.
KEY = ["dataset", "method", "variant", "protocol", "image"]
_SCORES = ["psnr", "ssim", "mse", "seconds"]


def folder() -> Path:
    """Where the tables are: `results/` of the checkout, or the copy inside an installed package.

    The environment variable DENOISE_RESULTS names another folder, for a study of your own.
    """
    if other := os.environ.get("DENOISE_RESULTS"):
        return Path(other)
    checkout = _PACKAGE.parent / "results"
    return checkout if checkout.is_dir() else _PACKAGE / "results"


def load(
    protocol: Protocol | None = None, variant: str | None = "", where: Path | None = None
) -> pd.DataFrame:
    """Read the committed rows.

    Parameters
    ----------
    protocol : Protocol, optional
        Only rows whose hash is this protocol's, so that they may stand beside your own.
    variant : str or None
        Only rows of this way of applying the methods (see `denoise_lib.study`): by default the
        plain one. None: all rows.
    where : pathlib.Path, optional
        Another folder of tables.

    Returns
    -------
    pandas.DataFrame
        The columns of `evaluate`, and `variant`, `preset`, `commit` and `machine`.

    Raises
    ------
    FileNotFoundError
        When there is no table, or none with such rows.
    """
    path = (where or folder()) / ROWS
    rows = _read(path) if path.exists() else pd.DataFrame({"protocol": [], "variant": []})
    if protocol is not None:
        rows = rows[rows["protocol"] == protocol.hash]
    if variant is not None:
        rows = rows[rows["variant"] == variant]
    if rows.empty:
        raise FileNotFoundError(
            "No committed results for this protocol: make them with `make study`."
        )
    scores = dict.fromkeys(rows.columns.intersection(_SCORES), float)
    return rows.reset_index(drop=True).astype(scores)


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
    """Add rows to the table, in place of older rows of the same measurements.

    Several processes may do so at once.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate`; without a column `variant`, the plain one.
    preset : str, optional
        The budget a network was trained with.
    where : pathlib.Path, optional
        Another folder of tables.

    Returns
    -------
    pathlib.Path
        The file written.
    """
    path = (where or folder()) / ROWS
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = rows.assign(preset=preset or "", **provenance())
    if "variant" not in rows:
        rows["variant"] = ""
    rows = rows.astype({"sigma": float, **dict.fromkeys(_SCORES, "float32")})
    with FileLock(path.with_suffix(".lock")):
        if path.exists():
            rows = pd.concat([_read(path), rows]).drop_duplicates(KEY, keep="last")
        # Sorted, so that the same measurements in another order make the same file.
        rows = rows.sort_values(KEY, ignore_index=True)[sorted(rows.columns)]
        # Written elsewhere first: an interruption leaves the old table whole.
        temporary = path.with_suffix(".part")
        rows.to_parquet(temporary, index=False, compression="zstd")
        os.replace(temporary, path)
    return path


def _read(path: Path) -> pd.DataFrame:
    # In one go: pyarrow opens a path more than once, and another process may replace the file.
    return pd.read_parquet(io.BytesIO(path.read_bytes()))


def load_summary(name: str = "summary") -> pd.DataFrame:
    """Read a table that `make study` derived from the rows.

    Parameters
    ----------
    name : str
        "summary": means with bootstrap intervals; "differences": paired, to DnCNN, with tests.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    FileNotFoundError
        When there is no such table.
    """
    path = folder() / f"study_{name}.csv"
    if not path.exists():
        raise FileNotFoundError(f"No {path.name}: make it with `make study`.")
    return pd.read_csv(path)


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


@cache
def _commit() -> str:
    """The commit, with "-dirty" where code was changed; new results and weights apart.

    As it was when first asked for: a commit made while a process runs is not the one it runs.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(_PACKAGE.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        code = (
            "denoise_lib",
            "tools",
            "notebooks/measure.py",
            ":!denoise_lib/weights/*/*.json",
            ":!*.safetensors",
        )
        changed = git("status", "--porcelain", "--untracked-files=all", *code)
        return git("rev-parse", "--short=10", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _machine() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    name = torch.cpu.get_capabilities().get("cpu_name") or platform.processor()
    return f"{name}, {torch.get_num_threads()} threads"
