"""The parts of an image that its noise is measured on: no borders, nothing clipped, not too many.

Everything in this package works on a stack of square blocks, so that time and memory do not grow
with the image. Values are on the 0-255 scale, as sigma is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

from denoise_lib.checks import UserError, check_noisy

BLOCK = 128  # pixels a side
MOST = 64  # blocks: a million pixels tell all that they can
CELL = 16  # pixels a side: small enough that an image is nearly smooth in it
SMALLEST = CELL  # pixels a side of an image
QUIET = 0.25  # share of the cells, those with the least variance, that show the noise alone
NEAR = 5  # pixels: what is constant or clipped spoils the neighbourhood of this size
CLIPPED = 0.1  # share of a neighbourhood that may be at an end of the range
DEGREE = 2  # of the surface that stands for the image in a cell


@dataclass(frozen=True)
class Blocks:
    """A sample of an image.

    Attributes
    ----------
    values : numpy.ndarray
        float64 on the 0-255 scale, shape (N, height, width).
    usable : numpy.ndarray
        bool, the same shape: where the noise is what it is elsewhere.
    """

    values: np.ndarray
    usable: np.ndarray

    @cached_property
    def cells(self) -> np.ndarray:
        """The usable cells, shape (M, CELL, CELL)."""
        return _cut(self.values)[_cut(self.usable).all((1, 2))]

    @cached_property
    def quiet(self) -> np.ndarray:
        """Those in which the image varies least, shape (K, CELL, CELL)."""
        variance = residuals(self.cells).var((1, 2))
        return self.cells[np.argsort(variance)[: int(np.ceil(QUIET * len(variance)))]]


def sample(image: torch.Tensor) -> Blocks:
    """Cut blocks from an image, evenly spread over what is neither border nor clipped.

    Parameters
    ----------
    image : torch.Tensor
        float, shape (1, H, W), values in [0, 1].

    Returns
    -------
    Blocks

    Raises
    ------
    TypeError, ValueError
        When it is no finite grey image, or smaller than `SMALLEST` pixels a side.
    """
    if not isinstance(image, torch.Tensor) or image.ndim != 3:
        raise TypeError("The image must be a float tensor of shape (1, H, W): see `read_image`.")
    check_noisy(image[None])
    height, width = image.shape[-2:]
    if min(height, width) < SMALLEST:
        raise UserError(
            f"The image has {height} x {width} pixels: its noise can be measured from "
            f"{SMALLEST} x {SMALLEST} on."
        )
    grey = image[0].detach().cpu().numpy()
    places = [(row, column) for row in _starts(height) for column in _starts(width)]
    cut = [grey[row : row + BLOCK, column : column + BLOCK] for row, column in places]
    if len(cut) > MOST:
        cut = [block for block in cut if _varies(block)] or cut
        cut = [cut[i] for i in np.linspace(0, len(cut) - 1, min(MOST, len(cut))).astype(int)]
    values = np.stack(cut).astype(np.float64)
    usable = np.stack([_usable(block) for block in values])
    flat = np.stack([_constant(block) for block in values])
    # Noise so strong, or so clipped, that nothing else is left.
    return Blocks(255 * values, usable if _cut(usable).all((1, 2)).any() else ~flat)


def by_grey(cells: np.ndarray, bins: int) -> list[np.ndarray]:
    """Which cells belong together when they are sorted by their mean grey.

    Parameters
    ----------
    cells : numpy.ndarray
        Shape (M, CELL, CELL).
    bins : int
        With as many cells in each.

    Returns
    -------
    list of numpy.ndarray
        Indices, the darkest cells first.
    """
    return np.array_split(np.argsort(cells.mean((1, 2))), bins)


def residuals(cells: np.ndarray) -> np.ndarray:
    """What is left of cells without the smooth surface of `DEGREE` that fits each best.

    Parameters
    ----------
    cells : numpy.ndarray
        Shape (M, CELL, CELL).

    Returns
    -------
    numpy.ndarray
        The same shape.
    """
    smooth = surfaces()
    flat = cells.reshape(len(cells), CELL**2)
    return (flat - flat @ smooth @ smooth.T).reshape(cells.shape)


def surfaces() -> np.ndarray:
    """Orthonormal polynomials over a cell up to `DEGREE`, shape (CELL * CELL, 6)."""
    x, y = np.meshgrid(*2 * [np.linspace(-1, 1, CELL)])
    powers = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    return np.linalg.qr(np.stack([(x**i * y**j).ravel() for i, j in powers], -1))[0]


def _starts(length: int) -> np.ndarray:
    """Where blocks begin that cover a side, overlapping if they must."""
    last = max(length - BLOCK, 0)
    return np.linspace(0, last, -(-length // BLOCK)).astype(int)


def _varies(block: np.ndarray) -> bool:
    return bool((block[1:, 1:] != block[:-1, :-1]).mean() > 0.5)


def _constant(block: np.ndarray) -> np.ndarray:
    return maximum_filter(block, NEAR) == minimum_filter(block, NEAR)


def _usable(block: np.ndarray) -> np.ndarray:
    at_an_end = ((block == 0) | (block == 1)).astype(np.float64)
    return ~_constant(block) & (uniform_filter(at_an_end, NEAR) < CLIPPED)


def _cut(blocks: np.ndarray) -> np.ndarray:
    """Blocks cut into cells; what is left over at two sides is not used."""
    number, rows, columns = len(blocks), blocks.shape[1] // CELL, blocks.shape[2] // CELL
    whole = blocks[:, : rows * CELL, : columns * CELL]
    cells = whole.reshape(number, rows, CELL, columns, CELL).swapaxes(2, 3)
    return cells.reshape(-1, CELL, CELL)
