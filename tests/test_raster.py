"""PNG, JPEG and TIFF: what a value of the file becomes, what is refused, and the way back."""

import contextlib
import json
import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from denoise_lib.checks import UserError
from denoise_lib.data.images import read_image
from denoise_lib.formats import Made, pixels, read_picture, tiff

MADE = Made("dncnn", "a" * 64, 25.0, 0.5, "1.0")
LUMA = np.array((0.299, 0.587, 0.114))


def drawn(dtype=np.uint16, top: int | None = None, shape=(9, 13)) -> np.ndarray:
    """Values from 0 to the largest, both among them."""
    top = int(np.iinfo(dtype).max) if top is None else top
    values = np.random.default_rng(0).integers(0, top, shape, dtype, endpoint=True)
    values.flat[0], values.flat[-1] = 0, top
    return values


def assert_frames(picture, expected, step: float = 1e-7):
    assert picture.frames.dtype == torch.float32
    expected = np.asarray(expected, np.float64)
    expected = expected[None] if expected.ndim == 2 else expected
    np.testing.assert_allclose(picture.frames[:, 0].numpy(), expected, atol=step, rtol=0)


# --- TIFF: which value is white -----------------------------------------------------------------

DEPTHS = {
    "1 bit": (np.uint8, 1, 1),
    "2 bits": (np.uint8, 2, 2),
    "4 bits": (np.uint8, 4, 4),
    "8 bits": (np.uint8, 8, 8),
    "10 bits": (np.uint16, 10, 10),
    "12 bits": (np.uint16, 12, 12),
    "14 bits": (np.uint16, 14, 14),
    "16 bits": (np.uint16, 16, 16),
    "16 in 32 bits": (np.uint32, 32, 16),
    "16 in 64 bits": (np.uint64, 64, 16),
    "signed 8": (np.int8, 8, 7),
    "signed 16": (np.int16, 16, 15),
    "16 in signed 32": (np.int32, 32, 16),
}


@pytest.mark.parametrize("sense", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_integers_of_a_tiff(tmp_path, depth, sense):
    dtype, stored, used = DEPTHS[depth]
    values = drawn(dtype, 2**used - 1)
    packed = stored if stored < 8 * values.itemsize else None
    tifffile.imwrite(tmp_path / "a.tif", values, photometric=sense, bitspersample=packed)

    picture = read_picture(tmp_path / "a.tif")

    unit = values / (2**used - 1)
    assert_frames(picture, 1 - unit if sense == "miniswhite" else unit)
    assert picture.bits == used
    if packed:
        whole = 8 * values.itemsize
        note = f"packs its {stored} bits; a TIFF made from it has {whole}."
        assert len(picture.notes) == 1 and picture.notes[0].endswith(note)
    else:
        assert picture.notes == ()


@pytest.mark.parametrize("sense", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_of_a_tiff(tmp_path, dtype, sense):
    values = np.array([[0, 0.25, 1]], dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric=sense)

    assert_frames(
        read_picture(tmp_path / "a.tif"), [[1, 0.75, 0] if sense == "miniswhite" else [0, 0.25, 1]]
    )


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_bits_say_which_value_is_white(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.uint16([[0, 1000, 4095]])).save(path)

    noted = read_picture(path)
    told = read_picture(path, bits=12)

    assert_frames(noted, np.array([[0, 1000, 4095]]) / 65535)
    assert [note for note in noted.notes if "uses 12 of its 16 bits" in note and "4095" in note]
    assert_frames(told, np.array([[0, 1000, 4095]]) / 4095)
    assert told.notes == () and told.bits == 12
    with pytest.raises(UserError, match="values up to 4095, beyond the 1023 of 10 bits"):
        read_picture(path, bits=10)
    with pytest.raises(UserError, match="number from 1 to 16"):
        read_picture(path, bits=17)
    with pytest.warns(UserWarning, match="uses 12 of its 16 bits"):
        read_image(path)


@pytest.mark.parametrize("bits", ["x", 1.5, True, float("nan"), 0, 33])
def test_bits_are_a_whole_number(tmp_path, bits):
    Image.fromarray(np.uint16([[0, 4095]])).save(tmp_path / "a.png")

    with pytest.raises(UserError, match="bits must be a whole number between 1 and 32"):
        read_picture(tmp_path / "a.png", bits)


def test_a_negative_of_12_bits_is_called_bright(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.uint16([[0, 4095]]), photometric="miniswhite")

    noted, told = read_picture(tmp_path / "a.tif"), read_picture(tmp_path / "a.tif", bits=12)

    assert "bright" in noted.notes[0] and "4095 is its black" in noted.notes[0]
    assert_frames(told, [[1, 0]])


def test_floats_and_deep_integers_are_placed_by_bits(tmp_path):
    for name, dtype in (("f.tif", np.float32), ("i.tif", np.uint32)):
        tifffile.imwrite(tmp_path / name, np.array([[0, 65536, 131071]], dtype))
        with pytest.raises(UserError, match=f"{name} .*--bits"):
            read_picture(tmp_path / name)
        assert_frames(read_picture(tmp_path / name, bits=17), [[0, 65536 / 131071, 1]])


# --- TIFF: colour, planes, storage --------------------------------------------------------------


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colour_is_grey_at_its_own_depth(tmp_path, dtype, planes):
    colour = drawn(dtype, shape=(9, 13, 3))
    stored = np.moveaxis(colour, -1, 0) if planes == "separate" else colour
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planes)
    top = np.iinfo(dtype).max

    picture = read_picture(tmp_path / "a.tif")

    assert_frames(picture, colour / top @ LUMA, 1.2 / top)
    assert "is in colour" in picture.notes[0]


def test_a_palette_keeps_its_16_bits(tmp_path):
    index = drawn(np.uint8, 255)
    ramp = (np.arange(256) * 257 + np.arange(256) % 3).clip(0, 65535).astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", index, photometric="palette", colormap=np.stack([ramp] * 3)
    )

    picture = read_picture(tmp_path / "a.tif")

    assert_frames(picture, ramp[index] / 65535)
    assert picture.notes == ()


