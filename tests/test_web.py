"""The scripts of the pages that compute in the browser, run by Node, against the library."""

import contextlib
import io
import json
import re
import subprocess
import zlib
from functools import partial

import build_web
import imagecodecs
import numpy as np
import pytest
import test_dicom
import tifffile
import torch
from PIL import Image
from test_raster import BOMBS, REFUSED, bare_tiff, chunk, png

from denoise_lib import methods, metrics
from denoise_lib.data import load_dataset
from denoise_lib.data.images import read_image
from denoise_lib.export import export_onnx
from denoise_lib.inference import denoise
from denoise_lib.noise import CHEST_DRR, CorrelatedNoise, GaussianNoise, XRayNoise
from denoise_lib.spectra import radial_power


@pytest.fixture(scope="session")
def scripts():
    """The packages that the scripts import."""
    try:
        build_web.install()
    except build_web.Missing as error:
        pytest.fail(str(error))


@pytest.fixture
def ask(scripts, tmp_path):
    """Ask something of the scripts; arrays go and come as float32 files."""

    def ask(task: str, request):
        asked, answered = tmp_path / "request.json", tmp_path / "result.json"
        asked.write_text(json.dumps(request))
        command = [build_web.program("node"), "test/cli.mjs", task, str(asked), str(answered)]
        done = subprocess.run(command, cwd=build_web.SOURCE, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(answered.read_text())

    return ask


@pytest.fixture
def sent(tmp_path):
    """An image as the scripts are given it."""

    def sent(image: torch.Tensor, name: str = "image"):
        values = image.reshape(image.shape[-2:]).float().numpy()
        path = tmp_path / f"{name}.bin"
        values.tofile(path)
        return {"width": values.shape[1], "height": values.shape[0], "file": str(path)}

    return sent


def received(answer: dict) -> np.ndarray:
    values = np.fromfile(answer["file"], np.float32)
    return values.reshape(answer["height"], answer["width"])


# Networks


@pytest.mark.parametrize("name", build_web.NETWORKS)
def test_an_exported_network_gives_what_the_library_gives(ask, sent, tmp_path, name):
    network = methods.load(name)
    path = export_onnx(network, tmp_path / "network.onnx")
    description = {
        "name": name,
        "receptiveRadius": network.receptive_radius,
        "alignment": network.alignment,
    }
    # One tile, and three of which the last are cut to the grid.
    for height, width in ((61, 83), (97, 301)):
        noisy = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(0))
        request = {"image": sent(noisy), "network": description, "model": str(path)}

        answer = ask("denoise", request)

        expected = denoise(noisy, network, precision="fp32")[0, 0].numpy()
        np.testing.assert_allclose(received(answer), expected, atol=1e-5)
        assert answer["shares"][-1] == 1 and len(answer["shares"]) == (1 if width < 256 else 2)


def test_tiles_cover_every_pixel_once_and_keep_their_margins(ask):
    draws = np.random.default_rng(0)
    asked = [
        {
            "length": int(draws.integers(1, 3000)),
            "tile": int(draws.integers(128, 300)),
            "margin": int(draws.integers(0, 48)),
            "alignment": int(draws.choice([1, 3, 4])),
        }
        for _ in range(500)
    ]

    for request, answer in zip(asked, ask("cut", asked), strict=True):
        length, size, windows = request["length"], answer["size"], answer["windows"]
        edges = [0, *(window["last"] for window in windows)]
        assert [window["first"] for window in windows] == edges[:-1] and edges[-1] == length
        assert size <= request["tile"] + 2 * request["alignment"] or len(windows) == 1
        for window in windows:
            start, end = window["start"], window["start"] + size
            assert start >= 0 and end <= length and start % request["alignment"] == 0
            assert start == 0 or window["first"] - start >= request["margin"]
            assert end == length or end - window["last"] >= request["margin"]


# Noise and scores


def test_scores_are_those_of_the_library(ask, sent):
    item = load_dataset("chest-drr").test[3]
    clean = item.image[None]
    estimate = GaussianNoise(25)(clean, [item.id])

    found = ask("scores", {"clean": sent(clean, "clean"), "estimate": sent(estimate, "estimate")})

    assert found["psnr"] == pytest.approx(metrics.psnr(clean, estimate)[0], abs=1e-4)
    assert found["ssim"] == pytest.approx(metrics.ssim(clean, estimate)[0], abs=1e-4)
    power = np.array(found["spectrum"])[:, 1]
    np.testing.assert_allclose(power, radial_power(estimate), rtol=1e-4)
    assert found["noise"]["correlation"] == pytest.approx(-0.5, abs=0.02)
    assert found["noise"]["sigma"] == pytest.approx(25, abs=0.5)


