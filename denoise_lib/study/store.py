"""The committed tables in `results/`: rows that know what made them.

A row is known by what moves its numbers. A score's key says what was measured on what (data set,
image, and the protocol's hash: noise, seed, range, window), in which precision, and by which
method: its name, the way it was applied, and a fingerprint of its code, parameters or weights. Is
one of them changed, the row is missing and is measured again, in place of the old one.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from denoise_lib import methods
from denoise_lib.checks import UserError
from denoise_lib.evaluation import compare
from denoise_lib.files import expanded, replacing
from denoise_lib.methods.classical import Classical
from denoise_lib.protocol import Protocol
from denoise_lib.provenance import provenance

_PACKAGE = Path(__file__).parent.parent

# What a score is known by; a row whose fingerprint alone differs is an older one of the same kind.
KEY = ("dataset", "method", "variant", "protocol", "precision", "image")
_SCORES = ["psnr", "ssim", "mse", "seconds"]


def folder() -> Path:
    """Where the tables are: `results/` of the checkout, or the copy inside an installed package.

    The environment variable DENOISE_RESULTS names another folder, for a study of your own.

    Returns
    -------
    pathlib.Path
        Not necessarily there.
    """
    if other := os.environ.get("DENOISE_RESULTS"):
        return expanded(other)
    checkout = _PACKAGE.parent / "results"
    return checkout if checkout.is_dir() else _PACKAGE / "results"


@dataclass(frozen=True)
class Table:
    """A file of rows, CSV or Parquet, that several processes may add to.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    key : tuple of str
        Columns by which a row is known; a new row replaces an old one of the same key.
    """

    path: Path
    key: tuple[str, ...]

    def read(self) -> pd.DataFrame:
        """All rows; none where there is no file; a UserError where it is damaged."""
        if not self.path.exists():
            return pd.DataFrame(columns=[*self.key, "fingerprint"])
        try:
            # In one go: a reader may open a path more than once, and another process may
            # replace it.
            content = io.BytesIO(self.path.read_bytes())
            if self.path.suffix == ".parquet":
                return pd.read_parquet(content)
            # Commits and fingerprints can look like numbers: 12345e6789.
            text = dict.fromkeys(("commit", "fingerprint", "protocol"), str)
            return pd.read_csv(content, dtype=text)
        except (ValueError, OSError) as error:  # pandas' and Arrow's own are among them
            raise UserError(
                f"{self.path} cannot be read as a table of results: get it anew (git checkout), "
                "or delete it to measure anew."
            ) from error

    def add(self, rows: pd.DataFrame, sort: bool = True) -> None:
        """Add rows, stamped with the commit and the machine; an interruption loses none.

        Parameters
        ----------
        rows : pandas.DataFrame
            With the columns of the key and a `fingerprint`.
        sort : bool
            By the key, so that the same measurements in another order make the same file.

        Raises
        ------
        ValueError
            When there are no rows or columns of the key are missing, when the file is damaged or
            cannot be written.
        """
        missing = [name for name in (*self.key, "fingerprint") if name not in rows.columns]
        if missing or rows.empty:
            what = "There are no rows to save" if rows.empty else f"Rows lack {', '.join(missing)}"
            raise UserError(f"{what}: give those of `evaluate`, and what it does not know by name.")
        try:
            self._add(rows.assign(**provenance()), sort)
        except OSError as error:
            raise UserError(
                f"{self.path} cannot be written ({error.strerror}): let DENOISE_RESULTS name a "
                "folder that can."
            ) from error

    def _add(self, rows: pd.DataFrame, sort: bool) -> None:
        from filelock import FileLock  # readers need none

        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_suffix(".lock")):
            if self.path.exists():
                rows = pd.concat([self.read(), rows], ignore_index=True)
                rows = rows.drop_duplicates(list(self.key), keep="last")
            if sort:
                rows = rows.sort_values(list(self.key), ignore_index=True)[sorted(rows.columns)]
            with replacing(self.path) as temporary:
                if self.path.suffix == ".parquet":
                    rows.to_parquet(temporary, index=False, compression="zstd")
                else:
                    rows.to_csv(temporary, index=False, float_format="%.6g")

    def lacks(self, keys: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The keys that are still to be measured.

        Parameters
        ----------
        keys : iterable of mapping
            Each with a `fingerprint`.

        Returns
        -------
        list of mapping
            Those that no row has.
        """
        rows = self.read()
        return [key for key in keys if not has(rows, key)]


def has(rows: pd.DataFrame, key: Mapping[str, Any]) -> bool:
    """Whether one of the rows has these values.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of a table.
    key : mapping
        From columns to values.

    Returns
    -------
    bool
    """
    if not set(key) <= set(rows.columns):
        return False
    return bool((rows[list(key)] == pd.Series(dict(key))).all(axis=1).any())


