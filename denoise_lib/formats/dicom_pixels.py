"""The stored pixel values of a DICOM file: decoded, in their bits, frame by frame."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from denoise_lib.checks import UserError
from denoise_lib.formats.dicom_file import Header

# Pixels in all frames together, before memory is taken for them: 16 images of 4096 x 4096.
MOST_PIXELS = 2**28
RLE, JPEG_EXTENDED = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.51"
FLOATS = {"FloatPixelData": np.float32, "DoubleFloatPixelData": np.float64}
# What undoes a compression, by name of its transfer syntax, and what `pip` calls it.
DECODERS = (
    ("JPEG-LS", "pyjpegls"),
    ("JPEG 2000", "pylibjpeg pylibjpeg-openjpeg"),
    ("JPEG", "python-gdcm"),
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
    if any(name in header.elements for name in ("PixelData", *FLOATS)):
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
    if layout.floating or layout.allocated == 1:
        elements.setdefault("PixelRepresentation", 0)
    try:
        if packed:
            _check_streams(header, layout)
        decoded = _decoded(header, layout, frame)
    except (UserError, ModuleNotFoundError):
        raise
    except Exception as error:  # each decoder raises its own types
        reason = re.sub(r"\s+", " ", str(error)).rstrip(".: ")[:200]
        raise header.refuse(
            f"has damaged pixels ({name}: {reason})", "copy it again or leave it out"
        ) from error
    frames = layout.frames if frame is None else 1
    size = (frames, layout.rows, layout.columns)
    decoded = decoded.reshape(size if layout.samples == 1 else (*size, layout.samples))
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
    if syntax == JPEG_EXTENDED:
        return _extended(header, layout)
    plain = not syntax.is_encapsulated or syntax == RLE
    decoded, _ = _decoder(header, syntax).as_array(
        elements,
        index=frame,
        raw=layout.samples == 1,
        correct_unused_bits=not plain,
        allow_excess_frames=False,
    )
    return decoded


def _extended(header: Header, layout: Layout) -> np.ndarray:
    """JPEG of 12 bits, which none of pydicom's free decoders undoes."""
    try:
        from imagecodecs import jpeg_decode
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{header.path} is compressed (JPEG Extended): pip install imagecodecs"
        ) from None
    decoded = [jpeg_decode(stream) for stream in _streams(header, layout)]
    return np.stack(decoded).astype(f"u{layout.allocated // 8}", casting="same_kind")


def _streams(header: Header, layout: Layout) -> Iterator[bytes]:
    """The compressed data of each frame."""
    from pydicom.encaps import generate_frames

    data: Any = header.elements["PixelData"].value
    return islice(generate_frames(data, number_of_frames=layout.frames), layout.frames)


def _check_streams(header: Header, layout: Layout) -> None:
    """Refuse frames of another size than the header's: decoders would put the rows elsewhere."""
    for stream in _streams(header, layout):
        size = _stream_size(stream)
        if size is not None and size != (layout.rows, layout.columns):
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
    """Refuse pixels that are fewer than the header says; more, as of padding, do no harm."""
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
