"""Read one image file, whatever its kind, as float32 grey in [0, 1]."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from denoise_lib.data.dicom import read_dicom

DICOM_SUFFIXES = (".dcm", ".dicom")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", *DICOM_SUFFIXES)


def read_image(path: str | Path) -> torch.Tensor:
    """Read a PNG, JPEG, TIFF or DICOM file; colour becomes luma, 8 and 16 bits fill [0, 1].

    Parameters
    ----------
    path : str or pathlib.Path
        The file; `.dcm` and `.dicom` are read as DICOM.

    Returns
    -------
    torch.Tensor
        float32, shape (1, H, W), in [0, 1].

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it cannot be read as an image, or holds values that are no grey levels.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: check the path.")
    if path.suffix.lower() in DICOM_SUFFIXES:
        return read_dicom(path)
    try:
        with Image.open(path) as image:
            values = _grey_levels(image, path)
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(
            f"{path} cannot be read as an image (PNG, JPEG, TIFF or DICOM): convert it first."
        ) from error
    return torch.from_numpy(values.astype(np.float32))[None]


def _grey_levels(image: Image.Image, path: Path) -> np.ndarray:
    if image.mode.startswith("I"):  # 16 bits, which Pillow opens as I;16 or as 32-bit integers
        values = np.asarray(image).astype(np.float64) / 65535
    elif image.mode == "F":
        values = np.asarray(image).astype(np.float64)
    else:
        return np.asarray(image.convert("L")).astype(np.float64) / 255
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise ValueError(
            f"{path} holds values outside its format's grey levels, or NaN: "
            "save it with 8 or 16 bits per pixel, or as floats in [0, 1]."
        )
    return values


def resize(image: torch.Tensor, size: int) -> torch.Tensor:
    """Cut the middle square out of an image and average it down (or interpolate it up).

    Parameters
    ----------
    image : torch.Tensor
        float32, shape (1, H, W).
    size : int
        New side in pixels.

    Returns
    -------
    torch.Tensor
        float32, shape (1, size, size), by Pillow's box filter.
    """
    height, width = image.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[0, top : top + side, left : left + side].contiguous().numpy()
    small = Image.fromarray(square).resize((size, size), Image.Resampling.BOX)
    return torch.from_numpy(np.array(small, dtype=np.float32).clip(0, 1))[None]
