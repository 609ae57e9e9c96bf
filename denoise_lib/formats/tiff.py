"""Read TIFF files."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import get_ident

import numpy as np
import tifffile
import torch
from PIL import Image

from denoise_lib.checks import UserError
from denoise_lib.formats import pixels, png, tiff_write
from denoise_lib.formats.picture import Picture, Writer

# The tag PhotometricInterpretation.
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_CHANNELS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3}

_JPEG = 7  # the tag Compression; its decoder turns YCbCr into RGB
_HEAD = 2**16  # bytes that tell the size of an image file
# Compressions whose strips and tiles are image files with a size of their own: JPEG, JPEG 2000,
# PNG and WebP.
_FILES = {_JPEG, 33003, 33004, 33005, 33007, 34712, 34892, 34927, 34933, 50001}


def read(path: Path, bits: int | None = None) -> Picture:
    """Read a TIFF file; its pages become frames.

    Reduced images and masks beside the pages are left out.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    bits : int, optional
        See `read_picture`.

    Returns
    -------
    Picture

    Raises
    ------
    ModuleNotFoundError
        When its compression needs imagecodecs.
    ValueError
        When it is damaged or too large, or its pages differ or are no plain pictures.
    """
    try:
        with _strict(), tifffile.TiffFile(path) as file:
            pages, notes = _pages(file, path)
            _check(pages[0], path, len(pages))
            frames, more = _frames(pages, path)
            tags = tuple(tiff_write.Tags.of(page, _is_grey(page)) for page in pages)
            first, byteorder, bigtiff = pages[0], file.byteorder, file.is_bigtiff
            notes += more + _not_applied(file, path, frames)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # tifffile and its decoders raise what they please
        raise _error(error, path) from error
    kind = _photometric(first)
    depth = 16 if kind == _PALETTE else first.bitspersample
    scale, dark = pixels.scale_of(frames, path, depth, bits, inverted=kind == _WHITE_IS_ZERO)
    if depth < 8 * frames.itemsize:
        notes += (f"{path} packs its {depth} bits; a TIFF made from it has {8 * frames.itemsize}.",)
    layout = tiff_write.Layout.like(frames.dtype, depth, scale, tags, byteorder, bigtiff)
    write = partial(tiff_write.write, layout=layout)
    writers: dict[str, Writer] = {".tif": write, ".tiff": write}
    if len(frames) == 1:
        if tags[0].per_inch is None and len(set(tags[0].resolution or ())) > 1:
            notes += (f"{path} has pixels that are not square, which a PNG file will not say.",)
        writers[".png"] = png.writers(tags[0].per_inch, _texts(tags[0]))[".png"]
    unit = torch.from_numpy(np.stack([scale.unit(frame) for frame in frames]))[:, None]
    stored = min(first.bitspersample, scale.bits)
    return Picture(path, unit, stored, writers, notes + dark)


@contextmanager
def _strict() -> Iterator[None]:
    """Take what tifffile logs as an error for one: it goes on with a part of the file."""
    logger = logging.getLogger("tifffile")
    messages: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR and record.thread == get_ident():
            messages.append(record.getMessage())
        return False  # and nothing of it on the user's screen

    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)
    if messages:
        raise tifffile.TiffFileError(messages[0])


def _error(error: Exception, path: Path) -> Exception:
    missing = isinstance(error, ImportError) or "imagecodecs" in str(error)
    if missing and find_spec("imagecodecs") is None:
        return ModuleNotFoundError(
            f"{path} is stored in a way that only imagecodecs undoes: pip install imagecodecs."
        )
    return UserError(
        f"{path} is damaged, or a TIFF of a kind that is not read ({error}): copy or download it "
        "again, or save it as an uncompressed grey TIFF."
    )


def _pages(file: tifffile.TiffFile, path: Path) -> tuple[list[tifffile.TiffPage], tuple[str, ...]]:
    """The pages of full size, all of one kind."""
    everything = list(_every_page(file))
    if not everything:
        raise UserError(f"{path} is a TIFF file without pages: copy or download it again.")
    masks = [page for page in everything if page.is_mask]
    pages = [page for page in everything if not page.is_reduced and not page.is_mask]
    pages = pages or everything[:1]
    kinds = {(page.shaped, page.dtype, _photometric(page), page.bitspersample) for page in pages}
    if len(kinds) > 1:
        raise UserError(
            f"{path} holds {len(pages)} pages of different sizes or kinds: save each page as a "
            "file of its own."
        )
    _check_whole_stack(file, path, len(pages))
    return pages, (f"{path} has a mask, which is not applied.",) if masks else ()


def _every_page(file: tifffile.TiffFile) -> Iterator[tifffile.TiffPage]:
    """All pages; a list of them that leads back to one before would never end."""
    offsets: set[int] = set()
    for page in file.pages:
        if page.offset in offsets:
            raise tifffile.TiffFileError("its list of pages leads back to an earlier one")
        offsets.add(page.offset)
        yield page.aspage()


def _check_whole_stack(file: tifffile.TiffFile, path: Path, pages: int) -> None:
    """Refuse the stacks of ImageJ and tifffile that describe only their first page."""
    declared = (file.imagej_metadata or {}).get("images", 1) if file.is_imagej else 1
    for description in (file.shaped_metadata or ()) if file.is_shaped else ():
        shape = description.get("shape", ())
        declared = int(np.prod(shape)) // max(1, int(np.prod(file.pages[0].shape)))
        break
    if declared > pages:
        raise UserError(
            f"{path} holds {declared} images but describes {pages}: save each as a file of its own."
        )


def _photometric(page: tifffile.TiffPage) -> int:
    """What a page's values stand for; tifffile takes white as 0 where it does not say."""
    return page.tags.valueof(262, default=_RGB if page.samplesperpixel > 2 else _BLACK_IS_ZERO)


