"""The stored pixel values of a DICOM file: decoded, in their bits, frame by frame."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from itertools import islice
from typing import Any

import numpy as np

from denoise_lib.checks import UserError
from denoise_lib.formats.dicom_file import Header, one_line

# Pixels in all frames together, before memory is taken for them: 16 images of 4096 x 4096.
MOST_PIXELS = 2**28
RLE = "1.2.840.10008.1.2.5"
# How the data of a frame begin: JPEG and JPEG-LS, JPEG 2000, and that within a file of its own.
STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")
# JPEG of 12 bits, and lossless JPEG: of pydicom's free decoders none undoes the first, and the
# second is undone by GDCM alone, which ends the whole process when the data are damaged.
DEEP_JPEG = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (51, 57, 70))
# pydicom's decoders, the sturdy ones first.
PLUGINS = ("pydicom", "pyjpegls", "pylibjpeg", "pillow", "gdcm")
FLOATS = {"FloatPixelData": np.float32, "DoubleFloatPixelData": np.float64}
# What undoes a compression, by name of its transfer syntax, and what `pip` calls it.
DECODERS = (
    ("JPEG-LS", "pyjpegls"),
    ("JPEG 2000", "pylibjpeg pylibjpeg-openjpeg"),
    ("JPEG", "imagecodecs"),
)


@dataclass(frozen=True)
class Layout:
    """How a file says that its pixels are stored.

    Attributes
    ----------
    rows, columns, frames, samples : int
        Size; samples of each pixel, 3 for colour.
    allocated, bits, shift : int
        Bits that each value takes, bits that mean something, and those below them.
    signed : bool
        Whether values may be negative.
    floating : str
        Name of the element with floating-point pixels; empty for integers.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    allocated: int
    bits: int
    shift: int
    signed: bool
    floating: str = ""

    @property
    def low(self) -> int:
        """The smallest value that can be stored."""
        return -(2 ** (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The largest value that can be stored."""
        return self.low + 2**self.bits - 1

    def values(self, words: np.ndarray) -> np.ndarray:
        """The values in stored words; bits beside them, as of overlays, are left out.

        Parameters
        ----------
        words : numpy.ndarray
            Unsigned integers.

        Returns
        -------
        numpy.ndarray
            int32, or int64 for 32 bits; floating-point words as they are.
        """
        if self.floating:
            return words
        wide = np.int32 if self.bits < 32 else np.int64
        bare = ((words >> self.shift) & (2**self.bits - 1)).astype(wide)
        return np.where(bare > self.high, bare - 2**self.bits, bare) if self.signed else bare

    def words(self, values: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Stored words with other values in them; their other bits stay.

        Parameters
        ----------
        values : numpy.ndarray
            Integers from `low` to `high`.
        words : numpy.ndarray
            Unsigned integers.

        Returns
        -------
        numpy.ndarray
            The type of `words`.
        """
        mask = (2**self.bits - 1) << self.shift
        new = (values.astype(np.int64) << self.shift) & mask
        return ((words & (~mask & (2**self.allocated - 1))) | new.astype(words.dtype)).astype(
            words.dtype
        )


@dataclass(frozen=True)
class Stored:
    """The pixels of a file.

    Attributes
    ----------
    layout : Layout
        How they are stored.
    words : numpy.ndarray
        (frames, rows, columns), unsigned integers or floating point.
    """

    layout: Layout
    words: np.ndarray

    @property
    def has_more_bits(self) -> bool:
        """Whether bits are set beside those of the values, and not by their sign."""
        layout = self.layout
        if layout.floating:
            return False
        mask = self.words.dtype.type((2**layout.bits - 1) << layout.shift)
        for frame in self.words:
            alone = (layout.values(frame).astype(np.int64) << layout.shift).astype(frame.dtype)
            if ((frame != alone) & (frame != alone & mask)).any():
                return True
        return False

    def frame(self, index: int) -> np.ndarray:
        """The values of a frame.

        Parameters
        ----------
        index : int
            Of the frame, from 0.

        Returns
        -------
        numpy.ndarray
            (rows, columns).
        """
        return self.layout.values(self.words[index])


def read_layout(header: Header) -> Layout:
    """Look at what a file says of its pixels before anything is decoded.

    Parameters
    ----------
    header : Header
        All elements of the file.

    Returns
    -------
    Layout

    Raises
    ------
    ValueError
        When there are no pixels, or what is said cannot be.
    """
    _check_pixels(header)
    floating = next((name for name in FLOATS if name in header.elements), "")
    frames = header.integer("NumberOfFrames", 1, 2**31, absent=1)
    rows, columns = (header.integer(name, 1, 65535) for name in ("Rows", "Columns"))
    samples = header.integer("SamplesPerPixel", 1, 4, absent=1)
    if frames * rows * columns * samples > MOST_PIXELS:
        raise header.refuse(
            f"says that it has {frames} x {rows} x {columns} pixels, more than {MOST_PIXELS:,}",
            "cut it into smaller files, or export it again if that is wrong",
        )
    if floating:
        bits = 8 * FLOATS[floating]().itemsize
        return Layout(rows, columns, frames, samples, bits, bits, 0, True, floating)
    allocated = header.integer("BitsAllocated", 1, 32)
    if allocated not in (1, 8, 16, 32):
        raise header.refuse(f"has {allocated} BitsAllocated, which must be 1, 8, 16 or 32")
    bits = header.integer("BitsStored", 1, allocated)
    top = header.integer("HighBit", bits - 1, allocated - 1, absent=bits - 1)
    signed = header.integer("PixelRepresentation", 0, 1) == 1
    return Layout(rows, columns, frames, samples, allocated, bits, top + 1 - bits, signed)


def _check_pixels(header: Header) -> None:
    found = [name for name in ("PixelData", *FLOATS) if name in header.elements]
    if any(header.get(name) for name in found):
        return
    kind = getattr(header.get("SOPClassUID"), "name", "")
    if "DirectoryRecordSequence" in header.elements:
        raise header.refuse("is a DICOMDIR, a list of other files", "name those or their folder")
    if "EncapsulatedDocument" in header.elements:
        raise header.refuse(f"is a document without pixels ({kind})", "leave it out")
    raise header.refuse(f"is a DICOM file without pixels ({kind or 'a report?'})", "leave it out")


def decode(header: Header, layout: Layout, frame: int | None = None) -> Stored:
    """Decode the pixels of all frames, or of one.

    Parameters
    ----------
    header : Header
        All elements of the file.
    layout : Layout
        How it says that they are stored.
    frame : int, optional
        Only this one, from 0.

    Returns
    -------
    Stored

    Raises
    ------
    ModuleNotFoundError
        When a decoder is missing.
    ValueError
        When the pixels are damaged or too few, or their compression is not known.
    """
    elements: Any = header.elements
    syntax = elements.file_meta.TransferSyntaxUID
    name = syntax.name
    try:
        packed = syntax.is_encapsulated
    except ValueError:  # pydicom's word for one that it does not know
        raise header.refuse(f"is coded in a way that is not known ({syntax})") from None
    if not packed:
        _check_length(header, layout)
    elif layout.shift and syntax != RLE:
        raise header.refuse("is compressed, and its HighBit is not that of its values")
    elements.SamplesPerPixel = layout.samples
    # In capitals: decoders know no other.
    elements.PhotometricInterpretation = header.word("PhotometricInterpretation")
    if layout.floating or layout.allocated == 1:
        elements.setdefault("PixelRepresentation", 0)
    try:
        if packed and not frame:  # all of them, once
            _check_number(header, layout)
            _check_streams(header, layout)
        decoded = _decoded(header, layout, frame).reshape(
            layout.frames if frame is None else 1,
            layout.rows,
            layout.columns,
            *([] if layout.samples == 1 else [layout.samples]),
        )
    except (UserError, ModuleNotFoundError):
        raise
    except Exception as error:  # each decoder raises its own types
        raise header.refuse(
            f"has damaged pixels ({name}: {one_line(error)[:200]})", "copy it again or leave it out"
        ) from error
    words = decoded.astype(decoded.dtype.newbyteorder("="), copy=False)
    words = words if layout.floating else words.view(f"u{words.itemsize}")
    below = 2**layout.shift - 1
    if layout.shift and (words & below).any() and not (words >> layout.bits).any():
        raise header.refuse(
            f"says that its values begin at bit {layout.shift}, and they seem to begin at bit 0",
            "correct its HighBit",
        )
    return Stored(layout, words)


def _decoded(header: Header, layout: Layout, frame: int | None) -> np.ndarray:
    """The pixels of all frames or one, in whatever shape; plain ones keep all their bits."""
    elements: Any = header.elements
    syntax = elements.file_meta.TransferSyntaxUID
    if syntax in DEEP_JPEG and layout.samples == 1 and find_spec("imagecodecs"):
        return _deep_jpeg(header, layout)
    decoder = _decoder(header, syntax)
    plain = not syntax.is_encapsulated or syntax == RLE
    plugin = next((name for name in PLUGINS if name in decoder.available_plugins), "")
    decoded, _ = decoder.as_array(
        elements,
        decoding_plugin=plugin,
        index=frame,
        raw=layout.samples == 1,
        correct_unused_bits=not plain,
        allow_excess_frames=False,
    )
    return decoded


def _deep_jpeg(header: Header, layout: Layout) -> np.ndarray:
    from imagecodecs import jpeg_decode

    decoded = [jpeg_decode(stream) for stream in _streams(header, layout)]
    # Of an `allocated` that is too narrow the values would wrap.
    return np.stack(decoded).astype(f"u{layout.allocated // 8}", casting="safe")


def _streams(header: Header, layout: Layout) -> Iterator[bytes]:
    """The compressed data of each frame."""
    from pydicom.encaps import generate_frames

    data: Any = header.elements["PixelData"].value
    return islice(generate_frames(data, number_of_frames=layout.frames), layout.frames)


def _check_number(header: Header, layout: Layout) -> None:
    """Refuse more or fewer compressed frames than the header says: no decoder gives the others.

    Run lengths have one fragment for each frame; others may have several.
    """
    from pydicom.encaps import generate_fragments, parse_basic_offsets

    elements: Any = header.elements
    data = BytesIO(elements["PixelData"].value)
    listed = len(parse_basic_offsets(data))
    run_lengths = elements.file_meta.TransferSyntaxUID == RLE
    begun = sum(
        bool(fragment) if run_lengths and not listed else fragment.startswith(STARTS)
        for fragment in generate_fragments(data)
    )
    held = max(listed, begun)
    if held and held != layout.frames:
        raise _miscounted(header, held, layout)


def _miscounted(header: Header, held: int, layout: Layout) -> UserError:
    return header.refuse(
        f"has {layout.frames} as its NumberOfFrames and holds {held}",
        "correct that number or copy the file again",
    )


def _check_streams(header: Header, layout: Layout) -> None:
    """Refuse frames that are cut off or have another size than the header's.

    Decoders fill the one up with grey, and put the rows of the other elsewhere.
    """
    for stream in _streams(header, layout):
        size = _stream_size(stream)
        if size is None:
            continue
        if b"\xff\xd9" not in stream[-16:]:  # the last marker of all kinds of JPEG
            raise header.refuse("has compressed pixels that end early", "copy it again")
        if size != (layout.rows, layout.columns):
            raise header.refuse(
                f"says that it has {layout.rows} x {layout.columns} pixels, and its compressed "
                f"data have {size[0]} x {size[1]}"
            )


def _stream_size(stream: bytes) -> tuple[int, int] | None:
    """Height and width that JPEG, JPEG-LS or JPEG 2000 data tell; None for others."""
    start = stream.find(b"\xff\x4f\xff\x51", 0, 256)  # JPEG 2000, bare or within a file
    if start >= 0:
        right, bottom, left, top = struct.unpack_from(">4I", stream, start + 8)
        return bottom - top, right - left
    place = 2 if stream[:2] == b"\xff\xd8" else len(stream)
    while place + 9 <= len(stream):
        marker, length = struct.unpack_from(">xBH", stream, place)
        # A frame's head; among the numbers of its kind are those of tables and extensions.
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            return struct.unpack_from(">HH", stream, place + 5)
        place += 1 if marker == 0xFF else 2 + length
    return None


def _check_length(header: Header, layout: Layout) -> None:
    """Refuse fewer or more frames than the header says; a rest, as of padding, does no harm."""
    element = header.elements[layout.floating or "PixelData"]
    if getattr(element, "is_undefined_length", False):
        raise header.refuse("has compressed pixels and does not say how they are compressed")
    number = layout.frames * layout.rows * layout.columns * layout.samples
    if header.word("PhotometricInterpretation") == "YBR_FULL_422":
        number = number * 2 // 3
    wanted, held = (number * layout.allocated + 7) // 8, len(element.value or b"")
    if held < wanted:
        raise header.refuse(
            f"holds {held} bytes of pixels, and its {layout.frames} x {layout.rows} x "
            f"{layout.columns} pixels need {wanted}",
            "it was cut off or its header is wrong, so copy it again",
        )
    if (whole := held * layout.frames // wanted) > layout.frames:
        raise _miscounted(header, whole, layout)


def _decoder(header: Header, syntax: Any) -> Any:
    from pydicom.pixels.decoders.base import get_decoder

    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise header.refuse(
            f"is compressed in a way that nothing here undoes ({syntax.name})",
            "save it uncompressed",
        ) from None
    if decoder.is_available:
        return decoder
    package = next(package for name, package in DECODERS if name in syntax.name)
    raise ModuleNotFoundError(f"{header.path} is compressed ({syntax.name}): pip install {package}")
