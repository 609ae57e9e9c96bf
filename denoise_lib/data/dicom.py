"""Read a radiograph from a DICOM file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch


def read_dicom(path: str | Path) -> torch.Tensor:
    """Read a single grey image as it is meant to be displayed.

    The file's own window (VOI) is applied where it has one; without it, black and white are the
    ends of the stored bit depth. MONOCHROME1, where low values are bright, is inverted.

    Parameters
    ----------
    path : str or pathlib.Path
        A DICOM file.

    Returns
    -------
    torch.Tensor
        float32, shape (1, H, W), in [0, 1], bones bright.

    Raises
    ------
    ImportError
        When pydicom is not installed.
    ValueError
        When the file is not DICOM, has no pixels, or is not one grey image.
    """
    try:
        import pydicom
        from pydicom.errors import InvalidDicomError
        from pydicom.pixels import apply_modality_lut, apply_windowing
    except ImportError as error:
        raise ImportError(
            'Reading DICOM needs pydicom: pip install "denoise_lib[dicom]".'
        ) from error
    try:
        dicom = pydicom.dcmread(path)
    except InvalidDicomError as error:
        raise ValueError(f"{path} is not a DICOM file: check the path, or convert it.") from error
    if "PixelData" not in dicom:
        raise ValueError(
            f"{path} has no pixels (a report or a presentation state?): choose an image."
        )
    interpretation = dicom.get("PhotometricInterpretation", "")
    if interpretation not in ("MONOCHROME1", "MONOCHROME2") or dicom.get("NumberOfFrames", 1) != 1:
        raise ValueError(
            f"{path} is not a single grey image ({interpretation}, "
            f"{dicom.get('NumberOfFrames', 1)} frames): export one grey frame first."
        )
    values = apply_modality_lut(dicom.pixel_array, dicom).astype(np.float64)
    low, high = _display_range(dicom)
    if dicom.get("WindowWidth") is not None:
        # pydicom maps the window onto the full output range, so that range is what we scale by.
        values = apply_windowing(values, dicom)
    image = ((values - low) / (high - low)).clip(0, 1)
    if interpretation == "MONOCHROME1":
        image = 1 - image
    return torch.from_numpy(image.astype(np.float32))[None]


def _display_range(dicom) -> tuple[float, float]:
    """Black and white in the units of the modality transform."""
    bits, signed = dicom.BitsStored, dicom.PixelRepresentation == 1
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    slope, intercept = dicom.get("RescaleSlope", 1) or 1, dicom.get("RescaleIntercept", 0) or 0
    return float(low * slope + intercept), float(high * slope + intercept)