def _is_grey(page: tifffile.TiffPage) -> bool:
    return _photometric(page) in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)


def _check(page: tifffile.TiffPage, path: Path, pages: int) -> None:
    """Refuse what is no plain picture, before memory is taken for it."""
    pixels.check_size(path, page.imagewidth, page.imagelength, pages * page.samplesperpixel)
    if page.imagedepth > 1:
        raise UserError(f"{path} holds a volume: save each slice as a file of its own.")
    kind = _photometric(page)
    if kind not in _CHANNELS or (kind == _YCBCR and page.compression != _JPEG):
        raise UserError(
            f"{path} has the colour space {getattr(kind, 'name', kind)}, which has no plain grey: "
            "save it as grey or RGB."
        )
    if kind == _CMYK and page.compression == _JPEG:
        raise UserError(
            f"{path} has inks (CMYK) and does not say which value is none of them: "
            "save it as grey or RGB."
        )
    if page.dtype is None or page.dtype.kind not in "buif":
        raise UserError(
            f"{path} has {page.bitspersample}-bit pixels of sample format {page.sampleformat}, "
            "which are no greys: save it as a 16-bit PNG or TIFF."
        )
    if page.dtype.kind == "i" and _CHANNELS[kind] > 1:
        raise UserError(f"{path} has colours with a sign: save it as a 16-bit PNG or TIFF.")
    if kind == _CMYK and page.bitspersample not in (8, 16):
        raise UserError(f"{path} has inks (CMYK) of odd depth: save it as grey or RGB.")
    if page.samplesperpixel - _CHANNELS[kind] not in (0, 1):
        raise UserError(
            f"{path} has {page.samplesperpixel} values a pixel, not 1 for grey or 3 for colour: "
            "save the one to be read as a file of its own."
        )


