"""Images side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from denoise_lib.checks import UserError
from denoise_lib.evaluation import score
from denoise_lib.plotting.style import COLUMN, RESIDUAL_RANGE, label
from denoise_lib.protocol import Protocol

# Of figures that show pixels: screen pixels per inch, between pictures, above them for a title. A
# figure of twice the DPI has four of its pixels for one of the screen, and stays as sharp.
DPI, GAP, TITLE = 100, 8, 38
# A picture that would be shown smaller than this gets fewer neighbours.
LARGE_ENOUGH = 160


def pixel_axes(rows: int, columns: int, side: int, below: int = 0) -> tuple[Figure, np.ndarray]:
    """Axes that have so many screen pixels, for images that are shown pixel by pixel.

    Parameters
    ----------
    rows, columns : int
        How many.
    side : int
        Screen pixels of each side.
    below : int
        Screen pixels left free at the bottom.

    Returns
    -------
    matplotlib.figure.Figure
    numpy.ndarray
        The axes, of shape (rows, columns), without frames.
    """
    width, height = columns * (side + GAP), rows * (side + TITLE) + below
    figure = plt.figure(figsize=(width / DPI, height / DPI))
    axes = np.empty((rows, columns), dtype=object)
    for row, column in np.ndindex(rows, columns):
        left, top = column * (side + GAP) + GAP // 2, (row + 1) * (side + TITLE)
        place = (left / width, 1 - top / height, side / width, side / height)
        axes[row, column] = figure.add_axes(place)
        axes[row, column].set_axis_off()  # pyright: ignore[reportAttributeAccessIssue]: an Axes
    return figure, axes


def show_images(
    images: Mapping[str, torch.Tensor], columns: int = 4, shrink: bool = False
) -> Figure:
    """A grid of grey images with titles, every pixel shown as a whole number of screen pixels.

    Parameters
    ----------
    images : mapping
        From a title to an image of shape (1, H, W) or (1, 1, H, W), shown from 0 to 1.
    columns : int
        Images per row, at most.
    shrink : bool
        Show images smaller than they are, so that they fit into one row: for clean ones, since
        noise would be averaged away.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        When an image is larger than the column and may not be shrunk.
    """
    sides, columns = [max(image.shape[-2:]) for image in images.values()], min(columns, len(images))
    if not shrink and max(sides) > (most := COLUMN * DPI - GAP):
        raise UserError(
            f"{max(sides)} pixels do not fit into a column: cut out a detail of at most "
            f"{most:.0f}, or pass shrink=True."
        )
    while not shrink and columns > 1 and magnified(max(sides), columns) < LARGE_ENOUGH:
        columns -= 1
    cell = max(magnified(side, columns) for side in sides) or COLUMN * DPI // columns - GAP
    figure, axes = pixel_axes(-(-len(images) // columns), columns, cell)
    for axis, (title, image) in zip(axes.flat, images.items(), strict=False):
        shown = image.squeeze().numpy()
        show_pixels(axis, shown, cell, cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=10)
    return figure


def magnified(side: int, columns: int) -> int:
    """Screen pixels of an image's side where so many stand in a row.

    Parameters
    ----------
    side : int
        Its own pixels.
    columns : int
        Images in the row.

    Returns
    -------
    int
        Whole ones for each of its own; 0 where it does not fit.
    """
    return (COLUMN * DPI // columns - GAP) // side * side


def show_pixels(axis: Axes, image: np.ndarray, cell: int, **style: Any) -> None:
    """Draw an image into the middle of an axis, in whole pixels of the screen if it fits.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        See `pixel_axes`.
    image : numpy.ndarray
        Shape (H, W).
    cell : int
        Screen pixels of the axis's side.
    **style
        Of `Axes.imshow`.
    """
    factor = cell // max(image.shape)
    picture = axis.imshow(image, interpolation="nearest" if factor else "antialiased", **style)
    if not factor:
        return
    height, width = image.shape
    spare = [cell - factor * height, cell - factor * width]
    top, left = (n // 2 / factor for n in spare)
    axis.set_xlim(-0.5 - left, -0.5 - left + cell / factor)
    axis.set_ylim(-0.5 - top + cell / factor, -0.5 - top)
    picture.set_clip_on(False)


def comparison_panel(
    clean: torch.Tensor, estimates: Mapping[str, torch.Tensor], protocol: Protocol
) -> Figure:
    """A detail by each method, magnified, with the scores of the whole image and the error below.

    Parameters
    ----------
    clean : torch.Tensor
        Shape (1, 1, H, W), in [0, 1].
    estimates : mapping
        From a method to its image of shape (1, 1, H, W).
    protocol : Protocol
        Defines the scores.

    Returns
    -------
    matplotlib.figure.Figure
        Of each image a square in the upper left, in a chest ribs over lung, in the grey levels of
        the clean one; of the errors (estimate minus clean) -0.15 to 0.15.

    Raises
    ------
    ValueError
        When there are no estimates.
    """
    if not estimates:
        raise UserError("There is nothing to compare the clean image with: give an estimate.")
    columns = min(3, 1 + len(estimates))
    cell = COLUMN * DPI // 3 - GAP
    height, width = clean.shape[-2:]
    side = min(cell // 2, height, width)
    top, left = min(height // 4, height - side), min(width // 5, width - side)
    detail = (0, 0, slice(top, top + side), slice(left, left + side))
    greys = {"cmap": "gray", "vmin": clean[detail].min(), "vmax": clean[detail].max()}
    residuals = Normalize(-RESIDUAL_RANGE, RESIDUAL_RANGE)
    bands = -(-(1 + len(estimates)) // columns)
    figure, axes = pixel_axes(2 * bands, columns, cell, below=50)
    for index, (method, image) in enumerate({"clean": clean, **estimates}.items()):
        above, below = (axes[2 * (index // columns) + k, index % columns] for k in (0, 1))
        show_pixels(above, image[detail].numpy(), cell, **greys)
        above.set_title("Clean", fontsize=10)
        if method != "clean":
            scores = score(clean, image, protocol)
            above.set_title(
                f"{label(method)}\n{scores['psnr']:.2f} dB, SSIM {scores['ssim']:.3f}", fontsize=10
            )
            show_pixels(below, (image - clean)[detail].numpy(), cell, cmap="PuOr", norm=residuals)
    height = figure.get_figheight() * DPI
    for axis in axes[1::2].flat:  # errors have no title
        axis.set_position(axis.get_position().translated(0, (TITLE - GAP) / height))
    bar = figure.add_axes((0.3, 32 / height, 0.4, 8 / height))
    mappable = ScalarMappable(residuals, "PuOr")
    figure.colorbar(mappable, cax=bar, orientation="horizontal", label="estimate - clean")
    return figure
