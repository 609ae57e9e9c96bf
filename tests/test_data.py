"""Every data set gives images in [0, 1], whole or not at all, and never a group in two splits."""

import csv
import functools
import hashlib
import io
import sys
import threading
import types
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pooch
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from test_dicom import TWELVE_BITS, write_dicom

from denoise_lib.checks import UserError
from denoise_lib.data import (
    Split,
    available,
    chest_cr,
    folder,
    hosted,
    load_dataset,
    published,
)
from denoise_lib.data.images import center_square, read_image, resize

SPLITS = ("train", "val", "test")


def ramp(height: int = 6, width: int = 8, top: int = 255, dtype=np.uint8) -> np.ndarray:
    """All grey values from 0 to `top`, evenly."""
    return np.linspace(0, top, height * width).round().astype(dtype).reshape(height, width)


def assert_image(image: torch.Tensor, height: int, width: int) -> None:
    assert image.dtype == torch.float32
    assert image.shape == (1, height, width)
    assert 0 <= image.min() <= image.max() <= 1


def assert_disjoint(dataset) -> None:
    groups = [dataset[split].groups for split in SPLITS]
    assert sum(map(len, groups)) == len(set.union(*groups))


# --- Reading one file ---------------------------------------------------------------------------


def test_several_pages_are_no_damage(tmp_path):
    write_pages(tmp_path / "pages.tif")

    with pytest.raises(UserError) as caught:
        read_image(tmp_path / "pages.tif")

    assert str(caught.value).endswith("holds 2 images: save each as a file of its own.")
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
@pytest.mark.parametrize(("top", "dtype"), [(255, np.uint8), (65535, np.uint16)])
def test_lossless_formats_keep_every_grey_value(tmp_path, suffix, top, dtype):
    path = tmp_path / f"scan{suffix}"
    Image.fromarray(ramp(top=top, dtype=dtype)).save(path)

    image = read_image(path)

    assert_image(image, 6, 8)
    expected = ramp(top=top, dtype=dtype).astype(np.float64) / top
    np.testing.assert_array_equal(image[0].numpy(), expected.astype(np.float32))


def test_colour_jpeg_becomes_grey(tmp_path):
    path = tmp_path / "photo.jpeg"
    Image.new("RGB", (16, 16), (255, 0, 0)).save(path, quality=95)

    image = read_image(path)

    assert_image(image, 16, 16)
    torch.testing.assert_close(image.mean(), torch.tensor(0.299), atol=0.01, rtol=0)


def test_float_tiff_in_unit_range_is_kept(tmp_path):
    path = tmp_path / "scan.tif"
    Image.fromarray(np.float32([[0, 0.25], [0.5, 1]])).save(path)

    image = read_image(path)

    assert image.tolist() == [[[0, 0.25], [0.5, 1]]]


def write_pages(path: Path) -> None:
    page = Image.fromarray(ramp())
    page.save(path, save_all=True, append_images=[page])


@pytest.mark.parametrize(
    ("name", "write", "error", "message"),
    [
        ("none.png", lambda path: None, FileNotFoundError, "no file"),
        ("zero.png", lambda path: path.touch(), ValueError, "is empty"),
        ("notes.png", lambda path: path.write_text("no image"), ValueError, "not a PNG"),
        (
            "nan.tif",
            lambda path: Image.fromarray(np.float32([[0, np.nan]])).save(path),
            ValueError,
            "NaN",
        ),
        (
            "large.tif",
            lambda path: Image.fromarray(np.float32([[0, 4095]])).save(path),
            ValueError,
            "rescale",
        ),
        ("pages.tif", write_pages, ValueError, "2 images"),
        ("notes.dcm", lambda path: path.write_text("no image"), ValueError, "not a DICOM"),
    ],
)
def test_unusable_file_is_refused_in_a_sentence(tmp_path, name, write, error, message):
    path = tmp_path / name
    write(path)

    with pytest.raises(error, match=message) as caught:
        read_image(path)

    assert str(path) in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_truncated_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"scan{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(ValueError, match="download it again|not a PNG"):
        read_image(path)


