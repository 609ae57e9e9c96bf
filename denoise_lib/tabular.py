"""Rows in a CSV file that a spreadsheet opens without being told what to do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from denoise_lib.files import replacing

# A spreadsheet takes a text that begins so for a formula, and computes it.
FORMULA = ("=", "+", "-", "@", "\t")


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
    OSError
        When it cannot be written; one sentence names it and says why.
    """
    with replacing(path) as temporary:
        # A file's name may have bytes that are no UTF-8.
        rows.map(_plain).to_csv(
            temporary, index=False, float_format="%.6g", errors="backslashreplace"
        )


def _plain(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\r", "\\r")  # which ends a row, and pandas does not quote
    return f"'{cell}" if cell.startswith(FORMULA) else cell
