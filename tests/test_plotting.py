"""Figures show what they are given."""

import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from denoise_lib import plotting
from denoise_lib.evaluation import METRICS
from denoise_lib.methods import registry
from denoise_lib.noise import GaussianNoise
from denoise_lib.plotting import study
from denoise_lib.protocol import Protocol


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def rows(protocol="h", sigma=25.0, shift=0.0):
    return pd.DataFrame(
        {
            "method": np.repeat(["noisy", "bm3d", "mine"], 3),
            "image": list("abc") * 3,
            "group": list("abc") * 3,
            "psnr": np.array([20, 20.5, 21, 33, 34, 35, 30, 31, 32]) + shift,
            "ssim": np.linspace(0.2, 0.9, 9),
            "mse": np.linspace(0.01, 0.001, 9),
            "seconds": 0.1,
            "sigma": sigma,
            "protocol": protocol,
        }
    )


def summary(protocol="h"):
    values = {"psnr": [20.0, 34.0, 31.0], "ssim": [0.2, 0.9, 0.8], "mse": [0.01, 0.001, 0.002]}
    table = pd.DataFrame({"method": ["noisy", "bm3d", "mine"], "protocol": protocol, **values})
    for metric in values:
        table[f"{metric}_low"], table[f"{metric}_high"] = table[metric] * 0.9, table[metric] * 1.2
    return table


def test_the_second_line_of_a_colour_is_dashed():
    _, axis = plt.subplots()

    study.method_lines(pd.DataFrame({"dncnn-b-nih": [1, 2], "bm3d": [2, 1], "dncnn": [0, 1]}), axis)

    assert [line.get_linestyle() for line in axis.lines] == ["-", "-", "--"]


def test_a_scatter_names_its_points_and_leaves_out_what_has_no_place():
    _, axis = plt.subplots()
    table = pd.DataFrame({"x": [1.0, np.nan], "y": [3.0, 4.0]}, index=["bm3d", "nlm"])

    study.scatter(table, "x", "y", axis)
    study.name_points(table, "x", "y", axis)

    assert len(axis.lines) == 1
    assert [text.get_text() for text in axis.texts] == ["BM3D"]


def test_names_of_neighbouring_points_cover_neither_points_nor_names():
    figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
    methods = ["bm3d", "nlm", "tv", "dncnn-b-nih", "liu-nih"]
    table = pd.DataFrame({"x": [1, 1.1, 1.2, 10, 11], "y": [3, 3.05, 3.1, 3, 3]}, index=methods)

    study.scatter(table, "x", "y", axis)
    study.name_points(table, "x", "y", axis)

    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axis.texts]
    points = axis.transData.transform(table.to_numpy())
    assert len(boxes) == 5
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert not any(box.contains(*point) for box in boxes for point in points)


def test_a_name_without_a_free_place_is_written_all_the_same():
    _, axis = plt.subplots(figsize=(1, 1))

    study.name_points(pd.DataFrame({"x": [1.0], "y": [1.0]}, index=["bm3d"]), "x", "y", axis)

    (text,) = axis.texts
    assert text.get_text() == "BM3D" and text.get_visible()


def test_panel_shows_scores_and_residuals():
    clean = torch.rand(1, 1, 32, 32)
    noisy = GaussianNoise(25)(clean, ["x"])

    figure = plotting.comparison_panel(clean, {"noisy": noisy, "mine": clean}, Protocol())

    titles = [axis.get_title() for axis in figure.axes]
    assert "Clean" in titles and "mine\ninf dB, SSIM 1.000" in titles
    residuals = [
        i.get_array() for a in figure.axes for i in a.images if i.get_cmap().name == "PuOr"
    ]
    np.testing.assert_allclose(residuals[0], (noisy - clean)[0, 0], atol=1e-6)


def saved(figure) -> np.ndarray:
    """The grey levels of a figure as a notebook saves it."""
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return np.asarray(Image.open(file).convert("L")).astype(int)


