"""Can a lesion still be seen? Nodules of known size and contrast, and a model observer.

The observer is the channelised Hotelling observer: it looks at a region through a few band-pass
channels and weighs them as best separates regions with the nodule from regions without, given how
channels vary together. Its area under the ROC curve (AUC) says how detectable the nodule is: 0.5
is guessing, 1 is certainty. It knows where to look and what for, and has no noise of its own.

A region with the nodule is never compared with itself without it: the two share anatomy and noise,
and would be told apart more easily than two regions are.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from denoise_lib.checks import UserError

CHANNELS = 6
RESAMPLES = 5000
# The study's regions (pixels, number in each image) and nodules (diameter in pixels, contrast).
REGION, REGIONS = 48, 6
NODULES = {8: 0.08, 16: 0.05}


def nodule(diameter: float, contrast: float, size: int) -> torch.Tensor:
    """A smooth round nodule, contrast (1 - (r / R)^2)^1.5 inside its radius R.

    The "designer nodule" of mammography (Burgess et al. 1997).

    Parameters
    ----------
    diameter : float
        In pixels.
    contrast : float
        Height at the centre, in units of the image's range [0, 1].
    size : int
        Side of the square it stands in the middle of.

    Returns
    -------
    torch.Tensor
        float32, shape (size, size).
    """
    axis = torch.arange(size) - size // 2  # where `region` and `channels` have their middle
    squared = (axis[:, None] ** 2 + axis**2) / (diameter / 2) ** 2
    return contrast * (1 - squared).clamp(min=0) ** 1.5


def places(lungs: torch.Tensor, count: int, size: int, seed: int) -> list[tuple[int, int]]:
    """Centres of regions in the lungs, one apart from the other.

    Parameters
    ----------
    lungs : torch.Tensor
        bool, shape (H, W).
    count : int
        How many at most.
    size : int
        Side of a region in pixels, at least 4: it lies within the image, its centre at least a
        quarter of a side inside the lungs (in steps along rows and columns), and centres are at
        least a side apart.
    seed : int
        Of the choice.

    Returns
    -------
    list of tuple of int
        Row and column.

    Raises
    ------
    ValueError
        When there is no room for one.
    """
    inside = ndimage.binary_erosion(lungs.numpy(), iterations=size // 4)
    half = size // 2
    allowed = np.zeros_like(inside)
    allowed[half:-half, half:-half] = inside[half:-half, half:-half]
    candidates = np.argwhere(allowed)
    chosen: list[tuple[int, int]] = []
    for row, column in np.random.default_rng(seed).permutation(candidates):
        if all(np.hypot(row - r, column - c) >= size for r, c in chosen):
            chosen.append((int(row), int(column)))
        if len(chosen) == count:
            return chosen
    if not chosen:
        raise UserError(f"No region of {size} pixels fits into the lungs: choose a smaller size.")
    return chosen


def study_nodules(
    lungs: torch.Tensor, number: int
) -> tuple[list[tuple[int, int]], list[int], list[torch.Tensor]]:
    """Where the study puts which nodules into a test image.

    Parameters
    ----------
    lungs : torch.Tensor
        bool, shape (H, W).
    number : int
        Of the image in its split; keys the choice.

    Returns
    -------
    where : list of tuple of int
        Centres, see `places`.
    sizes : list of int
        The diameter at each: the keys of `NODULES` in turn.
    signals : list of torch.Tensor
        The nodules, each of shape (REGION, REGION).
    """
    where = places(lungs, REGIONS, REGION, seed=number)
    sizes = [list(NODULES)[index % len(NODULES)] for index in range(len(where))]
    return where, sizes, [nodule(size, NODULES[size], REGION) for size in sizes]


def insert(
    image: torch.Tensor, where: list[tuple[int, int]], what: list[torch.Tensor]
) -> torch.Tensor:
    """Add nodules to an image; brighter, as denser tissue is on a radiograph.

    Parameters
    ----------
    image : torch.Tensor
        Shape (1, H, W). Left as it is.
    where : list of tuple of int
        Centres.
    what : list of torch.Tensor
        A nodule for each.

    Returns
    -------
    torch.Tensor
        Shape (1, H, W), clipped at 1.
    """
    image = image.clone()
    for (row, column), signal in zip(where, what, strict=True):
        region(image, row, column, len(signal)).add_(signal)
    return image.clamp(max=1)


def region(image: torch.Tensor, row: int, column: int, size: int) -> torch.Tensor:
    """The square around a centre.

    Parameters
    ----------
    image : torch.Tensor
        Shape (..., H, W).
    row, column : int
        Centre, in pixels.
    size : int
        Side in pixels.

    Returns
    -------
    torch.Tensor
        A view of shape (..., size, size).
    """
    top, left = row - size // 2, column - size // 2
    return image[..., top : top + size, left : left + size]


def channels(size: int, count: int = CHANNELS) -> np.ndarray:
    """Round band-pass filters, each centred 1.6 times higher than the one before.

    Differences of Gaussians in the frequency plane, the lowest about one cycle per 40 pixels.

    Parameters
    ----------
    size : int
        Side of the regions in pixels.
    count : int
        Number of channels.

    Returns
    -------
    numpy.ndarray
        Shape (size * size, count), each of unit length.
    """
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(size)] * 2))
    widths = 0.015 * 1.6 ** np.arange(count)
    bands = [
        np.exp(-((frequency / (1.6 * w)) ** 2) / 2) - np.exp(-((frequency / w) ** 2) / 2)
        for w in widths
    ]
    spatial = [np.fft.fftshift(np.fft.ifft2(band).real) for band in bands]
    matrix = np.stack([channel.ravel() for channel in spatial], axis=1)
    return matrix / np.linalg.norm(matrix, axis=0)


def decisions(present: np.ndarray, absent: np.ndarray, image: np.ndarray) -> np.ndarray:
    """What the observer says of each region, having learned from other images.

    Parameters
    ----------
    present, absent : numpy.ndarray
        Channel outputs, shape (N, channels), of the same regions with and without the nodule.
    image : numpy.ndarray
        Number of the image that each region is from; odd and even ones judge each other.

    Returns
    -------
    numpy.ndarray
        Shape (2, N): decision variables with and without, in units of the training half's standard
        deviation, so that both halves may be pooled.

    Raises
    ------
    ValueError
        When a half has hardly more regions than channels.
    """
    result = np.empty((2, len(image)))
    for half in (0, 1):
        test, train = image % 2 == half, image % 2 != half
        if train.sum() <= present.shape[1]:
            raise UserError("Too few regions to learn from: take more images.")
        difference = present[train].mean(0) - absent[train].mean(0)
        covariance = (np.cov(present[train].T) + np.cov(absent[train].T)) / 2
        template = np.linalg.solve(covariance, difference)
        middle = (present[train].mean(0) + absent[train].mean(0)) / 2
        scale = np.sqrt(template @ covariance @ template)
        result[0, test] = (present[test] - middle) @ template / scale
        result[1, test] = (absent[test] - middle) @ template / scale
    return result


def auc(scores: np.ndarray) -> float:
    """Area under the ROC curve.

    Parameters
    ----------
    scores : numpy.ndarray
        Decision variables of N regions with and without the nodule, shape (2, N).

    Returns
    -------
    float
        The share of pairs of *different* regions in which the one with the nodule has the higher
        value; ties count half.
    """
    return float(_weighted_auc(scores, np.ones((1, scores.shape[1])))[0])


def _weighted_auc(scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """AUC of resamples, whose rows say how often each region was drawn."""
    present, absent = scores
    wins = (present[:, None] > absent) + 0.5 * (present[:, None] == absent)
    np.fill_diagonal(wins, 0)
    pairs = counts.sum(1) ** 2 - (counts**2).sum(1)
    return ((counts @ wins) * counts).sum(1) / pairs


def auc_interval(
    scores: np.ndarray, image: np.ndarray, minus: np.ndarray | None = None, seed: int = 0
) -> tuple[float, float]:
    """95 % bootstrap interval of an AUC, or of a difference of two, resampling images.

    The observer stays as it was trained: what another training set would change is not in it.

    Parameters
    ----------
    scores : numpy.ndarray
        Decision variables, shape (2, N).
    image : numpy.ndarray
        Number of the image that each region is from.
    minus : numpy.ndarray, optional
        Decision variables of another method on the same regions, whose AUC is subtracted.
    seed : int
        Of the resampling.

    Returns
    -------
    tuple of float
        Lower and upper end.
    """
    numbers, index = np.unique(image, return_inverse=True)
    drawn = np.random.default_rng(seed).multinomial(
        len(numbers), np.full(len(numbers), 1 / len(numbers)), size=RESAMPLES
    )
    found = _weighted_auc(scores, drawn[:, index].astype(float))
    if minus is not None:
        found = found - _weighted_auc(minus, drawn[:, index].astype(float))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
