"""What the raster formats share: stored samples become grey values in [0, 1], or a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from denoise_lib.checks import UserError

# Values of all frames and channels of a file together. A grey scan of 16384 x 16384 pixels is read,
# in 1.6 GB; what declares more is refused before memory is taken.
LARGEST = 2**28

# Colours of grey pictures differ by this share of white after JPEG compression.
_TINT = 0.02

# Rows are converted this many samples at a time: what is held beside input and output stays small.
_SLAB = 2**22


@dataclass(frozen=True)
class Scale:
    """Which stored value is white.

    Attributes
    ----------
    white : float
        The stored value that becomes 1.
    bits : int
        Bit depth of the stored values.
    inverted : bool
        Whether 0 is white and `white` is black.
    """

    white: float
    bits: int
    inverted: bool = False

    def unit(self, values: np.ndarray) -> np.ndarray:
        """Stored values as float32 in [0, 1].

        Parameters
        ----------
        values : numpy.ndarray
            Shape (H, W).

        Returns
        -------
        numpy.ndarray
            float32, shape (H, W).
        """

        def convert(rows: np.ndarray) -> np.ndarray:
            # Divided in float64, then rounded to float32 once.
            unit = rows.astype(np.float64) / self.white
            return 1 - unit if self.inverted else unit

        return _by_rows(convert, values, np.dtype(np.float32))

    def stored(self, frame: torch.Tensor, dtype: np.dtype) -> np.ndarray:
        """An image in [0, 1] as values to store; what lies outside is clipped.

        Parameters
        ----------
        frame : torch.Tensor
            float32, shape (H, W).
        dtype : numpy.dtype
            Of the values.

        Returns
        -------
        numpy.ndarray
            Shape (H, W).
        """

        def convert(rows: np.ndarray) -> np.ndarray:
            unit = rows.astype(np.float64).clip(0, 1)
            values = self.white * (1 - unit if self.inverted else unit)
            return values if np.issubdtype(dtype, np.floating) else values.round()

        return _by_rows(convert, frame.numpy(), dtype)


def check_size(path: Path, width: int, height: int, planes: int = 1) -> None:
    """Refuse a file that declares no pixels, or more than memory should hold.

    Parameters
    ----------
    path : pathlib.Path
        The file, for the sentence.
    width, height : int
        Of a frame.
    planes : int
        Frames times channels.

    Raises
    ------
    ValueError
        Naming the limit.
    """
    if width < 1 or height < 1:
        raise UserError(
            f"{path} has {width} x {height} pixels, so it holds no image: save it again."
        )
    if width * height * planes > LARGEST:
        several = f" in {planes} frames or channels" if planes > 1 else ""
        raise UserError(
            f"{path} declares {width} x {height} pixels{several}, more than the {LARGEST} values "
            "that are read: cut it into parts."
        )


def scale_of(
    values: np.ndarray, path: Path, depth: int, bits: int | None, inverted: bool = False
) -> tuple[Scale, tuple[str, ...]]:
    """Which stored value is white; see `read_picture` for the rules.

    Parameters
    ----------
    values : numpy.ndarray
        Grey values of all frames, as they are stored.
    path : pathlib.Path
        Their file, for the sentences.
    depth : int
        Bits that the file has for a value, the sign's included.
    bits : int or None
        Bits that they use, as the user says.
    inverted : bool
        Whether 0 is white.

    Returns
    -------
    tuple
        The `Scale`, and notes.

    Raises
    ------
    ValueError
        When values lie outside the scale.
    """
    low, high = values.min(), values.max()  # NaN if any is
    if np.issubdtype(values.dtype, np.floating):
        return _float_scale(float(low), float(high), path, depth, bits, inverted), ()
    low, high = int(low), int(high)
    if low < 0:
        raise UserError(
            f"{path} has negative values (down to {low}), which no grey stands for: add an offset "
            "and save it as a 16-bit PNG or TIFF."
        )
    if values.dtype.kind == "i":
        depth -= 1  # the sign's bit: the largest positive value is white
    used = high.bit_length()
    if bits is not None:
        _check_bits(path, bits, depth)
        if used > bits:
            raise UserError(
                f"{path} has values up to {high}, beyond the {2**bits - 1} of {bits} bits: "
                f"give --bits {used} or more."
            )
        return Scale(2**bits - 1, bits, inverted), ()
    if depth > 16:
        # Programs store 16-bit images in 32-bit integers; what more bits mean they do not say.
        if used > 16:
            raise UserError(
                f"{path} has {depth}-bit values up to {high}, and does not say which is white: "
                f"give --bits {used} if {2**used - 1} is, or save it as a 16-bit PNG or TIFF."
            )
        depth = 16
    notes = ()
    if depth >= 15 and 0 < used <= 14:
        notes = (
            f"{path} uses {used} of its {depth} bits, so it comes out "
            f"{'bright' if inverted else 'dark'}: give --bits {used} if {2**used - 1} is its "
            f"{'black' if inverted else 'white'}.",
        )
    return Scale(2**depth - 1, depth, inverted), notes


def _float_scale(
    low: float, high: float, path: Path, depth: int, bits: int | None, inverted: bool
) -> Scale:
    if not np.isfinite([low, high]).all():
        raise UserError(f"{path} has NaN or infinite pixels: repair or leave out this image.")
    if bits is not None:
        _check_bits(path, bits, 32)
    white = 1 if bits is None else 2**bits - 1
    if low < 0 or high > white:
        raise UserError(
            f"{path} has floating-point values outside [0, {white}] ({low:g} to {high:g}): rescale "
            "it and save it as a 16-bit PNG or TIFF, or give --bits 12 if 0 is its black and 4095 "
            "its white."
        )
    return Scale(white, depth, inverted)


def _check_bits(path: Path, bits: int, most: int) -> None:
    if not 1 <= bits <= most:
        raise UserError(f"bits is {bits}, but {path} has {most}: give a number from 1 to {most}.")


def to_grey(colour: np.ndarray, path: Path, white: float) -> tuple[np.ndarray, tuple[str, ...]]:
    """Red, green and blue as grey: ITU-R 601-2 luma, computed at the samples' own depth.

    Parameters
    ----------
    colour : numpy.ndarray
        Shape (H, W, 3), unsigned integers or floats.
    path : pathlib.Path
        Their file, for the note.
    white : float
        The largest sample.

    Returns
    -------
    tuple
        Grey values, (H, W), of the same type; a note where the picture is not grey already.
    """
    whole = colour.dtype.kind == "u"
    tint = 0.0

    def luma(rows: np.ndarray) -> np.ndarray:
        nonlocal tint
        wide = rows.astype(np.int64 if whole else np.float64)
        tint = max(tint, (wide.max(-1) - wide.min(-1)).max())
        red, green, blue = np.moveaxis(wide, -1, 0)
        # The weights of Pillow, so that 8 bits give what they give everywhere.
        mixed = 19595 * red + 38470 * green + 7471 * blue
        return (mixed + 0x8000) >> 16 if whole else mixed / 2**16

    grey = _by_rows(luma, colour, colour.dtype)
    notes = (f"{path} is in colour: its luma is taken as grey.",) if tint > _TINT * white else ()
    return grey, notes


def ink_to_light(inks: np.ndarray) -> np.ndarray:
    """Cyan, magenta, yellow and black as red, green and blue, without a profile of the inks.

    Parameters
    ----------
    inks : numpy.ndarray
        uint8 or uint16, shape (H, W, 4); the largest value is all of an ink.

    Returns
    -------
    numpy.ndarray
        Of the same type, shape (H, W, 3).
    """
    most = int(np.iinfo(inks.dtype).max)

    def mix(rows: np.ndarray) -> np.ndarray:
        light = most - rows.astype(np.int64)
        return (light[..., :3] * light[..., 3:] + most // 2) // most

    return _by_rows(mix, inks, inks.dtype)


def check_opaque(alpha: np.ndarray, path: Path, opaque: float) -> None:
    """Refuse transparency, as what shows through it is not in the file.

    Parameters
    ----------
    alpha : numpy.ndarray
        Of every pixel.
    path : pathlib.Path
        Their file, for the sentence.
    opaque : float
        The value that hides everything behind.

    Raises
    ------
    ValueError
        When a pixel is not opaque.
    """
    if (alpha != opaque).any():
        raise UserError(
            f"{path} has transparent pixels, whose grey depends on what is behind them: "
            "flatten it and save it without alpha."
        )


def upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an image as its Orientation tag (TIFF 6.0, EXIF) asks.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (H, W).
    orientation : int
        1 to 8; any other number means nothing, as 1 does.

    Returns
    -------
    numpy.ndarray
        Row 0 is the top and column 0 the left.
    """
    if orientation in (5, 6, 7, 8):  # its rows are the picture's columns
        values = values.T
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return np.ascontiguousarray(values)


def _by_rows(
    convert: Callable[[np.ndarray], np.ndarray], samples: np.ndarray, dtype: np.dtype
) -> np.ndarray:
    """A function of each pixel's samples, applied to some rows at a time."""
    result = np.empty(samples.shape[:2], dtype) if samples.ndim == 2 else None
    step = max(1, _SLAB // max(1, samples[0].size))
    for top in range(0, len(samples), step):
        rows = convert(samples[top : top + step])
        if result is None:
            result = np.empty((len(samples), *rows.shape[1:]), dtype)
        result[top : top + step] = rows
    assert result is not None
    return result
