"""Side studies: rows survive an interruption, nothing is measured twice, values known by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.methods.registry import get
from denoise_lib.noise import GaussianNoise
from denoise_lib.study import run, side_studies, store
from denoise_lib.study.grid import compared
from denoise_lib.study.side import clean_images, cost, curves, detection
from denoise_lib.study.side_studies import side_study
from denoise_lib.tasks import observer


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of three rows; `measured` lists those that were measured, `fail` stops at one."""
    measured, fail = [], set()
    monkeypatch.setenv("DENOISE_RESULTS", str(tmp_path))
    with side_studies.temporarily():

        @side_study(
            "Does it stop?",
            keys=lambda: (
                {"seed": s, "weight": w, "method": "nlm"} for s, w in ((0, 0), (0, 0.02), (1, 0))
            ),
        )
        def fake(seed, weight, method):
            if (seed, weight) in fail:
                raise KeyboardInterrupt
            measured.append((seed, weight))
            return {"psnr": 30.0 + seed}

        yield measured, fail


def test_an_interrupted_study_goes_on_where_it_stopped(study, tmp_path):
    measured, fail = study
    fail.add((1, 0))
    with pytest.raises(KeyboardInterrupt):
        run.run_side("fake")
    fail.clear()

    run.run_side("fake")
    run.run_side("fake")

    assert measured == [(0, 0), (0, 0.02), (1, 0)]
    table = store.load_side("fake")
    assert table["psnr"].tolist() == [30, 30, 31]
    assert {"commit", "machine", "fingerprint"} <= set(table.columns)
    assert {path.name for path in (tmp_path / "side").iterdir()} == {"fake.csv", "fake.lock"}


def test_a_method_that_changed_is_measured_again(study, monkeypatch):
    measured, _ = study
    run.run_side("fake")
    monkeypatch.setattr(type(get("nlm")), "identity", lambda *_: {"code": "another"})

    run.run_side("fake")

    assert len(measured) == 6 and len(store.load_side("fake")) == 3


def test_what_cannot_be_had_is_left_out_and_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DENOISE_RESULTS", str(tmp_path))
    with side_studies.temporarily():

        @side_study("Is it here?", seed=(0, 1))
        def fake(seed):
            if seed == 0:
                raise ConnectionError("no network")
            return {"psnr": 30.0}

        run.run_side("fake")

    assert store.load_side("fake")["seed"].tolist() == [1]
    assert "fake {'seed': 0} is left out: no network" in capsys.readouterr().out


def test_a_row_is_known_by_its_whole_key():
    table = pd.DataFrame({"seed": [0, 1], "weight": [0.02, 0.0], "name": "a", "psnr": 30.0})

    assert store.has(table, {"seed": 0, "weight": 0.02, "name": "a"})
    assert not store.has(table, {"seed": 0, "weight": 0.0})  # of two different rows
    assert not store.has(table, {"seed": 0, "protocol": "abc"})
    assert not store.has(pd.DataFrame(), {"seed": 0})


@pytest.mark.parametrize("name", side_studies.side_studies())
def test_every_study_has_a_committed_table_with_all_its_rows(name):
    declared = side_studies.get(name)
    keys = declared.stamped()

    lacking = declared.table.lacks(keys)
    assert lacking == [] or declared.growing
    assert len(declared.table.read()) == len(keys) - len(lacking)  # none twice, none left over


def test_unknown_studies_are_named():
    with pytest.raises(ValueError, match="choose one of: .*detection"):
        side_studies.get("nothing")


def test_macs_are_those_of_the_convolutions():
    expected = 9 * 64 + 15 * 9 * 64 * 64 + 9 * 64  # DnCNN-S: one, fifteen, one

    assert cost.macs_per_pixel(methods.create("dncnn")) == pytest.approx(expected)


def test_invention_is_measured_on_the_scale_of_255():
    images = torch.full((2, 1, 8, 8), 0.5)
    images[0, 0, 0, 0] += 10 / 255

    found = curves.deviations(images)

    assert found["bias"] == pytest.approx(10 / 128, rel=1e-4)
    assert found["largest"] == pytest.approx(10, rel=1e-4)


