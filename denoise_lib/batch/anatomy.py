"""What a method removed: was it noise, or anatomy too?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

EDGE_WIDTH, ENERGY_WIDTH = 1.0, 2.0  # pixels: Gaussians before the slope, and over the energy
GREYS = 16  # groups of equal size, by grey value
EDGES, EVEN = 0.9, 0.5  # quantiles of the slope: above is an edge, below is even


@dataclass(frozen=True)
class Removed:
    """Measures of what was removed.

    Attributes
    ----------
    rms : float
        Root of its mean square, on the 0-255 scale.
    right, below : float
        Correlation of a pixel with its neighbour; of white noise 0.
    edge_ratio : float
        Its rms at edges over that in even parts of the same grey; of noise alone 1.
    edge_correlation : float
        Correlation of its local rms with the slope of the denoised image, both as ranks among
        pixels of the same grey; of noise alone 0.
    """

    rms: float
    right: float
    below: float
    edge_ratio: float
    edge_correlation: float


def measure(removed: np.ndarray, denoised: np.ndarray) -> Removed:
    """Measure what was removed.

    Edges are where the denoised image is steep. Noise that grows with the grey value is not taken
    for anatomy: only pixels of the same grey are compared with each other.

    Parameters
    ----------
    removed, denoised : numpy.ndarray
        Shape (H, W), in units of the range.

    Returns
    -------
    Removed
        With NaN where there is too little to measure: nothing removed, or no edge.
    """
    removed, denoised = removed.astype(np.float64), denoised.astype(np.float64)
    energy = ndimage.gaussian_filter(removed**2, ENERGY_WIDTH)
    slope = ndimage.gaussian_gradient_magnitude(denoised, EDGE_WIDTH)
    return Removed(
        255 * float(np.sqrt((removed**2).mean())),
        _correlation(removed[:, :-1], removed[:, 1:]),
        _correlation(removed[:-1], removed[1:]),
        *_at_edges(energy, slope, ndimage.gaussian_filter(denoised, ENERGY_WIDTH)),
    )


def _at_edges(energy: np.ndarray, slope: np.ndarray, grey: np.ndarray) -> tuple[float, float]:
    """Ratio and correlation over groups of pixels of nearly the same grey."""
    order = np.argsort(grey, axis=None, kind="stable")
    edges, even, slopes, energies = [], [], [], []
    for group in np.array_split(order, GREYS):
        group_slope, group_energy = slope.ravel()[group], energy.ravel()[group]
        if group_slope.size < 2 or group_slope.max() == group_slope.min():
            continue
        low, high = np.quantile(group_slope, (EVEN, EDGES))
        edges.append(group_energy[group_slope >= high].mean())
        even.append(group_energy[group_slope <= low].mean())
        slopes.append(_ranks(group_slope))
        energies.append(_ranks(group_energy))
    if not edges or not np.sum(even):
        return float("nan"), float("nan")
    ratio = float(np.sqrt(np.sum(edges) / np.sum(even)))
    return ratio, _correlation(np.concatenate(slopes), np.concatenate(energies))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0 to 1."""
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.linspace(0, 1, len(values))
    return ranks


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if first.size < 2 or not first.std() or not second.std():
        return float("nan")
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])
