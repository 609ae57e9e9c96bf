"""How strong the noise is: three estimators, each blind to something else."""

from __future__ import annotations

from functools import cache

import numpy as np
import pywt
from scipy.stats import gamma, norm

from denoise_lib.estimation.blocks import CELL, QUIET, Blocks, residuals, surfaces

PATCH, SMALL_PATCH = 8, 4  # pixels a side; the small one where an image has few
WIDTHS = np.concatenate([[0], np.arange(0.3, 4.01, 0.1)])  # of correlated noise, in pixels
WHITE = 0.05  # from -0.5: neighbouring differences that are correlated so are those of white noise


def wavelet(blocks: Blocks) -> float:
    """Sigma from the median of the finest diagonal wavelet coefficients.

    Donoho and Johnstone's estimator, as in scikit-image, which cannot leave out borders.

    Parameters
    ----------
    blocks : Blocks
        Of the image.

    Returns
    -------
    float
        On the 0-255 scale; 0 where nothing can be measured.
    """
    cells = blocks.cells
    if not len(cells):
        return 0.0
    finest = pywt.dwt2(cells, "db2", mode="periodization")[1][2]
    # A cell's last coefficient a side sees its first pixels too.
    return float(np.median(np.abs(finest[:, 1:-1, 1:-1])) / norm.ppf(0.75))


def patches(blocks: Blocks) -> float:
    """Sigma from the eigenvalues of the covariance of patches.

    The patches of an image without noise need few dimensions; white noise adds its variance to
    the eigenvalue of every dimension. So the largest eigenvalues are left out one by one, until
    the mean of the others is their median (G. Chen, F. Zhu and P. A. Heng, ICCV 2015).

    Parameters
    ----------
    blocks : Blocks
        Of the image.

    Returns
    -------
    float
        On the 0-255 scale; 0 where nothing can be measured.
    """
    large = min(blocks.values.shape[1:]) >= 4 * PATCH
    found = _patch_covariance(blocks, PATCH if large else SMALL_PATCH)
    if found is None:
        return 0.0
    eigenvalues = np.linalg.eigvalsh(found).clip(0)
    for kept in range(len(eigenvalues), 0, -1):
        mean = eigenvalues[:kept].mean()
        if mean <= np.median(eigenvalues[:kept]):
            return float(np.sqrt(mean))
    return float(np.sqrt(eigenvalues[0]))


def _patch_covariance(blocks: Blocks, side: int) -> np.ndarray | None:
    count, total, products = 0, np.zeros(side**2), np.zeros((side**2, side**2))
    for values, usable in zip(blocks.values, blocks.usable, strict=True):
        every = np.lib.stride_tricks.sliding_window_view(values, (side, side))
        kept = np.lib.stride_tricks.sliding_window_view(usable, (side, side)).all((2, 3))
        chosen = every[kept].reshape(-1, side**2) - 127.5  # for precision
        count += len(chosen)
        total += chosen.sum(0)
        products += chosen.T @ chosen
    if count <= side**2:
        return None
    mean = total / count
    return products / count - np.outer(mean, mean)


def cells(blocks: Blocks) -> tuple[float, float]:
    """Sigma and width of noise that neighbours may share, from the quietest cells.

    In a cell a smooth surface stands for the image, and the rest is noise. The surface takes some
    of the noise with it, the more, the more pixels share it: how much follows from the width of
    the Gaussian that would make such a correlation of neighbours.

    Parameters
    ----------
    blocks : Blocks
        Of the image.

    Returns
    -------
    sigma : float
        On the 0-255 scale.
    width : float
        In pixels; 0 for white noise. Both are 0 where nothing can be measured.
    """
    if not len(blocks.cells):
        return 0.0, 0.0
    rest = residuals(blocks.quiet)
    power = (rest**2).mean()
    if power == 0:
        return 0.0, 0.0
    shared = (rest[:, 1:] * rest[:, :-1]).mean() + (rest[..., 1:] * rest[..., :-1]).mean()
    expected = [_expected(width) for width in WIDTHS]
    width = float(np.interp(shared / (2 * power), [each[0] for each in expected], WIDTHS))
    quiet = np.quantile((residuals(blocks.cells) ** 2).mean((1, 2)), QUIET)
    factor = np.interp(width, WIDTHS, [each[1] for each in expected])
    return float(np.sqrt(quiet / factor)), width


@cache
def _expected(width: float) -> tuple[float, float]:
    """Of noise of this width and of variance 1, in cells without their surface: correlation of
    neighbours, and the power that a share of `QUIET` of the cells stays below."""
    reach = np.arange(-CELL, CELL + 1)
    kernel = np.exp(-(reach**2) / (2 * width**2)) if width else (reach == 0).astype(float)
    correlation = np.correlate(kernel, kernel, "full")[2 * CELL :][:CELL] / (kernel**2).sum()
    along = correlation[np.abs(np.subtract.outer(np.arange(CELL), np.arange(CELL)))]
    smooth = surfaces()
    rest = np.eye(CELL**2) - smooth @ smooth.T
    left = rest @ np.kron(along, along) @ rest
    mean = np.trace(left) / CELL**2
    grid = left.reshape(CELL, CELL, CELL, CELL)
    neighbours = np.mean([[grid[i, j, i, j + 1] for j in range(CELL - 1)] for i in range(CELL)])
    # A sum of squares of correlated values: about a gamma distribution of this shape.
    shape = np.trace(left) ** 2 / (left**2).sum() / 2
    return float(neighbours / mean), float(mean * gamma.ppf(QUIET, shape) / shape)


def whiteness(blocks: Blocks) -> tuple[float, float]:
    """Correlation of neighbouring differences, along rows and along columns.

    Rows are subtracted from each other, which takes the image away, and then neighbours within
    them. White noise gives -0.5; noise that neighbours share comes out above, sharpened noise
    below.

    Parameters
    ----------
    blocks : Blocks
        Of the image.

    Returns
    -------
    tuple of float
        -0.5 twice where there is nothing to measure.
    """
    found = np.diff(np.diff(blocks.quiet, axis=1), axis=2)
    power = (found**2).mean() if found.size else 0.0
    if power == 0:
        return -0.5, -0.5
    rows = (found[..., 1:] * found[..., :-1]).mean() / power
    columns = (found[:, 1:] * found[:, :-1]).mean() / power
    return float(rows), float(columns)


def level(blocks: Blocks) -> float:
    """Sigma by the estimator that the noise's correlation asks for.

    Parameters
    ----------
    blocks : Blocks
        Of the image.

    Returns
    -------
    float
        On the 0-255 scale.
    """
    white = abs(np.mean(whiteness(blocks)) + 0.5) <= WHITE
    return patches(blocks) if white else cells(blocks)[0]