@pytest.mark.parametrize(
    ("kind", "parameters", "model"),
    [
        ("white", {"sigma": 25}, GaussianNoise(25)),
        ("correlated", {"sigma": 25}, CorrelatedNoise(25)),
        (
            "xray",
            {"dose": 270, "electronic": 1, "tone": CHEST_DRR},
            XRayNoise(270, electronic=1, **CHEST_DRR),
        ),
    ],
)
@pytest.mark.parametrize("grey", [0.2, 0.5, 0.8])
def test_noise_is_as_strong_and_as_fine_as_the_librarys(ask, sent, kind, parameters, model, grey):
    even = torch.full((1, 1, 192, 192), grey)
    request = {"image": sent(even), "kind": kind, "parameters": parameters, "seed": 3}

    drawn = received(ask("noise", request)) - grey

    expected = (model(even, ["even"]) - even)[0, 0].numpy()
    assert drawn.std() == pytest.approx(expected.std(), rel=0.05)
    assert drawn.mean() == pytest.approx(expected.mean(), abs=0.1 * float(expected.std()))
    neighbours = [np.corrcoef(x[:, 1:].ravel(), x[:, :-1].ravel())[0, 1] for x in (drawn, expected)]
    assert neighbours[0] == pytest.approx(neighbours[1], abs=0.03)


# Files


def grey(bits: int) -> np.ndarray:
    kind = np.uint8 if bits == 8 else np.uint16
    return np.random.default_rng(0).integers(0, 2**bits, (40, 57)).astype(kind)


def colour(mode: str) -> Image.Image:
    channels = len(mode)
    levels = np.random.default_rng(1).integers(0, 256, (40, 57, channels), dtype=np.uint8)
    return Image.fromarray(levels.squeeze(), mode)


def opaque(image: Image.Image) -> Image.Image:
    image.putalpha(255)
    return image


