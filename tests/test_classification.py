"""The classifier learns what can be learned; grain, blur and intervals are what they should be."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from denoise_lib.data import load_dataset
from denoise_lib.noise import GaussianNoise
from denoise_lib.study.side import classifier as study
from denoise_lib.tasks.classification import (
    MOST_NOISE,
    Classifier,
    blur,
    classify,
    degrade,
    fit_classifier,
    grain,
    wins,
    wins_interval,
)
from denoise_lib.training import Recipe

SHORT = Recipe(steps=60, batch_size=8, learning_rate=5e-3, ema=0.9)


@pytest.mark.parametrize("degraded", [False, True])
def test_it_learns_to_tell_bright_from_dark_textures(degraded):
    torch.manual_seed(0)
    labels = torch.arange(40) % 2
    images = (0.4 + 0.2 * labels.view(-1, 1, 1, 1) + 0.05 * torch.randn(40, 1, 64, 64)).clamp(0, 1)
    model = Classifier(widths=(4, 8))

    fit_classifier(model, images[:30], labels[:30], SHORT, degraded, progress=False)
    model.train()
    logits = classify(model, images[30:])

    assert ((logits > 0) == labels[30:].bool()).all()
    assert model.training and logits.shape == (10,)


def test_degrading_in_training_takes_the_grain_from_the_label():
    """Two classes of grain alone: on degraded images less of it can be learned."""
    torch.manual_seed(0)
    labels = torch.arange(60) % 2
    strength = torch.where(labels == 1, 4.0, 2.0).view(-1, 1, 1, 1) / 255
    images = 0.5 + strength * torch.randn(60, 1, 64, 64)
    found = {}
    for degraded in (False, True):
        torch.manual_seed(0)
        model = Classifier(widths=(8, 8))
        recipe = replace(SHORT, steps=120, learning_rate=2e-2)
        fit_classifier(model, images[:40], labels[:40], recipe, degraded, progress=False)
        logits = classify(model, images[40:])
        found[degraded] = (logits[labels[40:] == 1].mean() - logits[labels[40:] == 0].mean()).item()

    assert found[False] > 3 * found[True]


def test_labels_must_fit_the_images():
    with pytest.raises(ValueError, match="one label per image"):
        fit_classifier(Classifier(), torch.rand(3, 1, 64, 64), torch.zeros(2))


def test_it_drops_features_in_training_and_only_there():
    torch.manual_seed(0)
    model, image = Classifier(widths=(4, 64)), torch.rand(1, 1, 64, 64).repeat(2, 1, 1, 1)

    with torch.no_grad():
        trained = {model.train()(image)[0].item() for _ in range(4)}

    assert len(trained) > 1
    assert torch.equal(classify(model, image[:1]), classify(model, image[:1]))


def test_each_image_is_blurred_by_its_own_width_as_scipy_does():
    images, widths = torch.rand(3, 1, 40, 32), [0.0, 0.7, 2.0]

    blurred = blur(images, torch.tensor(widths))

    torch.testing.assert_close(blurred[0], images[0])
    for one, before, width in zip(blurred[1:], images[1:], widths[1:], strict=True):
        expected = ndimage.gaussian_filter(before[0].numpy(), width, mode="mirror")
        np.testing.assert_allclose(one[0].numpy(), expected, atol=1e-5)


def test_degraded_images_differ_in_grain_repeat_and_stay_in_range():
    images = torch.full((64, 1, 64, 64), 0.5)

    found = degrade(images, torch.Generator().manual_seed(1))

    grains = np.array([grain(image) for image in found])
    assert grains.min() < 0.1 and 0.7 * MOST_NOISE < grains.max() < 1.1 * MOST_NOISE
    assert torch.equal(found, degrade(images, torch.Generator().manual_seed(1)))
    white = degrade(torch.ones(8, 1, 64, 64), torch.Generator().manual_seed(1))
    assert white.max() == 1 and white.min() > 0.5


@pytest.mark.parametrize("sigma", [0.5, 3, 10])
def test_grain_is_the_standard_deviation_of_white_noise(sigma):
    noisy = GaussianNoise(sigma)(torch.full((1, 1, 256, 256), 0.5), ["grain"])

    assert grain(noisy[0]) == pytest.approx(sigma, rel=0.05)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.integers(0, 5), min_size=6, max_size=20), st.integers(1, 3), st.integers(0, 2**20)
)
def test_wins_are_the_auc_that_scipy_gives(scores, networks, seed):
    positive = np.arange(len(scores)) % 3 == 0
    given = np.stack([np.random.default_rng(seed + n).permutation(scores) for n in range(networks)])

    pairs = positive.sum() * (~positive).sum()
    each = [stats.mannwhitneyu(row[positive], row[~positive]).statistic / pairs for row in given]

    assert wins(given, positive).mean() == pytest.approx(np.mean(each))


def test_an_interval_of_an_auc_is_over_patients():
    generator, positive = np.random.default_rng(0), np.arange(200) % 2 == 0
    scores = generator.normal(size=200) + positive
    won, patients = wins(scores, positive), np.arange(200)

    low, high = wins_interval(won, positive, patients)
    # Hanley and McNeil's standard error of the AUC of two normal distributions a deviation apart.
    a = won.mean()
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = np.sqrt((a * (1 - a) + 99 * (q1 - a * a) + 99 * (q2 - a * a)) / 100**2)

    assert low < a < high and high - low == pytest.approx(2 * 1.96 * error, rel=0.15)
    assert wins_interval(won - won, positive, patients) == (0, 0)
    # Every image ten times, ten images to a patient: no more is known than before.
    ten = np.repeat(np.repeat(won, 10, 0), 10, 1)
    copied = wins_interval(ten, np.repeat(positive, 10), np.repeat(patients, 10))
    assert copied[1] - copied[0] == pytest.approx(high - low, rel=0.1)


def test_the_grain_of_a_clean_image_tells_its_label(from_data_folder):
    """What a trained network does no better: the reason not to believe it."""
    found = study.shortcut("test")

    assert found["count"] == 100 and 0.9 <= found["auc"] <= 0.95
    assert found["low"] > 0.8 and found["grain_pneumonia"] > found["grain_others"] + 0.1


def test_a_classifier_is_trained_once_and_kept(from_data_folder, tmp_path, monkeypatch):
    trained = []

    def fit(model, images, labels, recipe, degraded):
        trained.append((degraded, len(images), int(labels.sum()), recipe.seed))
        model.to(memory_format=torch.channels_last).eval()
        return SimpleNamespace(to_the_end=lambda: None)

    monkeypatch.setattr(study, "RUNS", tmp_path)
    monkeypatch.setattr(study, "fit_classifier", fit)

    first = study.classifier.__wrapped__("degraded", 3)
    again = study.classifier.__wrapped__("degraded", 3)

    assert trained == [(True, 681, trained[0][2], 3)] and 0 < trained[0][2] < 681
    assert not again.training
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    study.classifier.__wrapped__("clean", 3)
    assert len(trained) == 2 and not trained[1][0]


def test_images_are_shown_with_their_change(from_data_folder):
    clean, noisy, soft = (study.shown(name, "val") for name in ("clean", "noise 3", "blur 1.0"))

    ids = load_dataset("nih-sample").val.ids
    assert clean.shape == noisy.shape == soft.shape
    assert (noisy - clean).std().item() == pytest.approx(3 / 255, rel=0.01)
    assert grain(soft[0]) < 0.5 * grain(clean[0])
    assert torch.equal(study.shown("noisy", "val"), study.STRONG(clean, ids).clamp(0, 1))
