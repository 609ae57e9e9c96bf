"""Classical denoisers under the networks' call: ``f(noisy, sigma=None) -> image``.

Each is a well-known implementation with the parameters that gave the best PSNR on the validation
split of a data set, searched by `denoise study tune` over the grid that stands above its function
and kept in `tuned/`. Parameters that scale with the noise are stored as multiples of sigma.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from denoise_lib.checks import (
    UserError,
    check_images,
    check_number,
    not_installed,
    require,
    unknown,
)
from denoise_lib.identity import code_hash
from denoise_lib.methods.registry import Look, Method, register
from denoise_lib.needs import Needs

# On the 0-255 scale. Below it an image is as good as clean, and total variation, whose number of
# steps grows with 1 / sigma, would divide by zero.
NOTHING_TO_DO = 1e-3


Function = TypeVar("Function", bound=Callable[..., np.ndarray])


class Tuned:
    """A classical denoiser with tuned parameters.

    Parameters
    ----------
    name : str
        Of the method.
    function : callable
        ``f(image, sigma, **parameters) -> image`` on one image of shape (H, W), float64, with
        sigma in units of its range.
    tuned : mapping
        From a noise level (0-255, as text) to the parameters found best there.
    """

    def __init__(
        self, name: str, function: Callable[..., np.ndarray], tuned: Mapping[str, Mapping]
    ):
        self.name = self.__name__ = name
        self._function = function
        self._tuned = {float(level): dict(parameters) for level, parameters in tuned.items()}

    def parameters(self, sigma: float) -> dict:
        """The parameters used at a noise level.

        Parameters
        ----------
        sigma : float
            Noise level, 0-255.

        Returns
        -------
        dict
            Those of the nearest tuned level, by ratio; empty without parameters.
        """
        if not self._tuned:
            return {}
        nearest = min(self._tuned, key=lambda level: abs(np.log(max(sigma, 1e-3) / level)))
        return self._tuned[nearest]

    def __call__(self, noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        """Denoise.

        Parameters
        ----------
        noisy : torch.Tensor
            float32, shape (N, 1, H, W), clean range [0, 1].
        sigma : float, optional
            Standard deviation of the noise on the 0-255 scale; estimated from each image by the
            median of its finest wavelet coefficients when not given.

        Returns
        -------
        torch.Tensor
            float32, shape (N, 1, H, W), not clipped.

        Raises
        ------
        TypeError, ValueError
            When `noisy` is not a batch of grey images, or sigma is negative or not finite.
        """
        check_images(noisy, "noisy images")
        estimates = [self._denoise(image, sigma) for image in noisy[:, 0].cpu().double().numpy()]
        return torch.from_numpy(np.stack(estimates)).float()[:, None]

    def _denoise(self, image: np.ndarray, sigma: float | None) -> np.ndarray:
        if sigma is None:
            from skimage import restoration

            sigma = 255 * restoration.estimate_sigma(image)  # pyright: ignore[reportAssignmentType]
        sigma = check_number(sigma, "sigma")
        if sigma < NOTHING_TO_DO:
            return image
        return self._function(image, sigma / 255, **self.parameters(sigma))


def _of_a_size(
    function: Callable[..., np.ndarray], name: str, side: int, image: np.ndarray, *rest, **named
) -> np.ndarray:
    """A filter that is asked only about images that it can take."""
    if min(image.shape) < side:
        height, width = image.shape
        raise UserError(
            f"{name} takes images from {side} x {side} pixels on, not {height} x {width}: choose "
            "another method."
        )
    return function(image, *rest, **named)


@dataclass(frozen=True, kw_only=True)
class Classical(Method):
    """A classical method.

    Attributes
    ----------
    function : callable
        See `Tuned`.
    grid : mapping
        From a parameter to the values among which the best is searched; empty without parameters.
    smallest : int
        Side in pixels of the smallest image that it takes.
    """

    function: Callable[..., np.ndarray]
    grid: Mapping[str, Sequence] = field(default_factory=dict)
    smallest: int = 1

    def load(self, tuned: Mapping[str, Mapping] | str = "chest-drr") -> Tuned:
        """The method with its parameters.

        Parameters
        ----------
        tuned : mapping or str
            Parameters by noise level, or the data set they were tuned on.

        Returns
        -------
        Tuned
            A callable ``f(noisy, sigma=None) -> image``.

        Raises
        ------
        ModuleNotFoundError
            When a package is needed and not installed.
        ValueError
            When nothing was tuned for it there.
        """
        if not self.needs.installed:
            raise not_installed(self.needs.package, self.needs.extra, self.look.label)
        function = self.function
        if self.smallest > 1:
            function = partial(_of_a_size, function, self.name, self.smallest)
        return Tuned(self.name, function, self._levels(tuned))

    def _levels(self, tuned: Mapping[str, Mapping] | str) -> Mapping[str, Mapping]:
        given = not isinstance(tuned, str)
        levels = tuned if given else tuned_parameters(tuned).get(self.name, {})
        if self.grid and not levels:
            where = "at any noise level" if given else f"on {tuned}"
            raise UserError(
                f"{self.name} was not tuned {where}: run `denoise study tune {self.name}`."
            )
        return levels

    def identity(self, tuned: str = "chest-drr") -> dict[str, Any]:
        """The code of its function and its parameters.

        Parameters
        ----------
        tuned : str
            The data set it was tuned on.

        Returns
        -------
        dict
            Plain values; see `Method.identity`.
        """
        return {"code": code_hash(self.function, Tuned), "tuned": self._levels(tuned)}


def classical(
    name: str, label: str, colour: str, marker: str, **declared: Any
) -> Callable[[Function], Function]:
    """Declare the function below as a classical method.

    Parameters
    ----------
    name, label, colour, marker : str
        See `Method` and `Look`.
    **declared
        The other attributes of `Classical`: `grid`, `needs`, `paper`, `smallest`.

    Returns
    -------
    callable
        A decorator that leaves the function as it is.
    """

    def declare(function: Function) -> Function:
        look = Look(label, colour, marker)
        declared.setdefault("told_sigma", True)
        register(Classical(name=name, look=look, function=function, **declared))
        return function

    return declare


@classical("noisy", "Noisy input", "#999999", "x")
def noisy(image: np.ndarray, sigma: float) -> np.ndarray:
    """The image as it is: what every method starts from.

    Parameters
    ----------
    image : numpy.ndarray
        float64, shape (H, W), clean range [0, 1].
    sigma : float
        Not used.

    Returns
    -------
    numpy.ndarray
        The image.
    """
    return image


@classical(
    "gaussian",
    "Gaussian filter",
    "#56B4E9",
    "v",
    grid={"width": [0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4, 2.8, 3.3, 4.0, 5.0]},
)
def gaussian(image: np.ndarray, sigma: float, *, width: float) -> np.ndarray:
    """Average with Gaussian weights.

    Parameters
    ----------
    image : numpy.ndarray
        float64, shape (H, W), clean range [0, 1].
    sigma : float
        Not used: the width of the filter was tuned for it.
    width : float
        Standard deviation of the Gaussian in pixels.

    Returns
    -------
    numpy.ndarray
        The denoised image, float64, shape (H, W).
    """
    from scipy import ndimage

    return ndimage.gaussian_filter(image, width)


@classical("median", "Median filter", "#56B4E9", "^", grid={"size": [1, 3, 5, 7, 9, 11, 13, 15]})
def median(image: np.ndarray, sigma: float, *, size: int) -> np.ndarray:
    """Take the median of a square window.

    Parameters
    ----------
    image : numpy.ndarray
        float64, shape (H, W), clean range [0, 1].
    sigma : float
        Not used: the size of the window was tuned for it.
    size : int
        Side of the window in pixels.

    Returns
    -------
    numpy.ndarray
        The denoised image, float64, shape (H, W).
    """
    from scipy import ndimage

    return ndimage.median_filter(image, size)


@classical(
    "bilateral",
    "Bilateral filter",
    "#CC79A7",
    "<",
    paper="tomasi1998",
    grid={"width": [0.7, 1, 1.5, 2, 3, 4], "strength": [1, 2, 3, 4, 6, 9, 14, 20, 30, 50, 100]},
)
def bilateral(image: np.ndarray, sigma: float, *, width: float, strength: float) -> np.ndarray:
    """Average the neighbours that are near in place and in grey (Tomasi and Manduchi 1998).

    Parameters
    ----------
    image : numpy.ndarray
        float64, shape (H, W), clean range [0, 1].
    sigma : float
        Standard deviation of the noise, in units of the image's range.
    width : float
        Standard deviation of the weights in space, in pixels.
    strength : float
        Standard deviation of the weights in grey, in multiples of `sigma`.

    Returns
    -------
    numpy.ndarray
        The denoised image, float64, shape (H, W).
    """
    # Written out, because scikit-image 0.26 weights its window by a shifted table: the response of
    # its filter to a single bright pixel is off centre (tests/test_baselines.py shows it).
    reach = int(np.ceil(3 * width))
    height, columns = image.shape
    padded = np.pad(image, reach, mode="edge")
    total, weights = np.zeros_like(image), np.zeros_like(image)
    for row, column in np.ndindex(2 * reach + 1, 2 * reach + 1):
        shifted = padded[row : row + height, column : column + columns]
        distance = (row - reach) ** 2 + (column - reach) ** 2
        weight = np.exp(
            -distance / (2 * width**2) - (shifted - image) ** 2 / (2 * (strength * sigma) ** 2)
        )
        total += weight * shifted
        weights += weight
    return total / weights


@classical(
    "nlm",
    "Non-local means",
    "#009E73",
    "P",
    paper="buades2005",
    grid={
        "strength": [0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5],
        "patch_size": [3, 5, 7, 9, 13, 17, 21, 27, 33, 41, 53, 69],
        "patch_distance": [1, 2, 3, 5, 7, 9, 12],
    },
)
def nonlocal_means(
    image: np.ndarray, sigma: float, *, strength: float, patch_size: int, patch_distance: int
) -> np.ndarray:
    """Average pixels whose surroundings look alike (Buades et al. 2005).

    Parameters
    ----------
    image : numpy.ndarray
        float64, shape (H, W), clean range [0, 1].
    sigma : float
        Standard deviation of the noise, in units of the image's range.
    strength : float
        The filter's h in multiples of `sigma`.
    patch_size : int
        Side of the compared patches in pixels.
    patch_distance : int
        Largest distance of a compared patch in pixels, along rows and columns.

    Returns
    -------
    numpy.ndarray
        The denoised image, float64, shape (H, W).
    """
    from skimage import restoration

    return restoration.denoise_nl_means(
        image,
        h=strength * sigma,
        sigma=sigma,
        patch_size=patch_size,
        patch_distance=patch_distance,
        fast_mode=True,
    )


@classical(
    "tv",
    "Total variation",
    "#009E73",
    "X",
    paper="rudin1992",
    grid={
        "strength": [0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.1, 2.5, 3, 4],
        "iterations": [2, 4, 6, 10, 15, 20, 30, 50, 100, 300],
    },
)
def total_variation(
    image: np.ndarray, sigma: float, *, strength: float, iterations: int
) -> np.ndarray:
    """Bring down the total variation (Rudin et al. 1992, by Chambolle's algorithm).

    Parameters
    ----------
    image : numpy.ndarray
        float64, shape (H, W), clean range [0, 1].
    sigma : float
        Standard deviation of the noise, in units of the image's range.
    strength : float
        Weight of the variation in multiples of `sigma`.
    iterations : int
        Of Chambolle's algorithm.

    Returns
    -------
    numpy.ndarray
        The denoised image, float64, shape (H, W).
    """
    from skimage import restoration

    # A number of iterations instead of a tolerance: stopping early is part of the method here,
    # since the minimum itself is flatter than a radiograph.
    return restoration.denoise_tv_chambolle(
        image, weight=strength * sigma, eps=0, max_num_iter=iterations
    )


@classical(
    "wavelet",
    "Wavelet BayesShrink",
    "#CC79A7",
    ">",
    paper="chang2000",
    grid={"wavelet": ["db2", "db4", "sym4", "sym8"], "levels": [2, 3, 4, 5, 6]},
)
def wavelet(image: np.ndarray, sigma: float, *, wavelet: str, levels: int) -> np.ndarray:
    """Shrink wavelet coefficients by the thresholds of BayesShrink (Chang et al. 2000).

    Parameters
    ----------
    image : numpy.ndarray
        float64, shape (H, W), clean range [0, 1].
    sigma : float
        Standard deviation of the noise, in units of the image's range.
    wavelet : str
        Its name in PyWavelets.
    levels : int
        Of the decomposition.

    Returns
    -------
    numpy.ndarray
        The denoised image, float64, shape (H, W).
    """
    from skimage import restoration

    return restoration.denoise_wavelet(
        image, sigma=sigma, wavelet=wavelet, wavelet_levels=levels, method="BayesShrink"
    )


@classical(
    "bm3d",
    "BM3D",
    "#000000",
    "D",
    paper="dabov2007bm3d",
    grid={"strength": [0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2.1, 2.5]},
    needs=Needs(package="bm3d", extra="bm3d"),
    smallest=9,  # its block is 8: it refuses less, and of one block alone it ends the process
)
def bm3d(image: np.ndarray, sigma: float, *, strength: float) -> np.ndarray:
    """Filter stacks of similar patches (BM3D, Dabov et al. 2007).

    Parameters
    ----------
    image : numpy.ndarray
        float64, shape (H, W), clean range [0, 1].
    sigma : float
        Standard deviation of the noise, in units of the image's range.
    strength : float
        What BM3D is told, in multiples of `sigma`.

    Returns
    -------
    numpy.ndarray
        The denoised image, float64, shape (H, W).

    Raises
    ------
    ModuleNotFoundError
        When the package bm3d is not installed.
    """
    return require("bm3d", "bm3d", "BM3D").bm3d(image, strength * sigma)


def tuned_parameters(dataset: str = "chest-drr") -> dict[str, dict[str, dict]]:
    """The committed tuning on a data set: method, then noise level, then parameters.

    Parameters
    ----------
    dataset : str
        "chest-drr", what the book uses, or "nih-sample".

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        When nothing was tuned there; the message lists where something was.
    """
    path = tuning_file(dataset)
    if not path.is_file():
        tuned = sorted(file.stem for file in path.parent.glob("*.json"))
        raise unknown("tuning", dataset, tuned)
    return json.loads(path.read_text("utf-8"))


def tuning_file(dataset: str) -> Path:
    """Where the tuning on a data set is kept.

    Parameters
    ----------
    dataset : str
        A name.

    Returns
    -------
    pathlib.Path
        A JSON file in the package, which may not exist.
    """
    return Path(__file__).parent / "tuned" / f"{dataset}.json"


def tuning_for(dataset: str) -> str:
    """Whose tuning suits the images of a data set.

    Parameters
    ----------
    dataset : str
        A name.

    Returns
    -------
    str
        "chest-drr" for itself, "nih-sample" for every other: those are real.
    """
    return "chest-drr" if dataset == "chest-drr" else "nih-sample"
