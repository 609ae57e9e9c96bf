"""What denoising does for whoever uses the image: observers, a segmenter and a classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from denoise_lib.checks import UserError
from denoise_lib.data import load_dataset
from denoise_lib.plotting import label, with_interval
from denoise_lib.study.side.classifier import DATASET, patients, positive
from denoise_lib.study.tables.shared import select
from denoise_lib.tasks.classification import wins, wins_interval

OBSERVERS = {"hotelling": "Hotelling", "eye": "eye filter"}


# Observers


def seen(detection: pd.DataFrame, sigma: float, diameter: int, observer: str) -> pd.DataFrame:
    """What one observer makes of one nodule at one level.

    Parameters
    ----------
    detection : pandas.DataFrame
        The side study of that name.
    sigma : float
        Noise level, 0-255.
    diameter : int
        Of the nodule, in pixels.
    observer : str
        "hotelling" or "eye".

    Returns
    -------
    pandas.DataFrame
        Indexed by method: `auc` and `change` with their ends, `contrast_kept`.

    Raises
    ------
    UserError
        When it was not measured.
    """
    rows = select(detection, sigma=sigma, diameter=diameter, observer=observer)
    return rows.set_index("method")


def changes(detection: pd.DataFrame, sigma: float, diameter: int, order: list[str]) -> pd.DataFrame:
    """What each method leaves of the contrast, and how it changes each observer's AUC.

    Parameters
    ----------
    detection : pandas.DataFrame
        The side study of that name.
    sigma : float
        Noise level, 0-255.
    diameter : int
        Of the nodule, in pixels.
    order : list of str
        The methods in the order of the rows.

    Returns
    -------
    pandas.DataFrame
        Text, indexed by name; the noisy image has its AUC.

    Raises
    ------
    UserError
        When nothing was measured for this nodule.
    """
    table = {}
    for observer, name in OBSERVERS.items():
        rows = seen(detection, sigma, diameter, observer).loc[order]
        table["contrast left"] = {
            label(str(method)): f"{kept:.0%}" for method, kept in rows["contrast_kept"].items()
        }
        table[f"AUC, {name}"] = {
            label(row["method"]): _change(row) for row in rows.reset_index().to_dict("records")
        }
    return pd.DataFrame(table)


def _change(row: dict) -> str:
    if row["method"] == "noisy":
        return f"{row['auc']:.3f}"
    return with_interval(row["change"], (row["change_low"], row["change_high"]), 3, signed=True)


def blended(blend: pd.DataFrame, diameter: int, observer: str, column: str) -> pd.DataFrame:
    """A column of the side study on blends against alpha.

    Parameters
    ----------
    blend : pandas.DataFrame
        The side study of that name.
    diameter : int
        Of the nodule, in pixels.
    observer : str
        "hotelling" or "eye".
    column : str
        "psnr" (dB), "auc" or "change".

    Returns
    -------
    pandas.DataFrame
        Indexed by alpha, rising; a column for each method.

    Raises
    ------
    UserError
        When it was not measured.
    """
    rows = select(blend, diameter=diameter, observer=observer)
    return rows.pivot(index="alpha", columns="method", values=column)


# A segmenter


def segmentation(segmenter: pd.DataFrame) -> pd.DataFrame:
    """The segmenter's overlap after each method, mean over its trainings.

    Parameters
    ----------
    segmenter : pandas.DataFrame
        The side study of that name.

    Returns
    -------
    pandas.DataFrame
        Indexed by method, the highest mean first: Dice of each structure, and `dice`, their mean.
    """
    structures = list(segmenter.columns[segmenter.columns.str.startswith("dice_")])
    means = segmenter.groupby("method")[structures].mean()
    return means.assign(dice=means.mean(axis=1)).sort_values("dice", ascending=False)


def joint_training(liu: pd.DataFrame) -> pd.DataFrame:
    """Liu's denoiser trained through the segmenter, mean over seeds.

    Parameters
    ----------
    liu : pandas.DataFrame
        The side study of that name.

    Returns
    -------
    pandas.DataFrame
        Indexed by the weight of the task, rising: `dice`, the mean of all structures, and `psnr`
        (dB).

    Raises
    ------
    UserError
        When it was not measured.
    """
    structures = list(liu.columns[liu.columns.str.startswith("dice_")])
    rows = select(liu, images="denoised")
    rows = rows.assign(dice=rows[structures].mean(axis=1))
    return rows.groupby("weight")[["dice", "psnr"]].mean()


# A classifier


@dataclass(frozen=True)
class Labels:
    """Which images of a split are labelled pneumonia, and whose they are.

    Attributes
    ----------
    positive : numpy.ndarray
        bool, shape (N,).
    patients : numpy.ndarray
        Shape (N,).
    """

    positive: np.ndarray
    patients: np.ndarray


def labels(split: str) -> Labels:
    """The labels of a split of `nih-sample`, from its manifest: no image is needed.

    Parameters
    ----------
    split : str
        "val" or "test".

    Returns
    -------
    Labels
    """
    items = getattr(load_dataset(DATASET, download=()), split)
    return Labels(positive(items), patients(items))


def logits(classified: pd.DataFrame, training: str, method: str, split: str) -> np.ndarray:
    """What the classifiers said.

    Parameters
    ----------
    classified : pandas.DataFrame
        The side study of that name.
    training : str
        "clean" or "degraded".
    method : str
        What the images were given to.
    split : str
        "val" or "test".

    Returns
    -------
    numpy.ndarray
        Shape (trainings, images), by rising seed.

    Raises
    ------
    UserError
        When it was not measured, or not with every seed that others have: pairs need the same.
    """
    rows = select(classified, training=training, method=method).sort_values("seed")
    if missing := set(classified["seed"]) - set(rows["seed"]):
        raise UserError(
            f"Not all classifiers trained on {training} images were asked about {method}: measure "
            f"those of seeds {sorted(missing)} with `make study`."
        )
    return np.array([text.split() for text in rows[split]], dtype=float)


def answers(
    classified: pd.DataFrame, training: str, val: Labels, test: Labels, reference: str
) -> pd.DataFrame:
    """How well the classifiers order the test images, and what they answer; means over trainings.

    Parameters
    ----------
    classified : pandas.DataFrame
        The side study of that name.
    training : str
        "clean" or "degraded".
    val, test : Labels
        Of these splits.
    reference : str
        The method whose AUC is subtracted.

    Returns
    -------
    pandas.DataFrame
        Indexed by method: `auc` with `low` and `high`, and `change` against the reference with
        `change_low` and `change_high`, intervals over patients; `found`, the share of the
        pneumonias that are called so, and `alarms`, that of the others; `found_anew` and
        `alarms_anew`, the same with the threshold that calls as many validation images by this
        method pneumonia as are labelled so; `least` and `most`, of `alarms` over the trainings.

    Raises
    ------
    UserError
        When the reference was not measured.
    """
    base = wins(logits(classified, training, reference, "test"), test.positive)
    rows = {}
    for method in select(classified, training=training)["method"].unique():
        said = logits(classified, training, method, "test")
        before = logits(classified, training, method, "val")
        anew = np.quantile(before, 1 - val.positive.mean(), axis=1)[:, None]
        won = wins(said, test.positive)
        low, high = wins_interval(won, test.positive, test.patients)
        change_low, change_high = wins_interval(won - base, test.positive, test.patients)
        alarms = (said > 0)[:, ~test.positive].mean(1)
        rows[method] = {
            "auc": won.mean(),
            "low": low,
            "high": high,
            "change": (won - base).mean(),
            "change_low": change_low,
            "change_high": change_high,
            "found": (said > 0)[:, test.positive].mean(),
            "alarms": alarms.mean(),
            "found_anew": (said > anew)[:, test.positive].mean(),
            "alarms_anew": (said > anew)[:, ~test.positive].mean(),
            "least": alarms.min(),
            "most": alarms.max(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")


def between_trainings(
    classified: pd.DataFrame, test: Labels, method: str = "clean"
) -> tuple[float, float, float]:
    """What training on degraded images does to the AUC, paired over the test images.

    Parameters
    ----------
    classified : pandas.DataFrame
        The side study of that name.
    test : Labels
        Of the test split.
    method : str
        What the images were given to.

    Returns
    -------
    tuple of float
        AUC of the classifiers trained on degraded images minus that of those trained on clean
        ones, means over trainings, and the ends of its 95 % interval over patients.

    Raises
    ------
    UserError
        When one of them was not measured.
    """
    degraded, clean = (
        wins(logits(classified, training, method, "test"), test.positive)
        for training in ("degraded", "clean")
    )
    low, high = wins_interval(degraded - clean, test.positive, test.patients)
    return float((degraded - clean).mean()), low, high


def against_the_number(
    classified: pd.DataFrame, grains: pd.DataFrame, test: Labels, training: str, images: str
) -> tuple[float, float, float]:
    """How far the classifiers are ahead of the estimated noise alone, paired over the test images.

    Parameters
    ----------
    classified, grains : pandas.DataFrame
        The side studies of these names.
    test : Labels
        Of the test split.
    training : str
        "clean" or "degraded".
    images : str
        "clean" or one of the weak changes: what both look at.

    Returns
    -------
    tuple of float
        AUC of the classifiers, mean over trainings, minus that of the number, and the ends of its
        95 % interval over patients.

    Raises
    ------
    UserError
        When one of them was not measured.
    """
    (text,) = select(grains, images=images)["test"]
    number = wins(np.array(text.split(), dtype=float), test.positive)
    ahead = wins(logits(classified, training, images, "test"), test.positive) - number
    low, high = wins_interval(ahead, test.positive, test.patients)
    return float(ahead.mean()), low, high


def behind_denoisers(answered: dict[str, pd.DataFrame], order: list[str]) -> pd.DataFrame:
    """The classifiers behind each method, as text.

    Parameters
    ----------
    answered : dict of str to pandas.DataFrame
        From a training to what `answers` returns.
    order : list of str
        The methods in the order of the rows.

    Returns
    -------
    pandas.DataFrame
        Indexed by name, under each training the change of the AUC and the shares of others called
        pneumonia, at the fixed threshold and with one set anew.
    """
    cells = {}
    for training, table in answered.items():
        rows = table.loc[order].reset_index().to_dict("records")
        cells[f"trained on {training} images", "AUC, change"] = {
            label(row["method"]): with_interval(
                row["change"], (row["change_low"], row["change_high"]), 2, signed=True
            )
            for row in rows
        }
        cells[f"trained on {training} images", "false alarms"] = {
            label(row["method"]): f"{row['alarms']:.0%}" for row in rows
        }
        cells[f"trained on {training} images", "threshold anew"] = {
            label(row["method"]): f"{row['alarms_anew']:.0%}" for row in rows
        }
    return pd.DataFrame(cells)
