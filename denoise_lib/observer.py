"""Can a lesion still be seen? Nodules of known size and contrast, and a model observer.

The observer is the channelised Hotelling observer: it looks at a region through a few band-pass
channels and weighs them as best separates regions with the nodule from regions without, given how
channels vary together. Its area under the ROC curve (AUC) says how detectable the nodule is: 0.5
is guessing, 1 is certainty. It knows where to look and what for, and has no noise of its own.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage, stats

CHANNELS = 6
RESAMPLES = 1000


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
    axis = torch.arange(size) - (size - 1) / 2
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
        Side of a region in pixels: it lies within the image, half a side inside the lungs' edge
        as far as they are that wide, and centres are at least a side apart.
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
        raise ValueError(f"No region of {size} pixels fits into the lungs: choose a smaller size.")
    return chosen


def insert(image: torch.Tensor, where: list[tuple[int, int]], what: list[torch.Tensor]):
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
    """The square around a centre, a view of the image's last two axes."""
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
            raise ValueError("Too few regions to learn from: take more images.")
        difference = present[train].mean(0) - absent[train].mean(0)
        covariance = (np.cov(present[train].T) + np.cov(absent[train].T)) / 2
        template = np.linalg.solve(covariance, difference)
        middle = (present[train].mean(0) + absent[train].mean(0)) / 2
        scale = np.sqrt(template @ covariance @ template)
        result[0, test] = (present[test] - middle) @ template / scale
        result[1, test] = (absent[test] - middle) @ template / scale
    return result


def auc(scores: np.ndarray) -> float:
    """Area under the ROC curve of decision variables of shape (2, N); ties count half."""
    ranks = stats.rankdata(scores)[: scores.shape[1]]
    count = scores.shape[1]
    return float((ranks.sum() - count * (count + 1) / 2) / count**2)


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
    members = [np.flatnonzero(image == number) for number in np.unique(image)]
    generator, found = np.random.default_rng(seed), []
    for _ in range(RESAMPLES):
        drawn = generator.integers(len(members), size=len(members))
        chosen = np.concatenate([members[number] for number in drawn])
        value = auc(scores[:, chosen])
        found.append(value if minus is None else value - auc(minus[:, chosen]))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
