"""The report: its measures on what is known to be noise or anatomy, and the page itself."""

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from test_image_command import call, picture

from denoise_lib.batch import report
from denoise_lib.batch.anatomy import measure
from denoise_lib.batch.gather import Job
from denoise_lib.batch.residual import magnification
from denoise_lib.batch.way import Denoised, Denoiser, Way
from denoise_lib.batch.work import Result
from denoise_lib.data import load_dataset
from denoise_lib.formats import Made, Picture


@pytest.fixture(scope="module")
def radiograph() -> np.ndarray:
    return load_dataset("chest-drr").test[0].image[0].numpy()


@pytest.fixture(scope="module")
def noise(radiograph) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 15 / 255, radiograph.shape)


def test_of_noise_alone_nothing_follows_the_edges(radiograph, noise):
    for removed in (
        noise,
        2 * noise * np.sqrt(radiograph + 0.01),
        ndimage.gaussian_filter(noise, 1),
    ):
        found = measure(removed, radiograph)
        assert found.edge_ratio == pytest.approx(1, abs=0.03)
        assert abs(found.edge_correlation) < 0.06


@pytest.mark.parametrize(("kept", "ratio"), [(0.0, 1.2), (0.5, 1.05)])
def test_anatomy_that_went_along_shows(radiograph, noise, kept, ratio):
    fine = radiograph - ndimage.gaussian_filter(radiograph, 2)

    found = measure(noise + (1 - kept) * 2 * fine, radiograph)

    assert found.edge_ratio > ratio and found.edge_correlation > 0.1


def test_noise_that_was_left_at_edges_shows(radiograph, noise):
    slope = ndimage.gaussian_gradient_magnitude(radiograph, 1)

    found = measure(noise * (slope < np.quantile(slope, 0.8)), radiograph)

    assert found.edge_ratio < 0.8 and found.edge_correlation < -0.2


def test_measures_of_what_was_removed_against_their_definition(radiograph, noise):
    white = measure(noise, radiograph)
    grain = measure(ndimage.uniform_filter1d(noise, 2, axis=1), radiograph)

    assert white.rms == pytest.approx(255 * np.sqrt((noise**2).mean()))
    assert abs(white.right) < 0.02 and abs(white.below) < 0.02
    assert grain.right == pytest.approx(0.5, abs=0.02) and abs(grain.below) < 0.02


def test_the_classical_filters_take_anatomy_and_a_network_does_not(noise):
    image = load_dataset("chest-drr").test[0].image + torch.from_numpy(noise).float() / 3
    noisy = image[:, 60:188, 60:188].clamp(0, 1)
    ratio = {}
    for model in ("gaussian", "dncnn-b-nih"):
        denoised = Denoiser(Way(model, sigma=5))(noisy[None]).frames[0]
        ratio[model] = measure((noisy - denoised)[0].numpy(), denoised[0].numpy()).edge_ratio

    assert ratio["gaussian"] > report.TAKEN > 1 > ratio["dncnn-b-nih"]


def test_nothing_removed_is_nothing_to_measure():
    found = measure(np.zeros((9, 9)), np.linspace(0, 1, 81).reshape(9, 9))

    assert found.rms == 0 and np.isnan([found.right, found.edge_ratio]).all()
    assert np.isnan(measure(np.ones((1, 1)), np.ones((1, 1))).right)


