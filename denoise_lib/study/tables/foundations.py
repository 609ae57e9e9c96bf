"""Tables of the pages on data and on classical denoisers, and the chapters' running times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from denoise_lib.checks import UserError
from denoise_lib.noise import XRayNoise
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


def photons_at_middle_grey(noise: XRayNoise, sigma: float) -> float:
    """The photons whose counting noise has this strength where the image is half white.

    Parameters
    ----------
    noise : XRayNoise
        Its tone curve counts, not its dose; without electronic noise and blur.
    sigma : float
        Noise level, 0-255.

    Returns
    -------
    float
        Detected in a pixel.
    """
    steepness = noise.tone.steepness(torch.tensor(0.5, dtype=torch.float64)).item()
    return (255 * steepness / sigma) ** 2


def doses(noise: XRayNoise, sigmas: Iterable[float], full: float) -> pd.DataFrame:
    """What noise levels mean as doses.

    Parameters
    ----------
    noise : XRayNoise
        Its tone curve counts.
    sigmas : iterable of float
        Noise levels, 0-255.
    full : float
        Photons that a detector counts in the same pixel at its usual dose.

    Returns
    -------
    pandas.DataFrame
        Indexed by sigma: the photons at middle grey, and how many times more `full` is.
    """
    photons = pd.Series({sigma: photons_at_middle_grey(noise, sigma) for sigma in sigmas})
    table = pd.DataFrame({"photons at middle grey": photons, "a detector counts": full / photons})
    return table.rename_axis("sigma")


def explained_by_noise(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    """How much of a method's error the noise of images that count as clean can be.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one data set, as `store.load` reads them.
    level : float
        Root mean square of that noise, 0-255.

    Returns
    -------
    pandas.DataFrame
        Its variance over the mean MSE, indexed by method; a column for each sigma.
    """
    mse = rows.groupby(["method", "sigma"])["mse"].mean().unstack()
    return (level / 255) ** 2 / mse


def running_times(folder: Path) -> pd.DataFrame:
    """How long the chapters took when they were executed.

    Parameters
    ----------
    folder : pathlib.Path
        Of the notebooks.

    Returns
    -------
    pandas.DataFrame
        Minutes, indexed by chapter.

    Raises
    ------
    UserError
        When the folder has no executed chapters.
    """
    times = {
        path.stem: json.loads(path.read_text("utf-8"))["metadata"]["denoise_book"]["seconds"] / 60
        for path in sorted(folder.glob("[0-9]*.ipynb"))
    }
    if not times:
        raise UserError(f"No chapters in {folder}: give the folder of the executed notebooks.")
    return pd.Series(times, name="minutes").round(1).to_frame().rename_axis(columns="chapter")
