"""The Anscombe transform stabilises the variance of counts, and its inverse has no bias."""

import pytest
import torch

from denoise_lib.methods import anscombe
from denoise_lib.noise import CHEST_DRR, XRayNoise


def flat(counts, electronic, pixels=300):
    """Noisy counts of an even field."""
    generator = torch.Generator().manual_seed(0)
    quanta = torch.poisson(torch.full((pixels, pixels), float(counts)), generator)
    return quanta + electronic * torch.randn(pixels, pixels, generator=generator)


@pytest.mark.parametrize("electronic", [0, 2])
@pytest.mark.parametrize("counts", [10, 50, 1000])
def test_noise_has_standard_deviation_one_at_every_count(counts, electronic):
    transformed = anscombe.forward(flat(counts, electronic), electronic)

    assert transformed.std().item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("counts", [2, 10, 100])
@pytest.mark.parametrize("electronic", [0, 1.5])
def test_inverse_of_the_mean_is_the_mean(counts, electronic):
    """A perfect denoiser of the transformed image returns its mean; that must lead back."""
    mean = anscombe.forward(flat(counts, electronic, 1000), electronic).mean()

    found = anscombe.inverse(mean, electronic).item()
    algebraic = ((mean / 2) ** 2 - 3 / 8 - electronic**2).item()

    assert found == pytest.approx(counts, rel=0.01)
    assert abs(found - counts) < abs(algebraic - counts)


@pytest.mark.parametrize("level", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("noise", [XRayNoise(2000, 1, **CHEST_DRR), XRayNoise(3000, 1, 0.8)])
def test_the_denoiser_is_given_its_range_and_the_sigma_that_is_there(noise, level):
    clean = torch.full((1, 1, 256, 256), level)
    noisy = noise(clean, ["flat"])
    seen = {}

    def denoiser(image, sigma=None):
        seen.update(image=image, sigma=sigma)
        return torch.full_like(image, image.mean())

    estimate = anscombe.stabilised(denoiser, noise)(noisy, sigma=999)

    assert 255 * seen["image"].std().item() == pytest.approx(seen["sigma"], rel=0.03)
    assert estimate.mean().item() == pytest.approx(level, abs=0.01)


def test_the_transformed_image_is_white_where_the_image_is():
    noise = XRayNoise(1000, **CHEST_DRR)
    ends = torch.tensor([0.0, 0.5, 1.0])
    seen = []

    anscombe.stabilised(lambda image, sigma: seen.append(image) or image, noise)(ends)

    black, middle, white = seen[0].tolist()
    assert (black, white) == pytest.approx((0, 1), abs=1e-5) and 0 < middle < 1


def test_negative_electronic_noise_is_refused():
    with pytest.raises(ValueError, match="electronic must be a number"):
        anscombe.forward(torch.zeros(1), -1)
