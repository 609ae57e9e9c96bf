"""Can a lesion still be seen? Nodules of known size and contrast, and two model observers.

The channelised Hotelling observer looks at a region through a few band-pass channels and weighs
them as best separates regions with the nodule from regions without, given how channels vary
together. It undoes any filter that can be undone, so a denoiser can hardly help it. The observer
with an eye filter cannot do that: it lays the nodule's own shape over the region, through the
contrast sensitivity of an eye, and a denoiser that takes away what lies beside the shape helps it.

The area under the ROC curve (AUC) says how detectable the nodule is: 0.5 is guessing, 1 is
certainty. Both observers know where to look and what for, and have no noise of their own.

A region with the nodule is never compared with itself without it: the two share anatomy and noise,
and would be told apart more easily than two regions are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

from denoise_lib.checks import UserError

CHANNELS = 6
RESAMPLES = 1000
# The study's regions (pixels, number in each image) and nodules (diameter in pixels, contrast).
REGION, REGIONS = 48, 6
NODULES = {8: 0.08, 16: 0.05}
# Aerated lung is dark. The projected lungs also reach behind heart, spine and diaphragm, where the
# image is bright and nobody would look for a faint nodule.
AERATED = 0.5
# Where the eye is most sensitive, in cycles per pixel: 4 cycles per degree, where a radiograph of
# 256 pixels fills a monitor (1.1 mm a pixel) that is seen from half a metre.
EYE_PEAK = 0.5


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


def aerated(image: torch.Tensor, lungs: torch.Tensor, diameter: float) -> torch.Tensor:
    """Where the middle of a nodule may be, so that all of it lies in aerated lung.

    Parameters
    ----------
    image : torch.Tensor
        Clean, shape (1, H, W), in [0, 1].
    lungs : torch.Tensor
        bool, shape (H, W): the projected lungs.
    diameter : float
        Of the nodule, in pixels.

    Returns
    -------
    torch.Tensor
        bool, shape (H, W): true where every pixel of the nodule is in the lungs and darker than
        `AERATED`.
    """
    reach = int(diameter // 2)
    axis = np.arange(-reach, reach + 1)
    disc = axis[:, None] ** 2 + axis**2 <= (diameter / 2) ** 2
    suited = lungs.numpy() & (image[0].numpy() < AERATED)
    return torch.from_numpy(ndimage.binary_erosion(suited, disc))


def places(
    allowed: torch.Tensor, count: int, size: int, seed: int | Sequence[int]
) -> list[tuple[int, int]]:
    """Centres of regions, one apart from the other.

    Parameters
    ----------
    allowed : torch.Tensor
        bool, shape (H, W): where a centre may be, see `aerated`.
    count : int
        How many at most.
    size : int
        Side of a region in pixels: it lies within the image, and centres are at least a side apart.
    seed : int or sequence of int
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
    half = size // 2
    inside = np.zeros(allowed.shape, dtype=bool)
    inside[half:-half, half:-half] = allowed[half:-half, half:-half]
    chosen: list[tuple[int, int]] = []
    for row, column in np.random.default_rng(seed).permutation(np.argwhere(inside)):
        if all(np.hypot(row - r, column - c) >= size for r, c in chosen):
            chosen.append((int(row), int(column)))
        if len(chosen) == count:
            return chosen
    if not chosen:
        raise UserError(f"No region of {size} pixels fits into the lungs: choose a smaller size.")
    return chosen


def study_nodules(
    image: torch.Tensor, lungs: torch.Tensor, number: int, draw: int = 0
) -> tuple[list[tuple[int, int]], list[int], list[torch.Tensor]]:
    """Where the study puts which nodules into a test image.

    Parameters
    ----------
    image : torch.Tensor
        Clean, shape (1, H, W), in [0, 1].
    lungs : torch.Tensor
        bool, shape (H, W).
    number : int
        Of the image in its split; keys the choice.
    draw : int
        Another one chooses other places.

    Returns
    -------
    where : list of tuple of int
        Centres, see `places`; a nodule of any of the sizes lies in aerated lung there.
    sizes : list of int
        The diameter at each: the keys of `NODULES` in turn.
    signals : list of torch.Tensor
        The nodules, each of shape (REGION, REGION).
    """
    allowed = aerated(image, lungs, max(NODULES))
    where = places(allowed, REGIONS, REGION, seed=(draw, number))
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


def eye_filter(size: int, peak: float = EYE_PEAK) -> np.ndarray:
    """Contrast sensitivity of an eye, f^1.3 exp(-c f^2).

    Parameters
    ----------
    size : int
        Side of the frequency plane.
    peak : float
        Where it is highest, in cycles per pixel: c is 1.3 / (2 peak^2).

    Returns
    -------
    numpy.ndarray
        Shape (size, size), in the order of `numpy.fft.fft2`; 1 at the peak, 0 at frequency 0.
    """
    relative = np.hypot(*np.meshgrid(*[np.fft.fftfreq(size)] * 2)) / peak
    return relative**1.3 * np.exp(0.65 * (1 - relative**2))


