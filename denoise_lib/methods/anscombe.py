"""The generalised Anscombe transform: photon noise made nearly Gaussian of one strength.

Denoise there with any method for Gaussian noise, and transform back. The way back is not the
algebraic inverse: the mean of a root is not the root of the mean, and at few photons the difference
shows as a dark cast.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from denoise_lib.checks import check_number


def stabilised(
    denoiser: Callable, photons: float, read_sigma: float = 0.0
) -> Callable[..., torch.Tensor]:
    """A denoiser for Gaussian noise as one for `PoissonGaussianNoise`.

    Parameters
    ----------
    denoiser : callable
        ``f(noisy, sigma=None) -> image``. It is given images in about [0, 1] and the sigma that
        the transformed noise has there.
    photons, read_sigma : float
        As for `PoissonGaussianNoise`.

    Returns
    -------
    callable
        ``f(noisy, sigma=None) -> image``; its sigma is ignored.

    Raises
    ------
    ValueError
        When `photons` is not positive or `read_sigma` is negative.
    """
    low, high = (forward(torch.tensor(x), photons, read_sigma).item() for x in (0.0, 1.0))

    def run(noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        transformed = (forward(noisy, photons, read_sigma) - low) / (high - low)
        estimate = denoiser(transformed, sigma=255 / (high - low))
        return inverse(estimate * (high - low) + low, photons, read_sigma)

    return run


def forward(noisy: torch.Tensor, photons: float, read_sigma: float = 0.0) -> torch.Tensor:
    """2 sqrt(N y + 3/8 + s^2), whose noise has a standard deviation of about 1.

    N y are counts and s = N read_sigma / 255 is the read noise in counts (Murtagh et al. 1995).

    Parameters
    ----------
    noisy : torch.Tensor
        Any shape; the clean range is [0, 1].
    photons, read_sigma : float
        As for `PoissonGaussianNoise`.

    Returns
    -------
    torch.Tensor
        The shape of `noisy`, in units of the noise's standard deviation.

    Raises
    ------
    ValueError
        When `photons` is not positive or `read_sigma` is negative.
    """
    photons, variance = _counts(photons, read_sigma)
    return 2 * (photons * noisy + 3 / 8 + variance).clamp(min=0).sqrt()


def inverse(transformed: torch.Tensor, photons: float, read_sigma: float = 0.0) -> torch.Tensor:
    """The exact unbiased inverse, in the closed form of Mäkitalo and Foi (2011, 2013).

    Parameters
    ----------
    transformed : torch.Tensor
        A denoised image on the scale of `forward`.
    photons, read_sigma : float
        As for `forward`.

    Returns
    -------
    torch.Tensor
        On the image's scale, at least 0.
    """
    photons, variance = _counts(photons, read_sigma)
    # Below the image of zero counts the closed form diverges.
    d = transformed.clamp(min=2 * math.sqrt(3 / 8))
    half_root = math.sqrt(3 / 2)
    counts = d**2 / 4 + half_root / (4 * d) - 11 / (8 * d**2) + 5 * half_root / (8 * d**3) - 1 / 8
    return (counts - variance).clamp(min=0) / photons


def _counts(photons: float, read_sigma: float) -> tuple[float, float]:
    """Photons, and the variance of the read noise in counts."""
    photons = check_number(photons, "photons", low=1e-3)
    return photons, (photons * check_number(read_sigma, "read_sigma") / 255) ** 2
