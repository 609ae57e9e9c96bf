"""Read an image file, whatever its format."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from denoise_lib.checks import UserError, check_whole
from denoise_lib.formats import jpeg, kinds, png, tiff
from denoise_lib.formats.picture import Picture

DICOM_SUFFIXES = (".dcm", ".dicom")

_READERS: dict[str, Callable[[Path, int | None], Picture]] = {
    kinds.PNG: png.read,
    kinds.JPEG: jpeg.read,
    kinds.TIFF: tiff.read,
}


def read_picture(path: str | Path, bits: int | None = None) -> Picture:
    """Read a PNG, JPEG, TIFF or DICOM file.

    The file's content says what it is, not its name. A raster file's largest value is white: that
    of its bit depth for unsigned integers, of the positive ones for signed integers, 1 for floats;
    32-bit integers are taken as 16 bits, and refused beyond. `bits` says otherwise: white is
    2**bits - 1. Where 0 is white (TIFF) values are turned around; colour becomes grey (ITU-R 601-2
    luma, at its full depth) with a note; the orientation tag is obeyed. Refused are values off the
    scale, negative ones, transparency, and colour spaces without a plain luma. Not
    applied is what describes a screen or counts values: gamma, colour profiles, transfer and
    response curves, sBIT (the values of such a file fill their depth), MinSampleValue and
    MaxSampleValue, which TIFF 6.0 keeps from the display, and SMinSampleValue and SMaxSampleValue.
    DICOM: see `denoise_lib.formats.dicom.read_dicom_picture`.

    Parameters
    ----------
    path : str or Path
        The file.
    bits : int, optional
        Bits that its values use, where the file does not say: 12 for 0 to 4095 in a 16-bit file.
        Refused for DICOM, which says them.

    Returns
    -------
    Picture

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ModuleNotFoundError
        When its compression needs a package that is not installed.
    ValueError
        When the file is empty, damaged, or no readable image; one sentence says what to do.
    """
    if bits is not None:
        bits = check_whole(bits, "bits", 1, 32)
    path = _checked(path)
    head = _head(path)
    kind = kinds.kind(head)
    if kind is None and path.suffix.lower() in DICOM_SUFFIXES:
        kind = kinds.DICOM
    if kind == kinds.DICOM:
        if bits is not None:
            raise UserError(f"{path} is DICOM, which says its bits itself: leave out --bits.")
        return _read_dicom(path)
    if kind is None:
        found = kinds.other(head)
        raise UserError(
            f"{path} is not a PNG, JPEG, TIFF or DICOM image{f' but {found}' if found else ''}: "
            "convert it to one of these."
        )
    try:
        return _READERS[kind](path, bits)
    except MemoryError:
        raise UserError(f"{path} needs more memory than there is: cut it into parts.") from None


def _checked(path: str | Path) -> Path:
    """A path to a regular file with content."""
    if not isinstance(path, (str, Path)):
        raise TypeError(f"The path of an image must be a str or Path, not {path!r}.")
    path = Path(path)
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last: a NUL in the name
        raise FileNotFoundError(f"There is no file {path}: check the path.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check the path.") from None
    if stat.S_ISDIR(found.st_mode):
        raise UserError(f"{path} is a folder: name an image file in it.")
    if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for ever
        raise UserError(f"{path} is a pipe or a device: save the image as a file.")
    if found.st_size == 0:
        raise UserError(f"{path} is empty (0 bytes): copy or download it again.")
    return path


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(kinds.HEAD)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): check that you may read it."
        ) from None


def _read_dicom(path: Path) -> Picture:
    from denoise_lib.formats.dicom import read_dicom_picture  # its pydicom is optional

    return read_dicom_picture(path)