def _frames(pages: list[tifffile.TiffPage], path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Grey values of all pages, upright, (N, H, W), as they are stored."""
    frames: np.ndarray | None = None
    notes: dict[str, None] = {}  # each once
    for number, page in enumerate(pages):
        _check_segments(page)
        grey, more = _grey(page, path)
        grey = pixels.upright(grey, tiff_write.orientation(page))
        if frames is None:
            frames = np.empty((len(pages), *grey.shape), grey.dtype)
        if grey.shape != frames.shape[1:]:
            raise UserError(f"{path} holds pages that lie differently: turn them alike.")
        frames[number] = grey
        notes.update(dict.fromkeys(more))
    assert frames is not None
    if 262 not in pages[0].tags:
        notes[f"{path} does not say whether 0 is black or white: taken as white."] = None
    return frames, tuple(notes)


def _not_applied(file: tifffile.TiffFile, path: Path, frames: np.ndarray) -> tuple[str, ...]:
    """Notes on what gives stored values another meaning and is no grey."""
    notes = ()
    page = file.pages[0].aspage()
    if 42113 in page.tags and (frames == page.nodata).any():
        notes += (f"{path} has pixels without data (GDAL_NODATA), whose values are taken as grey.",)
    if file.is_imagej and "c0" in (file.imagej_metadata or {}):
        notes += (f"{path} has a calibration of ImageJ, which is not applied.",)
    return notes


def _texts(tags: tiff_write.Tags) -> tuple[tuple[bytes, bytes], ...]:
    """A page's description as a text of a PNG file."""
    if not tags.description:
        return ()
    return ((b"tEXt", b"Description\0" + tags.description.encode("latin-1", "replace")),)


def _check_segments(page: tifffile.TiffPage) -> None:
    """Refuse missing strips and tiles, which would become black."""
    if page.is_contiguous:  # read as one piece
        segments = [(page.dataoffsets[0], page.nbytes)]
    else:
        segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        if len(segments) < int(np.prod(page.chunked)) or not all(page.databytecounts):
            raise tifffile.TiffFileError("strips or tiles are missing")
    size = page.parent.filehandle.size
    if any(start + count > size for start, count in segments):
        raise tifffile.TiffFileError("it ends early")
    if page.compression in _FILES:
        _check_files(page, segments)


def _check_files(page: tifffile.TiffPage, segments: list[tuple[int, int]]) -> None:
    """Refuse strips and tiles that declare more pixels than are theirs, and would take memory."""
    width = page.tilewidth if page.is_tiled else page.imagewidth
    height = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
    file = page.parent.filehandle
    for start, count in segments:
        file.seek(start)
        try:
            found = Image.open(io.BytesIO(file.read(min(count, _HEAD)))).size
        except OSError:  # of a kind that Pillow does not know: the decoder says what it is
            continue
        if found[0] > width or found[1] > height:
            raise tifffile.TiffFileError(
                f"a strip or tile of {width} x {height} pixels holds {found[0]} x {found[1]}"
            )


def _grey(page: tifffile.TiffPage, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """One page's grey values, (H, W)."""
    stored = page.asarray(squeeze=False, maxworkers=1)  # (planes, depth, H, W, samples)
    samples = stored[0, 0] if len(stored) == 1 else np.moveaxis(stored[:, 0, ..., 0], 0, -1)
    if samples.dtype == bool:
        samples = samples.astype(np.uint8)
    # One byte order from here on.
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    kind = _photometric(page)
    channels = _CHANNELS[kind]
    white = 1.0 if samples.dtype.kind == "f" else 2.0**page.bitspersample - 1
    if samples.shape[-1] > channels:
        _check_extra(page, samples[..., channels], path, white)
    if kind == _PALETTE:
        return pixels.to_grey(_looked_up(page, samples[..., 0]), path, 65535)
    if channels == 1:
        return samples[..., 0], ()
    if kind == _CMYK:
        note = f"{path} has inks (CMYK), which are turned into light without a colour profile."
        grey, notes = pixels.to_grey(pixels.ink_to_light(samples[..., :4]), path, white)
        return grey, (note, *notes)
    return pixels.to_grey(samples[..., :3], path, white)


def _check_extra(page: tifffile.TiffPage, extra: np.ndarray, path: Path, white: float) -> None:
    """Refuse a value beside grey or colour that says something."""
    unspecified = not any(page.extrasamples)
    if unspecified and (extra == extra.flat[0]).all():
        return
    if extra.dtype.kind == "i":
        white = white // 2
    pixels.check_opaque(extra, path, white)


def _looked_up(page: tifffile.TiffPage, indices: np.ndarray) -> np.ndarray:
    """Colours of a palette, at its 16 bits."""
    palette = np.asarray(page.colormap, np.uint16)
    if palette.max() < 256:  # some programs write 8 bits there, against the standard
        palette = palette * np.uint16(257)
    return palette.T[indices]
