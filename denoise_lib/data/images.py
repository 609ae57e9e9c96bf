"""Read one image from a file, whatever its format, as float32 in [0, 1]; crop and resize it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from denoise_lib.checks import UserError
from denoise_lib.formats.read import DICOM_SUFFIXES, read_picture

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", *DICOM_SUFFIXES)
LARGEST_SIDE = 16_384  # a square of a gigabyte in float32


def read_image(path: str | Path) -> torch.Tensor:
    """Read a PNG, JPEG, TIFF or DICOM file with one image as grey.

    `denoise_lib.formats.read_picture` does the work and says which values are white. What it notes
    about the file comes as a warning.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    torch.Tensor
        float32, shape (1, H, W), values in [0, 1].

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ModuleNotFoundError
        When its format needs a package that is not installed.
    ValueError
        When the file is empty or no readable image, or holds several.
    """
    picture = read_picture(path)
    if len(picture.frames) > 1:
        raise UserError(
            f"{path} holds {len(picture.frames)} images: save each as a file of its own."
        )
    for note in picture.notes:
        warnings.warn(note, stacklevel=2)
    return picture.frames[0]


def center_square(image: torch.Tensor) -> torch.Tensor:
    """Cut the largest centred square out of an image.

    Cropping keeps the aspect ratio; padding would keep it too, but the constant border is trivial
    to denoise and would flatter every PSNR.

    Parameters
    ----------
    image : torch.Tensor
        Shape (1, H, W).

    Returns
    -------
    torch.Tensor
        Shape (1, S, S) with S = min(H, W); values unchanged.
    """
    height, width = image.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[..., top : top + side, left : left + side]


def check_size(size: int | None) -> None:
    """Refuse what is no side of an image.

    Parameters
    ----------
    size : int or None
        Side in pixels; None for the image's own.

    Raises
    ------
    ValueError
        When it is no whole number from 1 to `LARGEST_SIDE`.
    """
    if size is None:
        return
    whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
    if not whole or not 1 <= size <= LARGEST_SIDE:
        raise UserError(
            f"size must be a whole number of pixels from 1 to {LARGEST_SIDE}, not {size!r}."
        )


def resize(image: torch.Tensor, size: int) -> torch.Tensor:
    """Resize to `size` x `size` with a box filter: each new pixel is the mean of those it covers.

    The mean never leaves [0, 1] and never rings at edges, as bicubic or Lanczos filters do; when
    shrinking it also averages the acquisition noise away, which suits a clean reference. An image
    that is not square is squeezed: cut it with `center_square` first to keep its aspect ratio.

    Parameters
    ----------
    image : torch.Tensor
        float32, shape (1, H, W), values in [0, 1].
    size : int
        Side of the result in pixels.

    Returns
    -------
    torch.Tensor
        float32, shape (1, size, size), values in [0, 1].

    Raises
    ------
    ValueError
        When it is no such image, or `size` is no whole number from 1 to `LARGEST_SIDE`.
    """
    if size is None:
        raise UserError(f"resize needs a size: a whole number of pixels from 1 to {LARGEST_SIDE}.")
    check_size(size)
    if image.ndim != 3 or image.shape[0] != 1:
        raise UserError(
            f"The image must have shape (1, H, W), not {tuple(image.shape)}: resize one at a time."
        )
    # Pillow's mode F computes in float32: no rounding to 8 bits on the way.
    picture = Image.fromarray(image[0].contiguous().numpy())
    resized = np.array(picture.resize((size, size), Image.Resampling.BOX))
    return torch.from_numpy(resized)[None].clamp(0, 1)


def to_square(image: torch.Tensor, size: int | None) -> torch.Tensor:
    """The centred square of an image, box-averaged to `size` x `size` pixels.

    Parameters
    ----------
    image : torch.Tensor
        float32, shape (1, H, W), values in [0, 1].
    size : int or None
        Side in pixels; None leaves the image as it is.

    Returns
    -------
    torch.Tensor
        float32, shape (1, size, size), values in [0, 1].

    Raises
    ------
    ValueError
        When `size` is below 1.
    """
    return image if size is None else resize(center_square(image), size)
