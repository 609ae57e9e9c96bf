"""Write grey TIFF files with the depth, the sense and the tags of another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import tifffile
import torch

from denoise_lib.formats.picture import Made
from denoise_lib.formats.pixels import Scale

# Tags that stay true of another image with the same pixels' place: all but those of how pixels
# are stored, in which colours, and of offsets within the file.
_ANEW = {254, 255, 256, 257, 258, 259, 262, 266, 270, 273, 274, 277, 278, 279, 280, 281, 282, 283}
_ANEW |= {284, 292, 293, 296, 305, 306, 317, *range(320, 333), *range(334, 344), 347, 433}
_ANEW |= {*range(512, 533), 34377, 34665, 34853, 37724, 40965, 50838, 50839}
_COLOUR = {301, 318, 319, 34675}
_PLACE = {33550, 33922, 34264}  # of pixels on the ground, while they lie as they lay
_OFFSET_TYPES = (13, 18)
_LONGEST = 2**20  # bytes of a tag that is kept

# The tag ResolutionUnit: how many of inch, centimetre, millimetre and micrometre an inch has.
_NO_UNIT = 1
UNITS = {2: 1.0, 3: 2.54, 4: 25.4, 5: 25400.0}


def orientation(page: tifffile.TiffPage) -> int:
    """The tag Orientation of a page: 1 where there is none.

    Parameters
    ----------
    page : tifffile.TiffPage
        The page.

    Returns
    -------
    int
    """
    value = page.tags.valueof(274, default=1)
    return int(value) if isinstance(value, int) else 1


class Tags(NamedTuple):
    """What a page says beside its pixels.

    Attributes
    ----------
    description : str
        ImageDescription.
    resolution : tuple of float or None
        Pixels per unit, across and down.
    unit : int
        1 none, 2 inch, 3 centimetre, 4 millimetre, 5 micrometre.
    taken : str or None
        DateTime.
    others : tuple
        As `tifffile.TiffWriter.write` takes `extratags`.
    """

    description: str = ""
    resolution: tuple[float, float] | None = None
    unit: int = 2
    taken: str | None = None
    others: tuple[tuple[Any, ...], ...] = ()

    @classmethod
    def of(cls, page: tifffile.TiffPage, grey: bool) -> Tags:
        """Those of a page which stay true when another grey image takes its place, upright.

        Parameters
        ----------
        page : tifffile.TiffPage
            The page.
        grey : bool
            Whether it is grey already.

        Returns
        -------
        Tags
        """
        turn = orientation(page)
        left_out = _ANEW | (set() if grey else _COLOUR) | (set() if turn == 1 else _PLACE)
        others = tuple(
            _extra(tag) for tag in page.tags if tag.code not in left_out and _is_plain(tag)
        )
        resolution = _resolution(page)
        if resolution and turn in (5, 6, 7, 8):
            resolution = resolution[1], resolution[0]
        unit = int(page.tags.valueof(296, default=2))
        # The descriptions of OME, ImageJ and tifffile tell the axes, which no longer are those.
        keep = (grey and turn == 1) or not (page.is_ome or page.is_imagej or page.is_shaped)
        return cls(
            page.description if keep else "",
            resolution,
            unit if unit in UNITS else _NO_UNIT,
            page.tags.valueof(306),
            others,
        )

    @property
    def per_inch(self) -> tuple[float, float] | None:
        """Pixels per inch, where the file knows."""
        if self.resolution is None or self.unit not in UNITS:
            return None
        across, down = self.resolution
        return across * UNITS[self.unit], down * UNITS[self.unit]


def _resolution(page: tifffile.TiffPage) -> tuple[float, float] | None:
    values = []
    for code in (282, 283):
        top, bottom = page.tags.valueof(code, default=(0, 0))
        if not top or not bottom:
            return None
        values.append(top / bottom)
    return values[0], values[1]


def _is_plain(tag: tifffile.TiffTag) -> bool:
    if tag.dtype in _OFFSET_TYPES or tag.valuebytecount > _LONGEST:
        return False
    # XMP may tell an orientation.
    if tag.code == 700 and b"rientation" in bytes(tag.value):
        return False
    return isinstance(tag.value, (str, bytes, int, float, tuple, np.ndarray))


def _extra(tag: tifffile.TiffTag) -> tuple[Any, ...]:
    value = tag.value
    if isinstance(value, str):
        value = value.encode()  # tifffile takes text of 7 bits only
    if isinstance(value, bytes):
        return tag.code, int(tag.dtype), len(value), value, True
    if isinstance(value, np.ndarray):
        value = tuple(value.ravel().tolist())
    return tag.code, int(tag.dtype), tag.count, value, True


@dataclass(frozen=True)
class Layout:
    """How a TIFF file stores an image.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the stored values.
    scale : Scale
        Which of them is white.
    tags : tuple of Tags
        Of each page.
    byteorder : str
        "<" or ">".
    bigtiff : bool
        Whether offsets have 64 bits.
    """

    dtype: np.dtype
    scale: Scale
    tags: tuple[Tags, ...]
    byteorder: Literal["<", ">"] = "<"
    bigtiff: bool = False

    @classmethod
    def like(
        cls,
        dtype: np.dtype,
        depth: int,
        scale: Scale,
        tags: tuple[Tags, ...],
        byteorder: Literal["<", ">"],
        bigtiff: bool,
    ) -> Layout:
        """That of a file which was read; values that were packed fill their 8 or 16 bits.

        Parameters
        ----------
        dtype : numpy.dtype
            Of the values as they were read.
        depth : int
            Bits that the file had for a value.
        scale : Scale
            Which of them was white.
        tags : tuple of Tags
            Of each page.
        byteorder : str
            "<" or ">".
        bigtiff : bool
            Whether offsets have 64 bits.

        Returns
        -------
        Layout
        """
        if depth < 8 * dtype.itemsize:
            scale = Scale(float(np.iinfo(dtype).max), 8 * dtype.itemsize, scale.inverted)
        return cls(dtype, scale, tags, byteorder, bigtiff)


def write(frames: torch.Tensor, target: Path, made: Made, layout: Layout) -> None:
    """Write an image as a TIFF file, upright, without loss.

    Parameters
    ----------
    frames : torch.Tensor
        float32, shape (N, 1, H, W); values outside [0, 1] are clipped.
    target : pathlib.Path
        The file.
    made : Made
        How the image was made; the description says it.
    layout : Layout
        How it is stored.
    """
    photometric = "miniswhite" if layout.scale.inverted else "minisblack"
    with tifffile.TiffWriter(target, byteorder=layout.byteorder, bigtiff=layout.bigtiff) as file:
        for frame, tags in zip(frames, layout.tags, strict=True):
            resolution = {}
            if tags.resolution:
                resolution = {"resolution": tags.resolution, "resolutionunit": tags.unit}
            file.write(
                layout.scale.stored(frame[0], layout.dtype),
                photometric=photometric,
                compression="zlib",
                metadata=None,
                description=_described(tags.description, made).encode(),
                datetime=_date(tags.taken),
                software=f"denoise_lib {made.version}",
                extratags=tags.others,
                **resolution,
            )


def write_grey(
    frames: torch.Tensor,
    target: Path,
    made: Made,
    resolution: tuple[float, float] | None = None,
) -> None:
    """Write a grey TIFF of 16 bits.

    Parameters
    ----------
    frames : torch.Tensor
        float32, shape (1, 1, H, W); values outside [0, 1] are clipped.
    target : pathlib.Path
        The file.
    made : Made
        How the image was made.
    resolution : tuple of float, optional
        Pixels per inch, across and down.
    """
    tags = (Tags(resolution=resolution),)
    write(frames, target, made, Layout(np.dtype(np.uint16), Scale(65535, 16), tags))


def _date(taken: object) -> str | None:
    return taken if isinstance(taken, str) and len(taken) == 19 else None


def _described(text: str, made: Made) -> str:
    """A description with the sentence in it, still what other programs can parse."""
    if text.rstrip().endswith("</OME>"):  # readers look for this end
        return f"{text.rstrip().removesuffix('</OME>')}<!-- {made.sentence} --></OME>"
    if text.startswith("{"):  # tifffile's JSON
        try:
            return json.dumps(json.loads(text) | {"denoised": made.sentence})
        except ValueError:
            pass
    return f"{text.rstrip()}\n{made.sentence}".lstrip()
