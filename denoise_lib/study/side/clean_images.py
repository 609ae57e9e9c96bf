"""What the images that count as clean hold: their own noise, and how little fine detail."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

from denoise_lib import spectra
from denoise_lib.data import load_dataset
from denoise_lib.needs import Needs
from denoise_lib.study.grid import datasets
from denoise_lib.study.side_studies import side_study

NIH = Needs(folder="chest_xray")


@cache
def images(dataset: str) -> torch.Tensor:
    """The test images of a data set.

    Parameters
    ----------
    dataset : str
        Of the comparison.

    Returns
    -------
    torch.Tensor
        float32, shape (N, 1, 256, 256), in [0, 1].
    """
    return load_dataset(dataset).test.images()


@side_study(
    "How noisy and how smooth are the images that count as clean?",
    in_study=True,
    repeatable=True,
    needs=NIH,
    dataset=datasets,
)
def clean_images(dataset: str) -> dict[str, Any]:
    """Noise by scikit-image's `estimate_sigma`, and the energy of fine detail, on the test split.

    Parameters
    ----------
    dataset : str
        Of the comparison.

    Returns
    -------
    dict
        The number of `images`; of their estimated noise, on the 0-255 scale, the `median`, the
        root mean square `rms`, `least` and `most`; `fine`, the share of their energy above 0.25
        cycles per pixel.
    """
    from skimage.restoration import estimate_sigma  # half a second to import

    chosen = images(dataset)
    levels = np.array([255 * estimate_sigma(image[0].numpy()) for image in chosen])
    return {
        "images": len(chosen),
        "median": float(np.median(levels)),
        "rms": float(np.sqrt((levels**2).mean())),
        "least": float(levels.min()),
        "most": float(levels.max()),
        "fine": _share_above(chosen, 0.25),
    }


def _share_above(fields: torch.Tensor, frequency: float) -> float:
    """Of the energy beyond the mean, averaged over images, whose borders a Hann window fades."""
    values = fields[:, 0].double().numpy()
    height, width = values.shape[-2:]
    window = np.outer(np.hanning(height), np.hanning(width))
    values = (values - values.mean((-2, -1), keepdims=True)) * window
    power = np.abs(np.fft.fft2(values)) ** 2
    length = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    return float((power[:, length > frequency].sum(-1) / power.sum((-2, -1))).mean())


@cache
def _power(dataset: str) -> np.ndarray:
    return spectra.radial_power(images(dataset))


@side_study(
    "At which frequencies is the energy of the images that count as clean?",
    code=(spectra,),
    in_study=True,
    repeatable=True,
    needs=NIH,
    dataset=datasets,
    bin=range(spectra.BINS),
)
def clean_power(dataset: str, bin: int) -> dict[str, float]:
    """The power spectrum of the test images, averaged over directions and images.

    Parameters
    ----------
    dataset : str
        Of the comparison.
    bin : int
        Of `spectra.frequencies()`.

    Returns
    -------
    dict of str to float
        The `frequency` (cycles per pixel), and the `power`: white noise of that standard
        deviation on the 0-255 scale, squared, has it.
    """
    return {
        "frequency": float(spectra.frequencies()[bin]),
        "power": 255**2 * float(_power(dataset)[bin]),
    }
