"""What the study measures besides scores, against values known by hand."""

import numpy as np
import observations
import pytest
import torch

from denoise_lib import models, study


def test_macs_are_those_of_the_convolutions():
    expected = 9 * 64 + 15 * 9 * 64 * 64 + 9 * 64  # DnCNN-S: one, fifteen, one

    assert observations.macs_per_pixel(models.create("dncnn")) == pytest.approx(expected)


def test_invention_is_measured_on_the_scale_of_255():
    images = torch.full((2, 1, 8, 8), 0.5)
    images[0, 0, 0, 0] += 10 / 255

    found = observations._invented(images)

    assert found["bias"] == pytest.approx(10 / 128, rel=1e-4)
    assert found["largest"] == pytest.approx(10, rel=1e-4)


def test_the_noisy_image_keeps_the_nodule_and_does_not_differ_from_itself():
    found = observations.detectability("noisy", 25, 16)

    assert found["contrast_kept"] == pytest.approx(1, abs=0.01)
    assert (found["change"], found["change_low"], found["change_high"]) == (0, 0, 0)
    assert 0.5 < found["low"] < found["auc"] < found["high"] < 1


def test_a_blur_takes_contrast_from_the_small_nodule_first():
    small, large = (observations.detectability("gaussian", 25, d)["contrast_kept"] for d in (8, 16))

    assert small < large - 0.1


def test_noise_spectrum_of_the_noisy_grey_is_one():
    np.testing.assert_allclose(observations.curve("noise", "noisy"), 1, rtol=0.2)


@pytest.mark.parametrize("name", observations.OBSERVATIONS)
def test_every_method_is_observed(name):
    keys = [key for key, _ in observations.OBSERVATIONS[name]()]

    assert {key["method"] for key in keys} >= set(study.METHODS[1:])
    assert len({tuple(key.items()) for key in keys}) == len(keys)
