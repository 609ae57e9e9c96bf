"""Is a nodule easier or harder to see after denoising, and after half of it?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply
from denoise_lib.files import replacing
from denoise_lib.identity import code_hash
from denoise_lib.methods.registry import get
from denoise_lib.metrics import psnr
from denoise_lib.noise import GaussianNoise
from denoise_lib.study.grid import COMMON_SIGMAS, OBSERVED, compared, released
from denoise_lib.study.side.shared import PRECISION
from denoise_lib.study.side_studies import side_study
from denoise_lib.study.variants import make
from denoise_lib.tasks import observer as observers

SIGMA = 25
# Where the reader is the observer: the level, and what is seen at it.
BY_EYE_SIGMA, BY_EYE = 15, ("noisy", "gaussian", "bm3d", OBSERVED)
DRAWS = range(5)  # of places and noise
OBSERVERS = ("hotelling", "eye")
ALPHAS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # share of the denoised image in a blend
RUNS = Path("runs") / "detection"  # what slow methods left to see, below the current folder
SLOW = 60  # seconds for a draw
# What `look` depends on besides the method; how its outcome is judged may change.
_LOOKING = (
    observers.nodule,
    observers.aerated,
    observers.places,
    observers.study_nodules,
    observers.insert,
    observers.region,
    observers.channels,
    observers.eye_filter,
    observers.eye_template,
)
_SETTINGS = [
    getattr(observers, name)
    for name in ("CHANNELS", "REGION", "REGIONS", "NODULES", "AERATED", "EYE_PEAK")
] + [ALPHAS]


@dataclass(frozen=True)
class Seen:
    """What is seen of every region of the test images in one draw of places and noise.

    Attributes
    ----------
    image : numpy.ndarray
        Number of the image that each region is from, shape (N,).
    diameter : numpy.ndarray
        Of its nodule, in pixels, shape (N,).
    kept : numpy.ndarray
        Share of the nodule's contrast that is left, shape (N,).
    outputs : numpy.ndarray
        Channel outputs, and last the decision variable of the eye: with and without the nodule,
        shape (2, N, channels + 1). They are linear in the image: those of a blend are the blend of
        these.
    psnr : numpy.ndarray
        Of each image without nodules, blended with the noisy one as `ALPHAS` says: dB, shape
        (images, alphas).
    """

    image: np.ndarray
    diameter: np.ndarray
    kept: np.ndarray
    outputs: np.ndarray
    psnr: np.ndarray


@cache
def seen(method: str, sigma: float, draw: int) -> Seen:
    """Denoise the test images with nodules and without; what took long is kept in `RUNS`.

    Parameters
    ----------
    method : str
        Of the study.
    sigma : float
        Noise level, 0-255.
    draw : int
        Of places and noise.

    Returns
    -------
    Seen
    """
    made_by = code_hash(look, *_LOOKING), str([_SETTINGS, get(method).identity()])
    path = RUNS / f"{method}-{sigma:g}-{draw}.npz"
    if path.exists():
        with np.load(path) as kept:
            if tuple(kept["made_by"]) == made_by:
                return Seen(*(kept[name] for name in Seen.__dataclass_fields__))
    start = time.perf_counter()
    found = look(method, sigma, draw)
    if time.perf_counter() - start > SLOW:
        with replacing(path) as temporary:
            named = dict(zip(Seen.__dataclass_fields__, astuple(found), strict=True))
            np.savez(temporary, made_by=made_by, **named)
    return found


def look(method: str, sigma: float, draw: int) -> Seen:
    """Denoise the test images with nodules and without.

    Parameters
    ----------
    method : str
        Of the study.
    sigma : float
        Noise level, 0-255.
    draw : int
        Of places and noise.

    Returns
    -------
    Seen
    """
    noise, denoiser = GaussianNoise(sigma), make(method, precision=PRECISION)
    filters = observers.channels(observers.REGION)
    regions, quality = [], []
    for number, item in enumerate(load_dataset("chest-drr").test):
        lungs = item.mask[0]  # pyright: ignore[reportOptionalSubscript]: it has masks
        where, sizes, signals = observers.study_nodules(item.image, lungs, number, draw)
        with_nodules = observers.insert(item.image, where, signals)
        # The same noise in both, so that their difference is what became of the nodule.
        noisy = [noise(image[None], [item.id], draw) for image in (with_nodules, item.image)]
        pair = [apply(denoiser, image, sigma)[0, 0] for image in noisy]
        for (row, column), diameter, signal in zip(where, sizes, signals, strict=True):
            cut = [observers.region(x, row, column, observers.REGION).double() for x in pair]
            kept = ((cut[0] - cut[1]) * signal).sum() / signal.square().sum()
            templates = np.column_stack([filters, observers.eye_template(signal)])
            outputs = [x.numpy().ravel() @ templates for x in cut]
            regions.append((number, diameter, kept.item(), outputs))
        blends = [a * pair[1] + (1 - a) * noisy[1][0, 0] for a in ALPHAS]
        quality.append([psnr(item.image[None], x[None, None]).item() for x in blends])
    image, diameters, kept, outputs = zip(*regions, strict=True)
    return Seen(
        np.array(image),
        np.array(diameters),
        np.array(kept),
        np.array(outputs).swapaxes(0, 1),
        np.array(quality),
    )


@dataclass(frozen=True)
class _Outputs:
    """What an observer is given of a method's images: all draws, one nodule."""

    present: np.ndarray
    absent: np.ndarray
    image: np.ndarray

    def auc(self) -> float:
        """Of the observer that has learned from the other half of the images, if it learns."""
        if self.present.ndim == 1:
            return observers.auc(np.stack([self.present, self.absent]))
        return observers.auc(observers.decisions(self.present, self.absent, self.image))

    def samples(self) -> np.ndarray:
        return observers.auc_samples(self.present, self.absent, self.image)