@pytest.fixture
def one_draw(monkeypatch, tmp_path):
    """The observers see one draw of places and noise, and nothing that was kept."""
    monkeypatch.setattr(detection, "DRAWS", range(1))
    monkeypatch.setattr(detection, "RUNS", tmp_path)
    detection._noisy.cache_clear()
    yield tmp_path
    detection._noisy.cache_clear()


@pytest.mark.parametrize("who", detection.OBSERVERS)
def test_the_noisy_image_keeps_the_nodule_and_does_not_differ_from_itself(one_draw, who):
    found = detection.detection("noisy", 25, 16, who)

    assert found["contrast_kept"] == pytest.approx(1, abs=1e-4)
    assert (found["change"], found["change_low"], found["change_high"]) == (0, 0, 0)
    assert 0.5 < found["low"] < found["auc"] < found["high"] < 1
    assert 100 <= found["regions"] <= 120


def test_a_blur_takes_contrast_and_helps_the_eye_and_not_the_hotelling_observer(one_draw):
    small, large = (
        detection.detection("gaussian", 25, d, "hotelling")["contrast_kept"] for d in (8, 16)
    )

    assert small < large - 0.1
    eye = detection.detection("gaussian", 25, 8, "eye")
    hotelling = detection.detection("gaussian", 25, 8, "hotelling")
    assert eye["change"] > 0.02 and abs(hotelling["change"]) < 0.02


@pytest.mark.parametrize("who", detection.OBSERVERS)
def test_a_blend_ends_at_the_noisy_and_at_the_denoised_image(one_draw, who):
    noisy, denoised = (detection.detection(m, 25, 8, who) for m in ("noisy", "gaussian"))

    none, all_ = (detection.blend("gaussian", alpha, 8, who) for alpha in (0.0, 1.0))

    for column in ("auc", "low", "high", "change", "change_low", "change_high"):
        assert none[column] == pytest.approx(noisy[column])
        assert all_[column] == pytest.approx(denoised[column])
    middle = detection.blend("gaussian", 0.6, 8, who)
    assert none["psnr"] < middle["psnr"] < all_["psnr"]
    assert none["psnr"] == pytest.approx(20.3, abs=0.3)  # sigma 25, clipped to what a file holds


def test_what_is_seen_of_a_blend_is_the_blend_of_what_is_seen():
    """The shortcut that makes every alpha cost nothing, against denoising one image again."""
    item = load_dataset("chest-drr").test[0]
    where, sizes, signals = observer.study_nodules(item.image, item.mask[0], 0)
    noisy = GaussianNoise(25)(observer.insert(item.image, where, signals)[None], [item.id])
    mixed = 0.4 * methods.load("gaussian")(noisy, sigma=25) + 0.6 * noisy
    cut = observer.region(mixed[0, 0], *where[0], observer.REGION).double().numpy().ravel()
    expected = [
        *(cut @ observer.channels(observer.REGION)),
        cut @ observer.eye_template(signals[0]),
    ]

    seen = [detection.seen(name, 25, 0).outputs[0, 0] for name in ("gaussian", "noisy")]

    np.testing.assert_allclose(0.4 * seen[0] + 0.6 * seen[1], expected, atol=1e-5)


def test_what_took_long_is_kept_until_the_method_changes(one_draw, monkeypatch):
    looked, real = [], detection.seen("noisy", 25, 0)
    monkeypatch.setattr(detection, "look", lambda *key: looked.append(key) or real)
    monkeypatch.setattr(detection, "code_hash", lambda *things: "code")
    monkeypatch.setattr(detection, "SLOW", -1)

    first, again = (detection.seen.__wrapped__("nlm", 25, 0) for _ in range(2))

    assert looked == [("nlm", 25, 0)]
    np.testing.assert_array_equal(first.outputs, again.outputs)
    np.testing.assert_array_equal(again.psnr, real.psnr)
    monkeypatch.setattr(type(get("nlm")), "identity", lambda self: {"code": "another"})
    detection.seen.__wrapped__("nlm", 25, 0)
    assert len(looked) == 2


