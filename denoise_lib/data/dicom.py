"""Read one DICOM radiograph as float32 in [0, 1], bright where the body absorbs."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from denoise_lib.checks import UserError
from denoise_lib.formats.dicom import read_dicom_picture


def read_dicom(path: str | Path) -> torch.Tensor:
    """Read a DICOM file with one frame; what `read_dicom_picture` notes becomes warnings.

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
    ModuleNotFoundError, FileNotFoundError, ValueError
        As `read_dicom_picture`, and ValueError when the file holds several frames.
    """
    picture = read_dicom_picture(path)
    if len(picture.frames) > 1:
        raise UserError(
            f"{path} holds {len(picture.frames)} frames: save each frame as a file of its own."
        )
    for note in picture.notes:
        warnings.warn(note, stacklevel=2)
    return picture.frames[0]
