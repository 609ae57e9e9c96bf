"""Classical denoisers: one call for all, tuned, better than doing nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import restoration

from denoise_lib import methods, metrics, needs
from denoise_lib.checks import UserError
from denoise_lib.evaluation import apply
from denoise_lib.methods import classical, registry
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study.grid import SIGMAS

DECLARED = registry.methods(classical.Classical)
DENOISERS = [n for n, m in DECLARED.items() if n != "noisy" and m.needs.installed]
FAST = [name for name in DENOISERS if name != "bm3d"]


@pytest.fixture(scope="module")
def radiograph():
    item = Protocol(split="val").items()[0]
    return item.image[None], item.id


@pytest.mark.parametrize("sigma", [15, 25, 50])
@pytest.mark.parametrize("name", DENOISERS)
def test_each_denoiser_gains_over_the_noisy_image(name, sigma, radiograph):
    clean, image_id = radiograph
    noisy = GaussianNoise(sigma)(clean, [image_id])

    estimate = apply(methods.load(name), noisy, sigma)

    assert metrics.psnr(clean, estimate)[0] > metrics.psnr(clean, noisy)[0] + 4


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(FAST),
    height=st.integers(16, 40),
    width=st.integers(16, 40),
    sigma=st.one_of(st.none(), st.floats(0, 100)),
)
def test_any_size_and_sigma_work_and_images_do_not_mix(name, height, width, sigma):
    denoiser = methods.load(name)
    noisy = torch.rand(2, 1, height, width) * 1.4 - 0.2

    both = denoiser(noisy, sigma)

    assert both.shape == noisy.shape and both.dtype == torch.float32
    torch.testing.assert_close(both[1:], denoiser(noisy[1:], sigma))


@pytest.mark.parametrize("name", ["noisy", *DENOISERS])
@pytest.mark.parametrize("sigma", [0.0, 5e-324, 1e-9])
def test_without_noise_the_image_comes_back(name, sigma):
    image = torch.rand(1, 1, 16, 16)

    assert torch.equal(methods.load(name)(image, sigma), image)


def test_sigma_is_estimated_when_not_given(radiograph):
    clean, image_id = radiograph
    noisy = GaussianNoise(25)(clean, [image_id])
    denoiser = methods.load("nlm")

    told, guessed = (metrics.psnr(clean, denoiser(noisy, s))[0] for s in (25, None))

    assert abs(told - guessed) < 0.5


def test_the_tuning_covers_every_baseline_and_the_nearest_level_is_used():
    tuned = classical.tuned_parameters()
    tunable = [name for name, method in DECLARED.items() if method.grid]

    assert set(tuned) == set(tunable)
    assert all(set(levels) == {str(s) for s in SIGMAS} for levels in tuned.values())
    gaussian = methods.load("gaussian")
    assert gaussian.parameters(29) == tuned["gaussian"]["25"]
    assert gaussian.parameters(40) == tuned["gaussian"]["35"]


def test_the_tuned_parameters_are_better_than_their_neighbours(radiograph):
    """The committed width of the Gaussian filter beats half and twice that width."""
    protocol = Protocol(split="val", limit=3)
    width = classical.tuned_parameters()["gaussian"]["25"]["width"]

    def quality(value):
        denoiser = DECLARED["gaussian"].load({"25": {"width": value}})
        items = list(protocol.items())
        clean = torch.stack([item.image for item in items])
        noisy = protocol.noise(clean, [item.id for item in items])
        return metrics.psnr(clean, denoiser(noisy, 25)).mean()

    assert quality(width) > max(quality(width / 2), quality(width * 2))


def point() -> np.ndarray:
    image = np.full((15, 15), 0.5)
    image[7, 7] = 1
    return image


def test_bilateral_filter_is_centred_and_becomes_gaussian_when_it_ignores_grey_levels():
    response = classical.bilateral(point(), 1.0, width=1, strength=1e6)

    expected = ndimage.gaussian_filter(point(), 1, mode="nearest", truncate=3)
    np.testing.assert_allclose(response, expected, atol=1e-3)


def test_bilateral_filter_keeps_edges():
    edge = np.repeat([[0.0] * 8 + [1.0] * 8], 16, axis=0)

    np.testing.assert_allclose(
        classical.bilateral(edge, 0.05, width=2, strength=3), edge, atol=1e-6
    )


@pytest.mark.xfail(strict=True, reason="scikit-image 0.26: shifted spatial weights")
def test_scikit_image_bilateral_filter_is_centred():
    """When this passes, `_bilateral` can be scikit-image's again."""
    response = restoration.denoise_bilateral(point(), sigma_color=1e6, sigma_spatial=1, mode="edge")

    assert response.argmax() == 7 * 15 + 7


def test_bm3d_is_offered_only_where_installed(monkeypatch):
    monkeypatch.setattr(needs.importlib.util, "find_spec", lambda name: None)

    assert "bm3d" not in methods.available()
    with pytest.raises(ModuleNotFoundError, match='pip install "bm3d>='):
        methods.load("bm3d")


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="noisy, gaussian, median"):
        methods.load("magic")
    with pytest.raises(ValueError, match="sigma must be"):
        methods.load("gaussian")(torch.rand(1, 1, 8, 8), -1)


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (8, 64)])
def test_bm3d_is_not_asked_about_a_single_block(shape):
    pytest.importorskip("bm3d")

    with pytest.raises(UserError, match="bm3d takes images from 9 x 9 pixels on"):
        methods.load("bm3d")(torch.rand(1, 1, *shape), 25)
