"""Read a DICOM file as it asks to be shown, bright where the body absorbs; write one like it."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch

from denoise_lib.formats import dicom_write
from denoise_lib.formats.dicom_file import Header, open_dicom
from denoise_lib.formats.dicom_image import LOOKED_UP, Image, read_displays, read_padding
from denoise_lib.formats.dicom_pixels import Layout, Stored, decode, read_layout
from denoise_lib.formats.picture import Picture, Writer

GREY = ("MONOCHROME1", "MONOCHROME2")


def read_dicom_picture(path: str | Path) -> Picture:
    """Read every frame of a grey DICOM file as it asks to be shown.

    Stored values go through the modality transform (rescale slope and intercept, or its look-up
    table), then through the file's table of values of interest, whose bit depth becomes [0, 1], or
    its first window, whose ends do. Without either the ends of the stored bit depth do, or those of
    the bits that a modality table uses. Small values are bright where the presentation is
    inverted, as that of MONOCHROME1 is, so that bone is bright in every image. Pixels of the
    padding are 0. A colour file is read when it holds greys only.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Picture
        Its writers make a derived DICOM file, and PNG or TIFF files of what is shown.

    Raises
    ------
    ModuleNotFoundError
        When pydicom, or what undoes the file's compression, is not installed.
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is no DICOM, or has no grey pixels, or elements that mean nothing.
    """
    with warnings.catch_warnings():
        # Of pydicom's: what changes the pixels is in the notes, the rest does no harm here.
        warnings.simplefilter("ignore")
        return _read(Path(path))


def _read(path: Path) -> Picture:
    elements, notes = open_dicom(path)
    header = Header(elements, path)
    layout = read_layout(header)
    kind = header.word("PhotometricInterpretation")
    if kind not in GREY or layout.samples > 1:
        return _colour(header, layout, kind)
    image = Image(
        header,
        decode(header, layout),
        read_displays(header, layout),
        read_padding(header, layout),
    )
    writers = dicom_write.picture_writers(header, layout.frames)
    if image.can_be_restored:
        writers = {".dcm": partial(dicom_write.write_derived, image), **writers}
    notes += _notes(image)
    return _picture(header, image.shown(), layout.bits, writers, notes)


def _picture(
    header: Header,
    frames: torch.Tensor,
    bits: int,
    writers: dict[str, Writer],
    notes: list[str],
) -> Picture:
    # The pixels stand in `frames`, and as stored words; the file's own bytes are not needed.
    for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"):
        if keyword in header.elements:
            delattr(header.elements, keyword)
    sentences = tuple(f"{header.path} {note}." for note in dict.fromkeys(notes))
    return Picture(header.path, frames, bits, writers, sentences)


def _notes(image: Image) -> list[str]:
    """What whoever uses the image should know, each after the file's name."""
    header, layout = image.header, image.layout
    notes = [note for display in image.displays for note in display.notes]
    if layout.shift:
        notes.append(f"has values that begin at bit {layout.shift}, as its HighBit says")
    elif image.pixels.has_more_bits:
        notes.append(f"has bits set beside the {layout.bits} of its values, which are not shown")
    if padded := image.padded():
        notes.append(f"has {padded} pixels of padding, which are shown black and left as they are")
    used = _used_bits(image)
    if used is not None and used < layout.bits:
        notes.append(f"uses {used} of its {layout.bits} bits and has no window, so it is dark")
    if header.word("PixelIntensityRelationship") == "LIN":
        notes.append("has values in proportion to the X-rays, as before processing for the eye")
    if header.word("PresentationIntentType") == "FOR PROCESSING":
        notes.append("is meant for processing and not for the eye")
    if dicom_write.spacing(header) is None and len(set(header.get("PixelAspectRatio") or ())) > 1:
        notes.append("has pixels that are not square, which a PNG or TIFF file will not say")
    if header.word("LossyImageCompression") == "01" or dicom_write.lossy_method(header):
        notes.append("was compressed with loss, which changed its noise")
    if not image.can_be_restored:
        why = "is shown through a table or window that cannot be undone"
        if not 1 < layout.bits <= LOOKED_UP:
            why = f"has {layout.bits} bit{'s' * (layout.bits > 1)} a pixel"
        notes.append(f"{why}, so no DICOM file can be made from it")
    return notes


def _used_bits(image: Image) -> int | None:
    """Bits that the values need, where no window says what is bright."""
    layout = image.layout
    if layout.floating or any(display.window is None for display in image.displays):
        return None
    if image.header.item("ModalityLUTSequence") is not None or layout.bits == 1:
        return None
    extremes = image.extremes(image.pixels.words)
    if extremes is None:
        return None
    return max(1, max(-extremes[0], extremes[1]).bit_length() + layout.signed)


def _colour(header: Header, layout: Layout, kind: str) -> Picture:
    """A colour file whose pixels are all grey."""
    palette = kind == "PALETTE COLOR" and layout.samples == 1
    known = palette or (layout.samples == 3 and kind.startswith(("RGB", "YBR")))
    told = f"{kind or 'no type'}{f' of {layout.samples} samples' if kind in GREY else ''}"
    refusal = header.refuse(f"is not a grey image ({told})", "export it as MONOCHROME2 or PNG")
    if not known or layout.signed or layout.allocated == 1:
        raise refusal
    frames = np.empty((layout.frames, 1, layout.rows, layout.columns), np.float32)
    for index in range(layout.frames):
        stored = decode(header, layout, index)
        values, bits = _palette(header, stored) if palette else (stored.words[0], layout.bits)
        if (values != values[..., :1]).any():
            raise refusal
        frames[index, 0] = (values[..., 0] / (2**bits - 1)).clip(0, 1)
    notes = [f"is stored as colour ({kind}) and holds greys only; no DICOM file is made from it"]
    writers = dicom_write.picture_writers(header, layout.frames)
    return _picture(header, torch.from_numpy(frames), layout.bits, writers, notes)


def _palette(header: Header, stored: Stored) -> tuple[np.ndarray, int]:
    from pydicom.pixels.processing import apply_color_lut

    try:
        bits = int(header.elements.RedPaletteColorLookupTableDescriptor[2])
        values = apply_color_lut(stored.frame(0), header.elements)
    except Exception as error:  # a damaged palette raises whatever it likes
        raise header.refuse(f"has a damaged palette ({error})") from error
    return values[..., :3], bits
