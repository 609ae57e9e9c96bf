"""The frames of a grey DICOM file as they are shown, and other frames as stored values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from denoise_lib.formats.dicom_display import Display, read_display
from denoise_lib.formats.dicom_file import Header
from denoise_lib.formats.dicom_pixels import Layout, Stored

# Functional groups of an enhanced file that say how a frame is shown.
GROUPS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
# Integers of so many bits are looked up: every value that can be stored has an entry.
LOOKED_UP = 16
STRIP = 256


class Curve:
    """How each value that can be stored is shown, and which value is shown as a given grey.

    Parameters
    ----------
    display : Display
        How the frame is shown.
    layout : Layout
        How its values are stored, in at most `LOOKED_UP` bits.
    """

    def __init__(self, display: Display, layout: Layout):
        self.low = layout.low
        levels = np.arange(layout.low, layout.high + 1)
        # float32, as a network gets it: greys that it cannot tell apart are one grey on the way
        # back too, or the tail of a sigmoid would blow up what is left of their difference.
        self.shown = display.show(levels).astype(np.float32)

    def show(self, values: np.ndarray) -> np.ndarray:
        """The greys of stored values.

        Parameters
        ----------
        values : numpy.ndarray
            Integers that can be stored.

        Returns
        -------
        numpy.ndarray
            float32 in [0, 1].
        """
        return self.shown[values - self.low]

    @cached_property
    def knots(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Rising greys and the value that each stands for; None where that cannot be told."""
        shown, last = self.shown.astype(np.float64), len(self.shown) - 1
        falls = shown[0] > shown[-1]
        steps = np.diff(shown[::-1] if falls else shown)
        if (steps < 0).any() or not (steps > 0).any():
            return None
        # Values that share a grey stand for their middle; those beyond the ends of a window for
        # the end, from which the others keep their distance.
        starts = np.flatnonzero(np.append(True, steps > 0))
        ends = np.append(starts[1:] - 1, last)
        places = (starts + ends) / 2
        places[0], places[-1] = ends[0], starts[-1]
        greys = (shown[::-1] if falls else shown)[starts]
        return greys, self.low + (last - places if falls else places)

    @cached_property
    def rest(self) -> np.ndarray:
        """For each value that can be stored, that which its grey stands for."""
        return self.stored(self.shown)

    def stored(self, grey: np.ndarray) -> np.ndarray:
        """The values that are shown as these greys.

        Parameters
        ----------
        grey : numpy.ndarray
            In [0, 1].

        Returns
        -------
        numpy.ndarray
            float64, not rounded.
        """
        assert self.knots is not None
        return np.interp(grey, *self.knots)


