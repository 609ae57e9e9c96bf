"""The Anscombe transform stabilises the variance, and its inverse has no bias."""

import pytest
import torch

from denoise_lib.methods import anscombe
from denoise_lib.noise import PoissonGaussianNoise


@pytest.mark.parametrize("read_sigma", [0, 5])
@pytest.mark.parametrize("level", [0.2, 0.5, 1.0])
def test_noise_has_standard_deviation_one_at_every_brightness(level, read_sigma):
    clean = torch.full((1, 1, 300, 300), level)
    noisy = PoissonGaussianNoise(50, read_sigma)(clean, ["flat"])

    assert anscombe.forward(noisy, 50, read_sigma).std().item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("photons", [5, 20, 200])
@pytest.mark.parametrize("read_sigma", [0, 20])
@pytest.mark.parametrize("level", [0.3, 0.8])
def test_inverse_of_the_mean_is_the_mean(photons, read_sigma, level):
    """A perfect denoiser of the transformed image returns its mean; that must lead to x."""
    clean = torch.full((1, 1, 600, 600), level)
    noisy = PoissonGaussianNoise(photons, read_sigma)(clean, ["flat"])
    transformed = anscombe.forward(noisy, photons, read_sigma)
    variance = (photons * read_sigma / 255) ** 2

    found = anscombe.inverse(transformed.mean(), photons, read_sigma).item()
    algebraic = ((transformed.mean() / 2) ** 2 - 3 / 8 - variance).item() / photons

    assert found == pytest.approx(level, abs=0.01)
    assert abs(found - level) < abs(algebraic - level)


def test_the_denoiser_is_given_its_range_and_the_sigma_that_is_there():
    clean = torch.full((1, 1, 256, 256), 0.5)
    noisy = PoissonGaussianNoise(80, 3)(clean, ["flat"])
    seen = {}

    def denoiser(image, sigma=None):
        seen.update(image=image, sigma=sigma)
        return torch.full_like(image, image.mean())

    estimate = anscombe.stabilised(denoiser, 80, 3)(noisy, sigma=999)

    assert 255 * seen["image"].std().item() == pytest.approx(seen["sigma"], rel=0.03)
    assert 0 < seen["image"].mean() < 1
    assert estimate.mean().item() == pytest.approx(0.5, abs=0.01)


def test_no_photons_are_refused():
    with pytest.raises(ValueError, match="photons must be a number"):
        anscombe.forward(torch.zeros(1), 0)
