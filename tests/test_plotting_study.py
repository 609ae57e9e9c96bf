"""The figures of the study's pages show what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from denoise_lib.plotting import pictures, study


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def names(axis):
    return axis.get_legend_handles_labels()[1]


def summary():
    """Two methods at two levels."""
    table = pd.DataFrame(
        {"method": ["noisy", "bm3d"] * 2, "sigma": [5, 5, 50, 50], "psnr": [34.0, 40, 14, 30]}
    ).assign(ssim=0.9, mse=0.001, dataset="nih-sample", protocol="h")
    for metric in ("psnr", "ssim", "mse"):
        table[f"{metric}_low"], table[f"{metric}_high"] = table[metric] * 0.9, table[metric] * 1.1
    return table


def test_training_curves_have_a_line_through_the_means_of_seeds():
    rows = pd.DataFrame(
        {
            "network": "rdn-nih",
            "share": [0.25, 0.25, 1.0],
            "patches": [25, 25, 100],
            "minutes": [1.0, 3.0, 8.0],
            "psnr_25": [30.0, 32.0, 33.0],
        }
    )

    left, right = study.training_curves(rows).axes

    points, line = left.lines
    assert points.get_xydata().tolist() == [[25, 30], [25, 32], [100, 33]]
    assert line.get_xydata().tolist() == [[25, 31], [100, 33]]
    assert right.lines[1].get_xydata().tolist() == [[2, 31], [8, 33]]
    assert names(right) == names(left) == ["RDN (ours, small)"]


def test_gains_are_lines_over_the_width():
    gain = pd.DataFrame({"bm3d": [9.0, 2.0], "gaussian": [7.0, 5.0]}, index=[0, 1])

    (axis,) = study.width_curves(gain).axes

    assert axis.lines[0].get_xydata().tolist() == [[0, 9], [1, 2]]
    assert names(axis) == ["BM3D", "Gaussian filter"] and axis.get_xticks().tolist() == [0, 1]


def test_the_front_of_costs_is_a_line_below_the_points():
    costs = pd.DataFrame(
        {"psnr": [30.0, 34, 33], "seconds": [0.1, 1, 2], "kmacs": [np.nan, 5, 6]},
        index=["gaussian", "dncnn-b-nih", "bm3d"],
    )
    fronts = {"seconds": costs[:2], "kmacs": costs[1:2]}

    left, right = study.cost_panels(costs, fronts).axes

    assert [len(axis.texts) for axis in (left, right)] == [3, 2]
    assert left.lines[-1].get_xydata().tolist() == [[0.1, 30], [1, 34]]
    assert right.lines[-1].get_xydata().tolist() == [[5, 34]]


def test_the_best_of_a_column_is_bold_and_titles_are_used():
    matrix = pd.DataFrame({"a": [30.0, 20.0], "b": [25.0, 26.0]}, index=["a", "b"])

    axis = study.noise_matrix(matrix, {"a": "first", "b": "second"}).axes[0]

    assert {t.get_text(): (t.get_fontweight(), t.get_color()) for t in axis.texts} == {
        "30.0": ("bold", "black"),
        "25.0": ("normal", "black"),
        "20.0": ("normal", "white"),
        "26.0": ("bold", "black"),
    }
    assert [t.get_text() for t in axis.get_yticklabels()] == ["first", "second"]
    assert [t.get_position() for t in axis.texts][1] == (1, 0)


def test_a_method_that_was_told_few_levels_has_a_line_too():
    told = pd.DataFrame({"bm3d": [20.0, 30, 28], "tv": [np.nan, 25, 24]}, index=[15, 25, 50])

    axis = study.told_curves(told, ("dncnn-b-nih", 31.0), 25).axes[0]

    assert axis.lines[1].get_xydata().tolist() == [[25, 25], [50, 24]]
    assert set(axis.lines[2].get_ydata()) == {31}
    assert set(axis.lines[3].get_xdata()) == {25}
    assert names(axis) == ["BM3D", "Total variation", "DnCNN-B (ours), not told"]


def test_mistakes_stand_in_the_plane_beside_published_scores():
    points = pd.DataFrame(
        {"psnr": [10.0, 12, 35], "ssim": [0.1, 0.2, 0.9], "mse": 0.0},
        index=pd.MultiIndex.from_tuples(
            [("residual", "rdn-nih"), ("residual", "vincent-nih"), ("", "rdn-nih")]
        ),
    )

    axis = study.mistake_plane(points, {"residual": "noise", "": "none"}, {"A": (13, 0.7)}).axes[0]

    assert axis.lines[0].get_xydata().tolist() == [[10, 0.1], [35, 0.9]]
    assert axis.lines[2].get_xydata().tolist() == [[13, 0.7]]
    assert {t.get_text(): t.xy for t in axis.texts} == {
        "A": (13, 0.7),
        "noise": (11, pytest.approx(0.15)),
        "none": (35, 0.9),
    }


def spectrum(*values):
    return pd.DataFrame({"bm3d": values}, index=[0.1, 0.25, 0.4][: len(values)])


def test_spectra_are_relative_to_the_noise():
    left, right = study.error_spectra(spectrum(0.5, 0.9), spectrum(0.1, 2.0)).axes

    assert left.lines[0].get_ydata().tolist() == [0.5, 0.9]
    assert set(left.lines[1].get_ydata()) == {1}
    assert right.lines[0].get_ydata().tolist() == [0.1, 2] and right.get_yscale() == "log"


def test_an_observer_has_a_panel_and_the_chosen_methods_a_name():
    changes = pd.DataFrame({"change": [0, -0.1, 0.1]}, index=["noisy", "bm3d", "tv"])
    changes = changes.assign(change_low=changes.change - 0.02, change_high=changes.change + 0.02)
    psnr = pd.Series({"noisy": 20, "bm3d": 34, "tv": 33})

    figure = study.observer_charts({"H": changes, "E": -changes}, psnr, {"bm3d": (-6, 0)})

    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("H", "E")
    assert [text.get_text() for text in first.texts] == ["BM3D"]
    points = [line.get_xydata()[0].tolist() for line in first.lines]
    assert [34, -0.1] in points and [33, 0.1] in points and 20 not in [x for x, _ in points]
    assert any(set(line.get_ydata()) == {0} for line in first.lines)


def test_blends_have_a_panel_for_each_quantity():
    table = pd.DataFrame({"bm3d": [1.0, 2.0], "nlm": [1.0, 1.5]}, index=[0.0, 1.0])

    one, other = study.blend_charts({"PSNR": table, "AUC": table / 4}).axes

    assert (one.get_title(), other.get_title()) == ("PSNR", "AUC")
    assert other.lines[0].get_ydata().tolist() == [0.25, 0.5]
    assert one.lines[1].get_label() == "Non-local means"


def test_the_shortcut_stands_beside_the_network_and_its_answers():
    methods = ["clean", "noise 1", "noise 3", "blur 0.7"]
    answers = pd.DataFrame({"found": [0.8, 0.8, 0.9, 0.5], "alarms": [0.1, 0.2, 0.4, 0]}, methods)

    aucs, noise, blur = study.shortcut_charts(
        {"one": (0.93, 0.9, 0.95), "other": (0.9, 0.85, 0.94)},
        {"clean": answers, "degraded": answers / 2},
        {"noise": methods[:3], "blur": ["clean", "blur 0.7"]},
    ).axes

    assert [t.get_text() for t in aucs.get_xticklabels()] == ["one", "other"]
    assert len(noise.lines) == 4 and noise.lines[1].get_xydata().tolist() == [
        [0, 0.1],
        [1, 0.2],
        [3, 0.4],
    ]
    assert blur.lines[0].get_xydata().tolist() == [[0, 0.8], [0.7, 0.5]]
    assert noise.lines[2].get_label() == "of pneumonias, trained on degraded images"


def test_measured_deviations_are_points_and_predicted_ones_lines():
    levels = np.array([0.25, 0.75])
    measured = {"100 photons": (levels / 99, levels / 100)}

    axis = study.variance_by_grey(measured, levels).axes[0]

    assert [line.get_linestyle() for line in axis.lines[:2]] == ["None", "-"]
    assert axis.lines[1].get_xdata().tolist() == (255 * levels).tolist()
    assert axis.lines[1].get_ydata() == pytest.approx(255 * np.sqrt(levels / 100))
    assert names(axis) == ["100 photons", "by the formula"]


def test_spectra_have_a_line_for_each_data_set():
    table = pd.DataFrame({"chest-drr": [9.0, 1.0], "chest-cr": [8.0, 2.0]}, index=[0.1, 0.4])

    axis = study.power_spectra(table).axes[0]

    assert names(axis) == ["chest-drr", "chest-cr"] and axis.get_yscale() == "log"
    assert axis.lines[1].get_ydata().tolist() == [8, 2]
    assert axis.lines[0].get_color() != axis.lines[1].get_color()


def test_what_is_removed_stands_beside_the_image():
    power = pd.DataFrame({"the radiograph": [9.0, 1.0], "bm3d": [1.0, 0.5]}, index=[0.1, 0.4])

    (axis,) = study.grain_spectra(power).axes

    assert names(axis) == ["the radiograph", "BM3D"] and axis.get_yscale() == "log"
    assert axis.lines[1].get_xydata().tolist() == [[0.1, 1], [0.4, 0.5]]


@pytest.fixture
def folder(tmp_path):
    """Pictures of an even grey."""
    for name in ("noisy.png", "bm3d.png", "nothing-bm3d.webp"):
        Image.fromarray(np.full((4, 24), 128, np.uint8)).save(tmp_path / name)
    return tmp_path


def test_what_is_left_of_nothing_is_shown_from_end_to_end(folder):
    figure = pictures.nothing_pictures(folder, ["bm3d"])

    assert figure.axes[0].get_title() == "BM3D"
    assert figure.axes[0].images[0].get_clim() == (0, 255)
    assert not figure.axes[1].images


def test_regions_are_marked_on_the_radiographs_only():
    image = torch.rand(20, 20)

    figure = pictures.nodule_panels({"whole": image}, {"detail": image[:4, :4]}, [(6, 9)], side=4)

    whole, detail = figure.axes
    (box,) = whole.patches
    assert (box.get_xy(), box.get_width()) == ((7, 4), 4)
    assert not detail.patches and whole.images[0].get_clim() == (0, 1)
    assert detail.images[0].get_clim() == (image[:4, :4].min(), image[:4, :4].max())


def test_a_mask_is_tinted_over_the_image():
    mask = torch.zeros(8, 8)
    mask[2, 3] = 1

    figure = pictures.mask_panels(torch.rand(8, 8), {"heart": mask})

    plain, masked = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["image", "heart"]
    assert len(plain.images) == 1
    alpha = masked.images[1].get_array()[..., 3]
    assert alpha[2, 3] == 0.5 and alpha.sum() == 0.5