@dataclass(frozen=True)
class Image:
    """A grey DICOM file, decoded.

    Attributes
    ----------
    header : Header
        All its elements.
    pixels : Stored
        Its pixels.
    displays : list of Display
        How each frame is shown.
    padding : range or None
        Stored values of pixels that are no part of the image.
    """

    header: Header
    pixels: Stored
    displays: list[Display]
    padding: range | None

    @property
    def layout(self) -> Layout:
        """How the pixels are stored."""
        return self.pixels.layout

    @property
    def can_be_restored(self) -> bool:
        """Whether other greys can be stored in the place of these."""
        layout = self.layout
        return 1 < layout.bits <= LOOKED_UP and all(curve.knots for curve in self._curves())

    def shown(self) -> torch.Tensor:
        """The frames as the file asks to show them.

        Returns
        -------
        torch.Tensor
            float32, shape (N, 1, H, W), in [0, 1]; pixels of the padding are 0.
        """
        layout = self.layout
        frames = np.empty((layout.frames, layout.rows, layout.columns), np.float32)
        curves = self._curves() if layout.bits <= LOOKED_UP else self.displays
        for index, curve in enumerate(curves):
            for rows in self._strips():
                values = layout.values(self.pixels.words[index, rows])
                frames[index, rows] = np.where(self._padded(values), 0, curve.show(values))
        return torch.from_numpy(frames[:, None])

    def restored(self, frames: torch.Tensor) -> np.ndarray:
        """Stored words that are shown as other frames.

        A pixel moves by as much as its grey did: where the grey is the same, so is the word, and
        what lies beyond the window's ends keeps its distance from them.

        Parameters
        ----------
        frames : torch.Tensor
            float32, shape (N, 1, H, W).

        Returns
        -------
        numpy.ndarray
            The shape and type of the stored words.
        """
        layout, words = self.layout, np.empty_like(self.pixels.words)
        for index, curve in enumerate(self._curves()):
            for rows in self._strips():
                before = self.pixels.words[index, rows]
                old = layout.values(before)
                grey = frames[index, 0, rows].double().clamp(0, 1).numpy()
                moved = np.rint(curve.stored(grey) - curve.rest[old - layout.low])
                new = (old + moved.astype(np.int64)).clip(layout.low, layout.high)
                words[index, rows] = layout.words(self._beside_padding(new, old), before)
        return words

    def extremes(self, words: np.ndarray) -> tuple[int, int] | None:
        """The smallest and the largest value that is no padding.

        Parameters
        ----------
        words : numpy.ndarray
            Stored words.

        Returns
        -------
        tuple of int or None
            None where all is padding.
        """
        ends = []
        for frame in words:
            values = self.layout.values(frame)
            inside = values[~self._padded(values)]
            ends += [int(inside.min()), int(inside.max())] if inside.size else []
        return (min(ends), max(ends)) if ends else None

    def padded(self) -> int:
        """How many pixels are padding.

        Returns
        -------
        int
        """
        if self.padding is None:
            return 0
        frames = map(self.pixels.frame, range(self.layout.frames))
        return sum(int(self._padded(frame).sum()) for frame in frames)

    def _strips(self) -> list[slice]:
        """Rows to take at once: what is computed in float64 takes many times an image's memory."""
        return [slice(first, first + STRIP) for first in range(0, self.layout.rows, STRIP)]

    def _curves(self) -> Iterator[Curve]:
        """One for each frame; frames that are shown alike share it."""
        curve, before = None, None
        for display in self.displays:
            if curve is None or display is not before:
                curve, before = Curve(display, self.layout), display
            yield curve

    def _padded(self, values: np.ndarray) -> np.ndarray:
        if self.padding is None:
            return np.zeros(values.shape, bool)
        return (values >= self.padding.start) & (values < self.padding.stop)

    def _beside_padding(self, new: np.ndarray, old: np.ndarray) -> np.ndarray:
        """Padding stays as it is, and no other pixel becomes padding."""
        if self.padding is None:
            return new
        # An old value outside lies above or below, so there is room for the new one.
        nearest = np.where(old < self.padding.start, self.padding.start - 1, self.padding.stop)
        return np.where(self._padded(old), old, np.where(self._padded(new), nearest, new))


def read_displays(header: Header, layout: Layout) -> list[Display]:
    """How each frame of a file is shown.

    Parameters
    ----------
    header : Header
        All elements of the file.
    layout : Layout
        How its pixels are stored.

    Returns
    -------
    list of Display
    """
    shared = header.item("SharedFunctionalGroupsSequence")
    each = header.get("PerFrameFunctionalGroupsSequence") or []
    if shared is None and not each:
        return [read_display(header, layout)] * layout.frames
    groups = [Header(item, header.path) for item in each]
    if not any(group.item(name) for group in groups for name in GROUPS):
        return [read_display(_merged(header, [shared]), layout)] * layout.frames
    if len(each) != layout.frames:
        raise header.refuse(f"has {layout.frames} frames and describes {len(each)}")
    return [read_display(_merged(header, [shared, group]), layout) for group in groups]


def _merged(header: Header, groups: list[Header | None]) -> Header:
    """The elements of a file that say how it is shown, with those of its functional groups."""
    from pydicom import Dataset

    elements = Dataset()
    elements.file_meta = header.elements.file_meta
    # Groups (0028) and (2050): image and presentation.
    for group in (0x0028, 0x2050):
        elements.update(header.elements.group_dataset(group))
    for item in filter(None, groups):
        for found in filter(None, (item.item(name) for name in GROUPS)):
            elements.update(found.elements)
    return Header(elements, header.path)


def read_padding(header: Header, layout: Layout) -> range | None:
    """The stored values of pixels that are no part of the image.

    Parameters
    ----------
    header : Header
        All elements of the file.
    layout : Layout
        How its pixels are stored.

    Returns
    -------
    range or None
        None where the file names none.
    """
    value = header.number("PixelPaddingValue")
    if value is None or layout.floating:
        return None
    limit = header.number("PixelPaddingRangeLimit")
    # Writers mix up the sign of these values, and where there is one how many bits they have.
    turns = 2 ** (layout.bits if layout.signed else layout.allocated)
    ends = [
        (int(end) - layout.low) % turns + layout.low
        for end in (value, value if limit is None else limit)
    ]
    if min(ends) > layout.high:  # no pixel can have it
        return None
    return range(min(ends), min(max(ends), layout.high) + 1)