def _outputs(method: str, sigma: float, diameter: int, who: str, alpha: float = 1.0) -> _Outputs:
    """The outputs of a blend of the method's images with the noisy ones."""
    own = slice(None, -1) if who == "hotelling" else -1
    values, images = [], []
    for draw in DRAWS:
        found, noisy = seen(method, sigma, draw), seen("noisy", sigma, draw)
        chosen = found.diameter == diameter
        blend = alpha * found.outputs + (1 - alpha) * noisy.outputs
        values.append(blend[:, chosen][..., own])
        images.append(found.image[chosen])
    present, absent = np.concatenate(values, axis=1)
    return _Outputs(present, absent, np.concatenate(images))


@cache
def _noisy(sigma: float, diameter: int, who: str) -> tuple[float, np.ndarray]:
    outputs = _outputs("noisy", sigma, diameter, who)
    return outputs.auc(), outputs.samples()


def _judged(outputs: _Outputs, sigma: float, diameter: int, who: str) -> dict[str, Any]:
    """AUC, and its change against the noisy images, with intervals over the images."""
    before, samples_before = _noisy(sigma, diameter, who)
    auc, samples = outputs.auc(), outputs.samples()
    low, high = observers.interval(samples)
    change_low, change_high = observers.interval(samples - samples_before)
    return {
        "auc": auc,
        "low": low,
        "high": high,
        "change": auc - before,
        "change_low": change_low,
        "change_high": change_high,
    }


def _keys() -> Iterator[dict[str, Any]]:
    """All methods at the main level, few at the others: an hour of BM3D each would add little."""
    wanted = [(SIGMA, compared())]
    few = ("noisy", "gaussian", OBSERVED)
    others = [sigma for sigma in COMMON_SIGMAS if sigma != SIGMA]
    wanted += [(sigma, BY_EYE if sigma == BY_EYE_SIGMA else few) for sigma in others]
    for sigma, methods in wanted:
        for method in methods:
            for diameter in observers.NODULES:
                for who in OBSERVERS:
                    key = {"method": method, "sigma": sigma, "diameter": diameter}
                    yield {**key, "observer": who}


@side_study(
    "Is a nodule easier or harder to see after denoising?",
    keys=_keys,
    code=(observers,),
    repeatable=True,
    in_study=True,
)
def detection(method: str, sigma: float, diameter: int, observer: str) -> dict[str, Any]:
    """AUC of an observer on a method's images, and its difference to the noisy images.

    Parameters
    ----------
    method : str
        Of the study.
    sigma : float
        Noise level, 0-255.
    diameter : int
        Of the nodule, in pixels.
    observer : str
        One of `OBSERVERS`.

    Returns
    -------
    dict
        `auc` and its `change` against the noisy images, each with the ends of its 95 % interval;
        `contrast_kept`, the mean share; `regions`, their number in all draws.
    """
    outputs = _outputs(method, sigma, diameter, observer)
    found = [seen(method, sigma, draw) for draw in DRAWS]
    kept = np.concatenate([each.kept[each.diameter == diameter] for each in found])
    return {
        **_judged(outputs, sigma, diameter, observer),
        "contrast_kept": kept.mean(),
        "regions": len(kept),
    }


@side_study(
    "How much denoising? PSNR and AUC of a blend of the denoised image with the noisy one.",
    code=(observers,),
    in_study=True,
    method=lambda: ("bm3d", *released()),
    alpha=ALPHAS,
    diameter=tuple(observers.NODULES),
    observer=OBSERVERS,
)
def blend(method: str, alpha: float, diameter: int, observer: str) -> dict[str, Any]:
    """An observer on alpha times the denoised image plus 1 - alpha times the noisy one.

    Parameters
    ----------
    method : str
        Of the study.
    alpha : float
        One of `ALPHAS`.
    diameter : int
        Of the nodule, in pixels.
    observer : str
        One of `OBSERVERS`.

    Returns
    -------
    dict
        `auc` and its `change` as `detection` has them, at noise level `SIGMA`; `psnr` (dB) of the
        blend on the images without nodules, the mean over images and draws.
    """
    place = ALPHAS.index(alpha)
    quality = [seen(method, SIGMA, draw).psnr[:, place].mean() for draw in DRAWS]
    outputs = _outputs(method, SIGMA, diameter, observer, alpha)
    return {**_judged(outputs, SIGMA, diameter, observer), "psnr": np.mean(quality)}
