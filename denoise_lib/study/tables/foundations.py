"""Tables of the pages on data and on classical denoisers, and the chapters' running times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from denoise_lib.checks import UserError
from denoise_lib.plotting import label

_POSES = {
    "turn": "turn (degrees)",
    "tilt": "tilt (degrees)",
    "lean": "lean (degrees)",
    "stretch_x": "widening",
    "stretch_z": "lengthening",
    "deformation": "deformation (mm)",
}


def poses(views: Mapping[str, Iterable[Mapping[str, float]]]) -> pd.DataFrame:
    """How far the views of each split are from the scan itself.

    Parameters
    ----------
    views : mapping
        From a split to the pose of each of its images; a stretch of 1 is none.

    Returns
    -------
    pandas.DataFrame
        Text, the least and the most, indexed by what is changed; a column for each split.
    """
    columns = {}
    for split, each in views.items():
        table = pd.DataFrame(list(each))
        table[["stretch_x", "stretch_z"]] -= 1
        sizes = table[list(_POSES)].abs().agg(["min", "max"])
        columns[split] = [f"{low:.2f} to {high:.2f}" for low, high in sizes.T.to_numpy()]
    return pd.DataFrame(columns, index=list(_POSES.values())).rename_axis(columns="size of the")


def tuned(parameters: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> pd.DataFrame:
    """The tuned parameters of the classical denoisers, as text.

    Parameters
    ----------
    parameters : mapping
        What `classical.tuned_parameters` returns: method, then noise level, then parameters.

    Returns
    -------
    pandas.DataFrame
        Indexed by name and parameter; a column for each level.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for name, levels in parameters.items():
        for level in sorted(levels, key=float):
            for parameter, value in levels[level].items():
                row = rows.setdefault((label(name), parameter.replace("_", " ")), {})
                row[f"sigma {level}"] = f"{value:g}" if isinstance(value, float) else str(value)
    return pd.DataFrame.from_dict(rows, orient="index")


def running_times(folder: Path) -> pd.DataFrame:
    """How long the chapters took when they were executed.

    Parameters
    ----------
    folder : pathlib.Path
        Of the notebooks.

    Returns
    -------
    pandas.DataFrame
        Seconds, indexed by chapter.

    Raises
    ------
    UserError
        When the folder has no executed chapters.
    """
    times = {
        path.stem: json.loads(path.read_text("utf-8"))["metadata"]["denoise_book"]["seconds"]
        for path in sorted(folder.glob("[0-9]*.ipynb"))
    }
    if not times:
        raise UserError(f"No chapters in {folder}: give the folder of the executed notebooks.")
    return pd.Series(times, name="seconds").to_frame().rename_axis(columns="chapter")
