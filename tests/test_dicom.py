"""DICOM is read as pydicom's own functions say, value by value, or refused in a sentence, and what
is written in the place of an image is a derived image that keeps all that did not change."""

import functools
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from denoise_lib.checks import UserError
from denoise_lib.data.images import read_image
from denoise_lib.formats import Made, dicom_pixels, read_picture
from denoise_lib.formats.dicom import read_dicom_picture
from denoise_lib.formats.dicom_file import looks_like_dicom

pydicom = pytest.importorskip("pydicom")

from pydicom import Dataset, uid  # noqa: E402
from pydicom.dataset import FileMetaDataset  # noqa: E402
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut  # noqa: E402

MADE = Made("dncnn-b-nih", "0123456789abcdef" * 4, 25.0, 0.8, "0.4.0")
TWELVE_BITS = np.linspace(0, 4095, 48).round().astype(np.uint16).reshape(6, 8)
UNIT_RAMP = TWELVE_BITS / 4095
WINDOWED = (0.5 + (TWELVE_BITS - 1999.5) / 100).clip(0, 1)
WINDOW = {"WindowCenter": "2000", "WindowWidth": "101"}


def new_dicom(pixels: np.ndarray | None, **header) -> Dataset:
    """A small valid DICOM file; `header` overrides its elements, None removes one."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    data.SOPClassUID = uid.ComputedRadiographyImageStorage
    data.SOPInstanceUID = uid.generate_uid()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    if pixels is not None:
        data.Rows, data.Columns = pixels.shape[-2:]
        data.SamplesPerPixel = 1
        data.PhotometricInterpretation = "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
        data.PixelRepresentation = 0
        data.PixelData = pixels.tobytes()
        if pixels.ndim == 3:
            data.NumberOfFrames = len(pixels)
    for name, value in header.items():
        setattr(data, name, value)
        if value is None:
            delattr(data, name)
    return data


def write_dicom(path: Path, pixels: np.ndarray | None, **header) -> Path:
    new_dicom(pixels, **header).save_as(path, enforce_file_format=True)
    return path


def table(entries, first: int = 0, bits: int = 16, coded: str = "US") -> list[Dataset]:
    """A sequence with a look-up table, its entries as words or, two in a word, as bytes."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(entries) % 2**16, first, bits])
    if coded == "US":
        item.add_new("LUTData", "US", [int(entry) for entry in entries])
    else:
        item.add_new("LUTData", "OW", np.asarray(entries, coded).tobytes())
    return [item]


