"""From the stored values of a DICOM file to those it asks to show, and back.

PS3.3, C.11: the modality transform, then that of the values of interest, then the presentation.
"""

from __future__ import annotations

from collections.abc import Callable, MutableSequence
from dataclasses import dataclass

import numpy as np

from denoise_lib.formats.dicom_file import Header
from denoise_lib.formats.dicom_pixels import Layout

Transform = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Range:
    """The ends between which values can lie; the first is shown black without a window."""

    dark: float
    bright: float

    def unit(self, values: np.ndarray) -> np.ndarray:
        """Values with the ends at 0 and 1.

        Parameters
        ----------
        values : numpy.ndarray
            Any numbers; those beyond the ends are clipped.

        Returns
        -------
        numpy.ndarray
            float64.
        """
        return ((values - self.dark) / (self.bright - self.dark)).clip(0, 1)


@dataclass(frozen=True)
class Display:
    """How the stored values of a frame are shown.

    Attributes
    ----------
    show : callable
        From stored values to [0, 1], float64, bone bright.
    window : Range or None
        What black and white are after the modality transform, where the file has no window.
    notes : tuple of str
        What to tell about it, after the name of the file.
    """

    show: Transform
    window: Range | None
    notes: tuple[str, ...]


def read_display(header: Header, layout: Layout) -> Display:
    """How a file, or one frame of it, asks to be shown.

    Where there is a table of values of interest it shows them, else the first window does, whose
    ends become 0 and 1, else the whole range does that the stored bits can take.

    Parameters
    ----------
    header : Header
        The elements that hold for the frame.
    layout : Layout
        How its pixels are stored.

    Returns
    -------
    Display

    Raises
    ------
    ValueError
        When the elements mean nothing, or something that is not understood.
    """
    modality, ends, notes = _modality(header, layout)
    table = header.item("VOILUTSequence")
    window = None
    if table is not None:
        interest, more = _table_of_interest(header, table, ends)
    elif header.get("WindowWidth") is not None or header.get("WindowCenter") is not None:
        interest, more = _window(header)
    else:
        window, more = _whole_range(header, layout, ends), []
        interest = window.unit
    inverted, said = _presentation(header)

    def show(stored: np.ndarray) -> np.ndarray:
        unit = interest(modality(stored.astype(np.float64)))
        return 1 - unit if inverted else unit

    return Display(show, window, (*notes, *more, *said))


def _modality(header: Header, layout: Layout) -> tuple[Transform, Range, list[str]]:
    """The modality transform, and the ends of what it gives."""
    item = header.item("ModalityLUTSequence")
    if item is not None:
        table = _read_table(item, layout.low < 0, _little_endian(header))
        # No window says how such values are shown, and many tables fill fewer bits than they
        # declare: the bits that they fill are what a window would be set to.
        used = max(1, int(table.entries.max()).bit_length())
        notes = []
        if used < table.bits:
            notes.append(f"has a modality table that uses {used} of its {table.bits} bits")
        if header.get("RescaleSlope") is not None:
            notes.append("has a Rescale Slope beside its modality table, which is not applied")
        return table.look_up, Range(0, 2**used - 1), notes
    slope, intercept = header.number("RescaleSlope"), header.number("RescaleIntercept")
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        if isinstance(header.get(keyword), MutableSequence):
            raise header.refuse(f"has several values as its {keyword}")
    if (slope is None) != (intercept is None):
        raise header.refuse("has only one of Rescale Slope and Rescale Intercept")
    if slope is None or intercept is None:
        slope, intercept = 1.0, 0.0
    if slope == 0:
        raise header.refuse("has a Rescale Slope of 0, which makes all pixels equal")
    dark, bright = sorted(end * slope + intercept for end in (layout.low, layout.high))
    return lambda stored: stored * slope + intercept, Range(dark, bright), []


def _whole_range(header: Header, layout: Layout, ends: Range) -> Range:
    if not layout.floating:
        return ends
    # Floating-point numbers have no largest value that could be white.
    raise header.refuse(
        "has floating-point pixels and no window that says which of them are black and white",
        "export it with a window",
    )


def _window(header: Header) -> tuple[Transform, list[str]]:
    """The first window, PS3.3 C.11.2.1.2 and C.11.2.1.3, from 0 to 1."""
    centre, width = header.number("WindowCenter"), header.number("WindowWidth")
    function = header.word("VOILUTFunction") or "LINEAR"
    known = function in ("LINEAR", "LINEAR_EXACT", "SIGMOID")
    if centre is None or width is None or not known or width < (function == "LINEAR"):
        raise header.refuse(
            f"has a window that means nothing ({function}, centre {_told(centre)}, "
            f"width {_told(width)})",
            "export it without one",
        )
    if width == 0:
        raise header.refuse(
            f"has a window that means nothing ({function}, width 0)", "export it without one"
        )
    several = getattr(header.get("WindowWidth"), "__len__", lambda: 1)()
    notes = [f"has {several} windows; it is shown by the first"] if several > 1 else []
    if function == "SIGMOID":
        return lambda values: 1 / (1 + np.exp(-4 * (values - centre) / width)), notes
    middle, wide = (centre - 0.5, width - 1) if function == "LINEAR" else (centre, width)

    def linear(values: np.ndarray) -> np.ndarray:
        if wide == 0:
            return (values > middle).astype(np.float64)
        return ((values - middle) / wide + 0.5).clip(0, 1)

    return linear, notes


