"""How far the estimators of the noise level are off, where the noise is known."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

import numpy as np

from denoise_lib import estimation as library
from denoise_lib.data import load_dataset
from denoise_lib.estimation import advice, blocks, estimate, level, spread, traces
from denoise_lib.needs import Needs
from denoise_lib.noise import CorrelatedNoise, GaussianNoise, Noise, PoissonGaussianNoise
from denoise_lib.study.side_studies import side_study

DATASETS = ("chest-drr", "nih-sample", "set12")
KINDS = ("white", "photon", "correlated")
SIGMAS = (5, 10, 15, 25, 50, 75)
CLEAN = "clean"
ESTIMATORS = ("wavelet", "patches", "cells", "chosen")
IMAGES = 12


def noise_of(kind: str, sigma: float) -> Noise:
    """A noise of the study.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    sigma : float
        Of the 255; that of photon noise at middle grey.

    Returns
    -------
    Noise
    """
    if kind == "white":
        return GaussianNoise(sigma)
    if kind == "photon":
        return PoissonGaussianNoise(photons=0.5 * (255 / sigma) ** 2)
    return CorrelatedNoise(sigma, width=1)


@cache
def measured(dataset: str, kind: str, sigma: float) -> tuple[list[float], list[Any]]:
    """The noise that was added to each image, and what is estimated of it.

    Parameters
    ----------
    dataset : str
        One of `DATASETS`.
    kind : str
        One of `KINDS`, or `CLEAN`.
    sigma : float
        As for `noise_of`.

    Returns
    -------
    tuple of list
        Sigma on the 0-255 scale, and `estimation.Estimate`.
    """
    true, estimates = [], []
    for item in islice(load_dataset(dataset).test, IMAGES):
        clean = item.image[None]
        noisy = clean if kind == CLEAN else noise_of(kind, sigma)(clean, [item.id])
        true.append(255 * (noisy - clean).square().mean().sqrt().item())
        estimates.append(library.describe(noisy[0]))
    return true, estimates


def _keys() -> Iterator[dict[str, Any]]:
    cases = [(CLEAN, 0), *((kind, sigma) for kind in KINDS for sigma in SIGMAS)]
    for dataset in DATASETS:
        for kind, sigma in cases:
            for name in ESTIMATORS:
                yield {"dataset": dataset, "kind": kind, "sigma": sigma, "estimator": name}


@side_study(
    "How far are estimates of the noise level off?",
    keys=_keys,
    code=(advice, blocks, estimate, level, spread, traces),
    repeatable=True,
    needs=Needs(folder="chest_xray"),
)
def estimation(dataset: str, kind: str, sigma: float, estimator: str) -> dict[str, float]:
    """Bias and spread of an estimator of sigma over the first test images of a data set.

    Parameters
    ----------
    dataset : str
        One of `DATASETS`.
    kind : str
        One of `KINDS`, or `CLEAN`.
    sigma : float
        As for `noise_of`.
    estimator : str
        One of `ESTIMATORS`; "chosen" is the one that suits the noise.

    Returns
    -------
    dict of str to float
        `true`, the mean standard deviation of the added noise; `bias`, the mean error; `spread`,
        its standard deviation; `least` and `most`, the estimates' ends, all on the 0-255 scale;
        shares of the images: `left_alone`, advised so; `called_white`, whose noise passes for
        white; `grows`, whose noise passes for stronger in light areas.
    """
    true, estimates = measured(dataset, kind, sigma)
    name = "sigma" if estimator == "chosen" else f"by_{estimator}"
    found = np.array([getattr(each, name) for each in estimates])
    error = found - true
    return {
        "true": float(np.mean(true)),
        "bias": float(error.mean()),
        "spread": float(error.std(ddof=1)),
        "least": float(found.min()),
        "most": float(found.max()),
        "left_alone": float(np.mean([each.advice.startswith("Leave") for each in estimates])),
        "called_white": float(
            np.mean([each.kind == advice.Kind.WHITE.value for each in estimates])
        ),
        "grows": float(np.mean([each.growth == "grows" for each in estimates])),
    }