PICTURES = {
    "8.png": lambda: Image.fromarray(grey(8)),
    "16.png": lambda: Image.fromarray(grey(16)),
    "bits.png": lambda: Image.fromarray(grey(8) > 99),
    "four.png": lambda: Image.fromarray(grey(8) >> 4).point(lambda v: 17 * v).convert("L"),
    "alpha.png": lambda: opaque(colour("LA")),
    "rgb.png": lambda: colour("RGB"),
    "rgba.png": lambda: opaque(colour("RGBA")),
    "palette.png": lambda: colour("RGB").quantize(17),
    "8.tif": lambda: Image.fromarray(grey(8)),
    "16.tif": lambda: Image.fromarray(grey(16)),
    "rgb.tif": lambda: colour("RGB"),
    "float.tif": lambda: Image.fromarray((grey(16) / 65535).astype(np.float32)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_read_as_the_library_reads_it(ask, tmp_path, name):
    path = tmp_path / name
    PICTURES[name]().save(path)

    answer = ask("read", {"file": str(path), "name": name})

    np.testing.assert_allclose(received(answer), read_image(path)[0].numpy(), atol=1e-6)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_a_compressed_tiff_is_read(ask, tmp_path, compression):
    path = tmp_path / "16.tif"
    Image.fromarray(grey(16)).save(path, compression=compression)

    answer = ask("read", {"file": str(path), "name": path.name})

    np.testing.assert_allclose(received(answer), read_image(path)[0].numpy(), atol=1e-6)


def test_a_deep_tiff_whose_white_is_zero_is_read_with_white_as_one(ask, tmp_path):
    path = tmp_path / "16.tif"
    Image.fromarray(grey(16)).save(path, tiffinfo={262: 0})
    with Image.open(path) as written:
        assert written.tag_v2[262] == 0

    answer = ask("read", {"file": str(path), "name": path.name})

    expected = 1 - grey(16) / 65535
    np.testing.assert_allclose(received(answer), expected, atol=1e-6)
    np.testing.assert_allclose(read_image(path)[0].numpy(), expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_raster_file_of_any_kind_is_read_alike_or_refused(ask, tmp_path):
    files = {path.name: path for path in raster_files(tmp_path)}
    answers = ask("readAll", [str(path) for path in files.values()])

    read, refused = set(), {}
    for (name, path), answer in zip(files.items(), answers, strict=True):
        if "refusal" in answer:
            refused[name] = answer["refusal"]
            assert name in refused[name] and refused[name].endswith("."), refused[name]
            continue
        np.testing.assert_allclose(
            received(answer), read_image(path)[0].numpy(), atol=1e-6, err_msg=name
        )
        read.add(name)
    # What the page's decoders do not know, the library does.
    assert {name.split(".")[0].rstrip("0123456789") for name in refused} <= NOT_IN_THE_PAGE
    assert len(read) > 40


NOT_IN_THE_PAGE = {
    *("interlaced-bits", "packed-bits", "half", "signed", "turned-tiff", "planar", "tiled-colour"),
    *("low-end", "packbits", "white-float"),
}


def raster_files(folder):
    """Files that the library reads, of every kind that changes what a value means."""
    tif = partial(tifffile.imwrite, photometric="minisblack")
    rgb16 = np.random.default_rng(3).integers(0, 65536, (20, 30, 3), np.uint16)
    for channels in (1, 2, 3, 4):
        for depth in (8, 16):
            values = np.dstack([rgb16, rgb16[..., 0]])[..., :channels] >> (16 - depth)
            if channels in (2, 4):
                values[..., -1] = 2**depth - 1
            path = folder / f"png{channels}{depth}.png"
            values = values.astype(np.uint8 if depth == 8 else np.uint16)
            path.write_bytes(imagecodecs.png_encode(values.squeeze()))
            yield path
    bits = np.random.default_rng(4).integers(0, 256, (20, 3), np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in bits)
    for depth in (1, 2, 4):
        greys = chunk(b"PLTE", np.linspace(255, 0, 2**depth).repeat(3).astype(np.uint8).tobytes())
        for kind, before in ((0, b""), (3, greys)):
            path = folder / f"bits{depth}{kind}.png"
            path.write_bytes(png(24 // depth, 20, depth, kind, rows, before))
            yield path
    path = folder / "interlaced-bits.png"
    path.write_bytes(png(1, 1, 1, 0, b"\0\x80", interlaced=1))
    yield path
    xmp = b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>'
    path = folder / "xmp.png"
    path.write_bytes(png(3, 2, 8, 0, b"\0abc\0def", chunk(b"iTXt", xmp)))
    yield path
    path = folder / "bomb.png"
    bomb = chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(10**8)))
    path.write_bytes(png(3, 2, 8, 0, b"\0abc\0def", bomb))
    yield path
    path = folder / "key.png"  # which does not occur
    path.write_bytes(png(3, 2, 8, 0, b"\0abc\0def", chunk(b"tRNS", b"\0\1")))
    yield path
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        path = folder / f"turned{orientation}.png"
        Image.fromarray(grey(8)).save(path, exif=exif)
        yield path
        path = folder / f"turned-tiff{orientation}.tif"
        tif(path, grey(8), extratags=[(274, 3, 1, orientation, True)])
        yield path
    for sense in ("minisblack", "miniswhite"):
        for dtype in (np.uint8, np.uint16):
            path = folder / f"{sense}{8 * dtype().itemsize}.tif"
            yield tif(path, rgb16[..., 0].astype(dtype), photometric=sense) or path
        for bits in (1, 4, 12):
            path = folder / f"packed-bits{bits}{int(sense == 'miniswhite')}.tif"
            values = (rgb16[..., 0] % 2**bits).astype(np.uint8 if bits < 8 else np.uint16)
            yield tif(path, values, photometric=sense, bitspersample=bits) or path
    unit = rgb16[..., 0] / 65535
    for name, values, options in (
        ("half.tif", unit.astype(np.float16), {}),
        ("single.tif", unit.astype(np.float32), {}),
        ("double.tif", unit, {}),
        ("white-float.tif", unit.astype(np.float32), {"photometric": "miniswhite"}),
        ("signed.tif", (rgb16[..., 0] // 2).astype(np.int16), {}),
        ("colour.tif", rgb16, {"photometric": "rgb"}),
        ("planar.tif", np.moveaxis(rgb16, -1, 0), {"photometric": "rgb", "planarconfig": 2}),
        ("tiled.tif", rgb16[..., 0], {"tile": (16, 16), "compression": "lzw"}),
        ("tiled-colour.tif", rgb16, {"photometric": "rgb", "tile": (16, 16)}),
        ("tiled-colour2.tif", rgb16[..., 0], {"tile": (16, 16), "predictor": 2}),
        ("strips.tif", rgb16[..., 0], {"rowsperstrip": 3, "compression": "zlib", "predictor": 2}),
        ("packbits.tif", rgb16[..., 0], {"compression": "packbits"}),
        ("big.tif", rgb16[..., 0], {"byteorder": ">"}),
        ("opaque.tif", np.dstack([rgb16, 0 * rgb16[..., :1] + 65535]), {"photometric": "rgb"}),
        ("palette.tif", rgb16[..., 0].astype(np.uint8), {"photometric": "palette"}),
    ):
        if name == "palette.tif":
            options["colormap"] = rgb16.reshape(3, -1)[:, :256]
        if name == "tiled-colour2.tif":
            options["compression"] = "zlib"
        path = folder / name
        yield tif(path, values, **options) or path
    path = folder / "thumbnail.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(grey(8)[::2], subfiletype=1, photometric="minisblack")
        file.write(grey(8), photometric="minisblack")
    yield path
    path = folder / "low-end.tif"
    path.write_bytes(bare_tiff(3, 2, b"abcdef", t266=2))
    yield path


def test_what_the_library_refuses_the_page_refuses(ask, tmp_path):
    for name, (write, _) in REFUSED.items():
        write(tmp_path / name)
    for name, data in BOMBS.items():
        (tmp_path / name).write_bytes(data)
    files = [str(path) for path in sorted(tmp_path.iterdir()) if path.name in {*REFUSED, *BOMBS}]

    answers = ask("readAll", files)

    for path, answer in zip(files, answers, strict=True):
        assert path in answer.get("refusal", ""), (path, answer)


def float_colours(path):
    tifffile.imwrite(path, np.full((20, 20, 3), 0.5, np.float32), photometric="rgb")


def dicom(path, values: np.ndarray, syntax: str = "ExplicitVRLittleEndian", **header):
    """A DICOM file with these stored values."""
    import pydicom
    from pydicom import uid
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = uid.DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = uid.generate_uid()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    made = pydicom.Dataset()
    made.file_meta = meta
    made.SOPClassUID = meta.MediaStorageSOPClassUID
    made.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    made.Rows, made.Columns = values.shape
    made.SamplesPerPixel = 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.BitsAllocated = 8 * values.itemsize
    made.BitsStored = made.BitsAllocated
    made.PixelRepresentation = int(values.dtype.kind == "i")
    for name, value in header.items():
        setattr(made, name, value)
    made.HighBit = header.get("HighBit", made.BitsStored - 1)
    made.PixelData = values.tobytes()
    if syntax == "RLELossless":
        made.compress(uid.RLELossless)
    elif syntax == "JPEGBaseline8Bit":
        file = io.BytesIO()
        Image.fromarray(values).save(file, "JPEG")
        made.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
        made.PixelData = pydicom.encaps.encapsulate([file.getvalue()])
    elif syntax == "ImplicitVRLittleEndian":
        made.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    elif syntax == "DeflatedExplicitVRLittleEndian":
        made.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    made.save_as(path, enforce_file_format=True)
    return path


def table(values: list[int], first: int, bits: int):
    from pydicom import Dataset, Sequence

    item = Dataset()
    item.LUTDescriptor = [len(values), first, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = values
    item["LUTData"].VR = "US"
    return Sequence([item])


def stored(bits: int, signed: bool = False) -> np.ndarray:
    kind = {8: np.uint8, 16: np.int16 if signed else np.uint16}[16 if bits > 8 else 8]
    low = -(2 ** (bits - 1)) if signed else 0
    return np.random.default_rng(2).integers(low, low + 2**bits, (40, 58)).astype(kind)


DICOMS = {
    "8 bits": (stored(8), {}),
    "12 of 16 bits": (stored(12), {"BitsStored": 12}),
    "overlay bits": (stored(16), {"BitsStored": 12}),
    "overlay bits below": (stored(16), {"BitsStored": 12, "HighBit": 14}),
    "signed between overlay bits": (
        stored(16, signed=True),
        {"BitsStored": 12, "HighBit": 14},
    ),
    "padding": (stored(8), {"PixelPaddingValue": 9, "PixelPaddingRangeLimit": 3}),
    "negative padding": (stored(16, signed=True), {"PixelPaddingValue": -2000}),
    "shape": (stored(8), {"PresentationLUTShape": "INVERSE"}),
    "shape against kind": (
        stored(8),
        {"PresentationLUTShape": "IDENTITY", "PhotometricInterpretation": "MONOCHROME1"},
    ),
    "a window of one value": (stored(8), {"WindowCenter": 100, "WindowWidth": 1}),
    "signed": (stored(16, signed=True), {}),
    "bright is small": (stored(16), {"PhotometricInterpretation": "MONOCHROME1"}),
    "rescaled": (stored(12), {"BitsStored": 12, "RescaleSlope": 2, "RescaleIntercept": -1000}),
    "falling": (stored(12), {"BitsStored": 12, "RescaleSlope": -1, "RescaleIntercept": 4095}),
    "window": (stored(12), {"BitsStored": 12, "WindowCenter": 1800, "WindowWidth": 900}),
    "exact window": (
        stored(12),
        {
            "BitsStored": 12,
            "WindowCenter": 1800,
            "WindowWidth": 900,
            "VOILUTFunction": "LINEAR_EXACT",
        },
    ),
    "sigmoid": (
        stored(12),
        {"BitsStored": 12, "WindowCenter": 1800, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"},
    ),
    "two windows": (
        stored(12),
        {"BitsStored": 12, "WindowCenter": [1800, 40], "WindowWidth": [900, 400]},
    ),
    "falling in a window": (
        stored(12),
        {
            "BitsStored": 12,
            "RescaleSlope": -0.5,
            "RescaleIntercept": 100,
            "WindowCenter": -300,
            "WindowWidth": 900,
        },
    ),
    "a table of interest": (
        stored(8),
        {"VOILUTSequence": table([int(v**0.5 * 256) for v in range(256)], 0, 12)},
    ),
    "a table of modality": (
        stored(8),
        {"ModalityLUTSequence": table([65535 - 256 * v for v in range(256)], 0, 16)},
    ),
    "a table of modality that uses 10 bits": (
        stored(8),
        {"ModalityLUTSequence": table([4 * v for v in range(256)], 0, 16)},
    ),
    "a table and a window": (
        stored(8),
        {
            "VOILUTSequence": table([v // 2 for v in range(256)], 0, 8),
            "WindowCenter": 100,
            "WindowWidth": 10,
        },
    ),
}


@pytest.mark.parametrize("name", DICOMS)
def test_a_dicom_file_is_read_as_the_library_reads_it(ask, tmp_path, name):
    values, header = DICOMS[name]
    path = dicom(tmp_path / "scan.dcm", values, **header)

    answer = ask("read", {"file": str(path), "name": "scan"})

    np.testing.assert_allclose(received(answer), read_image(path)[0].numpy(), atol=1e-6)


@pytest.mark.parametrize(
    "syntax", ["RLELossless", "ImplicitVRLittleEndian", "DeflatedExplicitVRLittleEndian"]
)
@pytest.mark.parametrize("values", [stored(8), stored(16)], ids=["8", "16"])
def test_a_dicom_file_is_read_however_it_is_stored(ask, tmp_path, syntax, values):
    path = dicom(tmp_path / "scan.dcm", values, syntax)

    answer = ask("read", {"file": str(path), "name": path.name})

    np.testing.assert_allclose(received(answer), read_image(path)[0].numpy(), atol=1e-6)


@pytest.mark.parametrize("syntax", ["ImplicitVRLittleEndian", "ExplicitVRLittleEndian"])
def test_a_dicom_file_without_its_head_is_read(ask, tmp_path, syntax):
    path = dicom(tmp_path / "whole.dcm", stored(16), syntax)
    whole = path.read_bytes()
    bare = tmp_path / "scan.dcm"
    bare.write_bytes(whole[whole.index(b"\x08\x00\x16\x00") :])

    answer = ask("read", {"file": str(bare), "name": "scan.dcm"})

    np.testing.assert_allclose(received(answer), stored(16) / 65535, atol=1e-6)


def test_a_frame_of_an_enhanced_file_is_shown_in_its_window(ask, tmp_path):
    from pydicom import Dataset

    def group(name, **values):
        item, inner = Dataset(), Dataset()
        inner.update(values)
        setattr(item, name, [inner])
        return [item]

    window = group("FrameVOILUTSequence", WindowCenter="2000", WindowWidth="900")
    rescale = group("PixelValueTransformationSequence", RescaleSlope="2", RescaleIntercept="9")
    header = {
        "PerFrameFunctionalGroupsSequence": window,
        "SharedFunctionalGroupsSequence": rescale,
    }
    path = dicom(tmp_path / "scan.dcm", stored(12), BitsStored=12, **header)

    answer = ask("read", {"file": str(path), "name": "scan.dcm"})

    np.testing.assert_allclose(received(answer), read_image(path)[0].numpy(), atol=1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_files_that_pydicom_is_tested_with_are_read_as_the_library_reads_them(ask):
    """All with one frame that the library reads: other makers, tables, bits and compressions."""
    expected = {}
    for name, path in test_dicom.package_files().items():
        with contextlib.suppress(ValueError):
            image = read_image(path)[0].numpy()
            if image.size <= 2**19:  # larger ones have nothing that these lack, but take a minute
                expected[name] = image

    answers = ask("readAll", [str(test_dicom.package_files()[name]) for name in expected])

    refused = {}
    for name, answer in zip(expected, answers, strict=True):
        if "refusal" in answer:
            refused[name.rsplit("/")[-1]] = answer["refusal"]
            continue
        np.testing.assert_allclose(received(answer), expected[name], atol=1e-6, err_msg=name)
    assert len(expected) - len(refused) > 60
    # The page has no decoder of JPEG-LS and of JPEG with 12 bits, and reads no masks of one bit.
    assert {name for name in refused if not re.search("liver|JPEGLS|jpeg_ls", name)} == {
        "JPEG-lossy.dcm",
        "JPGExtended.dcm",
    }


def broken(path):
    Image.fromarray(grey(8)).save(path)
    path.write_bytes(path.read_bytes()[:600])


def pages(path):
    Image.fromarray(grey(8)).save(path, save_all=True, append_images=[Image.fromarray(grey(8))])


def not_a_number(path):
    values = np.full((20, 20), 0.5, np.float32)
    values[3, 4] = np.nan
    Image.fromarray(values).save(path)


def too_bright(path):
    Image.fromarray(np.full((20, 20), 255.0, np.float32)).save(path)


def huge(path):
    Image.new("L", (8, 8)).save(path)
    size = (8).to_bytes(2) * 2
    path.write_bytes(path.read_bytes().replace(b"\x08" + size, b"\x08" + b"\xff" * 4))


BAD = {
    "empty.png": (lambda path: path.write_bytes(b""), "is empty"),
    "text.png": (lambda path: path.write_text("a few words"), "convert it"),
    "half.png": (broken, "damaged"),
    "book.tif": (pages, "2 images"),
    "inks.jpg": (lambda path: Image.new("CMYK", (8, 8)).save(path), "has inks"),
    "huge.jpg": (huge, "too many for a browser"),
    "nan.tif": (not_a_number, "NaN"),
    "bright.tif": (too_bright, "outside [0, 1]"),
    "colours.tif": (float_colours, "floating-point values of a kind"),
    "window.dcm": (
        lambda path: dicom(path, stored(8), WindowCenter=3, WindowWidth=0),
        "a window that means nothing",
    ),
    "odd.dcm": (
        lambda path: dicom(path, stored(8), WindowCenter=3, WindowWidth=9, VOILUTFunction="ODD"),
        "a window that means nothing",
    ),
    "slope.dcm": (
        lambda path: dicom(path, stored(8), RescaleSlope=0, RescaleIntercept=1),
        "Rescale Slope of 0",
    ),
    "half.dcm": (lambda path: dicom(path, stored(8), RescaleSlope=2), "has only one of"),
    "bits.dcm": (lambda path: dicom(path, stored(8), BitsStored=9), "as its stored"),
    "shape.dcm": (
        lambda path: dicom(path, stored(8), PresentationLUTShape="ODD"),
        "Presentation LUT Shape that is not known",
    ),
    "report.dcm": (lambda path: dicom(path, stored(8), PhotometricInterpretation="RGB"), "grey"),
    "film.dcm": (lambda path: dicom(path, stored(8), NumberOfFrames=2), "2 frames"),
    "bomb.dcm": (test_dicom.deflated(3 * 2**26), "grows to more than 160 MB"),
    "cut.dcm": (test_dicom.deflated(96, cut=20), "is damaged"),
    "bare.dcm": (lambda path: path.write_bytes(bytes(128) + b"DICM"), "does not say how"),
    "no.dcm": (lambda path: path.write_bytes(bytes(400)), "not a DICOM"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_a_sentence(ask, tmp_path, name):
    make, why = BAD[name]
    make(tmp_path / name)

    answer = ask("read", {"file": str(tmp_path / name), "name": name})

    assert name in answer["refusal"] and why in answer["refusal"]
    assert answer["refusal"].endswith(".") and "\n" not in answer["refusal"]