def eye_template(signal: torch.Tensor) -> np.ndarray:
    """What the observer with an eye filter lays over a region: no noise is whitened.

    Region and nodule are both seen through the eye, so the filter counts twice.

    Parameters
    ----------
    signal : torch.Tensor
        The nodule, shape (size, size).

    Returns
    -------
    numpy.ndarray
        Shape (size * size,), of unit length.
    """
    spectrum = np.fft.fft2(signal.double().numpy()) * eye_filter(len(signal)) ** 2
    template = np.fft.ifft2(spectrum).real.ravel()
    return template / np.linalg.norm(template)


def decisions(present: np.ndarray, absent: np.ndarray, image: np.ndarray) -> np.ndarray:
    """What the Hotelling observer says of each region, having learned from other images.

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
    return _trained_decisions(present, absent, image, np.ones((1, len(image))))[:, 0]


def _trained_decisions(
    present: np.ndarray, absent: np.ndarray, image: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """`decisions` of an observer for each row of `counts`, which says how often each region was
    drawn to learn from: shape (2, rows, N)."""
    result = np.empty((2, *counts.shape))
    for half in (0, 1):
        test, train = image % 2 == half, image % 2 != half
        if train.sum() <= present.shape[1]:
            raise UserError("Too few regions to learn from: take more images.")
        weights = counts[:, train]
        (with_it, with_spread), (without, spread) = (
            _moments(outputs[train], weights) for outputs in (present, absent)
        )
        covariance = (with_spread + spread) / 2
        template = np.linalg.solve(covariance, (with_it - without)[..., None])[..., 0]
        middle = ((with_it + without) / 2 * template).sum(1, keepdims=True)
        scale = np.sqrt(np.einsum("ri,rij,rj->r", template, covariance, template))[:, None]
        result[0][:, test] = (template @ present[test].T - middle) / scale
        result[1][:, test] = (template @ absent[test].T - middle) / scale
    return result


def _moments(outputs: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariances for each row of weights: shapes (rows, C) and (rows, C, C)."""
    total = weights.sum(1, keepdims=True)
    squares = outputs[:, :, None] * outputs[:, None, :]
    mean = weights @ outputs / total
    second = np.tensordot(weights, squares, 1) - total[..., None] * (
        mean[:, :, None] * mean[:, None, :]
    )
    return mean, second / (total[..., None] - 1)


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
    return _weighted_auc(scores, np.ones(scores.shape[1]))


def _weighted_auc(scores: np.ndarray, count: np.ndarray) -> float:
    """AUC of a resample, in which each region was drawn as often as `count` says."""
    present, absent = scores
    order = np.argsort(absent)
    below = np.concatenate([[0], np.cumsum(count[order])])
    ranks = [np.searchsorted(absent[order], present, side) for side in ("left", "right")]
    own = (present > absent) + 0.5 * (present == absent)
    won = count @ (below[ranks[0]] + below[ranks[1]]) / 2 - count**2 @ own
    return float(won / (count.sum() ** 2 - (count**2).sum()))


def auc_samples(
    present: np.ndarray, absent: np.ndarray, image: np.ndarray, seed: int = 0
) -> np.ndarray:
    """AUCs of bootstrap resamples of the images; an observer that learns does so in each anew.

    Images are drawn from the odd and from the even ones apart, so that no image is learned from
    and judged at once. The same seed draws the same images: subtract the samples of another method
    on the same regions for those of the paired difference.

    Parameters
    ----------
    present, absent : numpy.ndarray
        Of the same N regions with and without the nodule: channel outputs, shape (N, channels),
        for the Hotelling observer, or decision variables, shape (N,), of one that does not learn.
    image : numpy.ndarray
        Number of the image that each region is from.
    seed : int
        Of the resampling.

    Returns
    -------
    numpy.ndarray
        Shape (RESAMPLES,).
    """
    counts = _resampled(image, seed)
    if present.ndim == 1:
        scores = np.broadcast_to(np.stack([present, absent])[:, None], (2, *counts.shape))
    else:
        scores = _trained_decisions(present, absent, image, counts)
    return np.array([_weighted_auc(scores[:, n], count) for n, count in enumerate(counts)])


def _resampled(image: np.ndarray, seed: int) -> np.ndarray:
    """How often each region was drawn with its image, shape (RESAMPLES, N)."""
    generator, counts = np.random.default_rng(seed), np.empty((RESAMPLES, len(image)))
    for half in (0, 1):
        chosen = image % 2 == half
        numbers, index = np.unique(image[chosen], return_inverse=True)
        even = np.full(len(numbers), 1 / max(len(numbers), 1))
        counts[:, chosen] = generator.multinomial(len(numbers), even, size=RESAMPLES)[:, index]
    return counts


def interval(samples: np.ndarray) -> tuple[float, float]:
    """95 % interval.

    Parameters
    ----------
    samples : numpy.ndarray
        From `auc_samples`, or a difference of two.

    Returns
    -------
    tuple of float
        Lower and upper end.
    """
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)
