"""What denoising does for programs that use the image."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import pandas as pd

from denoise_lib.plotting import label, with_interval
from denoise_lib.study.tables.shared import select


def segmentation(tasks: pd.DataFrame) -> pd.DataFrame:
    """The segmenter's overlap after each method, mean over its trainings.

    Parameters
    ----------
    tasks : pandas.DataFrame
        The side study of that name.

    Returns
    -------
    pandas.DataFrame
        Indexed by method: Dice of each structure, and `dice`, their mean.

    Raises
    ------
    UserError
        When the segmenter was not measured.
    """
    structures = list(tasks.columns[tasks.columns.str.startswith("dice_")])
    means = select(tasks, task="segmentation").groupby("method")[structures].mean()
    return means.assign(dice=means.mean(axis=1))


def classification(tasks: pd.DataFrame) -> pd.DataFrame:
    """The classifier's answers after each method, mean over its trainings.

    Parameters
    ----------
    tasks : pandas.DataFrame
        The side study of that name.

    Returns
    -------
    pandas.DataFrame
        Indexed by method: `accuracy`, `auc`, `changed` and `called_positive` (shares of images).

    Raises
    ------
    UserError
        When the classifier was not measured.
    """
    columns = ["accuracy", "auc", "changed", "called_positive"]
    return select(tasks, task="classification").groupby("method")[columns].mean()


def both_tasks(segmented: pd.DataFrame, classified: pd.DataFrame) -> pd.DataFrame:
    """The two tasks side by side, as text.

    Parameters
    ----------
    segmented, classified : pandas.DataFrame
        What `segmentation` and `classification` return.

    Returns
    -------
    pandas.DataFrame
        Indexed by method, the highest mean Dice first.
    """
    order = segmented["dice"].sort_values(ascending=False).index
    columns = {
        "Dice, mean": (segmented["dice"], "{:.3f}"),
        "Dice, heart": (segmented["dice_heart"], "{:.3f}"),
        "accuracy": (classified["accuracy"], "{:.2f}"),
        "AUC": (classified["auc"], "{:.3f}"),
        "says pneumonia": (classified["called_positive"], "{:.0%}"),
        "changed": (classified["changed"], "{:.0%}"),
    }
    return pd.DataFrame(
        {name: values[order].map(form.format) for name, (values, form) in columns.items()}
    ).rename_axis(None)


@dataclass(frozen=True)
class Sample:
    """What the classifier is tested on.

    Attributes
    ----------
    images : int
        Their number.
    positive : float
        The share that is labelled pneumonia.
    always : float
        The accuracy of always giving the more frequent answer.
    """

    images: int
    positive: float
    always: float

    def standard_error(self, accuracy: float) -> float:
        """The standard error of an accuracy measured on these images.

        Parameters
        ----------
        accuracy : float
            Between 0 and 1.

        Returns
        -------
        float
        """
        return (accuracy * (1 - accuracy) / self.images) ** 0.5


def sample(tasks: pd.DataFrame) -> Sample:
    """What the classifier is tested on.

    Parameters
    ----------
    tasks : pandas.DataFrame
        The side study of that name.

    Returns
    -------
    Sample

    Raises
    ------
    UserError
        When the classifier was not measured.
    """
    first = select(tasks, task="classification").iloc[0]
    positive = float(first["positive"])
    return Sample(int(first["images"]), positive, max(positive, 1 - positive))


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


def changes(detection: pd.DataFrame, diameter: int, order: list[str]) -> pd.DataFrame:
    """How each method changes the observer's AUC, and what it leaves of the contrast.

    Parameters
    ----------
    detection : pandas.DataFrame
        The side study of that name.
    diameter : int
        Of the nodule, in pixels.
    order : list of str
        The methods in the order of the rows.

    Returns
    -------
    pandas.DataFrame
        Text, indexed by name, two columns for each noise level; the noisy image has its AUC.

    Raises
    ------
    UserError
        When nothing was measured for this nodule.
    """
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for sigma, group in select(detection, diameter=diameter).groupby("sigma"):
        change, kept = {}, {}
        for row in group.set_index("method").loc[order].reset_index().to_dict("records"):
            name, ends = label(row["method"]), (row["change_low"], row["change_high"])
            change[name] = with_interval(row["change"], ends, 3, signed=True)
            if row["method"] == "noisy":
                change[name] = f"AUC {row['auc']:.3f}"
            kept[name] = f"{row['contrast_kept']:.0%}"
        cells[f"sigma {sigma:g}", "AUC, change"] = change
        cells[f"sigma {sigma:g}", "contrast left"] = kept
    return pd.DataFrame(cells)


@dataclass(frozen=True)
class Judged:
    """What the observer says of the denoisers.

    Attributes
    ----------
    denoisers : list of str
        All of them.
    harmed, gained : list of str
        Those whose interval of the change lies below zero, and above it.
    best : str
        That of the highest PSNR.
    contrary : tuple of str or None
        Two methods of which the first has the higher PSNR and clearly the lower AUC; of all such
        pairs, that whose AUCs differ most.
    """

    denoisers: list[str]
    harmed: list[str]
    gained: list[str]
    best: str
    contrary: tuple[str, str] | None


def judged(nodules: pd.DataFrame, psnr: pd.Series) -> Judged:
    """Compare the order of the denoisers by AUC with that by PSNR.

    Parameters
    ----------
    nodules : pandas.DataFrame
        The side study `detection` for one nodule and one level, indexed by method.
    psnr : pandas.Series
        PSNR (dB) at that level, indexed by method.

    Returns
    -------
    Judged
    """
    table = nodules.drop(index="noisy")
    contrary = [
        (a, b)
        for a, b in permutations(table.index, 2)
        if psnr[a] > psnr[b] and table["change_high"][a] < table["change_low"][b]
    ]
    return Judged(
        denoisers=table.index.tolist(),
        harmed=table.index[table["change_high"] < 0].tolist(),
        gained=table.index[table["change_low"] > 0].tolist(),
        best=str(psnr[table.index].idxmax()),
        contrary=max(contrary, key=lambda p: table["auc"][p[1]] - table["auc"][p[0]], default=None),
    )