def test_resize_averages_blocks():
    image = torch.rand(1, 12, 12, generator=torch.Generator().manual_seed(0))

    small = resize(image, 4)

    assert_image(small, 4, 4)
    torch.testing.assert_close(small, torch.nn.functional.avg_pool2d(image, 3))


def test_resize_refuses_a_size_below_one():
    with pytest.raises(ValueError, match="size must be a whole number of pixels from 1"):
        resize(torch.zeros(1, 4, 4), 0)
    with pytest.raises(UserError, match="resize needs a size: a whole number"):
        resize(torch.zeros(1, 4, 4), None)  # pyright: ignore[reportArgumentType]


def test_resize_refuses_a_batch():
    with pytest.raises(UserError, match="shape"):
        resize(torch.zeros(2, 1, 4, 4), 2)


@pytest.mark.parametrize("shape", [(10, 6), (6, 10)])
def test_center_square_cuts_both_ends_alike(shape):
    image = torch.zeros(1, *shape)
    image[:, shape[0] // 2 - 3 : shape[0] // 2 + 3, shape[1] // 2 - 3 : shape[1] // 2 + 3] = 1

    square = center_square(image)

    assert square.shape == (1, 6, 6)
    assert square.min() == 1


@pytest.mark.parametrize(
    ("modules", "load", "asked"),
    [
        (["data_store"], chest_cr.load, "pydicom-data>="),
        (["kagglehub"], hosted.load_coronahack, "kagglehub>="),
        (["medmnist", "medmnist.dataset"], hosted.load_pneumoniamnist, "medmnist>="),
    ],
)
def test_missing_package_says_what_to_install(monkeypatch, modules, load, asked):
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ModuleNotFoundError) as caught:
        load()

    assert f'pip install "{asked}' in str(caught.value)
    assert "denoise_lib" not in str(caught.value)


# --- chest-cr -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chest() -> torch.Tensor:
    pytest.importorskip("pydicom")
    pytest.importorskip("data_store")
    dataset = load_dataset("chest-cr")
    assert (len(dataset.train), len(dataset.val), dataset.test.ids) == (0, 0, ["RG1_UNCI-256"])
    return dataset.test[0].image


def test_chest_cr_is_square_and_spans_the_greys(chest):
    assert_image(chest, 256, 256)
    assert chest.min() < 0.2
    assert chest.max() > 0.9


def test_chest_cr_is_upright_with_bright_bone(chest):
    spine = chest[0, 60:150, 115:135]
    left_lung, right_lung = chest[0, 50:75, 160:190], chest[0, 50:75, 60:100]
    below_diaphragm = chest[0, 205:240, 40:90]

    assert left_lung.mean() < spine.mean() - 0.2
    assert right_lung.mean() < spine.mean() - 0.2
    assert right_lung.mean() < below_diaphragm.mean() - 0.2


def test_chest_cr_at_full_size(chest):
    item = load_dataset("chest-cr", size=None).test[0]

    assert item.id == "RG1_UNCI"
    assert_image(item.image, 1955, 1841)


# --- The registry -------------------------------------------------------------------------------


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="chest-xr") as caught:
        load_dataset("chest-xr")

    assert all(name in str(caught.value) for name in available())


