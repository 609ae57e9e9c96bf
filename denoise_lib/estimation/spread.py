"""How the noise is spread over an image: evenly, by grey level, in spikes, or as texture is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, spearmanr

from denoise_lib.estimation.blocks import CELL, QUIET, Blocks, by_grey, residuals

BINS = 8  # of grey, with as many cells in each
FEWEST = 8 * BINS  # cells
RANGE = 20  # of 255 between the darkest and the lightest bin: on less, nothing can be seen to grow
FACTOR = 1.25  # between sigma in the lightest and in the darkest quarter: less is called constant
ORDERLY = 0.7  # rank correlation of grey and noise: less is no growth but an accident
STRAY = 4.0  # times the usual size of a difference: noise without spikes hardly goes beyond ...
LEAST_USUAL = 2.0  # ... and this of 255 at least, or the steps of 8 bits would be spikes
WEAKEST = 2.0  # sigma: below, what grows is the image's own texture


@dataclass(frozen=True)
class Growth:
    """How the noise depends on the grey level.

    Attributes
    ----------
    verdict : str
        "grows" (stronger where it is lighter), "falls", "constant" or "cannot tell".
    ratio : float or None
        Sigma in the lightest quarter over that in the darkest.
    offset, slope : float or None
        Of the line ``variance = offset + slope * grey``, all on the 0-255 scale; for pure photon
        noise the offset is 0. The line is that of an electron count, not of every tone curve.
    """

    verdict: str
    ratio: float | None = None
    offset: float | None = None
    slope: float | None = None


def growth(blocks: Blocks) -> Growth:
    """How the noise depends on the grey level.

    In each cell the finest differences give a variance; in each bin of grey the quieter cells
    count, since texture only adds to it.

    Parameters
    ----------
    blocks : Blocks
        Of the image.

    Returns
    -------
    Growth
    """
    cells = blocks.cells
    if len(cells) < FEWEST:
        return Growth("cannot tell")
    noise = (_usual(_differences(cells)) / 2) ** 2
    greys = cells.mean((1, 2))
    bins = by_grey(cells, BINS)
    grey = np.array([greys[each].mean() for each in bins])
    variance = np.array([np.quantile(noise[each], QUIET) for each in bins])
    if grey[-1] - grey[0] < RANGE or variance.min() == 0 or variance.max() < WEAKEST**2:
        return Growth("cannot tell")
    slope, offset = np.polyfit(grey, variance, 1, w=1 / variance)
    quarter = BINS // 4
    ratio = float(np.sqrt(variance[-quarter:].mean() / variance[:quarter].mean()))
    order = float(spearmanr(grey, variance).statistic)  # pyright: ignore[reportAttributeAccessIssue]: it has one
    verdict = _verdict(ratio, order)
    return Growth(verdict, ratio, float(offset), float(slope))


def _verdict(ratio: float, order: float) -> str:
    if 1 / FACTOR < ratio < FACTOR:
        return "constant"
    if abs(order) < ORDERLY:
        return "cannot tell"
    return "grows" if ratio > 1 else "falls"


def evenness(blocks: Blocks) -> float:
    """How alike the cells of one grey level are: noise is everywhere, texture is not.

    Parameters
    ----------
    blocks : Blocks
        Of the image.

    Returns
    -------
    float
        The power that a tenth of the cells stays below over their median power; 1 would be all
        alike, and 0 is also where nothing can be measured.
    """
    cells = blocks.cells
    if len(cells) < BINS:
        return 0.0
    power = (residuals(cells) ** 2).mean((1, 2))
    bins = by_grey(cells, min(BINS, max(len(cells) // BINS, 1)))
    low, middle = np.array([np.quantile(power[each], (0.1, 0.5)) for each in bins]).T
    return float(np.median(low[middle > 0] / middle[middle > 0])) if middle.any() else 0.0


def spikes(blocks: Blocks) -> float:
    """Share of the differences that stray far from the usual, as single wrong pixels make them.

    Parameters
    ----------
    blocks : Blocks
        Of the image.

    Returns
    -------
    float
        In the middle one of the cells, since an edge strays too.
    """
    if not len(blocks.cells):
        return 0.0
    found = _differences(blocks.cells)
    usual = np.maximum(_usual(found), LEAST_USUAL)[:, None]
    return float(np.median((found > STRAY * usual).mean(1)))


def _differences(cells: np.ndarray) -> np.ndarray:
    """Sizes of the differences of differences of each cell, whose spread is twice the noise's."""
    return np.abs(np.diff(np.diff(cells, axis=1), axis=2)).reshape(len(cells), (CELL - 1) ** 2)


def _usual(differences: np.ndarray) -> np.ndarray:
    """Their standard deviation if all but a few of them are normal."""
    return np.median(differences, 1) / norm.ppf(0.75)
