"""Read PNG files, and write grey ones of 16 bits."""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, PngImagePlugin

from denoise_lib.checks import UserError
from denoise_lib.formats import pixels, tiff_write
from denoise_lib.formats.picture import Made, Picture, Writer

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ORIENTATION, _ACROSS, _DOWN, _UNIT = 0x0112, 282, 283, 296  # tags of EXIF

# What the pixels depend on. Everything else stays away from Pillow, texts above all: one that
# inflates to gigabytes must not keep the pixels from being read.
_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf")
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_DESCRIPTION = b"Description\0"
# Texts that may tell the orientation: of XMP, and the EXIF that ImageMagick writes in letters.
_XMP = b"XML:com.adobe.xmp"
_PROFILE = b"Raw profile type "
_EXIF = _PROFILE + b"exif"
_LONGEST_TOLD = 2**20  # bytes of those, as inflated; Pillow takes no longer ones
_LONGEST_TEXT = 2**16  # bytes, as stored: longer ones are not carried into another file

# Pillow has no colour of 16 bits: its decoders give the high bytes of samples, or the low ones.
# Grey with alpha has as many bytes a pixel as red, green, blue and alpha of 8 bits.
_DEEP = {2: ("RGB", "RGB;16B", "RGB;16L"), 6: ("RGBA", "RGBA;16B", "RGBA;16L")}
_PALETTE, _GREY_ALPHA = 3, 4
_CHANNELS = {0: 1, 2: 3, _PALETTE: 3, _GREY_ALPHA: 2, 6: 4}
# First column and row of each pass of an interlaced file (Adam7), and the steps to the next.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4))
_PASSES += ((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 2**20  # bytes that are inflated at once


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int  # 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha
    interlaced: int

    @property
    def length(self) -> int:
        """Bytes of all rows, each with that of its filter."""
        samples = 1 if self.colour == _PALETTE else _CHANNELS.get(self.colour, 1)
        total = 0
        for left, top, across, down in _PASSES if self.interlaced else ((0, 0, 1, 1),):
            columns = -(-max(0, self.width - left) // across)
            rows = -(-max(0, self.height - top) // down)
            total += rows * (1 + -(-columns * samples * self.depth // 8)) if columns else 0
        return total


def read(path: Path, bits: int | None = None) -> Picture:
    """Read a PNG file.

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
    ValueError
        When it is damaged, animated, transparent or too large, or has values beyond `bits`.
    """
    content = path.read_bytes()
    try:
        chunks = list(_chunks(content))
        header = _Header(*struct.unpack(">IIBBxxB", chunks[0][1][:13]))
        pixels.check_size(path, header.width, header.height, _CHANNELS.get(header.colour, 1))
        _check_still(chunks, path)
        _check_rows(chunks, header)
        samples, alpha, image = _decode(chunks, header)
        exif = image.getexif()
    except UserError:
        raise
    except (OSError, SyntaxError, ValueError, IndexError, struct.error, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}): copy or download it again.") from error
    white = np.iinfo(samples.dtype).max
    if alpha is not None:
        pixels.check_opaque(alpha, path, True if alpha.dtype == bool else white)
    grey, notes = pixels.to_grey(samples, path, white) if samples.ndim == 3 else (samples, ())
    depth = 8 * grey.itemsize
    if header.depth < 8 and bits is not None:
        raise UserError(
            f"{path} has {header.depth} bits, which fill their range: leave out --bits."
        )
    scale, more = pixels.scale_of(grey, path, depth, bits)
    orientation = exif.get(_ORIENTATION, 1)
    frame = torch.from_numpy(scale.unit(pixels.upright(grey, orientation)))
    resolution = image.info.get("dpi") or _by_exif(exif)
    if resolution and orientation in (5, 6, 7, 8):
        resolution = resolution[1], resolution[0]
    across, down = image.info.get("aspect", (1, 1))
    if across != down:
        notes += (f"{path} has pixels that are not square, which another file will not say.",)
    texts = tuple(chunk for chunk in chunks if chunk[0] in _TEXTS and _lasting(chunk[1]))
    stored = min(header.depth, scale.bits)
    return Picture(path, frame[None, None], stored, writers(resolution, texts), notes + more)


def _by_exif(exif: Image.Exif) -> tuple[float, float] | None:
    """Pixels per inch that EXIF tells."""
    try:
        across, down = (float(exif[code]) for code in (_ACROSS, _DOWN))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    inches = tiff_write.UNITS.get(exif.get(_UNIT, 2))
    if inches is None or not (0 < across < math.inf and 0 < down < math.inf):
        return None
    return across * inches, down * inches


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kinds and contents of a file's chunks; the checksums of those that matter are checked."""
    view, place = memoryview(content), len(_SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if len(view) < place + 12:
            raise ValueError("it ends early")
        length, kind = struct.unpack(">I4s", view[place : place + 8])
        data = view[place + 8 : place + 8 + length]
        checksum = view[place + 8 + length : place + 12 + length]
        if len(checksum) < 4:
            raise ValueError("it ends early")
        if kind in _NEEDED and zlib.crc32(data, zlib.crc32(kind)) != int.from_bytes(checksum):
            raise ValueError(f"wrong checksum of {kind.decode()}")
        yield kind, bytes(data)
        place += 12 + length


def _check_still(chunks: list[tuple[bytes, bytes]], path: Path) -> None:
    for kind, data in chunks:
        if kind == b"acTL" and int.from_bytes(data[:4]) > 1:
            raise UserError(
                f"{path} is an animation of {int.from_bytes(data[:4])} frames: "
                "save each frame as a file of its own."
            )


def _check_rows(chunks: list[tuple[bytes, bytes]], header: _Header) -> None:
    """Refuse fewer rows than declared, before memory is taken: Pillow takes black for the rest."""
    inflate, missing = zlib.decompressobj(), header.length
    for packed in (data for kind, data in chunks if kind == b"IDAT"):
        while missing > 0 and not inflate.eof:
            rows = inflate.decompress(packed, _PIECE)
            packed = inflate.unconsumed_tail
            missing -= len(rows)
            if not packed and len(rows) < _PIECE:
                break
    if missing > 0:
        raise ValueError("its pixels end early")


def _decode(
    chunks: list[tuple[bytes, bytes]], header: _Header
) -> tuple[np.ndarray, np.ndarray | None, Image.Image]:
    """Samples, (H, W) or (H, W, 3), in uint8 or uint16; alpha, if there is any; Pillow's image."""
    content = _file(chunks)
    image = PngImagePlugin.PngImageFile(content)  # not Image.open: the limit is ours
    if header.depth == 16 and header.colour == _GREY_ALPHA:
        samples = np.asarray(_raw(content, "RGBA", "RGBA")).view(">u2").astype(np.uint16)
        return samples[..., 0], samples[..., 1], image
    if header.depth == 16 and header.colour in _DEEP:
        mode, *halves = _DEEP[header.colour]
        high, low = (np.asarray(_raw(content, mode, half)).astype(np.uint16) for half in halves)
        samples = high << 8 | low
    else:
        transparent = header.colour == _PALETTE and "transparency" in image.info
        mode = {"1": "L", "P": "RGBA" if transparent else "RGB"}.get(image.mode)
        if header.colour == _PALETTE:
            _check_palette(chunks, image)
        samples = np.asarray(image.convert(mode) if mode else image)
    if samples.ndim == 2:
        return samples, _keyed(samples, image, header.depth), image
    colour, alpha = samples[..., :-1], samples[..., -1]
    if samples.shape[-1] == 3:
        colour, alpha = samples, _keyed(samples, image, header.depth)
    return colour[..., 0] if colour.shape[-1] == 1 else colour, alpha, image


def _check_palette(chunks: list[tuple[bytes, bytes]], image: Image.Image) -> None:
    """Refuse indices of colours that are not there: Pillow takes black."""
    entries = sum(len(data) // 3 for kind, data in chunks if kind == b"PLTE")
    if np.asarray(image).max() >= entries:
        raise ValueError(f"a pixel has a colour beyond the {entries} of the palette")


def _file(chunks: list[tuple[bytes, bytes]]) -> io.BytesIO:
    """What Pillow is given."""
    made = io.BytesIO()
    made.write(_SIGNATURE)
    for kind, data in chunks:
        kind, data = _told(kind, data)
        if kind in _NEEDED or kind == b"pHYs" or _turns(kind, data):
            made.write(struct.pack(">I4s", len(data), kind) + data)
            made.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))
    made.seek(0)
    return made


def _turns(kind: bytes, data: bytes) -> bool:
    """Whether a text that is stored as it is may hold the picture's orientation."""
    xmp, exif = _XMP + b"\0\0", _EXIF + b"\0"
    return (kind == b"iTXt" and data.startswith(xmp)) or (kind == b"tEXt" and data.startswith(exif))


def _told(kind: bytes, data: bytes) -> tuple[bytes, bytes]:
    """A chunk, stored as it is where it is compressed and may hold the picture's orientation."""
    keyword, _, rest = data.partition(b"\0")
    if kind == b"zTXt" and keyword == _EXIF:
        return b"tEXt", keyword + b"\0" + _inflated(rest[1:])
    if kind == b"iTXt" and keyword == _XMP and rest[:1] == b"\1":
        language, translated, text = rest[2:].split(b"\0", 2)
        return kind, b"\0".join((keyword, b"\0\0" + language, translated, _inflated(text)))
    return kind, data


def _inflated(data: bytes) -> bytes:
    text = zlib.decompressobj().decompress(data, _LONGEST_TOLD + 1)
    if len(text) > _LONGEST_TOLD:
        raise ValueError("a text that may tell how it stands is longer than any is")
    return text


def _raw(content: io.BytesIO, mode: str, decoder: str) -> Image.Image:
    """A file's image, its bytes unpacked in another way than the header says."""
    content.seek(0)
    image = PngImagePlugin.PngImageFile(content)
    image._mode = mode
    image.tile = [tile._replace(args=decoder) for tile in image.tile]
    return image


def _keyed(samples: np.ndarray, image: Image.Image, depth: int) -> np.ndarray | None:
    """Which pixels are opaque in a file that names one transparent value (tRNS)."""
    key = image.info.get("transparency")
    if key is None:
        return None
    if samples.ndim == 2:
        # Shallower samples were stretched to 8 bits, and by Pillow the key of 1 bit too.
        return samples != key * (255 // (2**depth - 1) if 1 < depth < 8 else 1)
    return (samples != np.asarray(key)).any(-1)


def _lasting(text: bytes) -> bool:
    """Whether a text stays true of another image with the same place and size of pixels."""
    turning = text.startswith((_XMP + b"\0\1", _PROFILE)) or b"rientation" in text
    return len(text) <= _LONGEST_TEXT and not turning


def writers(
    resolution: tuple[float, float] | None = None, texts: tuple[tuple[bytes, bytes], ...] = ()
) -> dict[str, Writer]:
    """Writers of the grey files that any single image can become; see `Picture.writers`.

    Parameters
    ----------
    resolution : tuple of float, optional
        Pixels per inch, across and down.
    texts : tuple
        PNG chunks to be kept: kind and content.

    Returns
    -------
    dict
        Suffix to writer.
    """
    write_tiff = partial(tiff_write.write_grey, resolution=resolution)
    return {
        ".png": partial(write, resolution=resolution, texts=texts),
        ".tif": write_tiff,
        ".tiff": write_tiff,
    }


def write(
    frames: torch.Tensor,
    target: Path,
    made: Made,
    resolution: tuple[float, float] | None = None,
    texts: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    """Write a grey PNG of 16 bits, whatever depth the image came from.

    Parameters
    ----------
    frames : torch.Tensor
        float32, shape (1, 1, H, W); values outside [0, 1] are clipped.
    target : pathlib.Path
        The file.
    made : Made
        How the image was made: the end of the text "Description".
    resolution : tuple of float, optional
        Pixels per inch, across and down.
    texts : tuple
        PNG chunks to be kept: kind and content.
    """
    values = pixels.Scale(65535, 16).stored(frames[0, 0], np.dtype(np.uint16))
    info = PngImagePlugin.PngInfo()
    description = made.sentence
    for kind, data in texts:
        if kind == b"tEXt" and data.startswith(_DESCRIPTION):
            text = data.removeprefix(_DESCRIPTION).decode("latin-1")
            description = f"{text}\n{description}"
        else:
            info.add(kind, data)
    info.add_text("Description", description)
    options = {"dpi": resolution} if resolution else {}
    Image.fromarray(values).save(target, format="PNG", pnginfo=info, **options)
