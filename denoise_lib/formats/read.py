"""Read an image file, whatever its format."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from PIL import Image

from denoise_lib.formats.picture import Made, Picture


def read_picture(path: str | Path, bits: int | None = None) -> Picture:
    """Read a PNG, JPEG, TIFF or DICOM file.

    Parameters
    ----------
    path : str or Path
        The file.
    bits : int, optional
        Bits that its values use, where the file does not say: 12 for 0 to 4095 in a 16-bit file.

    Returns
    -------
    Picture

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is empty, damaged, or no readable image; one sentence says what to do.
    """
    from denoise_lib.data.images import read_image

    path = Path(path)
    frames = read_image(path)[None]
    write = partial(_write_grey)
    return Picture(path, frames, 16, {".png": write, ".tif": write, ".tiff": write})


def _write_grey(frames: torch.Tensor, target: Path, made: Made) -> None:
    grey = (65535 * frames[0, 0].clamp(0, 1)).round().to(torch.int32).numpy().astype("uint16")
    Image.fromarray(grey).save(target)