def test_noise_spectrum_of_the_noisy_grey_is_one():
    np.testing.assert_allclose(curves.curve("noise", "noisy"), 1, rtol=0.2)


OF_METHODS = [
    name
    for name, study in side_studies.side_studies().items()
    if study.in_study
    and "method" in study.table.key
    and name not in ("blend", "real_grain")  # a few methods; those that need no level
]


@pytest.mark.parametrize("name", OF_METHODS)
def test_every_method_is_observed(name):
    keys = list(side_studies.get(name).keys())

    assert {key["method"] for key in keys} >= set(compared()[1:])
    assert len({tuple(key.items()) for key in keys}) == len(keys)


@pytest.mark.parametrize(("committed", "said"), [(30.0, None), (30.1, "gives psnr = 30.0")])
def test_a_repeatable_study_is_measured_again(tmp_path, monkeypatch, committed, said):
    monkeypatch.setenv("DENOISE_RESULTS", str(tmp_path))
    with side_studies.temporarily():
        side_studies._STUDIES.clear()
        monkeypatch.setattr(side_studies, "side_studies", lambda: dict(side_studies._STUDIES))

        @side_study("Does it repeat?", repeatable=True, seed=(0, 1, 2), level=(5, 25))
        def fake(seed, level):
            return {"psnr": 30.0, "word": "same"}

        rows = [
            {"seed": s, "level": n, "psnr": 30.0, "word": "same"} for s in (0, 1) for n in (5, 25)
        ]
        rows[2]["psnr"] = committed
        side_studies._STUDIES["fake"].table.add(
            pd.DataFrame(rows).assign(fingerprint=""), sort=False
        )

        if said is None:
            assert run.check_sides() == 2  # one for each of the first two seeds
        else:
            with pytest.raises(ValueError, match=said):
                run.check_sides()


def test_what_a_row_needs_is_looked_for(monkeypatch):
    monkeypatch.delenv("DENOISE_DATA", raising=False)
    parity, detection_ = (side_studies.get(name) for name in ("parity", "detection"))

    assert not parity.can_measure({"sigma": 25})
    assert parity.can_measure({"sigma": 25}, download=True)
    assert detection_.can_measure({"method": "nlm"})
    assert not detection_.can_measure({"method": "dncnn-b-authors"})


def test_a_study_is_known_by_the_network_that_it_trains(monkeypatch):
    rdn = side_studies.get("rdn")
    before = rdn.stamped()[0]["fingerprint"]
    changed = {**get("rdn").recipes, "quick": get("rdn").recipe("full")}
    monkeypatch.setattr(type(get("rdn")), "recipe", lambda self, preset: changed[preset])

    assert rdn.stamped()[0]["fingerprint"] != before


def test_noise_that_an_image_counting_as_clean_holds_is_found(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    held = 0.5 + 4 / 255 * torch.randn(6, 1, 256, 256, generator=generator)
    monkeypatch.setattr(clean_images, "images", lambda dataset: held)

    row = clean_images.clean_images("chest-drr")

    assert row["images"] == 6
    assert row["median"] == pytest.approx(4, rel=0.05) and row["rms"] == pytest.approx(4, rel=0.05)
    assert row["least"] < row["median"] < row["most"]
    # White noise has its energy evenly over the plane: a disc of radius 1/4 lacks.
    assert row["fine"] == pytest.approx(1 - np.pi / 16, abs=0.01)


def test_rendered_images_have_less_fine_detail_than_noise_and_power_at_low_frequencies():
    powers = [clean_images.clean_power("chest-drr", each)["power"] for each in (0, 8, 15)]

    assert powers == sorted(powers, reverse=True)
    assert clean_images.clean_images("chest-drr")["fine"] < 0.001
