"""Is a nodule easier or harder to detect after denoising?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply
from denoise_lib.noise import GaussianNoise
from denoise_lib.study.grid import CHAPTER_SIGMAS, compared
from denoise_lib.study.side.shared import PRECISION
from denoise_lib.study.side_studies import side_study
from denoise_lib.study.variants import make
from denoise_lib.tasks import observer


@cache
def regions(method: str, sigma: float) -> tuple[pd.DataFrame, np.ndarray]:
    """What the observer's channels see of every region, and what became of its nodule.

    Parameters
    ----------
    method : str
        Of the study.
    sigma : float
        Noise level, 0-255.

    Returns
    -------
    pandas.DataFrame
        A row for each region: `image` (its number), `diameter` (pixels) and `kept`, the share of
        the nodule's contrast that is left.
    numpy.ndarray
        Channel outputs with and without the nodule, shape (2, regions, channels).
    """
    noise, denoiser = GaussianNoise(sigma), make(method, precision=PRECISION)
    filters = observer.channels(observer.REGION)
    rows, seen = [], []
    for number, item in enumerate(load_dataset("chest-drr").test):
        where, sizes, signals = observer.study_nodules(item.mask[0], number)  # pyright: ignore[reportOptionalSubscript]: it has masks
        with_nodules = observer.insert(item.image, where, signals)
        # The same noise in both, so that their difference is what became of the nodule.
        pair = [noise(image[None], [item.id]) for image in (with_nodules, item.image)]
        estimates = [apply(denoiser, noisy, sigma)[0, 0] for noisy in pair]
        for (row, column), diameter, signal in zip(where, sizes, signals, strict=True):
            present, absent = (observer.region(x, row, column, observer.REGION) for x in estimates)
            kept = ((present - absent) * signal).sum() / signal.square().sum()
            rows.append({"image": number, "diameter": diameter, "kept": kept.item()})
            seen.append([x.double().numpy().ravel() @ filters for x in (present, absent)])
    return pd.DataFrame(rows), np.array(seen).swapaxes(0, 1)


@side_study(
    "Is a nodule easier or harder to detect after denoising?",
    code=(observer,),
    repeatable=True,
    in_study=True,
    method=compared,
    sigma=CHAPTER_SIGMAS,
    diameter=tuple(observer.NODULES),
)
def detection(method: str, sigma: float, diameter: int) -> dict[str, Any]:
    """AUC of the observer on a method's images, and its difference to the noisy images.

    Parameters
    ----------
    method : str
        Of the study.
    sigma : float
        Noise level, 0-255.
    diameter : int
        Of the nodule, in pixels.

    Returns
    -------
    dict
        `auc` and its `change` against the noisy images, each with the ends of its 95 % interval;
        `contrast_kept`, the mean share; `regions`, their number.
    """

    def judged(name: str) -> tuple[np.ndarray, pd.DataFrame]:
        table, outputs = regions(name, sigma)
        chosen = (table["diameter"] == diameter).to_numpy()
        image = table["image"].to_numpy()[chosen]
        return observer.decisions(*outputs[:, chosen], image), table[chosen]  # pyright: ignore[reportCallIssue]: a pair

    scores, table = judged(method)
    before, _ = judged("noisy")
    image = table["image"].to_numpy()
    low, high = observer.auc_interval(scores, image)
    change_low, change_high = observer.auc_interval(scores, image, minus=before)
    return {
        "auc": observer.auc(scores),
        "low": low,
        "high": high,
        "change": observer.auc(scores) - observer.auc(before),
        "change_low": change_low,
        "change_high": change_high,
        "contrast_kept": table["kept"].mean(),
        "regions": len(table),
    }
