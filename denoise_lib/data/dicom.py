"""Read one DICOM radiograph as float32 in [0, 1], bright where the body absorbs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from denoise_lib.checks import UserError, require

if TYPE_CHECKING:
    from pydicom import Dataset


def read_dicom(path: str | Path) -> torch.Tensor:
    """Read a single-frame grey DICOM file as it asks to be shown.

    Stored values go through the modality transform (rescale slope and intercept, or its look-up
    table), then through the window of the header, whose ends become 0 and 1; without a window,
    through its table of values of interest (VOI LUT), whose bit depth does. Without either the
    ends of the stored bit depth do. MONOCHROME1, where small values are bright, is inverted,
    so that bone is bright in every image.

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
    ModuleNotFoundError
        When pydicom is not installed.
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is no DICOM, or has no pixels, colour, several frames, or a compression
        that the installed decoders cannot undo.
    """
    pydicom = require("pydicom", "dicom", "Reading DICOM")
    from pydicom.pixels.processing import apply_modality_lut, apply_windowing

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: check the path.")
    try:
        header = pydicom.dcmread(path)
    except (pydicom.errors.InvalidDicomError, EOFError) as error:
        raise UserError(f"{path} is not a DICOM file: convert it or leave it out.") from error
    _check(header, path)
    # `pixel_array` honours PixelRepresentation (signed values) and BitsStored: bits above the
    # stored ones, which old files fill with overlays, are cleared or sign-extended.
    try:
        stored = header.pixel_array
    except Exception as error:  # each decoder plugin raises its own types
        raise UserError(
            f"{path} has pixels that cannot be decoded ({header.file_meta.TransferSyntaxUID.name})"
            ': if the file is whole, try pip install "pylibjpeg[all]".'
        ) from error
    values = apply_modality_lut(stored, header).astype(np.float64)
    dark, bright = _ends(header)
    # Why the window: the makers chose it for this detector, and without it the many files that
    # declare more bits than their detector fills would come out almost black. It maps onto the
    # ends, so the scale below holds with and without it. Of several windows the first is meant.
    if header.get("WindowWidth") is not None and header.get("WindowCenter") is not None:
        values = apply_windowing(values, header)
    elif header.get("VOILUTSequence"):
        values, dark, bright = _looked_up(values, header)
    else:
        dark, bright = min(dark, bright), max(dark, bright)  # a negative slope swaps them
    unit = ((values - dark) / (bright - dark)).clip(0, 1)
    if header.PhotometricInterpretation == "MONOCHROME1":
        unit = 1 - unit
    return torch.from_numpy(unit.astype(np.float32)[None])


def _looked_up(values: np.ndarray, header: Dataset) -> tuple[np.ndarray, float, float]:
    """Values as the file's own table shows them, and the ends of that table's bit depth."""
    from pydicom.pixels.processing import apply_voi_lut

    table = header.VOILUTSequence[0]
    count, first, bits = table.LUTDescriptor
    # pydicom 3.0 counts the entries in the type of their values, where those of a long 8-bit table
    # have no room; the values are the same at 16 bits.
    table.LUTDescriptor = [count, first, 16]
    inside = values.round().astype(np.int64).clip(first, first + (count or 2**16) - 1)
    return apply_voi_lut(inside, header).astype(np.float64), 0.0, 2.0**bits - 1


def _check(header: Dataset, path: Path) -> None:
    """Refuse what is not one grey image, in a sentence."""
    if "PixelData" not in header:
        raise UserError(f"{path} is a DICOM file without pixels (a report?): leave it out.")
    kind = header.get("PhotometricInterpretation", "no type")
    if kind not in ("MONOCHROME1", "MONOCHROME2"):
        raise UserError(f"{path} is not a grey image ({kind}): export it as MONOCHROME2 or PNG.")
    frames = int(header.get("NumberOfFrames") or 1)
    if frames > 1:
        raise UserError(f"{path} holds {frames} frames: save each frame as a file of its own.")


def _ends(header: Dataset) -> tuple[float, float]:
    """What the ends of the stored bit depth become under the modality transform."""
    if header.get("ModalityLUTSequence"):
        return 0.0, 2.0 ** header.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    bits = header.BitsStored
    low = -(2 ** (bits - 1)) if header.PixelRepresentation else 0
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    if slope is None or intercept is None:
        slope, intercept = 1, 0  # as pydicom does
    return float(low * slope + intercept), float((low + 2**bits - 1) * slope + intercept)
