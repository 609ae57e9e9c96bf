"""Write an image in the place of that of a DICOM file: derived DICOM, or PNG or TIFF."""

from __future__ import annotations

import copy
import math
import warnings
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from denoise_lib.formats import png, tiff_write
from denoise_lib.formats.dicom_file import Header
from denoise_lib.formats.dicom_image import Image
from denoise_lib.formats.picture import Made, Writer
from denoise_lib.formats.pixels import Scale

if TYPE_CHECKING:
    from pydicom import Dataset

# Of the source's pixels or of its coding, and wrong for others: thumbnails, signatures, tables of
# compressed frames, extremes of the series.
STALE = (
    "IconImageSequence",
    "DigitalSignaturesSequence",
    "MACParametersSequence",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "DataSetTrailingPadding",
    "PixelDataProviderURL",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SeriesNumber",
)
# What a transfer syntax that loses something is called among the compressions.
LOSSY = {
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.91": "ISO_15444_1",
    "1.2.840.10008.1.2.4.203": "ISO_15444_15",
}
WORDS = {"OW": "u2", "OL": "u4", "OF": "u4", "OD": "u8", "OV": "u8"}


def write_derived(image: Image, frames: torch.Tensor, target: Path, made: Made) -> None:
    """Write a derived DICOM image, uncompressed, of a series of its own in the same study.

    Geometry, bits, presentation and all else that describes the source stay; the source is named
    in it. Its overlays stay too, in elements of their own or in unused bits.

    Parameters
    ----------
    image : Image
        The source.
    frames : torch.Tensor
        float32, shape (N, 1, H, W), in place of those that the source shows.
    target : pathlib.Path
        The file to write.
    made : Made
        How they were made.
    """
    words = image.restored(frames)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that are the source's
            _derived(image, words, made).save_as(target, enforce_file_format=True)
    except OSError:
        raise
    except Exception as error:  # an element of the source that nobody can write
        raise image.header.refuse(
            f"cannot be written as another DICOM file ({error})", "name a .png or .tif file"
        ) from error


def _derived(image: Image, words: np.ndarray, made: Made) -> Any:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    source: Any = image.header.elements
    derived = _little_endian(source)
    method = lossy_method(image.header)
    _describe(derived, source, made)
    if method:
        derived.LossyImageCompression = "01"
        derived.LossyImageCompressionMethod = derived.get("LossyImageCompressionMethod") or method
    _add_window(derived, image)
    derived.SOPClassUID = source.get("SOPClassUID") or SecondaryCaptureImageStorage
    derived.SOPInstanceUID = generate_uid()
    derived.file_meta = FileMetaDataset()
    derived.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    derived.file_meta.MediaStorageSOPClassUID = derived.SOPClassUID
    derived.file_meta.MediaStorageSOPInstanceUID = derived.SOPInstanceUID
    _put_pixels(derived, image, words)
    return derived


def _put_pixels(derived: Dataset, image: Image, words: np.ndarray) -> None:
    layout = image.layout
    derived.HighBit = layout.shift + layout.bits - 1
    extremes = image.extremes(words)
    if extremes is not None:
        kind = "SS" if layout.signed else "US"
        derived.add_new("SmallestImagePixelValue", kind, extremes[0])
        derived.add_new("LargestImagePixelValue", kind, extremes[1])
    data = words.astype(words.dtype.newbyteorder("<")).tobytes()
    kind = "OB" if layout.allocated == 8 else "OW"
    derived.add_new("PixelData", kind, data + b"\0" * (len(data) % 2))


def _describe(derived: Any, source: Any, made: Made) -> None:
    """Say what the image is and what it was made from."""
    from pydicom.uid import generate_uid

    for keyword in STALE:
        if keyword in derived:
            delattr(derived, keyword)
    derived.SeriesNumber = None
    kind = list(source.get("ImageType") or [])
    derived.ImageType = ["DERIVED", "SECONDARY", *kind[2:]]
    derived.walk(_derived_frame)
    # One series for all images of a series that are made alike.
    seed = [str(source.get("SeriesInstanceUID", "")), made.sentence]
    derived.SeriesInstanceUID = generate_uid(entropy_srcs=seed) if seed[0] else generate_uid()
    name = f"{source.get('SeriesDescription') or ''} denoised ({made.model})".strip()
    derived.SeriesDescription = name if len(name) <= 64 else name[-64:]
    former = str(source.get("DerivationDescription") or "").rstrip(" .")
    derived.DerivationDescription = ". ".join(filter(None, [former, made.sentence]))[-1024:]
    codes = list(source.get("DerivationCodeSequence") or [])
    derived.DerivationCodeSequence = [*codes, _code("113087", "Smoothing")]
    now = datetime.now()
    derived.InstanceCreationDate = derived.ContentDate = now.strftime("%Y%m%d")
    derived.InstanceCreationTime = derived.ContentTime = now.strftime("%H%M%S.%f")
    _name_source(derived, source)
    _name_equipment(derived, made, now)


