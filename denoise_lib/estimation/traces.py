"""What a file's history left in the pixels: clipping, lost depth, enlargement, JPEG blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVELS = 65536  # that grey values are counted in: no file here has more
FILLED = 16  # pixels that a level has where a level beside it cannot be empty by chance
GAP = 1.5  # times the usual distance of levels: a level is missing between
COMB = 0.05  # share of missing levels that is a comb
BLOCK = 8  # pixels a side, of JPEG
BLOCKY = 4.0  # standard errors between the seams of blocks and the other columns ...
SEAM = 0.03  # ... and this share of the differences, or it does not matter
PEAK = 8.0  # times the median: a line in the spectrum of a periodic variance
SLOWEST = 0.15  # cycles per pixel: below, the variance follows the image itself
MOST = 1024  # pixels a side that are searched for periods: the middle of the image
FEWEST = 64  # pixels a side in which a period can be seen


@dataclass(frozen=True)
class Depth:
    """The grey levels that an image uses.

    Attributes
    ----------
    levels : int
        How many different ones there are.
    bits : int
        That as many levels need.
    missing : float
        Share of the levels in the well-filled middle of the histogram that are left out: a comb,
        as stretching the contrast of an image of few bits makes.
    """

    levels: int
    bits: int
    missing: float


def depth(grey: np.ndarray) -> Depth:
    """Count the grey levels that an image uses.

    Parameters
    ----------
    grey : numpy.ndarray
        Values in [0, 1], any shape.

    Returns
    -------
    Depth
    """
    whole = np.round(grey.ravel() * (LEVELS - 1)).clip(0, LEVELS - 1).astype(np.uint16)
    counts = np.bincount(whole, minlength=LEVELS)
    levels = int((counts > 0).sum())
    return Depth(levels, max(int(np.ceil(np.log2(levels))), 1), _missing(counts))


def _missing(counts: np.ndarray) -> float:
    # The ends are clipped, or borders, and say nothing of the levels between.
    inner = counts.copy()
    inner[[0, -1]] = 0
    share = np.cumsum(inner) / max(inner.sum(), 1)
    middle = np.flatnonzero((inner > 0) & (share > 0.05) & (share < 0.95))
    if len(middle) < 8 or np.median(inner[middle]) < FILLED:
        return 0.0
    steps = np.diff(middle)
    return float((steps > GAP * np.quantile(steps, 0.1)).mean())


def clipping(grey: np.ndarray) -> tuple[float, float]:
    """Shares of the pixels at 0 and at 1.

    Parameters
    ----------
    grey : numpy.ndarray
        Values in [0, 1], any shape.

    Returns
    -------
    tuple of float
        Black and white. Black borders count too: they are no fault, unlike clipped anatomy.
    """
    return float((grey <= 0).mean()), float((grey >= 1).mean())


def longest_run(grey: np.ndarray) -> int:
    """The longest run of clipped pixels in a row of the image.

    Parameters
    ----------
    grey : numpy.ndarray
        Values in [0, 1], shape (H, W).

    Returns
    -------
    int
        In pixels: one or two are noise that is clipped, hundreds a border or a burnt-out area.
    """
    longest = 0
    for end in (grey <= 0, grey >= 1):
        padded = np.pad(end, ((0, 0), (1, 1))).astype(np.int8)
        steps = np.diff(padded, axis=1).ravel()
        starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
        longest = max(longest, int((ends - starts).max(initial=0)))
    return longest


def blockiness(grey: np.ndarray) -> float:
    """How much larger differences are across the seams of JPEG's blocks than beside them.

    Parameters
    ----------
    grey : numpy.ndarray
        Values in [0, 1], shape (H, W).

    Returns
    -------
    float
        As a share of the usual difference; 0 where there are no blocks. The larger of rows and
        columns.
    """
    middle = _middle(grey)
    return max(_seams(middle), _seams(middle.T))


def _seams(grey: np.ndarray) -> float:
    """Of the columns: the seams may lie at any phase, since an image may have been cropped."""
    if min(grey.shape) < FEWEST:
        return 0.0
    steps = np.abs(np.diff(grey, axis=1))
    # Capped, so that a few strong edges do not decide; against the neighbours, so that no
    # smooth change of the texture does.
    steps = np.minimum(steps, np.quantile(steps, 0.95)).mean(0)
    if steps.mean() == 0:
        return 0.0
    excess = steps[1:-1] - (steps[:-2] + steps[2:]) / 2
    phases = [excess[phase::BLOCK] for phase in range(BLOCK)]
    means = np.array([phase.mean() for phase in phases])
    best, second = np.argsort(means)[[-1, -2]]  # an enlarged image has several like the best
    errors = [phase.std() / len(phase) ** 0.5 for phase in (phases[best], phases[second])]
    gain = means[best] - means[second]
    share = gain / steps.mean()
    return float(share) if gain > BLOCKY * np.hypot(*errors) and share > SEAM else 0.0


def resampling(grey: np.ndarray) -> float | None:
    """The period in pixels of the grid that an image was enlarged from.

    Interpolated pixels are weighted means of more or fewer others, in turns, so that the size of
    differences between neighbours goes up and down with the grid (A. Gallagher, CRV 2005, for
    second differences; the first ones show what half-pixel shifts hide from those).

    Parameters
    ----------
    grey : numpy.ndarray
        Values in [0, 1], shape (H, W).

    Returns
    -------
    float or None
        2 for an image enlarged by two; None where no period stands out in both directions.
    """
    middle = _middle(grey)
    if min(middle.shape) < FEWEST:
        return None
    for order in (1, 2):
        along, across = (_line(np.diff(each, order, axis=1)) for each in (middle, middle.T))
        if along is not None and across is not None and abs(along - across) < 0.02:
            return 1 / along
    return None


def _line(differences: np.ndarray) -> float | None:
    """The frequency that stands out of the spectrum of the columns' mean difference."""
    sizes = np.abs(differences)
    sizes = np.minimum(sizes, np.quantile(sizes, 0.95)).mean(0)
    sizes = (sizes - sizes.mean())[: len(sizes) // 2 * 2]
    spectrum = np.abs(np.fft.rfft(sizes * np.hanning(len(sizes))))
    frequency = np.fft.rfftfreq(len(sizes))
    # JPEG's own lines.
    jpeg = np.abs(frequency * BLOCK - np.round(frequency * BLOCK)) * len(sizes) < 2 * BLOCK
    fast = frequency > SLOWEST
    usual = np.median(spectrum[fast])
    if usual == 0:
        return None
    place = int(np.argmax(np.where(fast, spectrum, 0)))
    if spectrum[place] < PEAK * usual:
        return None
    others = np.where(fast & jpeg & (frequency < 0.45), spectrum, 0).max()
    blocks = jpeg[place] and others > spectrum[place] / 4
    return None if blocks else float(frequency[place])


def _middle(grey: np.ndarray) -> np.ndarray:
    top, left = (max((length - MOST) // 2, 0) for length in grey.shape)
    return grey[top : top + MOST, left : left + MOST].astype(np.float64)
