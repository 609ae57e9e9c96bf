"""Spectra of errors and of what is removed, the transfer of an edge, and what comes of nothing."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

from denoise_lib import spectra
from denoise_lib.data import load_dataset
from denoise_lib.noise import GaussianNoise
from denoise_lib.study.grid import compared
from denoise_lib.study.side.shared import denoised
from denoise_lib.study.side_studies import side_study

NOISE, IMAGES, FLATS, EDGES = GaussianNoise(25), 10, 20, 16
CONTRASTS = (0.1, 0.4)
KINDS = ("error", "removed", "noise", *(f"edge {contrast}" for contrast in CONTRASTS))


@cache
def flat(method: str) -> torch.Tensor:
    """An even grey of one half with noise, by a method.

    Parameters
    ----------
    method : str
        Of the study.

    Returns
    -------
    torch.Tensor
        float32, shape (FLATS, 1, 256, 256).
    """
    images = torch.full((FLATS, 1, 256, 256), 0.5)
    return denoised(method, NOISE, images, [f"flat {n}" for n in range(FLATS)])


@cache
def curve(kind: str, method: str) -> np.ndarray:
    """A spectrum at `spectra.frequencies()`; powers are relative to that of the noise itself.

    Parameters
    ----------
    kind : str
        "noise": what is left of it on an even grey; "error": what is wrong with a radiograph;
        "removed": what was taken out of the noisy one; "edge C": the transfer of an edge of
        contrast C.
    method : str
        Of the study.

    Returns
    -------
    numpy.ndarray
        Shape (spectra.BINS,).
    """
    if kind == "noise":
        return spectra.radial_power(flat(method)) / spectra.radial_power(flat("noisy"))
    if kind.startswith("edge"):
        contrast = float(kind.split()[1])
        images = spectra.edge_phantom(contrast).repeat(EDGES, 1, 1, 1)
        ids = [f"edge {n}" for n in range(EDGES)]
        return spectra.edge_transfer(denoised(method, NOISE, images, ids), contrast)
    split = load_dataset("chest-drr").test[:IMAGES]
    images = split.images()
    estimates = denoised(method, NOISE, images, split.ids)
    noisy = NOISE(images, split.ids)
    field = estimates - images if kind == "error" else noisy - estimates
    return spectra.radial_power(field) / spectra.radial_power(noisy - images)


@side_study(
    "Where in frequency does a method err, and what does it remove?",
    code=(spectra,),
    repeatable=True,
    in_study=True,
    method=compared,
    kind=KINDS,
    frequency=lambda: [round(float(f), 6) for f in spectra.frequencies()],
)
def curves(method: str, kind: str, frequency: float) -> dict[str, Any]:
    """One point of a spectrum.

    Parameters
    ----------
    method : str
        Of the study.
    kind : str
        One of `KINDS`.
    frequency : float
        In cycles per pixel; the nearest bin is taken.

    Returns
    -------
    dict
        `value`; see `curve`.
    """
    index = int(np.abs(spectra.frequencies() - frequency).argmin())
    return {"value": curve(kind, method)[index]}


@side_study(
    "What does a method make of an even grey? Everything but grey is invented.",
    in_study=True,
    repeatable=True,
    method=compared,
)
def invented(method: str) -> dict[str, Any]:
    """Bias, standard deviation and largest value of what a method makes of an even grey.

    Parameters
    ----------
    method : str
        Of the study.

    Returns
    -------
    dict
        See `deviations`.
    """
    return deviations(flat(method))


def deviations(images: torch.Tensor) -> dict[str, float]:
    """How images differ from an even grey of one half.

    Parameters
    ----------
    images : torch.Tensor
        Any shape, clean range [0, 1].

    Returns
    -------
    dict of str to float
        `bias`, `std` and `largest` absolute value, on the 0-255 scale.
    """
    deviation = images - 0.5
    return {
        "bias": 255 * deviation.mean().item(),
        "std": 255 * deviation.std().item(),
        "largest": 255 * deviation.abs().max().item(),
    }