def test_a_palette_of_8_bits_is_stretched(tmp_path):
    index = drawn(np.uint8, 255)
    ramp = np.arange(256, dtype=np.uint16)[::-1]
    tifffile.imwrite(
        tmp_path / "a.tif", index, photometric="palette", colormap=np.stack([ramp] * 3)
    )

    assert_frames(read_picture(tmp_path / "a.tif"), 1 - index / 255)


def test_inks_become_light(tmp_path):
    inks = np.uint8([[[0, 0, 0, 0], [0, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 51]]])
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated")

    picture = read_picture(tmp_path / "a.tif")

    assert_frames(picture, [[1, 0, 0.701, 0.8]], 0.002)
    assert "inks" in picture.notes[0]


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "zstd"])
@pytest.mark.parametrize("layout", [{}, {"tile": (16, 16)}, {"rowsperstrip": 4}])
@pytest.mark.parametrize("predictor", [False, True])
def test_storage_changes_no_value(tmp_path, compression, layout, predictor):
    values = drawn(shape=(21, 35))
    tifffile.imwrite(
        tmp_path / "a.tif",
        values,
        photometric="minisblack",
        compression=compression,
        predictor=predictor and compression is not None,
        byteorder=">" if predictor else "<",
        bigtiff=predictor,
        **layout,
    )

    assert_frames(read_picture(tmp_path / "a.tif"), values / 65535)


def bare_tiff(width: int, height: int, data: bytes = b"", **tags: int) -> bytes:
    """An uncompressed grey TIFF of 8 bits with exactly these tags."""
    known = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 279: len(data) or 1}
    known |= {int(name.removeprefix("t")): value for name, value in tags.items()}
    known[273] = 14 + 12 * len(known)
    entries = b"".join(struct.pack("<HHII", code, 4, 1, known[code]) for code in sorted(known))
    return b"II*\0" + struct.pack("<IH", 8, len(known)) + entries + bytes(4) + data


def test_bits_that_are_filled_from_the_low_end(tmp_path):
    values = drawn(np.uint8)
    mirrored = np.packbits(np.unpackbits(values.ravel()).reshape(-1, 8)[:, ::-1])
    (tmp_path / "a.tif").write_bytes(bare_tiff(13, 9, mirrored.tobytes(), t266=2))

    assert_frames(read_picture(tmp_path / "a.tif"), values / 255)


def test_a_tiff_that_does_not_say_what_0_is_is_noted(tmp_path):
    data = bare_tiff(1, 1, b"\x80").replace(struct.pack("<H", 262), struct.pack("<H", 263))
    (tmp_path / "a.tif").write_bytes(data)

    picture = read_picture(tmp_path / "a.tif")

    assert_frames(picture, [[128 / 255]])
    assert "does not say whether 0 is black or white" in picture.notes[0]


# --- TIFF: pages --------------------------------------------------------------------------------


def test_pages_are_frames(tmp_path):
    values = drawn(shape=(3, 9, 13))
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite")

    picture = read_picture(tmp_path / "a.tif")

    assert_frames(picture, 1 - values / 65535)
    assert set(picture.writers) == {".tif", ".tiff"}
    with pytest.raises(UserError, match="holds 3 images"):
        read_image(tmp_path / "a.tif")


def test_thumbnails_are_no_pages(tmp_path):
    values = drawn()
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(values[::2, ::2], subfiletype=1, photometric="minisblack")
        file.write(values, photometric="minisblack", subifds=1)
        file.write(values[::3, ::3], subfiletype=1, photometric="minisblack")

    assert_frames(read_picture(tmp_path / "a.tif"), values / 65535)


def test_a_mask_is_noted(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(drawn(), photometric="minisblack")
        file.write(drawn() > 9, photometric="minisblack", subfiletype=4)

    picture = read_picture(tmp_path / "a.tif")

    assert len(picture.frames) == 1 and "mask" in picture.notes[0]


def test_what_is_not_applied_is_noted(tmp_path):
    nodata = [(42113, 2, 0, "0", True)]
    tifffile.imwrite(tmp_path / "a.tif", drawn(), photometric="minisblack", extratags=nodata)
    tifffile.imwrite(tmp_path / "b.tif", drawn() | 1, photometric="minisblack", extratags=nodata)
    tifffile.imwrite(tmp_path / "c.tif", drawn(), imagej=True, metadata={"c0": -32768.0, "c1": 1.0})

    notes = [read_picture(tmp_path / f"{name}.tif").notes for name in "abc"]

    assert "without data" in notes[0][0] and notes[1] == () and "calibration" in notes[2][0]


def test_memory_that_does_not_do_is_no_damage(tmp_path, monkeypatch):
    def refuse(page, **options):
        raise MemoryError

    tifffile.imwrite(tmp_path / "a.tif", drawn(), photometric="minisblack")
    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)

    with pytest.raises(UserError, match="a.tif needs more memory"):
        read_picture(tmp_path / "a.tif")


