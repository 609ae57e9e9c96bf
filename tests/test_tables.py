"""What the pages show, from small made-up tables whose answers are known by hand."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch

from denoise_lib.checks import UserError
from denoise_lib.methods.registry import Network, methods
from denoise_lib.study import grid
from denoise_lib.study.tables import (
    comparison,
    cost,
    failures,
    foundations,
    mismatch,
    mistakes,
    reader,
    shared,
    training,
)

SPACE = "\N{NO-BREAK SPACE}"


def scores(psnr, dataset="nih-sample", sigma=25.0):
    """A summary with intervals of half a decibel and a hundredth."""
    table = pd.DataFrame({"method": list(psnr), "psnr": list(psnr.values()), "ssim": 0.9})
    table["psnr_low"], table["psnr_high"] = table["psnr"] - 0.5, table["psnr"] + 0.5
    table["ssim_low"], table["ssim_high"] = 0.89, 0.91
    table["mse"], table["mse_low"], table["mse_high"] = 0.0004, 0.0003, 0.0005
    return table.assign(dataset=dataset, sigma=sigma, images=3, groups=3, protocol="h")


def rows(psnr, variant="", images=("a", "b")):
    """Rows of one protocol: each method has its PSNR on every image, one more on each next."""
    return pd.DataFrame(
        [
            {"method": method, "variant": variant, "image": image, "group": image}
            | {"psnr": float(value + n), "ssim": 0.5, "mse": 0.01, "seconds": 1.0, "protocol": "h"}
            for method, value in psnr.items()
            for n, image in enumerate(images)
        ]
    )


# Selections


def test_a_selection_compares_every_column():
    table = scores({"bm3d": 34, "nlm": 33})

    assert shared.select(table, dataset="nih-sample", method="nlm")["psnr"].tolist() == [33]


def test_an_empty_selection_says_what_is_missing_and_how_to_measure_it():
    with pytest.raises(UserError, match=r"no rows with dataset 'mars', sigma 25: .*`make study`"):
        shared.at(scores({"bm3d": 34}), "mars", 25)


def test_methods_of_a_data_set_at_a_level_are_in_order():
    both = pd.concat([scores({"nlm": 33, "bm3d": 34}), scores({"tv": 50}, sigma=5.0)])

    table = shared.at(both, "nih-sample")

    assert table.index.tolist() == table["method"].tolist() == ["bm3d", "nlm"]


def test_mean_psnr_is_over_images():
    assert shared.mean_psnr(rows({"bm3d": 30, "nlm": 20})).to_dict() == {"bm3d": 30.5, "nlm": 20.5}


# The comparison


def differences():
    return pd.DataFrame(
        {
            "method": ["bm3d", "nlm", "tv", "bm3d"],
            "sigma": [25.0, 25.0, 25.0, 50.0],
            "difference": [-0.301, 0.011, 0.02, 1.0],
            "spread": 0.25,
            "low": [-0.4, -0.1, 0.01, 0.9],
            "high": [-0.2, 0.1, 0.03, 1.1],
            "differs": [True, False, True, True],
        }
    ).assign(dataset="nih-sample", metric="psnr")


def test_verdicts_tell_what_is_decided_from_what_is_open():
    order = ["bm3d", grid.COMPARED_WITH, "nlm", "tv"]

    table = comparison.verdicts(differences(), "nih-sample", order)

    assert table.index.tolist() == ["BM3D", "Non-local means", "Total variation"]
    assert table["sigma 25"].tolist() == [
        f"-0.30{SPACE}(-0.40{SPACE}to{SPACE}-0.20)",
        f"open: +0.01{SPACE}(-0.10{SPACE}to{SPACE}+0.10)",
        f"+0.02{SPACE}(+0.01{SPACE}to{SPACE}+0.03)",
    ]
    assert table["sigma 50"].tolist() == [f"+1.00{SPACE}(+0.90{SPACE}to{SPACE}+1.10)", "–", "–"]


def test_verdicts_on_one_patient_give_the_spread():
    one = differences().assign(low=np.nan, high=np.nan, differs=False)

    table = comparison.verdicts(one, "nih-sample", ["bm3d"])

    assert table.loc["BM3D", "sigma 25"] == "-0.30 [0.25]"


def test_what_is_open():
    assert comparison.undecided(differences(), "nih-sample") == ["nlm"]
    with pytest.raises(UserError, match="'chest-drr'"):
        comparison.undecided(differences(), "chest-drr")


def test_the_sortable_table_counts_the_patients_and_formats_by_unit():
    one = scores({"tv": 30}, dataset="chest-drr").assign(groups=1)
    summary = pd.concat([scores({"bm3d": 34.567}), one])
    summary["ssim_low"] = np.nan

    table = comparison.everything(summary)
    html = comparison.sortable(table)

    assert table.columns[:5].tolist() == ["method", "dataset", "sigma", "PSNR", "PSNR low"]
    assert table["method"].tolist() == ["BM3D", "Total variation"]
    assert table["patients"].tolist() == [3, 1]
    for cell in ("34.57", "0.9000", "4.000", "–"):
        assert f"<td>{cell}</td>" in html
    assert html.startswith('<div class="sortable-scroll"><table class="dataframe sortable">')


# Other noises


def test_titles_are_those_of_the_declarations():
    titles = mismatch.titles()

    assert titles["salt-pepper"] == "salt and pepper, 10 %"
    assert titles["gaussian-5"] == "Gaussian, sigma 5"  # in no matrix, but known
    assert set(grid.matrix()) <= set(titles)


def test_a_row_of_the_matrix_is_a_training_and_a_column_a_test():
    def measured(**psnr):
        return pd.concat(
            rows({"dncnn": value + 2 * seed}, f"trained:{name}:nih-sample:{seed}")
            for name, value in psnr.items()
            for seed in (0, 1)
        )

    noises = {"speckle": measured(speckle=30, correlated=20)}
    noises["correlated"] = measured(speckle=10, correlated=25)

    table = mismatch.matrix(noises, list(noises))

    assert table.loc["correlated", "speckle"] == 21.5
    assert table.loc["speckle", "correlated"] == 11.5
    with pytest.raises(UserError, match="'trained:correlated:nih-sample:0'"):
        mismatch.matrix({"speckle": measured(speckle=1)}, list(noises))


def test_methods_on_each_noise_are_in_the_order_of_their_averages():
    measured = {
        "speckle": pd.concat([rows({"nlm": 30, "bm3d": 20}), rows({"nlm": 99}, "anscombe")]),
        "correlated": rows({"nlm": 20, "bm3d": 40, "tv": 99}),
    }

    table = mismatch.by_noise(measured, ("nlm", "bm3d"))

    assert table.index.tolist() == ["bm3d", "nlm"]
    assert table.loc["bm3d"].to_dict() == {"speckle": 20.5, "correlated": 40.5}
    assert table.loc["nlm"].to_dict() == {"speckle": 30.5, "correlated": 20.5}


def photon_rows():
    """Every way at every dose: a level told adds 1 dB, the transform 2."""
    from denoise_lib.study.variants import study_noises

    measured = {}
    for place, dose in enumerate(grid.doses()):
        told = str(grid.middle_level(study_noises()[dose]))
        parts = [
            rows(dict.fromkeys(grid.STABILISED, 30 - place)),
            rows(dict.fromkeys(("nlm", "bm3d"), 31 - place), told),
            rows(dict.fromkeys(grid.STABILISED, 32 - place), "anscombe"),
        ]
        measured[dose] = pd.concat(parts)
    return measured


def test_what_the_dose_is_worth():
    table = mismatch.by_dose(photon_rows())

    assert table.columns.tolist() == list(grid.doses())
    assert table.loc["bm3d"].index.tolist() == [
        "level estimated",
        "told the level at middle grey",
        "with the transform",
    ]
    assert table.loc["bm3d", grid.doses()[0]].tolist() == [30.5, 31.5, 32.5]
    assert table.loc["rdn-nih"].index.tolist() == ["directly, blind", "with the transform"]
    gains = mismatch.transform_gains(table)
    assert gains.loc["bm3d"].tolist() == [1, 1, 1] and gains.loc["rdn-nih"].tolist() == [2, 2, 2]


def test_a_way_that_was_not_measured_is_named():
    measured = photon_rows()
    dose = grid.doses()[0]
    measured[dose] = measured[dose][measured[dose]["variant"] != "anscombe"]

    with pytest.raises(UserError, match="method 'nlm', variant 'anscombe'"):
        mismatch.by_dose(measured)


def test_levels_told_are_numbers_in_order():
    measured = [rows({"nlm": level}, f"told:{level}") for level in (50, 5, 25)]
    measured += [rows({"nlm": 99}), rows({"dncnn-authors": 40}, "told:25")]

    table = mismatch.told(pd.concat(measured), ("bm3d", "nlm", "dncnn-authors"))

    assert table.index.tolist() == [5, 25, 50]
    assert table["nlm"].tolist() == [5.5, 25.5, 50.5]
    assert table["dncnn-authors"].dropna().to_dict() == {25: 40.5}
    with pytest.raises(UserError, match="No method was told a level"):
        mismatch.told(rows({"nlm": 30}), ("nlm",))


# Costs


def costs():
    return pd.DataFrame(
        {
            "method": ["gaussian", "bm3d", "rdn-nih"],
            "seconds": [0.1, 9.0, 3.0],
            "peak_mib": [24.4, 30, 300],
            "parameters": [np.nan, np.nan, 1234567],
            "macs_per_pixel": [np.nan, np.nan, 65432.1],
            "training_hours": [np.nan, np.nan, 1.25],
        }
    )


def test_costs_are_shown_beside_the_psnr_that_they_buy():
    table = cost.joined(costs(), pd.Series({"gaussian": 31.0, "bm3d": 33.9, "rdn-nih": 34.2}))

    shown = cost.shown(table)

    assert shown.index.tolist() == ["rdn-nih", "bm3d", "gaussian"]
    assert shown.loc["rdn-nih"].tolist() == ["34.20", "1,234,567", "65.4", "3.00", "300", "1.25"]
    assert shown.loc["gaussian"].tolist() == ["31.00", "–", "–", "0.10", "24", "–"]


def test_a_cost_without_a_psnr_is_refused():
    with pytest.raises(UserError, match="No PSNR of gaussian, rdn-nih: derive"):
        cost.joined(costs(), pd.Series({"bm3d": 33.9}))


def test_the_front_has_what_nothing_beats_in_both():
    table = cost.joined(costs(), pd.Series({"gaussian": 31.0, "bm3d": 33.9, "rdn-nih": 34.2}))

    assert cost.pareto_front(table, "seconds").index.tolist() == ["gaussian", "rdn-nih"]
    free = table.assign(psnr=[99.0, 33.9, 34.2])
    assert cost.pareto_front(free, "kmacs").index.tolist() == ["rdn-nih"]  # others have no number


# Mistakes


def mistaken():
    parts = [rows({"rdn-nih": 30, "noisy": 20}), rows({"rdn-nih": 15}, "offset-0.1")]
    parts += [rows({"rdn-nih": 10}, "residual"), rows({"dncnn": 12}, "trained:gaussian-5")]
    return pd.concat([*parts, rows({"vincent": 18}, "whole-image")])


def test_every_variant_of_the_mistakes_has_a_title():
    variants = {str(each.variant) for each in grid.measurements("mistakes")}

    assert variants | {mistakes.RGB} == set(mistakes.TITLES)


def test_mistakes_of_training_are_told_from_those_of_scoring():
    table = mistakes.before_training(mistaken())

    assert table["psnr"].to_dict() == {
        ("dncnn", "trained:gaussian-5"): 12.5,
        ("vincent", "whole-image"): 18.5,
    }


# Failures


def test_the_worst_images_by_name_and_score():
    measured = rows({"bm3d": 30, "nlm": 20}, images=list("fedcba"))
    measured.loc[measured["method"] == "nlm", "psnr"] = [1, 2, 3, 4, 9, 5]

    table = failures.worst_images(measured, ["bm3d", "nlm"])

    assert table.loc["BM3D"].tolist() == [
        f"{image} ({30 + n}.0 dB)" for n, image in enumerate("fedcb")
    ]
    assert table.loc["Non-local means", "5th"] == "a (5.0 dB)"
    assert failures.worst_of_all(measured, ["bm3d", "nlm"]) == ["c", "d", "e", "f"]
    with pytest.raises(UserError, match="method 'tv'"):
        failures.worst_images(measured, ["tv"])


def test_images_of_one_score_come_by_name():
    measured = rows({"bm3d": 30}, images=list("ba")).assign(psnr=30.0)

    assert failures.worst(measured, "bm3d")["image"].tolist() == ["a", "b"]


def curves():
    """A transfer that falls to a half at 0.25 for the strong edge, and at 0.15 for the faint."""
    values = {"edge 0.4": [1, 0.8, 0.2], "edge 0.1": [0.9, 0.3, 0.1], "noise": [2.0, 1.0, 0.5]}
    return pd.concat(
        pd.DataFrame({"method": method, "kind": kind, "frequency": [0.1, 0.2, 0.3], "value": value})
        for kind, value in values.items()
        for method in ("gaussian", "bm3d")
    )


def test_a_spectrum_has_a_column_for_each_method():
    table = failures.spectrum(curves(), "noise")

    assert table["bm3d"].to_dict() == {0.1: 2, 0.2: 1, 0.3: 0.5}
    with pytest.raises(UserError, match="kind 'edge 9'"):
        failures.spectrum(curves(), "edge 9")


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, 0.8, 0.2], 0.25), ([1, 0.9, 0.6], np.nan), ([0.4, 0.2, 0.1], 0.1)],
)
def test_half_of_an_edge_is_left_between_two_frequencies(values, expected):
    found = failures.half_frequency(pd.Series(values, index=[0.1, 0.2, 0.3]))

    assert found == pytest.approx(expected, nan_ok=True)


def test_the_faintest_contrast_comes_first():
    table = failures.resolution(curves(), ["bm3d"])

    assert table.columns.tolist() == ["contrast 0.1", "contrast 0.4"]
    assert table.loc["bm3d"].tolist() == pytest.approx([0.1 + 0.1 * 0.4 / 0.6, 0.25])


def test_a_linear_method_gives_the_error_of_the_reading():
    table = pd.DataFrame(
        {"contrast 0.1": [0.20, 0.20, 0.20, 0.30], "contrast 0.4": [0.22, 0.21, 0.25, np.nan]},
        index=["gaussian", "nlm", "bm3d", "tv"],
    )

    error, weaker = failures.weaker_on_faint(table)

    assert error == pytest.approx(0.02)
    assert weaker == ["bm3d", "tv"]  # NaN: above 0.5
    even = table.assign(**{"contrast 0.4": [0.2, 0.205, 0.22, 0.3]})
    assert failures.weaker_on_faint(even)[1] == ["bm3d"]  # half a hundredth is nothing


def test_what_comes_of_nothing_has_its_largest_power():
    deviations = pd.DataFrame(
        {"method": ["gaussian", "bm3d"], "bias": 0.1, "std": [4.0, 2.0], "largest": 9.0}
    ).assign(commit="c", machine="m")

    table = failures.invented(deviations, curves())

    assert table.index.tolist() == ["bm3d", "gaussian"]
    assert table.loc["bm3d"].to_dict() == {"bias": 0.1, "std": 2, "largest": 9, "most": 2}


# Whoever uses the image


def test_the_segmenter_is_averaged_over_trainings():
    rows = pd.DataFrame(
        {"method": ["noisy", "clean", "clean"], "seed": [0, 0, 1]}
        | {"dice_heart": [0.2, 0.8, 0.6], "dice_lungs": [0.4, 1.0, 0.8]}
    )

    table = reader.segmentation(rows)

    assert table["dice"].round(3).to_dict() == {"clean": 0.8, "noisy": 0.3}
    assert table.index.tolist() == ["clean", "noisy"]
    assert table["dice_heart"]["clean"] == pytest.approx(0.7)


def test_joint_training_is_averaged_by_weight():
    liu = pd.DataFrame(
        {"images": ["clean", "denoised", "denoised", "denoised"], "weight": [np.nan, 0.02, 0, 0]}
        | {"dice_heart": [0, 0.9, 0.6, 0.8], "dice_lungs": [0, 0.7, 0.6, 0.8]}
        | {"psnr": [np.nan, 30, 31, 32]}
    )

    table = reader.joint_training(liu)

    assert table.index.tolist() == [0, 0.02]
    assert table.loc[0].tolist() == pytest.approx([0.7, 31.5])
    assert table.loc[0.02].tolist() == pytest.approx([0.8, 30])


def nodules():
    table = pd.DataFrame(
        {
            "method": ["noisy", "bm3d", "nlm"],
            "auc": [0.8, 0.6, 0.75],
            "change": [0, -0.2, -0.05],
            "change_low": [0, -0.3, -0.1],
            "change_high": [0, -0.15, 0.01],
            "contrast_kept": [1, 0.3, 0.5],
        }
    )
    table = table.assign(sigma=25.0, diameter=8)
    eye = table.assign(observer="eye", change=0.1, change_low=0.05, change_high=0.12)
    return pd.concat([table.assign(observer="hotelling"), eye])


def test_changes_have_signs_and_the_noisy_image_its_auc():
    table = reader.changes(nodules(), 25, 8, ["bm3d", "noisy"])

    assert table["AUC, Hotelling"].tolist() == [
        f"-0.200{SPACE}(-0.300{SPACE}to{SPACE}-0.150)",
        "0.800",
    ]
    assert table["AUC, eye filter"]["BM3D"].startswith("+0.100")
    assert table["contrast left"].to_dict() == {"BM3D": "30%", "Noisy input": "100%"}
    with pytest.raises(UserError, match="diameter 16"):
        reader.changes(nodules(), 25, 16, ["bm3d"])


def test_a_blend_is_read_against_alpha():
    rows = pd.DataFrame(
        {"method": ["bm3d", "bm3d", "nlm", "nlm"], "alpha": [1, 0, 0, 1], "psnr": [3, 1, 1, 2]}
    ).assign(diameter=8, observer="eye")

    table = reader.blended(rows, 8, "eye", "psnr")

    assert table.index.tolist() == [0, 1]
    assert table["bm3d"].tolist() == [1, 3] and table["nlm"].tolist() == [1, 2]
    with pytest.raises(UserError, match="observer 'hotelling'"):
        reader.blended(rows, 8, "hotelling", "psnr")


def said(method, test, val, seed=0, training="clean"):
    return {"training": training, "seed": seed, "method": method, "test": test, "val": val}


@pytest.mark.filterwarnings("ignore:invalid value")  # a resample of four may lack a pneumonia
def test_what_the_classifiers_answer():
    """Two trainings; four test images, the first two pneumonia; two validation images."""
    test = reader.Labels(np.array([True, True, False, False]), np.array(list("abcd")))
    val = reader.Labels(np.array([True, False]), np.array(list("ef")))
    rows = pd.DataFrame(
        [
            said("clean", "2.0 1.0 -1.0 -2.0", "1.0 -1.0"),
            said("clean", "2.0 -1.0 1.0 -2.0", "1.0 -1.0", seed=1),
            said("bm3d", "-1.0 -2.0 -3.0 -4.0", "-2.0 -3.0"),
            said("bm3d", "-4.0 -3.0 -2.0 -1.0", "-2.0 -3.0", seed=1),
            said("bm3d", "9 9 9 9", "9 9", training="degraded"),
        ]
    )

    table = reader.answers(rows, "clean", val, test, "clean")

    assert table["auc"].to_dict() == {"clean": (1 + 0.75) / 2, "bm3d": 0.5}
    assert table["change"].to_dict() == {"clean": 0, "bm3d": -0.375}
    assert table["found"].to_dict() == {"clean": 0.75, "bm3d": 0}
    assert table["alarms"].to_dict() == {"clean": 0.25, "bm3d": 0}
    assert (table["least"]["clean"], table["most"]["clean"]) == (0, 0.5)
    # The middle of the validation logits, -2.5: two of four above it in each training.
    assert table["found_anew"]["bm3d"] == 0.5 and table["alarms_anew"]["bm3d"] == 0.5
    with pytest.raises(UserError, match="method 'nlm'"):
        reader.answers(rows, "clean", val, test, "nlm")


def test_trainings_are_compared_image_by_image():
    truth = np.tile([True, False], 50)
    test = reader.Labels(truth, np.arange(100))
    good, bad = " ".join(map(str, truth * 1.0)), " ".join(["0.0"] * 100)
    rows = pd.DataFrame(
        [said("clean", bad, "0", seed=n) for n in (0, 1)]
        + [said("clean", good, "0", training="degraded"), said("clean", bad, "0", 1, "degraded")]
    )

    assert reader.between_trainings(rows, test) == pytest.approx((0.25, 0.25, 0.25))


def test_classifiers_are_compared_with_one_number_image_by_image():
    truth = np.tile([True, False], 50)
    test = reader.Labels(truth, np.arange(100))
    good, bad = " ".join(map(str, truth * 1.0)), " ".join(["0.0"] * 100)
    rows = pd.DataFrame([said("noise 5", good, "0"), said("noise 5", bad, "0", seed=1)])
    grains = pd.DataFrame({"images": ["clean", "noise 5"], "test": [good, bad]})

    ahead = reader.against_the_number(rows, grains, test, "clean", "noise 5")

    assert ahead == pytest.approx((0.25, 0.25, 0.25))
    with pytest.raises(UserError, match="blur 1.0"):
        reader.against_the_number(rows, grains, test, "clean", "blur 1.0")


def test_classifiers_behind_denoisers_in_words():
    row = {"method": "bm3d", "change": -0.1, "change_low": -0.2, "change_high": 0.05}
    answers = pd.DataFrame([row | {"alarms": 0.25, "alarms_anew": 0.5}]).set_index("method")

    table = reader.behind_denoisers({"clean": answers, "degraded": answers}, ["bm3d"])

    assert table.loc["BM3D"].tolist() == 2 * [
        f"-0.10{SPACE}(-0.20{SPACE}to{SPACE}+0.05)",
        "25%",
        "50%",
    ]
    assert table.columns[3] == ("trained on degraded images", "AUC, change")


def test_labels_come_from_the_manifest_without_an_image(monkeypatch, tmp_path):
    monkeypatch.setenv("DENOISE_DATA", str(tmp_path))

    test = reader.labels("test")

    assert len(test.positive) == len(set(test.patients)) == 100 and test.positive.sum() == 52


# Trained networks


def card(**other):
    return {
        "parameters": 12345,
        "training_data": {"images": 681, "dataset": "nih-sample"},
        "hours": 0.987,
        "command": "denoise train x",
        **other,
    }


def test_a_card_in_words():
    table = training.cards({"vincent-nih": card()})

    assert table.loc["vincent-nih"].tolist() == [
        "12,345",
        "random weights",
        "681 images of nih-sample",
        "49,999",  # the layers' patches of 12 x 12 count by their pixels
        "0.99",
        "denoise train x",
    ]


def test_hours_include_those_of_the_start():
    warm, first = "dncnn-warm-nih", "dncnn-s25-natural"
    table = training.cards({warm: card(start=first), first: card(hours=0.5)})

    assert table["hours"].to_dict() == {warm: "1.49", first: "0.50"}
    assert table["starts from"].to_dict() == {warm: first, first: "random weights"}


def test_quality_at_each_level_has_its_bootstrap_interval():
    measured = rows({"bm3d": 30, "nlm": 20, "tv": 50})  # two patients, 1 dB apart

    table = training.quality({25: measured}, ["nlm", "bm3d"])

    assert table.index.tolist() == ["BM3D", "Non-local means"]
    ends = f"(30.00{SPACE}to{SPACE}31.00)"
    assert table["sigma 25"].iloc[0] == f"30.50{SPACE}{ends} / 0.500"
    with pytest.raises(UserError, match="method 'noisy'"):
        training.quality({25: measured}, ["noisy"])


def test_photographs_beside_the_paper():
    measured = {"set12": rows({"x": 30}, images=["a"]), "bsd68": rows({"x": 29}, images=["a"])}

    table = training.photographs(measured, {"set12": 30.44, "bsd68": 29.23})

    assert table.loc["set12"].tolist() == ["30.00", 30.44]


def trained(network, share, seed, psnr, minutes=1.0):
    levels = {"psnr_15": psnr + 2, "psnr_25": psnr, "psnr_50": psnr - 3}
    patches = round(1000 * share)
    return (
        {"network": network, "share": share, "seed": seed, "patches": patches}
        | levels
        | {"minutes": minutes}
    )


def test_what_more_training_brings_and_how_much_the_seed_matters():
    measured = pd.DataFrame(
        [
            trained("rdn-nih", 0.25, 0, 30.0),
            trained("rdn-nih", 0.25, 1, 31.0),
            trained("rdn-nih", 1.0, 0, 31.25, minutes=12.0),
            trained("rdn-nih", 1.0, 1, 32.25, minutes=math.nan),  # on a GPU
            trained("rdn-nih", 4.0, 0, 32.25, minutes=math.nan),
            trained("liu-nih", 0.25, 0, 32.0),
            trained("liu-nih", 1.0, 0, 33.0, minutes=20.0),
            trained("liu-nih", 4.0, 0, 33.25, minutes=math.nan),
        ]
    )

    table = training.budgets(measured)
    shown = training.budgets_shown(table)

    assert table.index.tolist() == ["liu-nih", "rdn-nih"]
    assert table["gain"].tolist() == [1.0, 1.25]
    assert table["further"].tolist() == [0.25, 0.5]
    assert table["scatter"]["rdn-nih"] == pytest.approx(0.5**0.5)
    assert shown.loc["RDN (ours, small)"].tolist() == [
        "33.75",
        "31.75",
        "28.75",
        "+1.25",
        "+0.50",
        "0.71",
        "12",
    ]


def test_the_networks_in_order_after_each_part_of_the_training():
    measured = pd.DataFrame(
        [
            trained("rdn-nih", 0.25, 0, 31.0),
            trained("rdn-nih", 0.25, 1, 29.0),
            trained("liu-nih", 0.25, 0, 30.5),
            trained("rdn-nih", 1.0, 0, 33.5),
            trained("liu-nih", 1.0, 0, 33.0),
        ]
    )

    orders = training.orders(measured)

    assert orders.loc[0.25].tolist() == ["liu-nih", "rdn-nih"]  # by the mean over seeds
    assert orders.loc[1.0].tolist() == ["rdn-nih", "liu-nih"]


def test_the_best_recipe_of_each_round():
    tried = [
        ("muon", 0.02, "l1", 1 / 16, 30.0),
        ("muon", 0.06, "l1", 1 / 16, 31.0),
        ("adam", 0.003, "mse", 1.0, 33.0),
        ("muon", 0.002, "mse", 4.0, 34.0),
    ]
    rows = pd.DataFrame(
        [
            {"network": "rdn-nih", "optimizer": optimizer, "peak": peak, "loss": loss}
            | {"share": share, "psnr_15": psnr + 1, "psnr_50": psnr - 1, "minutes": 1.0}
            for optimizer, peak, loss, share, psnr in tried
        ]
    )

    table = training.searched(rows)

    assert table.loc["RDN (ours, small)"].to_dict() == {
        "1/16 of them": "Muon 0.06, absolute: 31.00",
        "all patches": "Adam 0.003, squared: 33.00",
        "four times as many": "Muon 0.002, squared: 34.00",
    }


def test_two_recipes_stand_beside_each_other():
    rows = pd.DataFrame(
        {"patches": [20480, 20480, 81920], "way": ["the authors'", "ours", "the authors'"]}
        | {"psnr": [20.0, 29.5, 29.1], "minutes": [31.2, 33.8, math.nan]}
    )

    table = training.against_the_authors(rows)

    assert table.columns.tolist() == ["ours", "the authors'"]
    assert table.loc["20,480"].tolist() == ["29.50 (34 min)", "20.00 (31 min)"]
    assert table.loc["81,920"].tolist() == ["", "29.10"]


def test_speed_is_shown_as_ratios():
    ratios = {"ratio_plain": 6.04, "ratio_deepinv": 5.96}
    table = training.speed(
        {
            "training": {"ratio_plain": 3.9, "ratio_deepinv": 4.1},
            "inference": {"1024": ratios, "2048": ratios},
            "arithmetic": {"share": 0.774},
            "memory": {"ratio": 0.0152},
        }
    )

    assert table["measured"].tolist()[2:5] == ["0.77×", "6.0×", "6.0×"]
    assert table["measured"].iloc[-1] == "0.015×"


def test_presets_are_those_of_the_networks():
    networks = methods(Network)

    table = training.presets([networks["rdn"]])

    assert set(table.loc["rdn"].index) == {"smoke", "quick", "full"}
    assert table.loc[("rdn", "quick"), "steps"] == networks["rdn"].recipe("quick").steps


# Foundations


def test_poses_are_sizes_whatever_their_sign():
    view = {"turn": -5.0, "tilt": 1, "lean": 0, "stretch_x": 0.9, "stretch_z": 1.25}
    other = {**view, "turn": 2.0, "stretch_x": 1.05}

    table = foundations.poses({"train": [view | {"deformation": 3}, other | {"deformation": 4}]})

    assert table["train"]["turn (degrees)"] == "2.00 to 5.00"
    assert table["train"]["widening"] == "0.05 to 0.10"
    assert table["train"]["deformation (mm)"] == "3.00 to 4.00"


def test_tuned_parameters_are_in_the_order_of_the_levels():
    table = foundations.tuned({"nlm": {"15": {"patch_size": 5}, "5": {"patch_size": 3}}})

    assert table.columns.tolist() == ["sigma 5", "sigma 15"]
    assert table.loc[("Non-local means", "patch size")].tolist() == ["3", "5"]
    floats = foundations.tuned({"tv": {"5": {"strength": 0.50}}})
    assert floats.loc[("Total variation", "strength"), "sigma 5"] == "0.5"


def test_running_times_are_those_of_the_chapters(tmp_path):
    with pytest.raises(UserError, match="give the folder of the executed notebooks"):
        foundations.running_times(tmp_path)
    for name, seconds in {"01_a": 90.1, "measure": 3}.items():
        content = {"metadata": {"denoise_book": {"seconds": seconds}}}
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(content))

    assert foundations.running_times(tmp_path)["minutes"].to_dict() == {"01_a": 1.5}


def test_photons_behind_a_noise_level_make_that_noise():
    from denoise_lib.noise import CHEST_DRR, XRayNoise

    noise = XRayNoise(1000, **CHEST_DRR)

    photons = foundations.photons_at_middle_grey(noise, 25)

    share = photons / noise.counts(torch.tensor(0.5)).item()
    assert XRayNoise(1000 * share, **CHEST_DRR).sigma_at(0.5) == pytest.approx(25, rel=1e-5)
    table = foundations.doses(noise, (25, 50), full=100 * photons)
    assert table["a detector counts"].tolist() == pytest.approx([100, 400])


def test_the_share_of_an_error_that_noise_explains():
    table = rows({"bm3d": 30, "nlm": 20}).assign(sigma=25.0)  # of MSE 0.01

    assert foundations.explained_by_noise(table, 25.5)[25.0].to_dict() == {
        "bm3d": pytest.approx(1),
        "nlm": pytest.approx(1),
    }


@pytest.mark.parametrize("table", [training.orders, training.budgets])
def test_a_training_that_was_not_measured_has_no_place_in_an_order(table):
    rows = [("rdn-nih", 1.0), ("rdn-nih", 0.25), ("liu-nih", 1.0)]
    trainings = pd.DataFrame(rows, columns=["network", "share"])
    trainings = trainings.assign(psnr_15=33.0, psnr_25=30.0, psnr_50=27.0, minutes=1.0)

    with pytest.raises(UserError, match=r"liu-nih with 0\.25 of its patches"):
        table(trainings)


def test_classifiers_are_compared_over_the_same_seeds():
    rows = [(seed, name, "1 2") for seed in (0, 1) for name in ("clean", "noisy")]
    classified = pd.DataFrame(rows, columns=["seed", "method", "test"]).assign(training="clean")

    assert reader.logits(classified, "clean", "noisy", "test").tolist() == [[1, 2], [1, 2]]
    with pytest.raises(UserError, match=r"seeds \[1\]"):
        reader.logits(classified[:3], "clean", "noisy", "test")


def test_what_is_lost_by_parameters_of_other_images():
    own, other = rows({"bm3d": 31, "nlm": 33, "rdn-nih": 40}), rows({"bm3d": 30.5, "nlm": 30})

    table = comparison.tuned_elsewhere(own, other)

    assert table.index.tolist() == ["nlm", "bm3d"]
    assert table["loss (dB)"].tolist() == [3, 0.5]