def scores() -> Table:
    """The rows of the study's measurements."""
    return Table(folder() / "rows.parquet", KEY)


def side_table(name: str, key: tuple[str, ...] = ()) -> Table:
    """The table of a side study.

    Parameters
    ----------
    name : str
        Of the side study.
    key : tuple of str
        Columns by which a row is known; needed to add rows.

    Returns
    -------
    Table
    """
    return Table(folder() / "side" / f"{name}.csv", key)


def load(protocol: Protocol | None = None, variant: object = "") -> pd.DataFrame:
    """Read the committed scores.

    Parameters
    ----------
    protocol : Protocol, optional
        Only rows whose hash is this protocol's, so that they may stand beside your own, and only
        its images where it has a `limit`.
    variant : str, Variant or None
        Only rows of this way of applying the methods (see `study.variants`): by default the plain
        one. None: all rows.

    Returns
    -------
    pandas.DataFrame
        The columns of `evaluate`, and `variant`, `precision`, `fingerprint`, `training`,
        `commit` and `machine`.

    Raises
    ------
    FileNotFoundError
        When there is no table, or none with such rows.
    """
    rows = scores().read()
    if protocol is not None:
        rows = rows[rows["protocol"] == protocol.hash]
        if protocol.limit is not None:
            rows = rows[rows["image"].isin(protocol.items().ids)]
    if variant is not None:
        rows = rows[rows["variant"] == str(variant)]
    if rows.empty:
        raise FileNotFoundError(
            "No committed results for this protocol: make them with `make study`."
        )
    # Where an image was measured in both precisions, float32 counts: "bf16" < "fp32".
    one = [name for name in KEY if name != "precision"]
    rows = rows.sort_values("precision", kind="stable").drop_duplicates(one, keep="last")
    numbers = dict.fromkeys(rows.columns.intersection(_SCORES), float)
    return rows.sort_index(ignore_index=True).astype(numbers)


def save(rows: pd.DataFrame, training: str = "", **key: str) -> None:
    """Add scores to the table, in place of older rows of the same measurements.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate`.
    training : str
        How a network was trained: "quick", "released", or empty.
    **key
        `variant`, `precision` and `fingerprint` of the measurement.
    """
    rows = rows.assign(training=training, **key)
    kinds = {"sigma": float, **dict.fromkeys(_SCORES, "float32")}
    scores().add(rows.astype({name: kinds[name] for name in kinds if name in rows.columns}))


def baselines(protocol: Protocol) -> pd.DataFrame:
    """The classical methods' rows under a protocol: the committed ones, or else measured now.

    Parameters
    ----------
    protocol : Protocol
        As for `evaluate`.

    Returns
    -------
    pandas.DataFrame
        The columns of `evaluate`, one row per image and method, the noisy input among them.
    """
    known = methods.registry.methods(Classical)
    try:
        rows = load(protocol)
    except FileNotFoundError:
        rows = pd.DataFrame({"method": []})
    images = len(protocol.items())
    counts = rows.groupby("method").size()
    complete = [name for name in known if counts.get(name, 0) == images]
    if "noisy" in complete and len(complete) > 1:
        return rows[rows["method"].isin(complete)].reset_index(drop=True)
    names = [name for name in methods.available() if name in known and name != "bm3d"]  # slow
    return compare({name: methods.load(name) for name in names}, protocol)


def load_summary(name: str = "summary") -> pd.DataFrame:
    """Read a table that `make study` derived from the rows.

    Parameters
    ----------
    name : str
        "summary": means with bootstrap intervals; "differences": paired, to
        `grid.COMPARED_WITH`, with simultaneous intervals.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    FileNotFoundError
        When there is no such table.
    """
    path = folder() / f"{name}.csv"
    if not path.exists():
        raise FileNotFoundError(f"No {path.name}: make it with `make study`.")
    return pd.read_csv(path)


def load_side(name: str) -> pd.DataFrame:
    """Read a committed side study.

    Parameters
    ----------
    name : str
        The study, e.g. "detection".

    Returns
    -------
    pandas.DataFrame
        One row per trained network, or per measurement, with the commit, the machine and the
        fingerprint of what made it.

    Raises
    ------
    FileNotFoundError
        When there is no such study; the message lists those there are.
    """
    table = side_table(name)
    if not table.path.exists():
        known = ", ".join(sorted(path.stem for path in table.path.parent.glob("*.csv")))
        raise FileNotFoundError(
            f"No side study {name!r} in {folder()}; there are: {known or 'none'}."
        )
    return table.read()