def _derived_frame(_: Dataset, element: Any) -> None:
    """Say of a frame of an enhanced file what `ImageType` says of all."""
    if element.keyword == "FrameType" and element.value:
        element.value = ["DERIVED", *list(element.value)[1:]]


def _name_source(derived: Any, source: Any) -> None:
    from pydicom import Dataset

    if not source.get("SOPClassUID") or not source.get("SOPInstanceUID"):
        return
    item: Any = Dataset()
    item.ReferencedSOPClassUID = source.SOPClassUID
    item.ReferencedSOPInstanceUID = source.SOPInstanceUID
    purpose = _code("121322", "Source image for image processing operation")
    item.PurposeOfReferenceCodeSequence = [purpose]
    derived.SourceImageSequence = [item]


def _name_equipment(derived: Any, made: Made, now: datetime) -> None:
    from pydicom import Dataset

    item: Any = Dataset()
    item.PurposeOfReferenceCodeSequence = [_code("109103", "Modifying Equipment")]
    item.Manufacturer = "denoise_lib"
    item.ManufacturerModelName = made.model[:64]
    item.SoftwareVersions = made.version[:64]
    item.ContributionDateTime = now.strftime("%Y%m%d%H%M%S.%f")
    item.ContributionDescription = made.sentence
    former = list(derived.get("ContributingEquipmentSequence") or [])
    derived.ContributingEquipmentSequence = [*former, item]


def _code(value: str, meaning: str) -> Dataset:
    from pydicom import Dataset

    item: Any = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _add_window(derived: Any, image: Image) -> None:
    """The window that shows the image as the source was shown, where that has none.

    Viewers set one by the values of an image where it has none, and would show two images that are
    to be compared in two ways.
    """
    window = image.displays[0].window
    if window is None or "PerFrameFunctionalGroupsSequence" in derived:
        return
    # LINEAR: from centre - 0.5 - (width - 1) / 2, PS3.3 C.11.2.1.2.
    derived.WindowCenter = _decimal((window.dark + window.bright) / 2 + 0.5)
    derived.WindowWidth = _decimal(window.bright - window.dark + 1)
    derived.VOILUTFunction = "LINEAR"


def _decimal(number: float) -> Any:
    from pydicom.valuerep import DSfloat

    return DSfloat(number, auto_format=True)


def _little_endian(source: Any) -> Any:
    """A copy with the words of a big-endian file turned, which pydicom keeps as they are."""
    from pydicom import Dataset

    def turn(_: Any, element: Any) -> None:
        if element.VR in WORDS and isinstance(element.value, bytes):
            kind = WORDS[element.VR]
            element.value = np.frombuffer(element.value, f">{kind}").astype(f"<{kind}").tobytes()

    copied = copy.deepcopy(source)
    if source.original_encoding[1]:
        return copied
    copied.walk(turn)
    # A plain data set does not remember how it was coded, and is written as it is told.
    plain = Dataset()
    plain.update(copied)
    return plain


def lossy_method(header: Header) -> str:
    """What the compression that lost something is called; empty where none did.

    Parameters
    ----------
    header : Header
        All elements of a file.

    Returns
    -------
    str
    """
    return LOSSY.get(str(header.elements.file_meta.TransferSyntaxUID), "")


def picture_writers(header: Header, frames: int) -> dict[str, Writer]:
    """Writers of the frames as they are shown, 16 bits; PNG holds one frame.

    Parameters
    ----------
    header : Header
        All elements of the source.
    frames : int
        How many there are.

    Returns
    -------
    dict
        Suffix to writer.
    """
    size = spacing(header)
    per_inch = None if size is None else (25.4 / size[1], 25.4 / size[0])
    if frames == 1:
        return png.writers(per_inch)
    tags = (tiff_write.Tags(resolution=per_inch),) * frames
    layout = tiff_write.Layout(np.dtype(np.uint16), Scale(65535, 16), tags)
    write = partial(tiff_write.write, layout=layout)
    return {".tif": write, ".tiff": write}


def spacing(header: Header) -> tuple[float, float] | None:
    """Height and width of a pixel in millimetres, where the file says one of all frames.

    Parameters
    ----------
    header : Header
        All elements of a file.

    Returns
    -------
    tuple of float or None
    """
    shared = header.get("SharedFunctionalGroupsSequence") or []
    each = header.get("PerFrameFunctionalGroupsSequence") or []
    measures = [
        item.item("PixelMeasuresSequence")
        for item in (Header(group, header.path) for group in (*shared, *each))
    ]
    found = {_plain_spacing(place) for place in (header, *filter(None, measures))} - {None}
    return found.pop() if len(found) == 1 else None


def _plain_spacing(header: Header) -> tuple[float, float] | None:
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        found = header.get(keyword)
        if isinstance(found, str | bytes) or found is None or len(found) != 2:
            continue
        try:
            height, width = map(float, found)
        except (TypeError, ValueError):
            continue
        if 0 < height < math.inf and 0 < width < math.inf:
            return height, width
    return None