# --- Reading: values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "header", "expected"),
    [
        (TWELVE_BITS, {}, UNIT_RAMP),
        (TWELVE_BITS, {"PhotometricInterpretation": "MONOCHROME1"}, 1 - UNIT_RAMP),
        # Old files keep overlays in the bits above the stored ones.
        (TWELVE_BITS | 0xA000, {}, UNIT_RAMP),
        # The high bit is where the values end.
        ((TWELVE_BITS << 4) | 5, {"HighBit": 15}, UNIT_RAMP),
        ((TWELVE_BITS.astype(np.int16) - 2048) & 0x0FFF, {"PixelRepresentation": 1}, UNIT_RAMP),
        (
            (((TWELVE_BITS.astype(np.int16) - 2048) & 0x0FFF) << 2) | 0x4001,
            {"PixelRepresentation": 1, "HighBit": 13},
            UNIT_RAMP,
        ),
        (TWELVE_BITS, {"RescaleSlope": "-1", "RescaleIntercept": "4095"}, 1 - UNIT_RAMP),
        # The linear window of the standard, PS3.3 C.11.2.1.2.
        (TWELVE_BITS, WINDOW, WINDOWED),
        (
            TWELVE_BITS,
            {
                "WindowCenter": ["2000", "9"],
                "WindowWidth": ["101", "9"],
                "PhotometricInterpretation": "MONOCHROME1",
            },
            1 - WINDOWED,
        ),
        (
            TWELVE_BITS,
            {
                "RescaleSlope": "-1",
                "RescaleIntercept": "4095",
                "WindowCenter": "2095",
                "WindowWidth": "101",
            },
            (0.5 + (4095.0 - TWELVE_BITS - 2094.5) / 100).clip(0, 1),
        ),
        (
            TWELVE_BITS,
            {"WindowCenter": "2000", "WindowWidth": "100", "VOILUTFunction": "LINEAR_EXACT"},
            (0.5 + (TWELVE_BITS - 2000.0) / 100).clip(0, 1),
        ),
        (
            TWELVE_BITS,
            {"WindowCenter": "2000", "WindowWidth": "400", "VOILUTFunction": "SIGMOID"},
            1 / (1 + np.exp(-4 * (TWELVE_BITS - 2000.0) / 400)),
        ),
        (TWELVE_BITS, {"WindowCenter": "2000", "WindowWidth": "1"}, TWELVE_BITS > 1999.5),
        # Without a window the scale is the bit depth, not the image's own range.
        (TWELVE_BITS // 2, {}, (TWELVE_BITS // 2) / 4095),
        (TWELVE_BITS, {"PresentationLUTShape": "IDENTITY"}, UNIT_RAMP),
        (TWELVE_BITS, {"PresentationLUTShape": "INVERSE"}, 1 - UNIT_RAMP),
        (
            TWELVE_BITS,
            {"PresentationLUTShape": "INVERSE", "PhotometricInterpretation": "MONOCHROME1"},
            1 - UNIT_RAMP,
        ),
        (
            TWELVE_BITS,
            {"PresentationLUTShape": "IDENTITY", "PhotometricInterpretation": "MONOCHROME1"},
            1 - UNIT_RAMP,
        ),
        # Padding is black whatever is inverted.
        (
            TWELVE_BITS,
            {"PixelPaddingValue": 0, "PhotometricInterpretation": "MONOCHROME1"},
            np.where(TWELVE_BITS == 0, 0, 1 - UNIT_RAMP),
        ),
        (
            TWELVE_BITS,
            {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4000},
            np.where(TWELVE_BITS >= 4000, 0, UNIT_RAMP),
        ),
        (
            TWELVE_BITS,
            {"PixelPaddingValue": 65535, "PixelPaddingRangeLimit": 4000},
            np.where(TWELVE_BITS >= 4000, 0, UNIT_RAMP),
        ),
        (TWELVE_BITS, {"PixelPaddingValue": 65535}, UNIT_RAMP),
        # -1 is another name of the largest value of all bits, and with a sign is a value itself.
        (
            (TWELVE_BITS << 4) | 15,
            {"PixelPaddingValue": 65535, "BitsStored": 16, "HighBit": 15},
            np.where(TWELVE_BITS == 4095, 0, (TWELVE_BITS * 16 + 15) / 65535),
        ),
        (
            (TWELVE_BITS.astype(np.int16) - 2048) & 0x0FFF,
            {"PixelRepresentation": 1, "PixelPaddingValue": 0x0800},
            np.where(TWELVE_BITS == 0, 0, UNIT_RAMP),
        ),
        (TWELVE_BITS, {"PhotometricInterpretation": "monochrome1"}, 1 - UNIT_RAMP),
    ],
    ids=[
        "monochrome2",
        "monochrome1",
        "overlay bits",
        "high bit",
        "signed",
        "signed between overlay bits",
        "rescale",
        "window",
        "two windows, inverted",
        "rescale and window",
        "exact window",
        "sigmoid",
        "window of one value",
        "half range",
        "identity",
        "inverse",
        "inverse and monochrome1",
        "identity and monochrome1",
        "padding",
        "padding range",
        "padding range beyond the bits",
        "padding beyond the bits",
        "padding of all bits",
        "padding with a sign, of fewer bits",
        "small letters",
    ],
)
def test_pixels(tmp_path, stored, header, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = read_image(write_dicom(tmp_path / "scan.dcm", stored, **header))

    assert image.dtype == torch.float32 and image.shape == (1, 6, 8)
    np.testing.assert_allclose(image[0].numpy(), expected, atol=1e-6)


def test_bits_beside_the_values_are_told(tmp_path):
    signed = (TWELVE_BITS.astype(np.int16) - 2048, {"PixelRepresentation": 1})
    plain = [(TWELVE_BITS, {}), signed, (signed[0] & 0x0FFF, signed[1])]

    for i, (stored, header) in enumerate([*plain, (TWELVE_BITS | 0x1000, {})]):
        notes = read_dicom_picture(write_dicom(tmp_path / f"{i}.dcm", stored, **header)).notes
        assert len(notes) == (i == 3)
    assert "bits set beside the 12 of its values" in notes[0]


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("coded", ["US", "<u2"])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_table_of_interest(tmp_path, bits, coded, inverted):
    """3000 entries, for values from 500 on, that rise as a root does, or fall."""
    rise = (2**bits - 1) * np.linspace(0, 1, 3000) ** 0.5
    entries = (rise[::-1] if inverted else rise).round().astype(int)
    header = {"VOILUTSequence": table(entries, 500, bits, coded)}
    expected = entries[(TWELVE_BITS.astype(int) - 500).clip(0, 2999)] / (2**bits - 1)

    plain = read_dicom_picture(write_dicom(tmp_path / "scan.dcm", TWELVE_BITS, **header))
    both = read_dicom_picture(write_dicom(tmp_path / "both.dcm", TWELVE_BITS, **header, **WINDOW))

    np.testing.assert_allclose(plain.frames[0, 0], expected, atol=1e-6)
    np.testing.assert_array_equal(both.frames, plain.frames)
    assert plain.notes == () and "shown by the table" in both.notes[0]


def test_a_table_as_long_as_it_can_be_with_a_negative_first_value(tmp_path):
    """65536 entries are coded as 0; the values are signed, the table has bytes."""
    entries = np.arange(2**16) // 256
    stored = np.int16([[-32768, -1, 0, 256, 32767]])
    header = {"PixelRepresentation": 1, "BitsStored": 16, "HighBit": 15}
    header["ModalityLUTSequence"] = table(entries, -32768, 8, "u1")

    image = read_image(write_dicom(tmp_path / "scan.dcm", stored, **header))

    np.testing.assert_allclose(image[0, 0], np.float32([0, 127, 128, 129, 255]) / 255)


def test_a_modality_table_is_shown_over_the_bits_that_it_uses(tmp_path):
    header = {"ModalityLUTSequence": table(np.arange(4096) // 4)}
    path = write_dicom(tmp_path / "scan.dcm", TWELVE_BITS, **header)

    picture = read_dicom_picture(path)

    np.testing.assert_allclose(picture.frames[0, 0], TWELVE_BITS // 4 / 1023, atol=1e-6)
    assert picture.notes == (f"{path} has a modality table that uses 10 of its 16 bits.",)


def test_a_big_endian_table_is_read_and_written(tmp_path):
    entries = np.arange(4096)[::-1] * 16
    data = new_dicom(TWELVE_BITS.byteswap(), VOILUTSequence=table(entries, coded=">u2"))
    data.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian
    data.save_as(tmp_path / "scan.dcm", enforce_file_format=True)

    picture = read_dicom_picture(tmp_path / "scan.dcm")
    picture.write(picture.frames, tmp_path / "out.dcm", MADE)

    np.testing.assert_allclose(picture.frames[0, 0], entries[TWELVE_BITS] / 65535, atol=1e-6)
    written = pydicom.dcmread(tmp_path / "out.dcm")
    assert written.file_meta.TransferSyntaxUID == uid.ExplicitVRLittleEndian
    np.testing.assert_array_equal(written.pixel_array, TWELVE_BITS)
    np.testing.assert_array_equal(apply_voi_lut(written.pixel_array, written), entries[TWELVE_BITS])


def test_frames_of_an_enhanced_file_are_shown_each_in_its_window(tmp_path):
    stored = np.stack([TWELVE_BITS, TWELVE_BITS])

    def group(name, **values):
        item, inner = Dataset(), Dataset()
        for key, value in values.items():
            setattr(inner, key, value)
        setattr(item, name, [inner])
        return item

    shared = group("PixelValueTransformationSequence", RescaleSlope="2", RescaleIntercept="0")
    each = [
        group("FrameVOILUTSequence", WindowCenter=centre, WindowWidth="201")
        for centre in ("2000", "4000")
    ]
    path = write_dicom(
        tmp_path / "scan.dcm",
        stored,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=each,
    )

    picture = read_dicom_picture(path)

    for frame, centre in zip(picture.frames[:, 0], (2000, 4000), strict=True):
        expected = (0.5 + (2.0 * TWELVE_BITS - centre + 0.5) / 200).clip(0, 1)
        np.testing.assert_allclose(frame, expected, atol=1e-6)
    assert list(picture.writers) == [".dcm", ".tif", ".tiff"]
    picture.write(1 - picture.frames, tmp_path / "out.dcm", MADE)
    again = read_dicom_picture(tmp_path / "out.dcm")
    inside = (picture.frames > 0.2) & (picture.frames < 0.8)
    assert inside.any()
    torch.testing.assert_close(again.frames[inside], 1 - picture.frames[inside], atol=0.011, rtol=0)
    with pytest.raises(UserError, match="2 images"):
        read_image(path)


@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL", "PALETTE COLOR"])
def test_a_colour_file_with_greys_only_is_read(tmp_path, kind):
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    header = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PhotometricInterpretation": kind}
    stored, expected = grey, grey / 255
    if kind == "PALETTE COLOR":
        for name in ("Red", "Green", "Blue"):
            header[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 8]
            ramp = bytes(range(255, -1, -1))
            header[f"{name}PaletteColorLookupTableData"] = ramp
        expected = 1 - expected
    else:
        flat = np.full_like(grey, 128)
        stored = np.stack([grey, *([grey, grey] if kind == "RGB" else [flat, flat])], -1)
        header |= {"SamplesPerPixel": 3, "PlanarConfiguration": 0}
    header |= {"Rows": 6, "Columns": 8, "NumberOfFrames": 1}

    picture = read_dicom_picture(write_dicom(tmp_path / "scan.dcm", stored, **header))

    np.testing.assert_allclose(picture.frames[0, 0], expected, atol=1e-6)
    assert list(picture.writers) == [".png", ".tif", ".tiff"] and "colour" in picture.notes[0]


def test_floating_point_pixels_need_a_window(tmp_path):
    values = np.linspace(-3, 5, 48, dtype=np.float32).reshape(6, 8)
    header = {"PixelData": None, "FloatPixelData": values.tobytes(), "BitsAllocated": 32}
    header |= {"BitsStored": None, "HighBit": None, "PixelRepresentation": None}
    window = {"WindowCenter": "1", "WindowWidth": "4", "VOILUTFunction": "LINEAR_EXACT"}

    picture = read_dicom_picture(write_dicom(tmp_path / "w.dcm", TWELVE_BITS, **header, **window))

    np.testing.assert_allclose(picture.frames[0, 0], ((values + 1) / 4).clip(0, 1), atol=1e-6)
    assert ".dcm" not in picture.writers and "32 bits" in picture.notes[0]
    with pytest.raises(UserError, match="no window that says"):
        read_image(write_dicom(tmp_path / "scan.dcm", TWELVE_BITS, **header))


# --- Reading: files -----------------------------------------------------------------------------


def test_it_is_recognised_without_its_suffix(tmp_path):
    path = write_dicom(tmp_path / "IM000001", TWELVE_BITS)

    assert read_image(path).shape == (1, 6, 8)


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("head", ["none", "no syntax"])
def test_a_file_without_head_or_syntax_is_read(tmp_path, implicit, head):
    data = new_dicom(TWELVE_BITS)
    path = tmp_path / "scan.dcm"
    if head == "none":
        plain = Dataset()
        plain.update(data)
        plain.save_as(path, implicit_vr=implicit, little_endian=True)
        assert path.read_bytes()[128:132] != b"DICM"
    else:
        del data.file_meta.TransferSyntaxUID
        data.preamble = bytes(128)
        pydicom.dcmwrite(path, data, implicit_vr=implicit, little_endian=True)

    picture = read_dicom_picture(path)

    assert looks_like_dicom(path.read_bytes()[:132])
    np.testing.assert_allclose(picture.frames[0, 0], UNIT_RAMP, atol=1e-6)
    assert "does not say how it is coded" in picture.notes[0]


def unsure(**header):
    return lambda path: write_dicom(path, TWELVE_BITS, **header)


def deflated(size: int, cut: int = 0):
    """A file of zeros, compressed as a whole; its last bytes may lack."""

    def write(path):
        data = new_dicom(TWELVE_BITS)
        data.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
        data.PixelData = bytes(size)
        data.save_as(path, enforce_file_format=True)
        path.write_bytes(path.read_bytes()[: -cut or None])

    return write


def no_image(**elements):
    return lambda path: write_dicom(path, None, **elements)


def cut_head(path: Path) -> None:
    write_dicom(path, TWELVE_BITS)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\x08\x00\x16\x00")])


BAD = {
    "text": (lambda path: path.write_text("no image" * 30), "is not a DICOM file"),
    "zeros": (lambda path: path.write_bytes(bytes(400)), "is not a DICOM file"),
    "report": (no_image(SOPClassUID=uid.BasicTextSRStorage), "without pixels (Basic Text SR"),
    "list": (no_image(DirectoryRecordSequence=[]), "is a DICOMDIR"),
    "pdf": (no_image(EncapsulatedDocument=b"%PDF"), "is a document without pixels"),
    "colour": (unsure(PhotometricInterpretation="RGB"), "is not a grey image (RGB)"),
    "no kind": (unsure(PhotometricInterpretation=None), "is not a grey image (no type)"),
    "slope 0": (unsure(RescaleSlope="0", RescaleIntercept="0"), "Rescale Slope of 0"),
    "two slopes": (
        unsure(RescaleSlope=["1", "2"], RescaleIntercept="0"),
        "several values as its RescaleSlope",
    ),
    "slope alone": (unsure(RescaleSlope="2"), "only one of Rescale Slope"),
    "width 0": (unsure(WindowCenter="100", WindowWidth="0"), "window that means nothing"),
    "width -100": (unsure(WindowCenter="100", WindowWidth="-100"), "window that means nothing"),
    "exact width 0": (
        unsure(WindowCenter="100", WindowWidth="0", VOILUTFunction="LINEAR_EXACT"),
        "window that means nothing",
    ),
    "half a window": (unsure(WindowWidth="100"), "centre missing"),
    "function": (unsure(**WINDOW, VOILUTFunction="CUBIC"), "window that means nothing (CUBIC"),
    "shape": (unsure(PresentationLUTShape="ODD"), "Presentation LUT Shape that is not known (ODD)"),
    "printed": (unsure(PresentationLUTSequence=table([0, 1])), "belongs to a print"),
    "no bits": (unsure(BitsStored=None), "has no BitsStored, which must lie between 1 and 16"),
    "0 bits": (unsure(BitsStored=0), "has 0 as its BitsStored"),
    "99 bits": (unsure(BitsStored=99), "has 99 as its BitsStored"),
    "17 of 16": (unsure(BitsStored=17), "has 17 as its BitsStored"),
    "12 allocated": (unsure(BitsAllocated=12), "12 BitsAllocated, which must be 1, 8, 16 or 32"),
    "high bit": (unsure(HighBit=7), "has 7 as its HighBit, which must lie between 11 and 15"),
    "no rows": (unsure(Rows=None), "has no Rows"),
    "0 columns": (unsure(Columns=0), "has 0 as its Columns"),
    "huge": (unsure(Rows=65535, Columns=65535), "1 x 65535 x 65535 pixels, more than"),
    "too short": (unsure(Rows=400), "holds 96 bytes of pixels"),
    "frames x": (None, "'x' as its NumberOfFrames"),
    "0 frames": (unsure(NumberOfFrames=0), "has 0 as its NumberOfFrames"),
    "uncounted frames": (
        lambda path: write_dicom(path, np.stack([TWELVE_BITS] * 2), NumberOfFrames=None),
        "has 1 as its NumberOfFrames and holds 2",
    ),
    "cut head": (cut_head, "is a damaged DICOM file (it ends early)"),
    "many frames": (unsure(NumberOfFrames=2000), "holds 96 bytes of pixels"),
    "sign": (unsure(PixelRepresentation=3), "has 3 as its PixelRepresentation"),
    "short table": (None, "lacks entries"),
    "wide table": (unsure(VOILUTSequence=table([0, 1], bits=40)), "table of 40 bits"),
    "tall table": (unsure(VOILUTSequence=table([0, 900], bits=8)), "table of 8 bits with 900"),
    "bomb": (deflated(2**27), "grows more than"),
    "cut": (deflated(96, cut=20), "end early"),
    "video": (None, "nothing here undoes (MPEG2"),
    "other size": (None, "8 x 6 pixels, and its compressed data have 6 x 8"),
    "missing frame": (None, "has 2 as its NumberOfFrames and holds 1"),
    "wrong high bit": (unsure(HighBit=15), "they seem to begin at bit 0"),
    "three samples": (
        lambda path: write_dicom(path, np.stack([TWELVE_BITS] * 3), SamplesPerPixel=3),
        "is not a grey image (MONOCHROME2 of 3 samples)",
    ),
    "syntax": (None, "is coded in a way that is not known (1.2.3)"),
    "broken stream": (None, "has damaged pixels (JPEG 2000"),
}


def bad(name: str, path: Path) -> None:
    """Those files that take more than another element."""
    data = new_dicom(TWELVE_BITS)
    if name == "frames x":
        data.save_as(path, enforce_file_format=True)
        data.NumberOfFrames = 12
        data.save_as(path, enforce_file_format=True)
        path.write_bytes(path.read_bytes().replace(b"IS\x02\x0012", b"IS\x02\x00x "))
    elif name == "short table":
        data.VOILUTSequence = table(range(100))
        data.VOILUTSequence[0].LUTDescriptor[0] = 3000
        data.save_as(path, enforce_file_format=True)
    elif name == "other size":
        data.compress(uid.JPEGLSLossless)
        data.Rows, data.Columns = data.Columns, data.Rows
        data.save_as(path, enforce_file_format=True)
    elif name == "missing frame":
        data = pydicom.dcmread(package_files()["data/JPEG-LL.dcm"])
        data.NumberOfFrames = 2
        data.save_as(path)
    elif name == "syntax":
        data.file_meta.TransferSyntaxUID = "1.2.3"
        pydicom.dcmwrite(path, data, implicit_vr=False, little_endian=True)
    else:
        syntax = uid.MPEG2MPML if name == "video" else uid.JPEG2000Lossless
        data.file_meta.TransferSyntaxUID = syntax
        data.PixelData = pydicom.encaps.encapsulate([bytes(100)])
        data.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless])
@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("said", [1, 2, 3, 4, None])
def test_compressed_frames_are_those_of_the_header(tmp_path, syntax, table, said):
    ramp = np.tile(TWELVE_BITS, (8, 8))
    ramps = np.stack([ramp, ramp[::-1], ramp[:, ::-1]])
    data = new_dicom(ramps)
    data.compress(syntax)
    streams = list(pydicom.encaps.generate_frames(data.PixelData, number_of_frames=3))
    data.PixelData = pydicom.encaps.encapsulate(streams, has_bot=table)
    data.NumberOfFrames = said
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.PhotometricInterpretation = "monochrome2"
        data.save_as(tmp_path / "scan.dcm", enforce_file_format=True)

    if said == 3:
        shown = read_dicom_picture(tmp_path / "scan.dcm").frames[:, 0]
        np.testing.assert_allclose(shown, ramps / 4095, atol=1e-6)
    else:
        with pytest.raises(UserError, match=f"has {said or 1} as its NumberOfFrames and holds 3"):
            read_dicom_picture(tmp_path / "scan.dcm")


def test_bits_are_those_of_the_file(tmp_path):
    path = write_dicom(tmp_path / "scan.dcm", TWELVE_BITS)

    with pytest.raises(UserError, match="scan.dcm is DICOM, which says its bits itself"):
        read_picture(path, bits=12)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_a_sentence(tmp_path, name):
    write, message = BAD[name]
    path = tmp_path / "scan.dcm"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (write or functools.partial(bad, name))(path)

    with pytest.raises(UserError) as caught:
        read_dicom_picture(path)

    said = str(caught.value)
    assert said.startswith(str(path)) and message in said and said.endswith(".")
    assert "\n" not in said and "pip" not in said


def test_a_bomb_takes_no_memory(tmp_path):
    import tracemalloc

    deflated(2**27)(tmp_path / "scan.dcm")
    tracemalloc.start()
    with pytest.raises(UserError):
        read_dicom_picture(tmp_path / "scan.dcm")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2**26


def test_any_damaged_file_is_read_or_refused_in_a_sentence(tmp_path):
    """Bytes of a file changed at random places: never another exception."""
    header = {"VOILUTSequence": table(range(16), bits=4), **WINDOW, "PixelPaddingValue": 0}
    whole = write_dicom(tmp_path / "scan.dcm", TWELVE_BITS, **header).read_bytes()
    draws = np.random.default_rng(0)
    refused = 0

    for _ in range(300):
        broken = bytearray(whole)
        for place in draws.integers(132, len(whole), draws.integers(1, 6)):
            broken[place] = draws.integers(256)
        end = draws.integers(200, 4 * len(whole))  # of one in four the end is cut off
        (tmp_path / "broken.dcm").write_bytes(broken[:end])
        try:
            read_dicom_picture(tmp_path / "broken.dcm")
        except UserError as error:
            refused += 1
            assert "broken.dcm" in str(error)

    assert 100 < refused < 300


@pytest.mark.parametrize("name", ["test_files/JPGExtended.dcm", "data/JPEG-LL.dcm"])
def test_compressed_pixels_that_are_cut_off_are_never_grey(tmp_path, name):
    """Which is what decoders of JPEG put in place of what is missing."""
    data = pydicom.dcmread(package_files()[name])
    stream = pydicom.encaps.get_frame(data.PixelData, 0, number_of_frames=1)
    for broken in (stream[: len(stream) // 2], stream[:200]):
        data.PixelData = pydicom.encaps.encapsulate([broken])
        data.save_as(tmp_path / "scan.dcm")

        with pytest.raises(UserError, match="scan.dcm has compressed pixels that end early"):
            read_dicom_picture(tmp_path / "scan.dcm")


@pytest.mark.parametrize(
    ("syntax", "package"),
    [
        (uid.JPEGLSLossless, "pyjpegls"),
        (uid.JPEG2000Lossless, "pylibjpeg pylibjpeg-openjpeg"),
        (uid.HTJ2KLossless, "pylibjpeg pylibjpeg-openjpeg"),
        (uid.JPEGLosslessSV1, "imagecodecs"),
        (uid.JPEGExtended12Bit, "imagecodecs"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_missing_decoder_is_named(tmp_path, monkeypatch, syntax, package):
    from pydicom.pixels.decoders.base import Decoder

    data = new_dicom(TWELVE_BITS)
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = pydicom.encaps.encapsulate([bytes(100)])
    data.save_as(tmp_path / "scan.dcm", enforce_file_format=True)
    monkeypatch.setattr(Decoder, "is_available", property(lambda self: False))
    monkeypatch.setattr(dicom_pixels, "find_spec", lambda name: None)

    with pytest.raises(ModuleNotFoundError) as caught:
        read_dicom_picture(tmp_path / "scan.dcm")

    assert str(caught.value).endswith(f"pip install {package}")
    assert "scan.dcm is compressed" in str(caught.value)


def test_pydicom_is_named_where_it_is_missing_or_old(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda package: "2.4.4")
    with pytest.raises(ModuleNotFoundError, match="2.4.4 is installed: pip install --upgrade"):
        read_dicom_picture("scan.dcm")

    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ModuleNotFoundError, match='needs pydicom: pip install "pydicom>=3"'):
        read_dicom_picture("scan.dcm")


# --- The files that pydicom is tested with ------------------------------------------------------


@functools.cache
def package_files() -> dict[str, Path]:
    data_store = pytest.importorskip("data_store")
    roots = Path(pydicom.__file__).parent / "data", Path(data_store.__file__).parent
    return {
        path.relative_to(root).as_posix(): path
        for root in roots
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix not in (".py", ".pyc", ".json", ".txt", ".md")
    }


def by_pydicom(path: Path) -> np.ndarray:
    """Frames by pydicom's own functions, the ends of each transform at 0 and 1."""
    data = pydicom.dcmread(path, force=True)
    stored = data.pixel_array
    padded = stored == data.get("PixelPaddingValue", np.nan)
    for group in data.get("SharedFunctionalGroupsSequence", []):
        for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
            data.update(group.get(name, [{}])[0])
    values = apply_voi_lut(apply_modality_lut(stored, data), data).astype(np.float64)
    low = -(2 ** (data.BitsStored - 1)) * data.PixelRepresentation
    ends = np.float64([low, low + 2**data.BitsStored - 1])
    if "VOILUTSequence" in data or "ModalityLUTSequence" in data:
        tables = data.get("VOILUTSequence") or data.ModalityLUTSequence
        ends = np.float64([0, 2 ** tables[0].LUTDescriptor[2] - 1])
    elif "RescaleSlope" in data:
        ends = ends * float(data.RescaleSlope) + float(data.RescaleIntercept)
    unit = ((values - ends[0]) / (ends[1] - ends[0])).clip(0, 1)
    unit = 1 - unit if data.PhotometricInterpretation == "MONOCHROME1" else unit
    return np.where(padded, 0, unit).reshape(-1, data.Rows, data.Columns)


def test_the_files_of_pydicom_are_read_as_pydicom_reads_them_and_come_back(tmp_path):
    """Value by value; those that hold no grey image are refused in a sentence that names them."""
    right, refused, written = [], {}, 0
    for name, path in package_files().items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                picture = read_dicom_picture(path)
            except UserError as error:
                assert path.name in str(error) and str(error).endswith(".")
                refused[name] = str(error)
                continue
            if "JPEG-lossy" not in name and "JPGExtended" not in name:  # pydicom cannot
                expected = by_pydicom(path)
                np.testing.assert_allclose(picture.frames[:, 0], expected, atol=1e-6, err_msg=name)
            right.append(name)
            if ".dcm" not in picture.writers or picture.frames.numel() > 2**20:
                continue
            picture.write(picture.frames, tmp_path / "out.dcm", MADE)
            again = read_dicom_picture(tmp_path / "out.dcm")
            assert torch.equal(again.frames, picture.frames), name
            written += 1

    assert len(right) >= 100 and written >= 80
    images = {name for name, said in refused.items() if "its compressed data have" in said}
    assert images == {"test_files/JPEG2000-embedded-sequence-delimiter.dcm"}
    told = (
        "not a DICOM file",
        "without pixels",
        "not a grey image",
        "is a DICOMDIR",
        "compressed data",
    )
    others = {name for name, said in refused.items() if not any(word in said for word in told)}
    assert {name.rsplit("/")[-1] for name in others} == {
        "MR_truncated.dcm",
        "badVR.dcm",
        "emri_small_jpeg_2k_lossless_too_short.dcm",
        "meta_missing_tsyntax.dcm",
        "nested_priv_SQ.dcm",
    }


def test_jpeg_of_twelve_bits_is_near_its_lossless_copy():
    """No decoder of pydicom's undoes it; another file has the same scan without loss."""
    files = package_files()
    values = [
        read_dicom_picture(files[name]).frames[0, 0].double().numpy() * top - low
        for name, top, low in (
            ("test_files/JPGExtended.dcm", 4095, 0),
            ("data/JPEG-LL.dcm", 65535, 32768),
        )
    ]

    assert (
        abs(values[0] - values[1]).mean() < 3 and np.corrcoef(*map(np.ravel, values))[0, 1] > 0.98
    )


# --- Writing ------------------------------------------------------------------------------------

SOURCE = {
    "PatientName": "Doe^Jane",
    "StudyInstanceUID": "1.2.3.4",
    "SeriesInstanceUID": "1.2.3.4.5",
    "SeriesDescription": "PA",
    "SeriesNumber": 7,
    "ImageType": ["ORIGINAL", "PRIMARY", "POST_PROCESSED"],
    "PixelSpacing": [0.2, 0.1],
    "ImagerPixelSpacing": [0.2, 0.1],
    "PatientOrientation": ["L", "F"],
    "BurnedInAnnotation": "NO",
    "Manufacturer": "Maker",
    "IconImageSequence": [Dataset()],
    "DerivationDescription": "Cut to size.",
    "LargestImagePixelValue": 4095,
    "SmallestImagePixelValue": 0,
}


def test_the_derived_image_says_what_it_is_and_keeps_the_rest(tmp_path):
    path = write_dicom(tmp_path / "scan.dcm", TWELVE_BITS, **SOURCE, **WINDOW)
    before = path.read_bytes()
    source = pydicom.dcmread(path)
    picture = read_dicom_picture(path)

    picture.write(picture.frames, tmp_path / "out.dcm", MADE)
    picture.write(picture.frames, tmp_path / "other.dcm", MADE)

    assert path.read_bytes() == before
    out, other = pydicom.dcmread(tmp_path / "out.dcm"), pydicom.dcmread(tmp_path / "other.dcm")
    assert len({source.SOPInstanceUID, out.SOPInstanceUID, other.SOPInstanceUID}) == 3
    assert out.file_meta.MediaStorageSOPInstanceUID == out.SOPInstanceUID
    assert out.file_meta.MediaStorageSOPClassUID == out.SOPClassUID == source.SOPClassUID
    assert out.file_meta.TransferSyntaxUID == uid.ExplicitVRLittleEndian
    assert out.SeriesInstanceUID == other.SeriesInstanceUID != source.SeriesInstanceUID
    assert out.ImageType == ["DERIVED", "SECONDARY", "POST_PROCESSED"]
    assert out.DerivationDescription == f"Cut to size. {MADE.sentence}"
    assert "strength 0.8" in MADE.sentence and MADE.weights[:16] in MADE.sentence
    assert out.DerivationCodeSequence[-1].CodeMeaning == "Smoothing"
    assert out.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert out.SourceImageSequence[0].ReferencedSOPClassUID == source.SOPClassUID
    assert out.SeriesDescription == "PA denoised (dncnn-b-nih)" and out.SeriesNumber is None
    equipment = out.ContributingEquipmentSequence[0]
    assert (equipment.Manufacturer, equipment.SoftwareVersions) == ("denoise_lib", "0.4.0")
    assert out.InstanceCreationDate == out.ContentDate and len(out.ContentDate) == 8
    assert "IconImageSequence" not in out
    assert (out.SmallestImagePixelValue, out.LargestImagePixelValue) == (0, 4095)
    for keyword in (
        *("PatientName", "StudyInstanceUID", "PixelSpacing", "ImagerPixelSpacing", "Manufacturer"),
        *("PatientOrientation", "BurnedInAnnotation", "WindowCenter", "WindowWidth", "Rows"),
        *("Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
        *("PhotometricInterpretation", "SamplesPerPixel", "PixelData"),
    ):
        assert out[keyword] == source[keyword], keyword
    assert "VOILUTFunction" not in out


@pytest.mark.parametrize(
    ("stored", "header", "step"),
    [
        (TWELVE_BITS, {}, 1 / 4095),
        (TWELVE_BITS, {"PhotometricInterpretation": "MONOCHROME1"}, 1 / 4095),
        (TWELVE_BITS.astype(np.int16) - 2048, {"PixelRepresentation": 1}, 1 / 4095),
        (TWELVE_BITS, {"WindowCenter": "2048", "WindowWidth": "3001"}, 1 / 3000),
        (TWELVE_BITS, {"RescaleSlope": "-2", "RescaleIntercept": "9"}, 1 / 4095),
        ((TWELVE_BITS << 4) | 5, {"HighBit": 15}, 1 / 4095),
        (TWELVE_BITS | 0x5000, {}, 1 / 4095),
    ],
)
def test_a_change_comes_back_within_half_a_step(tmp_path, stored, header, step):
    path = write_dicom(tmp_path / "scan.dcm", stored, **header)
    picture = read_dicom_picture(path)
    changed = (picture.frames * 0.9 + 0.05).clone()

    picture.write(changed, tmp_path / "out.dcm", MADE)

    again = read_dicom_picture(tmp_path / "out.dcm")
    inside = (picture.frames > 0) & (picture.frames < 1)
    error = (again.frames - changed)[inside].abs().max()
    assert error <= step / 2 + 1e-6
    words = pydicom.dcmread(path).PixelData, pydicom.dcmread(tmp_path / "out.dcm").PixelData
    old, new = (np.frombuffer(data, np.uint16) for data in words)
    mask = 0xF000 if header.get("HighBit") != 15 else 0x000F
    if "PixelRepresentation" not in header:
        np.testing.assert_array_equal(old & mask, new & mask)
    assert (old != new).any()


def test_what_the_window_clips_keeps_its_distance(tmp_path):
    stored = np.uint16([[0, 1000, 1500, 2000, 2500, 3000, 4095]])
    window = {"WindowCenter": "2000.5", "WindowWidth": "1001"}
    picture = read_dicom_picture(write_dicom(tmp_path / "scan.dcm", stored, **window))
    assert picture.frames[0, 0, 0].tolist() == [0, 0, 0, 0.5, 1, 1, 1]
    changed = picture.frames.clone()
    changed[0, 0, 0] = torch.tensor([0.1, 0, 0.1, 0.6, 0.9, 0.9, 1])

    picture.write(changed, tmp_path / "out.dcm", MADE)

    written = pydicom.dcmread(tmp_path / "out.dcm").pixel_array
    assert written.tolist() == [[100, 1000, 1600, 2100, 2400, 2900, 4095]]


def test_padding_stays_and_nothing_becomes_padding(tmp_path):
    stored = np.uint16([[0, 5, 6, 7, 2000, 4095]])
    header = {"PixelPaddingValue": 5, "PixelPaddingRangeLimit": 6}
    picture = read_dicom_picture(write_dicom(tmp_path / "scan.dcm", stored, **header))
    assert "2 pixels of padding" in picture.notes[0]
    changed = torch.full_like(picture.frames, 5 / 4095)

    picture.write(changed, tmp_path / "out.dcm", MADE)

    written = pydicom.dcmread(tmp_path / "out.dcm")
    assert written.pixel_array.tolist() == [[4, 5, 6, 7, 7, 7]]
    assert (written.SmallestImagePixelValue, written.LargestImagePixelValue) == (4, 7)


def measures(height: float, width: float) -> list[Dataset]:
    group, item = Dataset(), Dataset()
    item.PixelSpacing = [height, width]
    group.PixelMeasuresSequence = [item]
    return [group]


@pytest.mark.parametrize("place", ["SharedFunctionalGroupsSequence", "per frame", "two sizes"])
def test_the_spacing_of_an_enhanced_file_reaches_a_tiff(tmp_path, place):
    stored = np.stack([TWELVE_BITS] * 2)
    groups = {place: measures(0.5, 0.25)}
    if place[0] != "S":
        second = measures(0.5, 0.25 if place == "per frame" else 0.5)
        groups = {"PerFrameFunctionalGroupsSequence": measures(0.5, 0.25) + second}
    picture = read_dicom_picture(write_dicom(tmp_path / "scan.dcm", stored, **groups))

    picture.write(picture.frames, tmp_path / "out.tif", MADE)

    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        across, down = (file.pages[1].tags.valueof(code, default=None) for code in (282, 283))
    if place == "two sizes":
        assert (across, down) in ((None, None), ((1, 1), (1, 1)))
    else:
        assert across[0] / across[1] == pytest.approx(25.4 / 0.25)
        assert down[0] / down[1] == pytest.approx(25.4 / 0.5)


def test_what_another_file_does_not_say_is_noted(tmp_path):
    oblong = write_dicom(tmp_path / "a.dcm", TWELVE_BITS, PixelAspectRatio=["1", "2"])
    square = write_dicom(tmp_path / "b.dcm", TWELVE_BITS, PixelAspectRatio=["1", "1"])
    both = {"ModalityLUTSequence": table(range(4096), bits=12), "RescaleSlope": "2"}
    sloped = write_dicom(tmp_path / "c.dcm", TWELVE_BITS, **both, RescaleIntercept="0")

    assert "pixels that are not square" in read_dicom_picture(oblong).notes[0]
    assert read_dicom_picture(square).notes == ()
    assert "Rescale Slope beside its modality table" in read_dicom_picture(sloped).notes[0]


def test_the_file_without_a_window_gets_that_which_shows_it_alike(tmp_path):
    header = {"RescaleSlope": "2", "RescaleIntercept": "-1000"}
    picture = read_dicom_picture(write_dicom(tmp_path / "scan.dcm", TWELVE_BITS, **header))

    picture.write(picture.frames, tmp_path / "out.dcm", MADE)

    out = pydicom.dcmread(tmp_path / "out.dcm")
    shown = apply_voi_lut(apply_modality_lut(out.pixel_array, out), out)
    np.testing.assert_allclose(shown, 2.0 * TWELVE_BITS - 1000)
    assert (out.WindowCenter, out.WindowWidth) == (3095.5, 8191)
    assert torch.equal(read_dicom_picture(tmp_path / "out.dcm").frames, picture.frames)


@pytest.mark.parametrize(
    "header",
    [
        {"VOILUTSequence": table([0, 9, 4], first=2000, bits=4)},
        {"VOILUTSequence": table([7] * 4096, bits=3)},
        {"WindowCenter": "9000", "WindowWidth": "10"},
    ],
    ids=["up and down", "flat", "beside"],
)
def test_what_cannot_be_undone_is_offered_as_png(tmp_path, header):
    path = write_dicom(tmp_path / "scan.dcm", TWELVE_BITS, **header)

    picture = read_dicom_picture(path)

    assert picture.suffix == ".png" and "cannot be undone" in picture.notes[-1]
    with pytest.raises(UserError, match=r"out.dcm cannot hold scan.dcm .* \.png or \.tif"):
        picture.check_target(tmp_path / "out.dcm")


def test_a_lossy_source_stays_one(tmp_path):
    """In a file of another maker, whose header does not say it."""
    path = package_files()["test_files/JPEGLSNearLossless_16.dcm"]
    picture = read_dicom_picture(path)

    picture.write(picture.frames, tmp_path / "out.dcm", MADE)

    out = pydicom.dcmread(tmp_path / "out.dcm")
    assert out.LossyImageCompression == "01" and out.LossyImageCompressionMethod == "ISO_14495_1"
    assert "compressed with loss" in picture.notes[-1]
    np.testing.assert_array_equal(out.pixel_array, pydicom.dcmread(path).pixel_array)


def test_pictures_of_what_is_shown(tmp_path):
    spacing = {"PixelSpacing": [0.2, 0.1]}
    one = read_dicom_picture(write_dicom(tmp_path / "one.dcm", TWELVE_BITS, **WINDOW, **spacing))
    two = read_dicom_picture(
        write_dicom(tmp_path / "two.dcm", np.stack([TWELVE_BITS, TWELVE_BITS[::-1]]))
    )

    one.write(one.frames, tmp_path / "one.png", MADE)
    two.write(two.frames, tmp_path / "two.tif", MADE)

    with Image.open(tmp_path / "one.png") as png:
        np.testing.assert_array_equal(np.asarray(png), (65535 * WINDOWED).round())
        assert png.info["dpi"] == pytest.approx((254, 127), rel=1e-3)
        assert png.info["Description"] == MADE.sentence
    with tifffile.TiffFile(tmp_path / "two.tif") as tiff:
        pages = [page.asarray() for page in tiff.pages]
        assert len(pages) == 2 and pages[0].dtype == np.uint16
        np.testing.assert_array_equal(pages[1], (65535 * UNIT_RAMP[::-1]).round())
        assert tiff.pages[0].description == MADE.sentence
    with pytest.raises(UserError, match="two.png cannot hold"):
        two.check_target(tmp_path / "two.png")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_grey_file_is_read_right_and_written_back(tmp_path, data):
    """Over bits, signs, slopes, windows and kinds: pydicom's values, and the same words again."""
    bits = data.draw(st.integers(2, 16), "bits")
    signed = data.draw(st.booleans(), "signed")
    low = -(2 ** (bits - 1)) if signed else 0
    values = st.integers(low, low + 2**bits - 1)
    drawn = data.draw(st.lists(values, min_size=12, max_size=12), "values")
    stored = np.array(drawn).reshape(3, 4).astype(np.int16 if signed else np.uint16)
    header = {
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(signed),
        "PhotometricInterpretation": data.draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2"])),
    }
    if data.draw(st.booleans(), "rescaled"):
        header["RescaleSlope"] = data.draw(st.sampled_from(["1", "-1", "0.5", "3", "-2.25"]))
        header["RescaleIntercept"] = data.draw(st.sampled_from(["0", "-1024", "12.5"]))
    if data.draw(st.booleans(), "windowed"):
        header["WindowCenter"] = str(data.draw(st.integers(-500, 3000)))
        header["WindowWidth"] = str(data.draw(st.integers(2, 5000)))
        functions = ["LINEAR", "LINEAR_EXACT", "SIGMOID"]
        header["VOILUTFunction"] = data.draw(st.sampled_from(functions))
    path = write_dicom(tmp_path / "scan.dcm", stored, **header)
    falling = float(header.get("RescaleSlope", 1)) < 0 and "WindowCenter" not in header

    picture = read_dicom_picture(path)

    expected = by_pydicom(path)
    expected = 1 - expected if falling else expected  # the smaller end is black without a window
    np.testing.assert_allclose(picture.frames[:, 0], expected, atol=1e-6)
    if ".dcm" in picture.writers:
        picture.write(picture.frames, tmp_path / "out.dcm", MADE)
        out = pydicom.dcmread(tmp_path / "out.dcm")
        np.testing.assert_array_equal(out.pixel_array, stored)
        assert torch.equal(read_dicom_picture(tmp_path / "out.dcm").frames, picture.frames)