class Tags(HTMLParser):
    """What a browser would make of a page: tags, their attributes and the text."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def images(self) -> list[np.ndarray]:
        sources = [attributes["src"] for tag, attributes in self.found if tag == "img"]
        data = [
            base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in sources
        ]
        return [np.asarray(Image.open(io.BytesIO(content))) for content in data]


def result(before: torch.Tensor, after: torch.Tensor, name: str = "a.png") -> Result:
    made = Made("m", "", 15.0, 1.0, "1")
    shown = Picture(Path(name), before, 8, {".png": lambda *_: None})
    return Result(Job(Path(name), Path("o.png")), shown, Denoised(after, made, "told", ()), ())


def test_the_pictures_are_the_pixels_on_the_scale_that_is_named():
    before = torch.rand(1, 1, 40, 50, generator=torch.Generator().manual_seed(0))
    after = 0.9 * before

    page = Tags(report.section(result(before, after)))

    low, high = np.percentile(before.numpy(), (0.5, 99.5))
    first, second, removed, _ = page.images()
    assert f"black is {low:.3g}, white {high:.3g} of the range" in page.text
    for shown, image in ((first, before), (second, after)):
        expected = 255 * ((image[0, 0].numpy() - low) / (high - low)).clip(0, 1)
        assert np.abs(shown - expected).max() <= 0.51
    expected = 127.5 + 4 * 255 * 0.1 * before[0, 0].numpy()
    assert np.abs(removed - expected.clip(0, 255)).max() <= 0.51
    assert "4 times" in page.text and "black -0.125, white +0.125" in page.text


def test_coarse_grain_is_told_from_none(radiograph, noise):
    fine, coarse = noise, 2 * ndimage.gaussian_filter(noise, 1)

    said = [report._verdict(measure(removed, radiograph)) for removed in (fine, coarse)]

    assert said[0].startswith("No sign of anatomy") and said[1].startswith("Neighbours agree")


def test_little_that_was_removed_is_shown_more_times(radiograph):
    before = torch.from_numpy(radiograph).clone()[None, None]
    line = torch.zeros_like(before)
    line[..., 100, :] = 1 / 255

    page = Tags(report.section(result(before, before - line)))

    removed = page.images()[2]
    assert "Removed, 64 times" in page.text and np.ptp(removed.astype(int)) > 60


def test_the_detail_is_where_the_image_varies():
    image = torch.full((1000, 900), 0.5)
    image[700:900, 500:700] = torch.rand(200, 200, generator=torch.Generator().manual_seed(0))

    rows, columns = report._detail(image)

    assert rows.start <= 700 and rows.stop >= 900 and columns.start <= 500 and columns.stop >= 700


@pytest.mark.parametrize("name", ["<script>alert(1)<script>.png", '"><img src=x onerror=y>.png'])
def test_a_page_does_nothing_and_asks_for_nothing(tmp_path, name):
    source = picture(tmp_path / name, size=(40, 50))
    path = tmp_path / "r.html"

    arguments = ["--model", "median", "--sigma", 10, "--report", path]
    call(source, tmp_path / "o.png", *arguments)

    page = Tags(path.read_text("utf-8"))
    assert {"script", "link", "iframe"}.isdisjoint(tag for tag, _ in page.found)
    for _, attributes in page.found:
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("src", "data:").startswith("data:") and "href" not in attributes
    assert name in page.text and "Not for diagnosis." in page.text
    assert "default-src 'none'" in path.read_text("utf-8")
    assert len(page.images()) == 4


def test_a_batch_has_a_section_for_each_file(tmp_path):
    for name in ("a.png", "b.png"):
        picture(tmp_path / "in" / name, size=(40, 50))
    path = tmp_path / "r.html"

    arguments = ["--out", tmp_path / "o", "--model", "median", "--sigma", 10, "--report", path]
    call(tmp_path / "in", *arguments)

    titles = re.findall("<h2>(.*?)</h2>", path.read_text("utf-8"))
    assert titles == ["a.png", "b.png"]


def test_too_many_files_for_a_report_are_refused_before_the_work(tmp_path):
    for number in range(report.MOST + 1):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{number}.png").touch()

    arguments = ["--out", tmp_path / "o", "--model", "median", "--report", tmp_path / "r.html"]
    said = call(tmp_path / "in", *arguments, code=1)

    assert "at most 20 files, not 21" in said and not (tmp_path / "o").exists()


@pytest.mark.parametrize("size", [(1, 1), (1, 60), (31, 31)])
def test_tiny_and_even_images_have_a_page_too(size):
    even = torch.full((1, 1, *size), 0.5)

    text = Tags(report.section(result(even, even))).text

    assert "too small for a spectrum" in text and "nothing to measure" in text
    assert "nan" not in text.replace("not measurable", "")


def test_the_first_of_several_frames_is_shown():
    frames = torch.rand(3, 1, 40, 40, generator=torch.Generator().manual_seed(0))

    assert "The first of 3 frames is shown." in report.section(result(frames, frames / 2))


@pytest.mark.parametrize("largest", [0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 1.0])
def test_a_residual_is_as_large_as_fits(largest):
    gain = magnification(torch.tensor([0.0, -largest]))

    assert 65535 * gain * largest + 32768 < 65536
    assert gain == 64 or 2 * gain * largest > 0.49
