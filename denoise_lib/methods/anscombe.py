"""The generalised Anscombe transform: photon noise made nearly Gaussian of one strength.

It acts on counts, so an image is first turned back into the counts that it shows. Denoise there
with any method for Gaussian noise, and go back. The way back is not the algebraic inverse: the
mean of a root is not the root of the mean, and at few photons the difference shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from denoise_lib.checks import check_number
from denoise_lib.noise import XRayNoise


def stabilised(denoiser: Callable, noise: XRayNoise) -> Callable[..., torch.Tensor]:
    """A denoiser for Gaussian noise as one for the counts of an X-ray detector.

    Where the detector's blur has correlated the noise, its strength is right and it stays
    correlated.

    Parameters
    ----------
    denoiser : callable
        ``f(noisy, sigma=None) -> image``. It is given images in about [0, 1], white where few
        photons arrive, and the sigma that the transformed noise has there.
    noise : XRayNoise
        What the images have.

    Returns
    -------
    callable
        ``f(noisy, sigma=None) -> image``; its sigma is ignored.
    """
    # Counts that share their noise with neighbours vary less; in these units they vary as counts.
    unit = noise.kept_variance
    electronic = noise.electronic / unit
    ends = noise.counts(torch.tensor([0.0, 1.0])) / unit
    black, white = forward(ends, electronic).tolist()

    def run(noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        transformed = forward(noise.counts(noisy) / unit, electronic)
        # More photons are darker: the ends are taken the other way round.
        estimate = denoiser((transformed - black) / (white - black), sigma=255 / (black - white))
        counts = inverse(estimate * (white - black) + black, electronic)
        return noise.display(counts * unit)

    return run


def forward(counts: torch.Tensor, electronic: float = 0.0) -> torch.Tensor:
    """2 sqrt(counts + 3/8 + electronic^2), whose noise has a standard deviation of about 1.

    Murtagh et al. (1995).

    Parameters
    ----------
    counts : torch.Tensor
        Any shape.
    electronic : float
        Standard deviation of Gaussian noise that is added to the counts.

    Returns
    -------
    torch.Tensor
        The shape of `counts`, in units of the noise's standard deviation.

    Raises
    ------
    ValueError
        When `electronic` is negative.
    """
    variance = check_number(electronic, "electronic") ** 2
    return 2 * (counts + 3 / 8 + variance).clamp(min=0).sqrt()


def inverse(transformed: torch.Tensor, electronic: float = 0.0) -> torch.Tensor:
    """The exact unbiased inverse, in the closed form of Mäkitalo and Foi (2011, 2013).

    Parameters
    ----------
    transformed : torch.Tensor
        A denoised image on the scale of `forward`.
    electronic : float
        As for `forward`.

    Returns
    -------
    torch.Tensor
        Counts, at least 0.

    Raises
    ------
    ValueError
        When `electronic` is negative.
    """
    variance = check_number(electronic, "electronic") ** 2
    # Below the image of zero counts the closed form diverges.
    d = transformed.clamp(min=2 * math.sqrt(3 / 8))
    half_root = math.sqrt(3 / 2)
    counts = d**2 / 4 + half_root / (4 * d) - 11 / (8 * d**2) + 5 * half_root / (8 * d**3) - 1 / 8
    return (counts - variance).clamp(min=0)
