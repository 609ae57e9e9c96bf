"""Where in frequency a denoiser errs: residuals, noise power, and the transfer of an edge.

Frequencies are in cycles per pixel, 0 to 0.5. All power spectra are scaled so that white noise of
standard deviation 1 has power 1 at every frequency.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

BINS = 16
EDGE_ANGLE = np.deg2rad(4.0)
PER_PIXEL = 4  # samples of the edge spread function, thanks to the slant
POINTS = 4096  # of its Fourier transform


def radial_power(fields: torch.Tensor, bins: int = BINS) -> np.ndarray:
    """Power spectrum averaged over directions and images.

    Each field's mean is subtracted, and a Hann window keeps its borders from leaking.

    Parameters
    ----------
    fields : torch.Tensor
        Shape (N, 1, H, W).
    bins : int
        Equal steps of frequency up to 0.5.

    Returns
    -------
    numpy.ndarray
        Shape (bins,).
    """
    values = fields[:, 0].double().numpy()
    height, width = values.shape[-2:]
    window = np.outer(np.hanning(height), np.hanning(width))
    values = (values - values.mean((-2, -1), keepdims=True)) * window
    power = (np.abs(np.fft.fft2(values)) ** 2).mean(0) / (window**2).sum()
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    index = np.minimum((frequency * 2 * bins).astype(int), bins)  # beyond 0.5: the corners
    total = np.bincount(index.ravel(), power.ravel(), minlength=bins + 1)
    count = np.bincount(index.ravel(), minlength=bins + 1)
    return (total / count)[:bins]


def frequencies(bins: int = BINS) -> np.ndarray:
    """Centres of the bins of `radial_power`.

    Parameters
    ----------
    bins : int
        As for `radial_power`.

    Returns
    -------
    numpy.ndarray
        In cycles per pixel, shape (bins,).
    """
    return (np.arange(bins) + 0.5) / (2 * bins)


def edge_phantom(contrast: float, size: int = 256) -> torch.Tensor:
    """A slightly slanted edge between two greys around one half.

    Parameters
    ----------
    contrast : float
        Difference of the greys, in units of the range [0, 1].
    size : int
        Side in pixels.

    Returns
    -------
    torch.Tensor
        float32, shape (1, 1, size, size); across the edge the grey rises over one pixel.
    """
    step = np.clip(_distance(size) + 0.5, 0, 1)
    return torch.from_numpy(0.5 + contrast * (step - 0.5)).float()[None, None]


def _distance(size: int) -> np.ndarray:
    """Signed distance of each pixel's centre to the edge, in pixels."""
    axis = np.arange(size) - (size - 1) / 2
    return axis[None, :] * np.cos(EDGE_ANGLE) + axis[:, None] * np.sin(EDGE_ANGLE)


def edge_transfer(estimates: torch.Tensor, contrast: float, reach: float = 16) -> np.ndarray:
    """How much of an edge's contrast arrives at each frequency, relative to the clean phantom.

    The edge spread function is sampled at a quarter of a pixel thanks to the slant, averaged
    over the noise realisations, differentiated and transformed, as for a detector (IEC 62220). A
    denoiser is not linear: its transfer depends on the contrast and on the noise.

    Parameters
    ----------
    estimates : torch.Tensor
        Denoised noisy `edge_phantom`s, shape (N, 1, size, size).
    contrast : float
        Of the phantom.
    reach : float
        Pixels on either side of the edge.

    Returns
    -------
    numpy.ndarray
        Shape (BINS,), at `frequencies()`; 1 where everything arrives.
    """
    clean = edge_phantom(contrast, estimates.shape[-1])
    before, after = _edge_spectrum(clean, reach), _edge_spectrum(estimates, reach)
    # The part in phase with the edge: a modulus would count what is left of the noise as transfer.
    transfer = (after * before.conj()).real / np.abs(before) ** 2
    return np.interp(frequencies(), _frequency_grid(), transfer)


def _edge_spectrum(images: torch.Tensor, reach: float) -> npt.NDArray[np.complex128]:
    image = images[:, 0].double().mean(0).numpy()
    border = int(reach)  # rows near the border see another surrounding
    distance = _distance(len(image))[border:-border].ravel()
    index = np.round((distance + reach) * PER_PIXEL).astype(int)
    inside = (index >= 0) & (index <= 2 * reach * PER_PIXEL)
    values = image[border:-border].ravel()[inside]
    spread = np.bincount(index[inside], values) / np.bincount(index[inside])
    line = np.diff(spread) * np.hanning(len(spread) - 1)
    return np.fft.rfft(line, POINTS)[: len(_frequency_grid())]


def _frequency_grid() -> np.ndarray:
    """Frequencies of the edge spectrum up to 0.5 cycles per pixel."""
    grid = np.fft.rfftfreq(POINTS, 1 / PER_PIXEL)
    return grid[grid <= 0.5]
