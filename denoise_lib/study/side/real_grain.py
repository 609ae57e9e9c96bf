"""What methods take out of a real radiograph at its own size, where no clean truth is known."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch

from denoise_lib import spectra
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply
from denoise_lib.study.grid import AUTHORS_BLIND, classical, released
from denoise_lib.study.side_studies import side_study
from denoise_lib.study.variants import make, tuned

ITSELF = "the radiograph"


def applied() -> Iterator[str]:
    """The radiograph itself, and the methods that need not be told a level."""
    yield from (ITSELF, *classical(), *released(), AUTHORS_BLIND)


@cache
def removed(method: str) -> torch.Tensor:
    """What a method takes out, its level estimated from the image where it wants one.

    Parameters
    ----------
    method : str
        One of `applied`; for `ITSELF` the whole image.

    Returns
    -------
    torch.Tensor
        float32, shape (1, 1, H, W), clean range [0, 1].
    """
    image = load_dataset("chest-cr", size=None).test[0].image[None]
    if method == ITSELF:
        return image
    return image - apply(make(method, tuned(method, "chest-cr")), image)


@cache
def _power(method: str) -> Any:
    return spectra.radial_power(removed(method))


@side_study(
    "What do methods take out of a real radiograph at its own size?",
    code=(spectra,),
    in_study=True,
    tuned_for="chest-cr",
    method=applied,
    bin=range(spectra.BINS),
)
def real_grain(method: str, bin: int) -> dict[str, float]:
    """A point of the power spectrum of what is removed from `chest-cr` at 1955 x 1841 pixels.

    Parameters
    ----------
    method : str
        One of `applied`.
    bin : int
        Of `spectra.frequencies()`.

    Returns
    -------
    dict of str to float
        The `frequency` (cycles per pixel); the `power`, scaled so that white noise of a standard
        deviation on the 0-255 scale has its square; and `removed`, the standard deviation of all
        that is removed, on that scale.
    """
    return {
        "frequency": float(spectra.frequencies()[bin]),
        "power": 255**2 * float(_power(method)[bin]),
        "removed": 255 * removed(method).std().item(),
    }
