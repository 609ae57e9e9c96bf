"""Rows in a CSV file that a spreadsheet opens without being told what to do."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from denoise_lib.checks import UserError
from denoise_lib.files import replacing

# A spreadsheet takes a text that begins so for a formula, and computes it.
FORMULA = ("=", "+", "-", "@", "\t")


def check_csv(path: Path) -> None:
    """Refuse what cannot be written; call it before the work.

    Parameters
    ----------
    path : pathlib.Path
        The file to write.

    Raises
    ------
    ValueError
        When it is a folder or a device, or its folder cannot be written.
    """
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no ordinary file"
        raise UserError(f"{path} is {kind}: name a file that ends in .csv.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def write_csv(rows: pd.DataFrame, path: Path) -> None:
    """Write rows; a text that looks like a formula gets an apostrophe before it.

    Parameters
    ----------
    rows : pandas.DataFrame
        Numbers stay numbers, negative ones too.
    path : pathlib.Path
        The file to write or replace.

    Raises
    ------
    ValueError
        When it cannot be written.
    """
    try:
        with replacing(path) as temporary:
            # A file's name may have bytes that are no UTF-8.
            rows.map(_plain).to_csv(
                temporary, index=False, float_format="%.6g", errors="backslashreplace"
            )
    except OSError as error:
        raise _unwritable(path, error) from error


def _plain(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\r", "\\r")  # which ends a row, and pandas does not quote
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path} cannot be written ({error.strerror}): name another file.")