def _told(number: float | None) -> str:
    return "missing" if number is None else f"{number:g}"


def _table_of_interest(header: Header, item: Header, ends: Range) -> tuple[Transform, list[str]]:
    """The first table of values of interest, its bit depth from 0 to 1."""
    table = _read_table(item, ends.dark < 0, _little_endian(header))
    used = max(1, int(table.entries.max()).bit_length())
    notes = []
    if used < table.bits:
        notes.append(
            f"is shown by a table that uses {used} of its {table.bits} bits, so it is dark"
        )
    if header.get("WindowWidth") is not None:
        notes.append("has a window and a table of values of interest; it is shown by the table")
    whole = Range(0, 2**table.bits - 1)
    return lambda values: whole.unit(table.look_up(values)), notes


def _presentation(header: Header) -> tuple[bool, list[str]]:
    """Whether the last step inverts.

    The shape INVERSE inverts, and so does MONOCHROME1; together they say the same thing twice.
    MONOCHROME1 with IDENTITY contradicts itself (PS3.3 C.8.11.3): the first is obeyed, which every
    viewer knows and every file has, while the shape may be what a writer puts into all of them.
    """
    if header.item("PresentationLUTSequence") is not None:
        raise header.refuse(
            "has a Presentation LUT Sequence, which belongs to a print", "export it without one"
        )
    one = header.word("PhotometricInterpretation") == "MONOCHROME1"
    shape = header.word("PresentationLUTShape")
    if shape not in ("", "IDENTITY", "INVERSE"):
        raise header.refuse(
            f"has a Presentation LUT Shape that is not known ({shape})", "export it without one"
        )
    if not shape or one == (shape == "INVERSE"):
        return one, []
    kind = "MONOCHROME1" if one else "MONOCHROME2"
    return True, [
        f"is {kind} with the Presentation LUT Shape {shape}; it is inverted, so look whether bone "
        "is bright"
    ]


@dataclass(frozen=True)
class Table:
    """A look-up table.

    Attributes
    ----------
    first : int
        The value that the first entry is for.
    entries : numpy.ndarray
        int64, what the values become.
    bits : int
        Of the entries.
    """

    first: int
    entries: np.ndarray
    bits: int

    def look_up(self, values: np.ndarray) -> np.ndarray:
        """What the values become; those outside the table get its first or last entry.

        Parameters
        ----------
        values : numpy.ndarray
            Any numbers, which are rounded.

        Returns
        -------
        numpy.ndarray
            float64.
        """
        places = (values.round() - self.first).clip(0, len(self.entries) - 1).astype(np.int64)
        return self.entries[places].astype(np.float64)


def _read_table(item: Header, signed: bool, little: bool) -> Table:
    """A table whose descriptor is what it should be; `signed` when values may be negative."""
    count, first, bits = _descriptor(item)
    count, bits = count % 2**16 or 2**16, bits % 2**16
    if not 1 <= bits <= 16:
        raise item.refuse(f"has a look-up table of {bits} bits, which must be 1 to 16")
    # Writers mix up the signs of this value: it is read as what it maps can be.
    if first < 0 and not signed:
        first += 2**16
    elif first > 2**15 - 1 and signed:
        first -= 2**16
    entries = _entries(item, count, bits, little)
    if entries.max() >= 2**bits:
        raise item.refuse(f"has a look-up table of {bits} bits with {entries.max()} in it")
    return Table(first, entries, bits)


def _descriptor(item: Header) -> list[int]:
    found = item.get("LUTDescriptor")
    try:
        numbers = [int(number) for number in found]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 3:
        raise item.refuse(f"has a look-up table that does not say its size ({found!r})")
    return numbers


def _entries(item: Header, count: int, bits: int, little: bool) -> np.ndarray:
    """The entries of a table, in whichever of their codings they come."""
    data = item.get("LUTData")
    if not isinstance(data, bytes):
        numbers = np.atleast_1d([] if data is None else data).astype(np.int64)
        data, little = (numbers % 2**16).astype("<u2").tobytes(), True
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little else ">u2")
    if len(words) >= count:
        return words[:count].astype(np.int64)
    if bits <= 8 and 2 * len(words) >= count:  # two entries in a word, the first in its low byte
        return np.frombuffer(words.astype("<u2").tobytes(), np.uint8)[:count].astype(np.int64)
    raise item.refuse(f"has a look-up table that lacks entries ({len(words)} of {count})")


def _little_endian(header: Header) -> bool:
    return bool(header.elements.file_meta.TransferSyntaxUID.is_little_endian)
