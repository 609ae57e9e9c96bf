"""Classical denoisers under the models' call: ``f(noisy, sigma=None) -> image``.

Each is a well-known implementation with the parameters that gave the best PSNR on the validation
split of `chest-drr`, searched once by `tools/tune_baselines.py` and kept in
`baselines_tuned.json`. Parameters that scale with the noise are stored as multiples of sigma.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from importlib.resources import files

import numpy as np
import torch
from scipy import ndimage
from skimage import restoration

from denoise_lib.checks import check_images, check_number

# On the 0-255 scale. Below it an image is as good as clean, and total variation, whose number of
# steps grows with 1 / sigma, would divide by zero.
NOTHING_TO_DO = 1e-3


def _noisy(image: np.ndarray, sigma: float) -> np.ndarray:
    return image


def _gaussian(image: np.ndarray, sigma: float, *, width: float) -> np.ndarray:
    return ndimage.gaussian_filter(image, width)


def _median(image: np.ndarray, sigma: float, *, size: int) -> np.ndarray:
    return ndimage.median_filter(image, size)


def _bilateral(image: np.ndarray, sigma: float, *, width: float, strength: float) -> np.ndarray:
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


def _nonlocal_means(
    image: np.ndarray, sigma: float, *, strength: float, patch_size: int, patch_distance: int
) -> np.ndarray:
    return restoration.denoise_nl_means(
        image,
        h=strength * sigma,
        sigma=sigma,
        patch_size=patch_size,
        patch_distance=patch_distance,
        fast_mode=True,
    )


def _total_variation(
    image: np.ndarray, sigma: float, *, strength: float, iterations: int
) -> np.ndarray:
    # A number of iterations instead of a tolerance: stopping early is part of the method here,
    # since the minimum itself is flatter than a radiograph.
    return restoration.denoise_tv_chambolle(
        image, weight=strength * sigma, eps=0, max_num_iter=iterations
    )


def _wavelet(image: np.ndarray, sigma: float, *, wavelet: str, levels: int) -> np.ndarray:
    return restoration.denoise_wavelet(
        image, sigma=sigma, wavelet=wavelet, wavelet_levels=levels, method="BayesShrink"
    )


def _bm3d(image: np.ndarray, sigma: float, *, strength: float) -> np.ndarray:
    import bm3d

    return bm3d.bm3d(image, strength * sigma)


_METHODS: dict[str, Callable[..., np.ndarray]] = {
    "noisy": _noisy,
    "gaussian": _gaussian,
    "median": _median,
    "bilateral": _bilateral,
    "nlm": _nonlocal_means,
    "tv": _total_variation,
    "wavelet": _wavelet,
    "bm3d": _bm3d,
}


def available() -> list[str]:
    """Names that `create` can make here; `bm3d` only where its package is installed."""
    has_bm3d = importlib.util.find_spec("bm3d") is not None
    return [name for name in _METHODS if name != "bm3d" or has_bm3d]


class Baseline:
    """A classical denoiser with tuned parameters.

    Parameters
    ----------
    name : str
        One of `available()`.
    tuned : mapping
        From a noise level (0-255, as text) to the parameters found best there.
    """

    def __init__(self, name: str, tuned: Mapping[str, Mapping]):
        self.name = self.__name__ = name
        self._tuned = {float(level): dict(parameters) for level, parameters in tuned.items()}

    def parameters(self, sigma: float) -> dict:
        """The parameters used at `sigma`: those of the nearest tuned level, by ratio."""
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
            sigma = 255 * restoration.estimate_sigma(image)
        sigma = check_number(sigma, "sigma")
        if sigma < NOTHING_TO_DO:
            return image
        return _METHODS[self.name](image, sigma / 255, **self.parameters(sigma))


def create(name: str, tuned: Mapping[str, Mapping] | None = None) -> Baseline:
    """Make a baseline by name.

    Parameters
    ----------
    name : str
        One of `available()`.
    tuned : mapping, optional
        Parameters by noise level, in place of the committed ones.

    Returns
    -------
    Baseline
        A callable ``f(noisy, sigma=None) -> image``.

    Raises
    ------
    ValueError
        When the name is not known; the message lists the known ones.
    ModuleNotFoundError
        When the package `bm3d` is needed and not installed.
    """
    if name not in _METHODS:
        known = ", ".join(available())
        raise ValueError(f"Unknown baseline {name!r}; choose one of: {known}.")
    if name not in available():
        raise ModuleNotFoundError(
            f"{name} needs a package: install it with `pip install 'denoise_lib[bm3d]'`."
        )
    if tuned is None:
        tuned = tuned_parameters().get(name, {})
    return Baseline(name, tuned)


def tuned_parameters(dataset: str = "chest-drr") -> dict[str, dict[str, dict]]:
    """The committed tuning on a data set: baseline, then noise level, then parameters."""
    return json.loads(files("denoise_lib").joinpath(tuning_file(dataset)).read_text())


def tuning_file(dataset: str) -> str:
    """Name of the file with the tuning on a data set, `chest-drr` or `nih-sample`."""
    return "baselines_tuned.json" if dataset == "chest-drr" else f"baselines_tuned_{dataset}.json"