@pytest.mark.parametrize(("side", "count", "factor"), [(256, 4, 1), (100, 3, 2), (72, 3, 3)])
def test_noise_is_shown_pixel_by_pixel(side, count, factor):
    images = {f"image {k}": torch.rand(1, side, side) for k in range(count)}

    page = saved(plotting.show_images(images))

    for image in images.values():
        levels = np.round(255 * image[0].numpy()).astype(int)
        wanted = np.kron(levels, np.ones((factor, factor), int))
        strips = np.lib.stride_tricks.sliding_window_view(page, (1, wanted.shape[1]))[:, :, 0]
        places = np.argwhere((abs(strips - wanted[0]) <= 2).all(axis=-1))
        assert len(places) >= 1
        row, column = places[0]
        shown = page[row : row + len(wanted), column : column + len(wanted)]
        assert abs(shown - wanted).max() <= 2


def test_an_image_larger_than_the_column_is_not_shrunk_without_a_word():
    large = {"large": torch.rand(1, 1024, 1024)}

    with pytest.raises(ValueError, match="cut out a detail"):
        plotting.show_images(large)
    plotting.show_images(large, shrink=True)


def test_clean_images_may_be_shown_smaller():
    page = saved(plotting.show_images({k: torch.rand(1, 256, 256) for k in "abcd"}, shrink=True))

    assert page.shape[0] < 256 and page.shape[1] > 600


def test_score_table_has_names_units_and_intervals():
    summary = pd.DataFrame(
        {"psnr": [34.567, 30.0], "psnr_ci": [0.123, np.nan], "ssim": 0.91234, "ssim_ci": 0.01}
        | {"mse": 0.000456, "mse_ci": 0.00001, "seconds": 0.25},
        index=["bm3d", "mine"],
    )

    table = plotting.score_table(summary)

    assert list(table["PSNR (dB)"]) == ["34.57\xa0±\xa00.12", "30.00"]
    assert table.loc["BM3D", "SSIM"] == "0.912\xa0±\xa00.010"
    assert table.loc["mine", "MSE × 10⁴"] == "4.56\xa0±\xa00.10"


def test_score_table_shows_the_spread_over_views_of_one_patient():
    one = pd.DataFrame(
        {f"{metric}{end}": np.nan for metric in METRICS for end in ("", "_ci")}, index=["bm3d"]
    )
    one = one.assign(psnr=34.5, psnr_spread=0.8, ssim=0.9, ssim_spread=0.01, mse=1e-4)

    table = plotting.score_table(one)

    assert table.loc["BM3D", "PSNR (dB)"] == "34.50\xa0[0.80]"
    assert table.loc["BM3D", "SSIM"] == "0.900\xa0[0.010]"
    assert table.loc["BM3D", "MSE × 10⁴"] == "1.00"


def test_score_table_takes_the_ends_of_intervals_too():
    table = plotting.score_table(summary().set_index("method"))

    assert list(table) == ["PSNR (dB)", "SSIM", "MSE × 10⁴"]
    assert table.loc["BM3D", "PSNR (dB)"] == "34.00\xa0(30.60\xa0to\xa040.80)"
    assert table.loc["BM3D", "MSE × 10⁴"] == "10.00\xa0(9.00\xa0to\xa012.00)"


@pytest.mark.parametrize(
    ("value", "interval", "signed", "text"),
    [
        (34.567, 0.125, False, "34.57 ± 0.12"),
        (34.567, (34.45, 34.7), False, "34.57 (34.45 to 34.70)"),
        (0.5, (-0.1, 1.1), True, "+0.50 (-0.10 to +1.10)"),
        (34.567, (np.nan, np.nan), False, "34.57"),
        (0.5, np.nan, True, "+0.50"),
    ],
)
def test_a_number_and_its_interval_never_part(value, interval, signed, text):
    found = plotting.with_interval(value, interval, 2, signed=signed)

    assert found == text.replace(" ", "\xa0")


def test_grid_of_images_has_their_titles():
    figure = plotting.show_images({str(i): torch.rand(1, 8, 8) for i in range(5)}, columns=3)

    assert [axis.get_title() for axis in figure.axes] == ["0", "1", "2", "3", "4", ""]


def test_every_method_has_its_own_look():
    shown = [*registry.methods(in_study=True), "dncnn-b", "clean", "liu-joint"]
    looks = [plotting.colour_and_marker(name) for name in shown]

    assert len(set(looks)) == len(looks)
    assert len({plotting.label(name) for name in shown}) == len(shown)
