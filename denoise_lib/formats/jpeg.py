"""Read JPEG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, JpegImagePlugin

from denoise_lib.checks import UserError
from denoise_lib.formats import pixels, png
from denoise_lib.formats.picture import Picture

_ORIENTATION = 0x0112


def read(path: Path, bits: int | None = None) -> Picture:
    """Read a JPEG file of 8 bits.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    bits : int, optional
        See `read_picture`.

    Returns
    -------
    Picture
        Written as PNG or TIFF: JPEG would lose what was gained.

    Raises
    ------
    ValueError
        When it is damaged, too large, of another JPEG than that of 8 bits, or has values beyond
        `bits`.
    """
    try:
        # Not Image.open: the limit is ours.
        with path.open("rb") as file, JpegImagePlugin.JpegImageFile(file) as image:
            pixels.check_size(path, image.width, image.height, len(image.getbands()))
            image.load()
            orientation = image.getexif().get(_ORIENTATION, 1)
    except UserError:
        raise
    except (OSError, SyntaxError, ValueError, IndexError) as error:  # Pillow's words
        raise UserError(
            f"{path} is damaged, or a JPEG of another kind than that of 8 bits ({error}): "
            "copy or download it again, or save it as PNG or TIFF."
        ) from error
    samples, notes = _light(image, path)
    if "mpoffset" in image.info:
        notes += (
            f"{path} holds several pictures, as a preview or a second view: the first is read.",
        )
    grey, more = pixels.to_grey(samples, path, 255) if samples.ndim == 3 else (samples, ())
    scale, dark = pixels.scale_of(grey, path, 8, bits)
    frame = torch.from_numpy(scale.unit(pixels.upright(grey, orientation)))
    resolution = image.info.get("dpi")
    across, down = image.info.get("jfif_density", (1, 1))
    if image.info.get("jfif_unit") == 0 and across != down:
        notes += (f"{path} has pixels that are not square, which another file will not say.",)
    if resolution and orientation in (5, 6, 7, 8):
        resolution = resolution[1], resolution[0]
    return Picture(path, frame[None, None], 8, png.writers(resolution), notes + more + dark)


def _light(image: Image.Image, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Grey, or red, green and blue."""
    samples = np.asarray(image)
    if image.mode in ("L", "RGB"):
        return samples, ()
    # Pillow takes every CMYK as Adobe writes it, inverted; another program's may not be.
    if image.mode != "CMYK" or "adobe" not in image.info:
        raise UserError(
            f"{path} has inks (CMYK) and does not say which value is none of them: "
            "save it as grey or RGB."
        )
    note = f"{path} has inks (CMYK), which are turned into light without a colour profile."
    return pixels.ink_to_light(samples), (note,)
