"""What a method removed, as an image file of 16 bits."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import tifffile
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import denoise_lib
from denoise_lib.checks import UserError
from denoise_lib.files import replacing

SUFFIXES = (".png", ".tif", ".tiff")
MOST = 64  # times that what was removed is magnified


def check_residual(path: Path, frames: int = 1) -> None:
    """Refuse a file that cannot hold 16 bits, or so many frames, before the work.

    Parameters
    ----------
    path : pathlib.Path
        To be written.
    frames : int
        How many it is to hold.

    Raises
    ------
    ValueError
        When its suffix is of no such format, or of PNG and there are several frames.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path} cannot hold 16 bits: name a file that ends in .png or .tif.")
    if path.suffix.lower() == ".png" and frames > 1:
        raise UserError(f"{path} cannot hold {frames} frames: name a file that ends in .tif.")


def write_residual(removed: torch.Tensor, path: Path) -> str:
    """Write what was removed, mid-grey where that is nothing.

    It is magnified by the largest power of two at which nothing is cut off; the file says by which.

    Parameters
    ----------
    removed : torch.Tensor
        Noisy minus denoised, shape (N, 1, H, W), in units of the range.
    path : pathlib.Path
        PNG, or TIFF for more than one frame.

    Returns
    -------
    str
        A sentence on the scale.

    Raises
    ------
    ValueError
        As `check_residual`.
    """
    check_residual(path, len(removed))
    gain = magnification(removed)
    grey = (32768 + 65535 * gain * removed[:, 0]).round().clamp(0, 65535).numpy().astype(np.uint16)
    scale = (
        f"Removed = (value - 32768) / (65535 x {gain:g}), in units of the image's range. "
        f"Made by denoise_lib {denoise_lib.__version__}. Not for diagnosis."
    )
    with replacing(path) as temporary:
        if path.suffix.lower() == ".png":
            text = PngInfo()
            text.add_text("Description", scale)
            Image.fromarray(grey[0]).save(temporary, pnginfo=text)
        else:
            tifffile.imwrite(temporary, grey, photometric="minisblack", description=scale)
    return f"{path}: what was removed, {gain:g} times, mid-grey is nothing."


def magnification(removed: torch.Tensor) -> float:
    """Largest power of two by which nothing leaves half the range.

    Parameters
    ----------
    removed : torch.Tensor
        Any shape, in units of the range.

    Returns
    -------
    float
        From 1/2 to 64.
    """
    largest = removed.abs().max().item()
    if largest <= 0.5 / MOST:
        return MOST
    return 2.0 ** math.floor(math.log2(0.5 / largest))