# --- PNG and JPEG -------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_kind_of_png(tmp_path, channels, dtype):
    top = np.iinfo(dtype).max
    values = drawn(dtype, shape=(9, 13, channels))
    if channels in (2, 4):
        values[..., -1] = top
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(values.squeeze()))

    picture = read_picture(tmp_path / "a.png")

    colour = channels > 2
    expected = values[..., :3] / top @ LUMA if colour else values[..., 0] / top
    assert_frames(picture, expected, 1.2 / top if colour else 1e-7)
    assert picture.bits == 8 * dtype().itemsize and bool(picture.notes) == colour


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, rows: bytes, before=b"", after=b"", interlaced=0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            before,
            chunk(b"IDAT", zlib.compress(rows)),
            after,
            chunk(b"IEND", b""),
        )
    )


ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))


@pytest.mark.parametrize(("channels", "colour"), [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_an_interlaced_png_of_16_bits(tmp_path, channels, colour):
    values = drawn(shape=(19, 23, channels))
    if channels in (2, 4):
        values[..., -1] = 65535
    rows = b""
    for top, left, down, across in (*ADAM7, (1, 0, 2, 1)):
        for row in values[top::down, left::across]:
            rows += b"\0" + row.astype(">u2").tobytes()
    (tmp_path / "a.png").write_bytes(png(23, 19, 16, colour, rows, interlaced=1))

    expected = values[..., :3] / 65535 @ LUMA if channels > 2 else values[..., 0] / 65535

    assert_frames(read_picture(tmp_path / "a.png"), expected, 1.2 / 65535)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("palette", [False, True])
def test_a_png_of_few_bits(tmp_path, depth, palette):
    values = drawn(np.uint8, 2**depth - 1, (3, 8))
    bits = np.unpackbits(values[..., None], axis=-1)[..., 8 - depth :]
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in bits)
    greys = np.linspace(255, 0, 2**depth).round().astype(np.uint8)
    before = chunk(b"PLTE", greys.repeat(3).tobytes()) if palette else b""
    (tmp_path / "a.png").write_bytes(png(8, 3, depth, 3 if palette else 0, rows, before))

    picture = read_picture(tmp_path / "a.png")

    assert_frames(picture, greys[values] / 255 if palette else values / (2**depth - 1))
    assert picture.bits == depth


@pytest.mark.parametrize(
    ("depth", "colour", "key", "row", "grey"),
    [
        (8, 0, (0, 7), bytes([9]), 9 / 255),
        (4, 0, (0, 7), bytes([0x90]), 9 / 15),
        (2, 0, (0, 1), bytes([0x80]), 2 / 3),
        (1, 0, (0, 1), bytes([0]), 0),
        (1, 0, (0, 0), bytes([0x80]), 1),
        (16, 0, (1, 2), bytes([1, 3]), 0x0103 / 65535),
        (8, 2, (0, 7, 0, 7, 0, 7), bytes([9, 9, 9]), 9 / 255),
        (16, 2, (1, 2, 1, 2, 1, 2), bytes([1, 3, 1, 3, 1, 3]), 0x0103 / 65535),
    ],
)
def test_a_transparent_value_matters_where_it_occurs(tmp_path, depth, colour, key, row, grey):
    """The key of the first picture occurs in the second only."""
    before = chunk(b"tRNS", bytes(key))
    samples = np.frombuffer(bytes(key), ">u2")
    hidden = samples.astype(np.uint8).tobytes() if depth == 8 else samples.tobytes()
    if depth < 8:
        hidden = bytes([samples[0] << (8 - depth)])
    opaque, pierced = tmp_path / "opaque.png", tmp_path / "pierced.png"
    opaque.write_bytes(png(1, 1, depth, colour, b"\0" + row, before))
    pierced.write_bytes(png(1, 1, depth, colour, b"\0" + hidden, before))

    assert_frames(read_picture(opaque), [[grey]])
    with pytest.raises(UserError, match="pierced.png has transparent pixels"):
        read_picture(pierced)


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize(
    ("kind", "head"), [(b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\1\0\0\0"), (b"iCCP", b"k\0\0")]
)
def test_a_text_that_inflates_is_left_alone(tmp_path, kind, head, place):
    bomb = chunk(kind, head + zlib.compress(bytes(10**8), 9))
    (tmp_path / "a.png").write_bytes(png(1, 1, 8, 0, b"\0\x80", **{place: bomb}))

    tracemalloc.start()
    picture = read_picture(tmp_path / "a.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert_frames(picture, [[128 / 255]])
    assert peak < 5e6


def test_further_pictures_of_a_jpeg_are_noted(tmp_path):
    images = [Image.fromarray(np.full((16, 16), grey, np.uint8)) for grey in (51, 0)]
    images[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=images[1:])

    picture = read_picture(tmp_path / "a.jpg")

    assert_frames(picture, np.full((16, 16), 0.2), 0.01)
    assert "several pictures" in picture.notes[0]


def test_pixels_that_are_not_square_are_noted(tmp_path):
    for name, across in (("a.png", 2), ("b.png", 1)):
        before = chunk(b"pHYs", struct.pack(">IIB", across, 1, 0))
        (tmp_path / name).write_bytes(png(1, 1, 8, 0, b"\0\x80", before))

    assert "not square" in read_picture(tmp_path / "a.png").notes[0]
    assert read_picture(tmp_path / "b.png").notes == ()


def test_pixels_of_a_jpeg_or_tiff_that_are_not_square_are_noted(tmp_path):
    for name, down in (("oblong", 2), ("square", 1)):
        Image.fromarray(CORNER).save(tmp_path / "a.jpg")
        content = bytearray((tmp_path / "a.jpg").read_bytes())
        content[13:18] = struct.pack(">BHH", 0, 1, down)
        (tmp_path / f"{name}.jpg").write_bytes(content)
        options = {"resolution": (1, down), "resolutionunit": "NONE"}
        tifffile.imwrite(tmp_path / f"{name}.tif", CORNER, photometric="minisblack", **options)

    for suffix in ("jpg", "tif"):
        assert "not square" in read_picture(tmp_path / f"oblong.{suffix}").notes[0]
        assert read_picture(tmp_path / f"square.{suffix}").notes == ()


def test_inks_of_a_jpeg(tmp_path):
    inks = Image.new("CMYK", (16, 16), (0, 0, 0, 51))
    inks.save(tmp_path / "adobe.jpg", quality=100)
    content = (tmp_path / "adobe.jpg").read_bytes()
    start = content.index(b"\xff\xee")
    length = 2 + int.from_bytes(content[start + 2 : start + 4])
    (tmp_path / "other.jpg").write_bytes(content[:start] + content[start + length :])

    assert_frames(read_picture(tmp_path / "adobe.jpg"), np.full((16, 16), 0.8), 0.01)
    with pytest.raises(UserError, match="other.jpg has inks"):
        read_picture(tmp_path / "other.jpg")


# --- All of them --------------------------------------------------------------------------------

CORNER = np.uint8([[10, 20, 30], [40, 50, 60]])
TURNED = {
    1: CORNER,
    2: CORNER[:, ::-1],
    3: CORNER[::-1, ::-1],
    4: CORNER[::-1],
    5: CORNER.T,
    6: np.rot90(CORNER, -1),
    7: np.rot90(CORNER, 2).T,
    8: np.rot90(CORNER),
    9: CORNER,  # no such orientation
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_every_picture_stands_upright(tmp_path, suffix, orientation):
    path = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        tag = [(274, 3, 1, orientation, True)]
        tifffile.imwrite(path, CORNER, photometric="minisblack", extratags=tag)
    else:
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(CORNER).save(path, exif=exif, quality=100)

    picture = read_picture(path)
    picture.write(picture.frames, tmp_path / "b.tif", MADE)

    expected = TURNED[orientation] / 255
    assert_frames(picture, expected, 0.02 if suffix == "jpg" else 1e-7)
    again = read_picture(tmp_path / "b.tif")
    torch.testing.assert_close(again.frames, picture.frames, atol=1e-5, rtol=0)


def in_letters(exif: bytes) -> bytes:
    """As ImageMagick writes it."""
    return f"\nexif\n{len(exif):8}\n{exif.hex()}\n".encode()


XMP_TEXT = b'<x:xmpmeta xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("kind", ["exif", "xmp"])
def test_an_orientation_in_a_text_of_a_png(tmp_path, kind, place, packed):
    exif = Image.Exif()
    exif[274] = 6
    text = XMP_TEXT if kind == "xmp" else in_letters(exif.tobytes())
    text = zlib.compress(text) if packed else text
    if kind == "xmp":
        told = chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bytes([packed, 0, 0, 0]) + text)
    else:
        head = b"Raw profile type exif\0" + bytes(packed)
        told = chunk(b"zTXt" if packed else b"tEXt", head + text)
    rows = b"".join(b"\0" + row.tobytes() for row in CORNER)
    (tmp_path / "a.png").write_bytes(png(3, 2, 8, 0, rows, **{place: told}))

    picture = read_picture(tmp_path / "a.png")
    picture.write(picture.frames, tmp_path / "b.png", MADE)

    assert_frames(picture, TURNED[6] / 255)
    assert_frames(read_picture(tmp_path / "b.png"), TURNED[6] / 255, 1e-5)


@pytest.mark.parametrize("head", [b"XML:com.adobe.xmp\0\1\0\0\0", b"Raw profile type exif\0\0"])
def test_an_orientation_that_inflates_takes_no_memory(tmp_path, head):
    kind = b"iTXt" if head[:3] == b"XML" else b"zTXt"
    bomb = chunk(kind, head + zlib.compress(bytes(10**8), 9))
    (tmp_path / "a.png").write_bytes(png(1, 1, 8, 0, b"\0\x80", bomb))

    tracemalloc.start()
    with pytest.raises(UserError, match="a.png is damaged .*longer"):
        read_picture(tmp_path / "a.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 5e6


@pytest.mark.parametrize(("unit", "inches"), [(1, None), (2, 1), (3, 2.54), (None, 1)])
def test_the_resolution_in_the_exif_of_a_png(tmp_path, unit, inches):
    exif = Image.Exif()
    exif[282], exif[283] = 300.0, 150.0
    if unit:
        exif[296] = unit
    Image.fromarray(CORNER).save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png")

    picture.write(picture.frames, tmp_path / "b.png", MADE)

    with Image.open(tmp_path / "b.png") as image:
        dpi = (300 * inches, 150 * inches) if inches else None
        assert image.info.get("dpi") == (dpi and pytest.approx(dpi, abs=0.02))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_full_alpha_is_dropped_and_any_other_refused(tmp_path, suffix):
    grey = drawn(np.uint8)
    for name, alpha in (("full", 255), ("half", 128)):
        image = Image.fromarray(np.dstack([grey, np.full_like(grey, alpha)]), "LA")
        image.convert("RGBA").save(tmp_path / f"{name}.{suffix}")

    assert_frames(read_picture(tmp_path / f"full.{suffix}"), grey / 255)
    with pytest.raises(UserError, match=f"half.{suffix} has transparent pixels"):
        read_picture(tmp_path / f"half.{suffix}")


def several_sizes(path: Path):
    with tifffile.TiffWriter(path) as file:
        file.write(drawn(), photometric="minisblack")
        file.write(drawn()[::2], photometric="minisblack")


def animation(path: Path):
    frames = [Image.fromarray(drawn(np.uint8, top)) for top in (255, 99)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def without_a_strip(path: Path):
    tifffile.imwrite(path, drawn(), rowsperstrip=3, compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags[279].overwrite((9, 0, 9))


def tif(values, **options):
    return lambda path: tifffile.imwrite(path, values, **options)


def content(data: bytes):
    return lambda path: path.write_bytes(data)


def looped() -> bytes:
    """A TIFF whose second page leads back to the first."""
    first = bytearray(bare_tiff(1, 1, b"\x80"))
    end = 8 + 2 + 12 * 8  # the pointer to the next page
    first[end : end + 4] = struct.pack("<I", len(first))
    second = bytearray(first[8:])
    second[end - 8 : end - 4] = struct.pack("<I", 8)
    return bytes(first + second)


def wrong_sum(data: bytes) -> bytes:
    """A PNG whose last bit before the chunk IEND, of a checksum, is another."""
    end = data.index(b"IEND") - 5
    return data[:end] + bytes([data[end] ^ 1]) + data[end + 1 :]


REFUSED = {
    "negative.tif": (tif(np.int16([[-5, 9]])), "negative values"),
    "nan.tif": (tif(np.float32([[np.nan, 1]])), "NaN"),
    "inf.tif": (tif(np.float16([[np.inf, 1]])), "infinite"),
    "below.tif": (tif(np.float64([[-0.1, 1]])), r"outside \[0, 1\]"),
    "deep.tif": (tif(np.int32([[0, 70000]])), "--bits 17"),
    "complex.tif": (tif(np.complex64([[0, 1]])), "no greys"),
    "signed.tif": (tif(np.zeros((4, 4, 3), np.int8), photometric="rgb"), "colours with a sign"),
    "lab.tif": (lambda path: Image.new("LAB", (4, 4)).save(path), "CIELAB"),
    "ycbcr.tif": (lambda path: Image.new("YCbCr", (4, 4)).save(path), "YCBCR"),
    "many.tif": (
        tif(np.zeros((4, 5, 6), np.uint8), photometric="minisblack", planarconfig="contig"),
        "6 values a pixel",
    ),
    "alpha.tif": (
        tif(np.zeros((4, 5, 4), np.uint8), photometric="rgb", extrasamples=["assocalpha"]),
        "transparent",
    ),
    "sizes.tif": (several_sizes, "2 pages of different sizes"),
    "stack.tif": (
        tif(drawn(shape=(5, 9, 13)), truncate=True, photometric="minisblack"),
        "5 images",
    ),
    "volume.tif": (
        tif(np.zeros((2, 16, 16, 16), np.uint8), volumetric=True, tile=(16, 16, 16)),
        "volume",
    ),
    "strip.tif": (without_a_strip, "missing"),
    "loop.tif": (content(looped()), "leads back"),
    "head.tif": (content(b"II*\0"), "head.tif"),
    "anim.png": (animation, "animation of 2 frames"),
    "index.png": (content(png(1, 1, 8, 3, b"\0\x05", chunk(b"PLTE", bytes(9)))), "palette"),
    "depth.png": (content(png(1, 1, 7, 0, b"\0\x05")), "damaged"),
    "crc.png": (content(png(1, 1, 8, 0, b"\0\x05").replace(b"IEND", b"IENE")), "ends early"),
    "sum.png": (content(wrong_sum(png(1, 1, 8, 0, b"\0\x05"))), "wrong checksum"),
    "pierced.png": (
        content(png(1, 1, 8, 3, b"\0\0", chunk(b"PLTE", bytes(3)) + chunk(b"tRNS", b"\0"))),
        "transparent",
    ),
    "rows.png": (content(png(4, 3, 8, 0, bytes(14))), "pixels end early"),
    "passes.png": (content(png(4, 3, 8, 0, bytes(17), interlaced=1)), "pixels end early"),
    "zero.png": (content(png(0, 5, 8, 0, b"")), "0 x 5 pixels"),
    "a.gif": (content(b"GIF89a\x01\0\x01\0"), "a GIF image"),
    "webp.png": (content(b"RIFF\0\0\0\0WEBPVP8 "), "a WebP image"),
    "svg.png": (content(b"<?xml version='1.0'?>\n<svg>"), "an SVG drawing"),
    "page.jpg": (content(b"<!DOCTYPE html>\n<html>"), "a web page"),
    "zip.tif": (content(b"PK\x03\x04...."), "a ZIP archive"),
    "notes.png": (content("größer".encode() * 100), "a text file"),
    "nul.png": (content(bytes(600)), "not a PNG, JPEG, TIFF or DICOM image: convert"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_in_a_sentence(tmp_path, name):
    path = tmp_path / name
    write, message = REFUSED[name]
    write(path)

    with pytest.raises(UserError, match=message) as caught:
        read_picture(path)

    assert str(path) in str(caught.value) and str(caught.value).endswith(".")


BOMBS = {
    "100000.png": png(100000, 100000, 8, 0, b""),
    "2147483647.png": png(2**31 - 1, 2**31 - 1, 16, 6, b""),
    "channels.png": png(16384, 16384, 16, 2, b""),
    "100000.tif": bare_tiff(100000, 100000),
    "4294967295.tif": bare_tiff(2**32 - 1, 2**32 - 1),
    # Allowed, but not there.
    "empty.tif": bare_tiff(16000, 16000),
    "rows.png": png(24, 8_000_000, 8, 0, bytes(1000)),
    "passes.png": png(24, 8_000_000, 8, 0, bytes(1000), interlaced=1),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_declared_size_takes_no_memory(tmp_path, name):
    (tmp_path / name).write_bytes(BOMBS[name])

    tracemalloc.start()
    with pytest.raises(UserError, match=f"{name} (declares|is damaged)") as caught:
        read_picture(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 5e6
    assert "is damaged" in str(caught.value) or str(pixels.LARGEST) in str(caught.value)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "jpeg2000"])
@pytest.mark.parametrize("side", [16, 17])
def test_a_tile_that_holds_more_than_its_pixels(tmp_path, kind, side):
    """Its decoder would take memory for what the tile itself declares."""
    encode = getattr(imagecodecs, f"{kind.replace('2000', '2k')}_encode")
    tile = encode(np.full((side, side, 3), 51, np.uint8))
    tifffile.imwrite(
        tmp_path / "a.tif",
        iter([tile]),
        shape=(16, 16, 3),
        dtype=np.uint8,
        tile=(16, 16),
        photometric="rgb",
        compression=kind,
    )

    if side == 16:
        assert read_picture(tmp_path / "a.tif").frames.shape == (1, 1, 16, 16)
    else:
        with pytest.raises(UserError, match="16 x 16 pixels holds 17 x 17"):
            read_picture(tmp_path / "a.tif")


def test_the_limit_is_ours_not_pillows(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    Image.fromarray(drawn(np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(drawn(np.uint8)).save(tmp_path / "a.jpg")

    assert read_picture(tmp_path / "a.png").frames.shape == (1, 1, 9, 13)
    assert read_picture(tmp_path / "a.jpg").frames.shape == (1, 1, 9, 13)


def test_what_is_no_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path, message in (
        (tmp_path, "is a folder"),
        (tmp_path / "pipe.png", "is a pipe"),
        (Path("/dev/zero"), "is a pipe or a device"),
        (tmp_path / ("x" * 300 + ".png"), "cannot be read"),
    ):
        with pytest.raises(UserError, match=message):
            read_picture(path)
    for path in (tmp_path / "none.png", str(tmp_path / "a\0b.png")):
        with pytest.raises(FileNotFoundError, match="There is no file"):
            read_picture(path)
    with pytest.raises(TypeError, match="str or Path"):
        read_picture(None)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    Image.fromarray(CORNER).save(tmp_path / "a.png")

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    with pytest.raises(UserError, match="a.png cannot be read .Permission denied"):
        read_picture(tmp_path / "a.png")


def test_content_counts_and_not_the_name(tmp_path):
    for kind, name in (("JPEG", "a.png"), ("PNG", "a.tif"), ("TIFF", "a"), ("PNG", "a.dcm")):
        Image.fromarray(np.full((16, 16), 51, np.uint8)).save(tmp_path / name, kind)
        assert_frames(read_picture(tmp_path / name), np.full((16, 16), 0.2), 0.01)


def test_a_decoder_that_is_missing_is_named(tmp_path, monkeypatch):
    def refuse(page, **options):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    tifffile.imwrite(tmp_path / "a.tif", drawn(), photometric="minisblack")
    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    monkeypatch.setattr(tiff, "find_spec", lambda name: None)

    with pytest.raises(ModuleNotFoundError, match="a.tif .*: pip install imagecodecs"):
        read_picture(tmp_path / "a.tif")


def test_pixels_are_converted_in_slabs(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "_SLAB", 20)  # one row, as the last two are
    colour = drawn(shape=(9, 13, 3))
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(colour))

    assert_frames(read_picture(tmp_path / "a.png"), colour / 65535 @ LUMA, 1.2 / 65535)


SAMPLES = {
    "png": lambda path: Image.fromarray(drawn()).save(path),
    "jpg": lambda path: Image.fromarray(drawn(np.uint8)).save(path),
    "tif": tif(drawn(shape=(2, 9, 13)), compression="zlib", photometric="miniswhite"),
}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), suffix=st.sampled_from(sorted(SAMPLES)))
def test_a_cut_file_is_whole_or_refused(tmp_path, data, suffix):
    path = tmp_path / f"a.{suffix}"
    SAMPLES[suffix](path)
    whole, stored = read_picture(path).frames, path.read_bytes()
    path.write_bytes(stored[: data.draw(st.integers(0, len(stored) - 1))])

    with contextlib.suppress(UserError):
        torch.testing.assert_close(read_picture(path).frames, whole, atol=0, rtol=0)


# --- The way back -------------------------------------------------------------------------------

KINDS = ["uint8", "uint16", "uint32", "int8", "int16", "int32", "float16", "float32", "float64"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(KINDS),
    sense=st.sampled_from(["minisblack", "miniswhite"]),
    pages=st.integers(1, 3),
    byteorder=st.sampled_from("<>"),
    seed=st.integers(0, 99),
)
def test_a_tiff_comes_back_as_it_was(tmp_path, kind, sense, pages, byteorder, seed):
    unit = np.random.default_rng(seed).random((pages, 5, 7))
    top = min(np.iinfo(kind).max, 65535) if np.dtype(kind).kind in "ui" else 1
    values = (unit * top).round(0 if top > 1 else 9).astype(kind)
    values.flat[0] = top  # all bits are used
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    tifffile.imwrite(source, values, photometric=sense, byteorder=byteorder)

    picture = read_picture(source)
    picture.write(picture.frames, target, MADE)

    with tifffile.TiffFile(target) as file:
        stored = file.asarray().reshape(values.shape)
        assert file.byteorder == byteorder and file.pages[0].photometric.name.lower() == sense
    assert stored.dtype == values.dtype
    np.testing.assert_allclose(stored, values, atol=1e-7 if top == 1 else 0)
    atol = 0.5 / top if top > 1 else np.finfo(kind).eps
    torch.testing.assert_close(read_picture(target).frames, picture.frames, atol=atol, rtol=0)


@pytest.mark.parametrize("bits", [1, 4, 10, 12, 14])
def test_packed_bits_come_back_as_whole_ones(tmp_path, bits):
    dtype = np.uint8 if bits < 8 else np.uint16
    values = drawn(dtype, 2**bits - 1)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", bitspersample=bits)

    picture = read_picture(tmp_path / "a.tif")
    picture.write(picture.frames, tmp_path / "b.tif", MADE)

    again = read_picture(tmp_path / "b.tif")
    assert again.notes == () and tifffile.imread(tmp_path / "b.tif").dtype == dtype
    assert_frames(again, values / (2**bits - 1), 0.51 / np.iinfo(dtype).max)


def test_12_bits_stay_0_to_4095(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.uint16([[0, 1000, 4095]]), photometric="minisblack")

    picture = read_picture(tmp_path / "a.tif", bits=12)
    picture.write(picture.frames, tmp_path / "b.tif", MADE)
    picture.write(picture.frames, tmp_path / "b.png", MADE)

    assert tifffile.imread(tmp_path / "b.tif").tolist() == [[0, 1000, 4095]]
    # A PNG cannot say it: its values fill their 16 bits.
    assert_frames(read_picture(tmp_path / "b.png"), np.array([[0, 1000, 4095]]) / 4095, 1e-5)


@pytest.mark.parametrize("source", ["a.png", "a.jpg", "a.tif"])
@pytest.mark.parametrize("target", ["b.png", "b.tif", "b.TIFF"])
def test_resolution_and_sentence_are_kept(tmp_path, source, target):
    Image.fromarray(drawn(np.uint8)).save(tmp_path / source, dpi=(300, 150))
    picture = read_picture(tmp_path / source)

    picture.write(picture.frames, tmp_path / target, MADE)

    with Image.open(tmp_path / target) as image:
        assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)
        said = image.text["Description"] if target == "b.png" else image.tag_v2[270]
        assert MADE.sentence in said
    torch.testing.assert_close(
        read_picture(tmp_path / target).frames, picture.frames, atol=1e-5, rtol=0
    )


def test_what_lies_outside_is_clipped(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.uint16([[9, 65535]]), photometric="miniswhite")
    picture = read_picture(tmp_path / "a.tif")

    picture.write(torch.tensor([[[[-1.0, 2.0]]]]), tmp_path / "b.tif", MADE)

    assert tifffile.imread(tmp_path / "b.tif").tolist() == [[65535, 0]]


@pytest.mark.parametrize("target", ["o.jpg", "o.webp", "o.gif", "o.bmp", "o.npy", "o.pdf", "o", ""])
def test_a_target_that_loses_is_refused(tmp_path, target):
    Image.fromarray(CORNER).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")

    with pytest.raises(UserError, match="ends in .png or .tif or .tiff"):
        picture.check_target(tmp_path / target)


def test_texts_of_a_png_are_kept_but_not_those_that_turn_it(tmp_path):
    texts = (
        chunk(b"tEXt", b"Title\0T")
        + chunk(b"tEXt", b"Description\0D")
        + chunk(b"tEXt", b"exif\0Orientation=6")
    )
    (tmp_path / "a.png").write_bytes(png(1, 1, 8, 0, b"\0\x80", texts))
    picture = read_picture(tmp_path / "a.png")

    picture.write(picture.frames, tmp_path / "b.png", MADE)

    with Image.open(tmp_path / "b.png") as image:
        assert image.text == {"Title": "T", "Description": f"D\n{MADE.sentence}"}


def test_tags_of_every_page_are_kept(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for number in range(2):
            file.write(
                drawn(),
                photometric="minisblack",
                resolution=(50, 40),
                resolutionunit="CENTIMETER",
                description=f"page {number}",
                datetime="2020:01:02 03:04:05",
                metadata=None,
                extratags=[
                    (271, 2, 0, "Maker", True),
                    (33550, 12, 3, (0.1, 0.1, 0.0), True),
                    (280, 3, 1, 77, True),
                ],
            )
    picture = read_picture(tmp_path / "a.tif")

    picture.write(picture.frames, tmp_path / "b.tif", MADE)

    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        for number, page in enumerate(file.pages):
            assert page.tags.valueof(282) == (50, 1) and page.tags.valueof(283) == (40, 1)
            assert page.tags.valueof(296) == 3
            assert page.description == f"page {number}\n{MADE.sentence}"
            assert page.tags.valueof(306) == "2020:01:02 03:04:05"
            assert page.tags.valueof(271) == "Maker" and 280 not in page.tags
            assert page.tags.valueof(33550) == (0.1, 0.1, 0.0)


@pytest.mark.parametrize(
    ("unit", "inches"),
    [(0, None), (1, None), (2, 1), (3, 2.54), (4, 25.4), (5, 25400), (255, None)],
)
def test_every_unit_of_resolution(tmp_path, unit, inches):
    tifffile.imwrite(tmp_path / "a.tif", CORNER, photometric="minisblack", resolution=(3, 2))
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        file.pages[0].tags[296].overwrite(unit)
    picture = read_picture(tmp_path / "a.tif")

    picture.write(picture.frames, tmp_path / "b.tif", MADE)
    picture.write(picture.frames, tmp_path / "b.png", MADE)

    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        tags = file.pages[0].tags
        assert tags.valueof(282) == (3, 1) and tags.valueof(283) == (2, 1)
        assert tags.valueof(296) == (unit if inches else 1)
    with Image.open(tmp_path / "b.png") as image:
        dpi = (3 * inches, 2 * inches) if inches else None
        assert image.info.get("dpi") == (dpi and pytest.approx(dpi, abs=0.02))


ICC, PLACE, XMP = 34675, 33550, 700


@pytest.mark.parametrize(
    ("orientation", "colour", "kept"),
    [(1, False, {ICC, PLACE, XMP}), (6, False, {ICC, XMP}), (1, True, {PLACE, XMP})],
)
def test_tags_that_would_lie_are_left_out(tmp_path, orientation, colour, kept):
    tifffile.imwrite(
        tmp_path / "a.tif",
        drawn(np.uint8, shape=(9, 13, 3) if colour else (9, 13)),
        photometric="rgb" if colour else "minisblack",
        resolution=(100, 50),
        resolutionunit="CENTIMETER",
        extratags=[
            (274, 3, 1, orientation, True),
            (ICC, 7, 4, b"grey", True),
            (PLACE, 12, 3, (1.0, 1.0, 0.0), True),
            (XMP, 1, 4, b"<x/>", True),
        ],
    )
    picture = read_picture(tmp_path / "a.tif")

    picture.write(picture.frames, tmp_path / "b.tif", MADE)
    picture.write(picture.frames, tmp_path / "b.png", MADE)

    across, down = (50, 100) if orientation == 6 else (100, 50)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        tags = file.pages[0].tags
        assert {ICC, PLACE, XMP} & set(tags.keys()) == kept
        assert tags.valueof(274, default=1) == 1
        assert (tags.valueof(282), tags.valueof(283)) == ((across, 1), (down, 1))
    with Image.open(tmp_path / "b.png") as image:
        assert image.info["dpi"] == pytest.approx((2.54 * across, 2.54 * down), abs=0.02)


@pytest.mark.parametrize("form", ["ome", "imagej"])
def test_a_description_of_colours_is_not_that_of_grey(tmp_path, form):
    colour = drawn(np.uint8, shape=(9, 13, 3))
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb", **{form: True})
    picture = read_picture(tmp_path / "a.tif")

    picture.write(picture.frames, tmp_path / "b.tif", MADE)

    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages[0].description == MADE.sentence


def test_xmp_that_turns_a_tiff_is_left_out(tmp_path):
    xmp = b'<x tiff:Orientation="6"/>'
    tags = [(XMP, 1, len(xmp), xmp, True)]
    tifffile.imwrite(tmp_path / "a.tif", drawn(), photometric="minisblack", extratags=tags)
    picture = read_picture(tmp_path / "a.tif")

    picture.write(picture.frames, tmp_path / "b.tif", MADE)

    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert XMP not in file.pages[0].tags


def test_a_page_that_is_cut_off_is_missed(tmp_path):
    data = bytearray(bare_tiff(1, 1, b"\x80"))
    data[-5:-1] = (10**6).to_bytes(4, "little")  # where the next page should be
    (tmp_path / "a.tif").write_bytes(data)

    with pytest.raises(UserError, match="a.tif is damaged.*page offset"):
        read_picture(tmp_path / "a.tif")


def test_the_description_of_a_tiff_stays_in_a_png(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif",
        drawn(),
        photometric="minisblack",
        description="Brûlée".encode(),
        metadata=None,
    )
    picture = read_picture(tmp_path / "a.tif")

    picture.write(picture.frames, tmp_path / "b.png", MADE)

    with Image.open(tmp_path / "b.png") as image:
        assert image.text == {"Description": f"Brûlée\n{MADE.sentence}"}


def test_descriptions_of_programs_stay_readable(tmp_path):
    values = drawn(shape=(3, 9, 13))
    options = {
        "imagej": {"imagej": True},
        "ome": {"ome": True},
        "shaped": {"photometric": "minisblack"},
    }
    for name, option in options.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", values, **option)
        picture = read_picture(tmp_path / f"{name}.tif")
        picture.write(picture.frames, tmp_path / f"{name}2.tif", MADE)
        with tifffile.TiffFile(tmp_path / f"{name}2.tif") as file:
            assert MADE.sentence in file.pages[0].description
            assert file.series[0].shape == values.shape
            assert getattr(file, f"is_{name}")
            np.testing.assert_array_equal(file.asarray(), values)
            if name == "ome":
                ElementTree.fromstring(file.pages[0].description)  # raises where it is no XML
            if name == "shaped":
                assert json.loads(file.pages[0].description)["shape"] == [3, 9, 13]
