"""Read one image from a file, whatever its format, as float32 in [0, 1]; crop and resize it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from denoise_lib.checks import UserError
from denoise_lib.data.dicom import read_dicom

DICOM_SUFFIXES = (".dcm", ".dicom")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", *DICOM_SUFFIXES)
LARGEST_SIDE = 16_384  # a square of a gigabyte in float32


def read_image(path: str | Path) -> torch.Tensor:
    """Read a PNG, JPEG, TIFF or DICOM file as a grey image.

    Integers are divided by the largest value of their type (255, or 65535 for 16 bits), so equal
    grey values stay equal between files. Colour is converted to grey (ITU-R 601-2 luma).
    A DICOM file, recognised by its name or its content, is read by `read_dicom`.

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
    ValueError
        When the file is empty or no readable image, has several pages, or has values that cannot
        be placed in [0, 1]: NaN, or numbers outside [0, 1] (floats) or 16 bits (integers).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: check the path.")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty (0 bytes): copy or download it again.")
    if _is_dicom(path):
        return read_dicom(path)
    return torch.from_numpy(_unit_range(_decode(path), path)[None])


def _is_dicom(path: Path) -> bool:
    if path.suffix.lower() in DICOM_SUFFIXES:
        return True
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _decode(path: Path) -> np.ndarray:
    """The grey values of a PNG, JPEG or TIFF file, (H, W), in the type they are stored in."""
    try:
        with Image.open(path, formats=("PNG", "JPEG", "TIFF")) as image:
            if isinstance(image, TiffImagePlugin.TiffImageFile) and image.n_frames > 1:
                raise UserError(
                    f"{path} holds {image.n_frames} pages: save each page as a file of its own."
                )
            # A camera stores "turn me" as a tag; without this the picture would lie on its side.
            upright = ImageOps.exif_transpose(image)
            # `convert("L")` would clip deeper pixels to 255, so those keep their mode.
            deep = upright.mode.startswith(("I", "F"))
            values = np.asarray(upright if deep else upright.convert("L"))
            # Pillow turns 8-bit images whose white is 0, and leaves deeper ones.
            return np.iinfo(values.dtype).max - values if _white_is_zero(image) else values
    except UserError:
        raise
    except UnidentifiedImageError:
        raise UserError(
            f"{path} is not a PNG, JPEG, TIFF or DICOM image: convert it to one of these."
        ) from None
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's words for a damaged file
        raise UserError(f"{path} is damaged ({error}): copy or download it again.") from error


def _white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF file of 16 bits says that its white is 0."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or not image.mode.startswith("I;16"):
        return False
    return image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0


def _unit_range(values: np.ndarray, path: Path) -> np.ndarray:
    """Place stored values in [0, 1] as float32, or say why that cannot be done."""
    if np.issubdtype(values.dtype, np.floating):
        if not np.isfinite(values).all():
            raise UserError(f"{path} has NaN or infinite pixels: repair or leave out this image.")
        scale, kind = 1, "floating-point values outside [0, 1]"
    else:
        # Some writers mark 16-bit images as 32-bit integers (Pillow's mode I).
        scale, kind = (255 if values.dtype == np.uint8 else 65535), "values that exceed 16 bits"
    if values.min() < 0 or values.max() > scale:
        raise UserError(f"{path} has {kind}: rescale it and save it as a 16-bit PNG or TIFF.")
    # Divided in float64, then rounded to float32 once.
    return (values.astype(np.float64) / scale).astype(np.float32)


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
        When `size` is below 1.
    """
    check_size(size)
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