# --- Published images: the manifests, and the real files where they are at hand ------------------


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, and no DENOISE_DATA."""
    monkeypatch.delenv("DENOISE_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("nih-sample", (681, 50, 100)),
        ("train400", (400, 0, 0)),
        ("set12", (0, 0, 12)),
        ("bsd68", (0, 0, 68)),
    ],
)
def test_published_sets_are_complete_and_disjoint(cache, name, counts):
    dataset = load_dataset(name, download=())

    ids = [id for split in SPLITS for id in dataset[split].ids]
    assert tuple(len(dataset[split]) for split in SPLITS) == counts
    assert len(set(ids)) == len(ids)
    assert dataset.credit
    assert_disjoint(dataset)


def test_nih_groups_are_patients(cache):
    dataset = load_dataset("nih-sample", download=())

    assert sum(len(dataset[split].groups) for split in SPLITS) == 622
    assert all(record.id.startswith(f"{record.group}_") for record in dataset.test.records)


@pytest.mark.parametrize(
    ("name", "split", "shape"),
    [
        ("nih-sample", "train", (256, 256)),
        ("nih-sample", "val", (256, 256)),
        ("nih-sample", "test", (256, 256)),
        ("train400", "train", (180, 180)),
        ("set12", "test", (256, 256)),
        ("bsd68", "test", (481, 321)),
    ],
)
def test_published_files_pass_their_hashes(from_data_folder, name, split, shape):
    items = list(load_dataset(name)[split][:3])

    for item in items:
        assert_image(item.image, *shape)
        assert item.label in ({"no_findings", "pneumonia"} if name == "nih-sample" else {None})


def test_native_images_are_the_sample_before_its_reduction(from_data_folder):
    native, sample = load_dataset("nih-native").test, load_dataset("nih-sample").test

    item = native[0]

    assert len(native) == 12 and len(set(native.ids)) == 12 and set(native.ids) <= set(sample.ids)
    assert_image(item.image, 1024, 1024)
    (small,) = sample.select([item.id])
    means = F.avg_pool2d(item.image[None], 4)[0]
    # Pillow rounds twice, along rows and along columns.
    assert (means - small.image).abs().max() < 1.01 / 255 and small.group == item.group


def test_a_reduced_file_is_no_native_image(from_data_folder, tmp_path, monkeypatch):
    name = load_dataset("nih-native").test.ids[0]
    file = next((from_data_folder / "chest_xray").rglob(f"test/{name}*"))
    target = tmp_path / "chest_xray" / "test_1024" / file.name
    target.parent.mkdir(parents=True)
    target.write_bytes(file.read_bytes())
    monkeypatch.setenv("DENOISE_DATA", str(tmp_path))
    native = load_dataset("nih-native").test

    with pytest.raises(ValueError, match="is not the published image"):
        native[0]


# --- Published images: downloading, from a server of our own -------------------------------------


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder; notes what was asked for; breaks off within files named *broken*."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if "broken" not in self.path:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b"half")

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A local stand-in for raw.githubusercontent.com; `server.root` is what it serves."""
    root = tmp_path / "served"
    root.mkdir()
    handler = functools.partial(Handler, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.root, server.asked = root, []
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(published, "RAW", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        server.shutdown()


def picture(seed: int) -> tuple[bytes, np.ndarray]:
    """A 512 x 512 PNG, and the 256 x 256 pixels that are the means of its blocks."""
    pixels = np.random.default_rng(seed).integers(9, 247, (256, 256)).astype(np.uint8)
    checkers = np.tile([[-9, 9], [9, -9]], (256, 256))
    content = io.BytesIO()
    Image.fromarray((pixels.repeat(2, 0).repeat(2, 1) + checkers).astype(np.uint8)).save(
        content, "PNG"
    )
    return content.getvalue(), pixels


@pytest.fixture
def publish(server, monkeypatch):
    """Publish pictures under the given names, with a manifest: `publish("a", "b")`."""

    def publish(*names: str) -> list[np.ndarray]:
        rows, arrays = [], []
        for seed, name in enumerate(names):
            content, pixels = picture(seed)
            source = f"X-Ray Data/{name}.png"
            target = server.root / published.NIH_REPOSITORY / source
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            row = {"file": f"test/{name}.png", "split": "test", "patient": name, "label": "x"}
            row |= {"source_path": source, "source_sha256": hashlib.sha256(content).hexdigest()}
            row |= {"pixels_sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}
            rows.append(row)
            arrays.append(pixels)
        monkeypatch.setattr(published, "_manifest", lambda file: rows)
        return arrays

    return publish


def files_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*") if file.is_file() or "." in file.name)


def test_download_is_checked_resized_and_kept(cache, server, publish):
    first, second = publish("a", "b")

    images = load_dataset("nih-sample").test.images()
    asked = len(server.asked)
    load_dataset("nih-sample").test.images()

    np.testing.assert_array_equal(images[0, 0].numpy(), np.float32(first) / 255)
    np.testing.assert_array_equal(images[1, 0].numpy(), np.float32(second) / 255)
    assert asked == len(server.asked) == 2
    assert files_in(cache) == ["a.png", "b.png"]
    assert Image.open(cache / "chest_xray/test/a.png").size == (256, 256)


def test_image_left_out_at_load_is_downloaded_when_read(cache, server, publish):
    publish("a", "b")

    item = load_dataset("nih-sample", download=()).test[1]

    assert_image(item.image, 256, 256)
    assert files_in(cache) == ["b.png"]


def test_natural_images_are_kept_as_published(cache, server, monkeypatch):
    content, _ = picture(0)
    target = server.root / published.NATURAL_REPOSITORY / "sets" / "01.png"
    target.parent.mkdir(parents=True)
    target.write_bytes(content)
    row = {"file": "set12/01.png", "set": "set12", "source_path": "sets/01.png"}
    row["sha256"] = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(published, "_manifest", lambda file: [row])

    item = load_dataset("set12").test[0]
    kept = (cache / "natural/set12/01.png").read_bytes()
    (cache / "natural/set12/01.png").unlink()
    target.write_bytes(picture(99)[0])
    with pytest.raises(ConnectionError, match="not the published one"):
        load_dataset("set12")

    assert_image(item.image, 512, 512)
    assert kept == content
    assert files_in(cache) == []


@pytest.mark.parametrize("failure", ["absent", "altered", "broken"])
def test_failed_download_says_what_to_do_and_leaves_nothing(cache, server, publish, failure):
    publish(failure)
    source = server.root / published.NIH_REPOSITORY / f"X-Ray Data/{failure}.png"
    if failure == "absent":
        source.unlink()
    elif failure == "altered":
        source.write_bytes(picture(99)[0])

    with pytest.raises(ConnectionError) as caught:
        load_dataset("nih-sample")

    message = str(caught.value)
    assert f"{published.RAW}/{published.NIH_REPOSITORY}/X-Ray%20Data/{failure}.png" in message
    assert str(cache / f"chest_xray/test/{failure}.png") in message
    assert "DENOISE_DATA" in message
    assert "\n" not in message
    assert files_in(cache) == []


def test_interrupted_download_goes_on_where_it_stopped(cache, server, publish, monkeypatch):
    publish("a", "b", "c")
    download, calls = pooch.HTTPDownloader.__call__, []

    def stop_within_second(self, url, output_file, *args, **kwargs):
        calls.append(url)
        if len(calls) == 2:
            output_file.write(b"half")
            raise KeyboardInterrupt
        return download(self, url, output_file, *args, **kwargs)

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", stop_within_second)

    with pytest.raises(KeyboardInterrupt):
        load_dataset("nih-sample")
    kept = files_in(cache)
    dataset = load_dataset("nih-sample")

    assert kept == ["a.png"]
    assert [url[-5:] for url in calls] == ["a.png", "b.png", "b.png", "c.png"]
    assert dataset.test.images().shape == (3, 1, 256, 256)


def test_original_put_in_the_cache_by_hand_is_used(cache, server, publish):
    (pixels,) = publish("a")
    target = cache / "chest_xray/test/a.png"
    target.parent.mkdir(parents=True)
    target.write_bytes(picture(0)[0])

    item = load_dataset("nih-sample").test[0]

    np.testing.assert_array_equal(item.image[0].numpy(), np.float32(pixels) / 255)
    assert server.asked == []


def test_own_folder_is_read_and_nothing_is_downloaded(
    cache, server, publish, tmp_path, monkeypatch
):
    (pixels,) = publish("a")
    target = tmp_path / "mine/chest_xray/test/a.png"
    target.parent.mkdir(parents=True)
    Image.fromarray(pixels).save(target)
    monkeypatch.setenv("DENOISE_DATA", str(tmp_path / "mine"))

    item = load_dataset("nih-sample").test[0]

    np.testing.assert_array_equal(item.image[0].numpy(), np.float32(pixels) / 255)
    assert (server.asked, files_in(cache)) == ([], [])


def test_altered_or_absent_file_in_own_folder_is_refused(cache, publish, tmp_path, monkeypatch):
    publish("a", "b")
    target = tmp_path / "mine/chest_xray/test/a.png"
    target.parent.mkdir(parents=True)
    Image.fromarray(np.zeros((256, 256), np.uint8)).save(target)
    monkeypatch.setenv("DENOISE_DATA", str(tmp_path / "mine"))

    test = load_dataset("nih-sample").test

    with pytest.raises(ValueError, match="not the published image"):
        test[0]
    with pytest.raises(FileNotFoundError, match="unset DENOISE_DATA"):
        test[1]


# --- coronahack ---------------------------------------------------------------------------------

CORONAHACK = [  # name, Label, Dataset_type, Label_2_Virus_category, Label_1_Virus_category
    ("IM-0128-0001.jpeg", "Normal", "TRAIN", "", ""),
    ("IM-0500-0001.jpeg", "Normal", "TRAIN", "", ""),
    ("NORMAL2-IM-0128-0001.jpeg", "Normal", "TEST", "", ""),
    ("person1_bacteria_1.jpeg", "Pnemonia", "TRAIN", "", "bacteria"),
    ("person1_virus_6.jpeg", "Pnemonia", "TEST", "", "Virus"),
    ("person1004_virus_1686.jpeg", "Pnemonia", "TRAIN", "", "Virus"),
    *[(f"sars-day{day}.jpg", "Pnemonia", "TRAIN", "SARS", "Virus") for day in range(40)],
    *[(f"person{2000 + i}_virus_{i}.jpeg", "Pnemonia", "TRAIN", "", "Virus") for i in range(60)],
    *[(f"person{2000 + i}_bacteria_{i}.jpeg", "Pnemonia", "TRAIN", "", "") for i in range(60)],
]


@pytest.fixture
def coronahack(tmp_path) -> Path:
    """A small tree of the shape that Kaggle delivers."""
    root = tmp_path / "coronahack"
    images = root / "Coronahack-Chest-XRay-Dataset" / "Coronahack-Chest-XRay-Dataset"
    for split in ("train", "test"):
        (images / split).mkdir(parents=True)
    with (root / "Chest_xray_Corona_Metadata.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        columns = "X_ray_image_name,Label,Dataset_type,Label_2_Virus_category"
        writer.writerow(["", *columns.split(","), "Label_1_Virus_category"])
        for index, row in enumerate(CORONAHACK):
            writer.writerow([index, *row])
            Image.fromarray(ramp(30, 20)).save(images / row[2].lower() / row[0])
    return root


def test_coronahack_keeps_patients_apart(coronahack):
    dataset = load_dataset("coronahack", root=coronahack, size=16)

    assert_disjoint(dataset)
    assert dataset.test.ids == ["NORMAL2-IM-0128-0001.jpeg", "person1_virus_6.jpeg"]
    # Their patients are in the test: left out of training.
    listed = {id for split in SPLITS for id in dataset[split].ids}
    names = {row[0] for row in CORONAHACK}
    assert names - listed == {"IM-0128-0001.jpeg", "person1_bacteria_1.jpeg"}
    assert 0 < len(dataset.val) < 40
    # They may show one patient, so they stay together.
    assert {f"sars-day{day}.jpg" for day in range(40)} <= set(dataset.train.ids)


def test_coronahack_items(coronahack):
    dataset = load_dataset("coronahack", root=coronahack, size=16)

    items = {item.id: item for split in SPLITS for item in dataset[split]}

    assert_image(items["IM-0500-0001.jpeg"].image, 16, 16)
    labels = {id: items[id].label for id in ("IM-0500-0001.jpeg", "person1_virus_6.jpeg")}
    assert labels == {"IM-0500-0001.jpeg": "normal", "person1_virus_6.jpeg": "virus"}
    assert items["sars-day1.jpg"].label == "sars"
    assert items["person2000_bacteria_0.jpeg"].label == "pneumonia"
    assert items["person1004_virus_1686.jpeg"].group == "person1004"


def test_coronahack_without_some_images_warns(coronahack):
    images = coronahack / "Coronahack-Chest-XRay-Dataset" / "Coronahack-Chest-XRay-Dataset"
    (images / "test" / "person1_virus_6.jpeg").unlink()

    with pytest.warns(UserWarning, match="1 of 164 images"):
        dataset = load_dataset("coronahack", root=coronahack)

    assert len(dataset.test) == 1


def test_an_image_of_coronahack_that_changes_is_refused(coronahack):
    with pytest.warns(UserWarning, match="recorded in .*SHA256SUMS"):
        load_dataset("coronahack", root=coronahack)
    images = coronahack / "Coronahack-Chest-XRay-Dataset" / "Coronahack-Chest-XRay-Dataset"
    Image.fromarray(ramp(31, 20)).save(images / "test" / "person1_virus_6.jpeg")

    test = load_dataset("coronahack", root=coronahack).test

    test[0]
    with pytest.raises(UserError, match="person1_virus_6.jpeg has changed"):
        test[1]


def test_coronahack_elsewhere_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Chest_xray_Corona_Metadata.csv"):
        load_dataset("coronahack", root=tmp_path)


def test_coronahack_is_downloaded_by_kagglehub(coronahack, monkeypatch):
    kagglehub = types.ModuleType("kagglehub")
    kagglehub.dataset_download = {hosted.KAGGLE: str(coronahack)}.__getitem__
    monkeypatch.setitem(sys.modules, "kagglehub", kagglehub)

    assert len(load_dataset("coronahack").test) == 2


def test_coronahack_that_kaggle_refuses_says_what_to_do(monkeypatch):
    kagglehub = types.ModuleType("kagglehub")
    kagglehub.dataset_download = {}.__getitem__
    monkeypatch.setitem(sys.modules, "kagglehub", kagglehub)

    with pytest.raises(ConnectionError, match="root=FOLDER"):
        load_dataset("coronahack")


# --- pneumoniamnist -----------------------------------------------------------------------------


@pytest.fixture
def pneumoniamnist(tmp_path, monkeypatch) -> Path:
    """A small file of the shape that MedMNIST publishes, and what medmnist says about it."""
    pytest.importorskip("medmnist")
    from medmnist.info import INFO

    counts = {"train": 3, "val": 2, "test": 1}
    arrays = {}
    for split, count in counts.items():
        images = np.arange(count, dtype=np.uint8)[:, None, None] * 100
        arrays[f"{split}_images"] = images.repeat(224, 1).repeat(224, 2)
        arrays[f"{split}_labels"] = np.arange(count, dtype=np.uint8)[:, None] % 2
    root = tmp_path / "medmnist"
    root.mkdir()
    np.savez(root / "pneumoniamnist_224.npz", **arrays)
    md5 = hashlib.md5((root / "pneumoniamnist_224.npz").read_bytes()).hexdigest()
    for key, value in {"n_samples": counts, "MD5_224": md5}.items():
        monkeypatch.setitem(INFO["pneumoniamnist"], key, value)
    return root


def test_pneumoniamnist_reads_every_split(pneumoniamnist):
    dataset = load_dataset("pneumoniamnist", root=pneumoniamnist)

    assert [len(dataset[split]) for split in SPLITS] == [3, 2, 1]
    assert_disjoint(dataset)
    item = dataset.train[1]
    assert_image(item.image, 224, 224)
    assert item.image.unique().tolist() == pytest.approx([100 / 255])
    assert (item.id, item.group, item.label) == ("train-0001", "train-0001", "pneumonia")
    assert dataset.val[0].label == "normal"


def test_a_file_that_is_not_medmnists_is_refused(pneumoniamnist):
    file = pneumoniamnist / "pneumoniamnist_224.npz"
    published = file.read_bytes()
    file.write_bytes(published + b"!")
    with pytest.raises(UserError, match="not the published file"):
        load_dataset("pneumoniamnist", root=pneumoniamnist)
    assert files_in(pneumoniamnist) == [file.name]

    file.write_bytes(published)
    load_dataset("pneumoniamnist", root=pneumoniamnist)
    file.write_bytes(published + b"!")
    with pytest.raises(UserError, match="has changed since"):
        load_dataset("pneumoniamnist", root=pneumoniamnist)


def test_pneumoniamnist_is_downloaded_and_checked(pneumoniamnist, server, tmp_path, monkeypatch):
    from medmnist.info import INFO

    file = pneumoniamnist / "pneumoniamnist_224.npz"
    (server.root / "good.npz").write_bytes(file.read_bytes())
    (server.root / "altered.npz").write_bytes(b"altered")
    info = INFO["pneumoniamnist"]

    monkeypatch.setitem(info, "url_224", f"{published.RAW}/good.npz")
    dataset = load_dataset("pneumoniamnist", root=tmp_path / "new")
    monkeypatch.setitem(info, "url_224", f"{published.RAW}/altered.npz")
    with pytest.raises(ConnectionError, match="altered.npz.* by hand"):
        load_dataset("pneumoniamnist", root=tmp_path / "other")

    assert_image(dataset.test[0].image, 224, 224)
    assert files_in(tmp_path / "other") == []


# --- folder:PATH --------------------------------------------------------------------------------


def test_folder_reads_every_format_and_groups_by_sub_folder(tmp_path):
    (tmp_path / "p1" / "day2").mkdir(parents=True)
    Image.fromarray(ramp(top=65535, dtype=np.uint16)).save(tmp_path / "p1" / "a.TIF")
    Image.fromarray(ramp()).save(tmp_path / "p1" / "day2" / "b.png")
    Image.new("RGB", (8, 6), "red").save(tmp_path / "c.JPG")
    write_dicom(tmp_path / "d.DCM", TWELVE_BITS)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "._c.jpg").write_text("dropping of an operating system")

    dataset = load_dataset(f"folder:{tmp_path}")

    items = {item.id: item for split in SPLITS for item in dataset[split]}
    groups = {id: item.group for id, item in items.items()}
    assert groups == {"c.JPG": "c.JPG", "d.DCM": "d.DCM", "p1/a.TIF": "p1", "p1/day2/b.png": "p1"}
    for item in items.values():
        assert_image(item.image, 6, 8)
    assert_disjoint(dataset)


def test_folder_resizes_when_asked(tmp_path):
    Image.fromarray(ramp(40, 30)).save(tmp_path / "a.png")

    dataset = load_dataset(f"folder:{tmp_path}", size=10, val=0, test=0)

    assert_image(dataset.train[0].image, 10, 10)


def test_folder_with_splits_of_its_own_keeps_them(tmp_path):
    for name in ("train/p1/a.png", "val/b.png", "test/p1/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(ramp()).save(tmp_path / name)

    dataset = load_dataset(f"folder:{tmp_path}")

    ids = [dataset[split].ids for split in SPLITS]
    assert ids == [["train/p1/a.png"], ["val/b.png"], ["test/p1/c.png"]]
    assert_disjoint(dataset)


def test_image_beside_the_splits_is_refused(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "a.png").touch()

    with pytest.raises(ValueError, match="move it into one"):
        load_dataset(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("none", {}, FileNotFoundError, "no folder"),
        ("", {}, ValueError, "no image"),
        ("", {"val": 0.5, "test": 0.6}, ValueError, "shares"),
    ],
)
def test_unusable_folder_is_refused(tmp_path, name, options, error, message):
    with pytest.raises(error, match=message):
        load_dataset(f"folder:{tmp_path / name}", **options)


NAMES = st.text("abcdefXYZ0189é _", min_size=1, max_size=8).filter(lambda name: name.strip())
PATHS = st.one_of(NAMES, st.tuples(NAMES, NAMES).map("-dir/".join)).map("{}.png".format)


def tree(root: Path, names: list[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=st.lists(PATHS, min_size=2, max_size=20, unique=True), data=st.data())
def test_folder_split_is_by_group_and_does_not_depend_on_the_rest(tmp_path_factory, names, data):
    some = data.draw(st.permutations(names))[: max(1, len(names) // 2)]

    whole = folder.load(tree(tmp_path_factory.mktemp("whole"), names), val=0.3, test=0.3)
    part = folder.load(tree(tmp_path_factory.mktemp("part"), some), val=0.3, test=0.3)

    assert sorted(id for split in SPLITS for id in whole[split].ids) == sorted(names)
    assert_disjoint(whole)
    for split in SPLITS:
        assert whole[split].ids == sorted(whole[split].ids)
        assert part[split].ids == [id for id in whole[split].ids if id in some]


@given(group=st.text(), val=st.floats(0, 0.5), test=st.floats(0, 0.5))
def test_split_of_any_group_is_repeatable(group, val, test):
    split = folder.split_of(group, val, test)

    assert split in SPLITS
    assert split == folder.split_of(group, val, test)
    assert folder.split_of(group, 0, 0) == "train"
    assert folder.split_of(group, 1, 0) == "val"
    assert folder.split_of(group, 0, 1) == "test"


def test_split_of_is_the_same_on_every_machine_and_meets_the_shares():
    splits = [folder.split_of(f"patient-{index}", 0.1, 0.2) for index in range(2000)]

    # Pinned: another hash would move the patients of everyone who ever split a folder.
    assert [splits.count(split) for split in SPLITS] == [1407, 197, 396]
    assert splits[:6] == ["train", "train", "train", "train", "train", "train"]


def test_a_data_set_keeps_the_folder_it_was_loaded_from(tmp_path, server, publish, monkeypatch):
    (pixels,) = publish("a")
    folder = tmp_path / "mine"
    (folder / "chest_xray/test").mkdir(parents=True)
    Image.fromarray(pixels).save(folder / "chest_xray/test/a.png")
    monkeypatch.setenv("DENOISE_DATA", str(folder))
    data = load_dataset("nih-sample")

    monkeypatch.setenv("DENOISE_DATA", str(tmp_path / "elsewhere"))

    np.testing.assert_array_equal(data.test.images()[0, 0].numpy(), np.float32(pixels) / 255)


def test_a_file_of_the_authors_is_downloaded_once_and_checked(cache, server):
    target = server.root / published.NATURAL_REPOSITORY / "model" / "sigma=1.mat"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"weights")
    arguments = "reference/a.mat", "model/sigma=1.mat", hashlib.sha256(b"weights").hexdigest()

    first, again = published.dncnn_file(*arguments), published.dncnn_file(*arguments)

    assert first == again and first.read_bytes() == b"weights"
    assert len(server.asked) == 1
    first.write_bytes(b"something else")
    with pytest.raises(ValueError, match="not the published file: delete it"):
        published.dncnn_file(*arguments)


def test_a_split_with_records_needs_to_know_how_they_are_read():
    assert list(Split()) == []

    with pytest.raises(ValueError, match="give it `read`"):
        Split(["record"])[0]
