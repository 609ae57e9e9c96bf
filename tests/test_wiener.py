"""Wiener's filter on patches: the closed form, and what it reaches on radiographs."""

import pytest
import torch

from denoise_lib.data import load_dataset
from denoise_lib.evaluation import evaluate
from denoise_lib.methods.overlap import by_patches
from denoise_lib.methods.wiener import PatchWiener
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.training.patches import sample_patches

SIGMA = 25


@pytest.fixture(scope="module")
def patches() -> torch.Tensor:
    images = load_dataset("chest-drr").train.images()
    generator = torch.Generator().manual_seed(0)
    return sample_patches(images, 20_000, 12, generator).flatten(1)


def test_error_on_patches_is_that_of_the_formula(patches):
    wiener = PatchWiener(patches, stride=12)
    # One patch per image and no overlap: nothing but the filter itself.
    clean = patches[:4000].view(-1, 1, 12, 12)
    noisy = GaussianNoise(SIGMA).sample(clean, torch.Generator().manual_seed(1))
    error = (wiener(noisy, SIGMA) - clean).square().mean().item()
    noise = (SIGMA / 255) ** 2
    expected = (noise * wiener.gains(SIGMA)).mean().item()
    assert error == pytest.approx(expected, rel=0.05)


def test_no_scaled_version_of_it_errs_less(patches):
    wiener = PatchWiener(patches, stride=12)
    clean = patches[:4000].view(-1, 1, 12, 12)
    noisy = GaussianNoise(SIGMA).sample(clean, torch.Generator().manual_seed(1))

    def error(told: float) -> float:
        return (wiener(noisy, told) - clean).square().mean().item()

    assert error(SIGMA) < min(error(0.7 * SIGMA), error(1.4 * SIGMA), error(0))


def test_returns_the_image_where_there_is_no_noise(patches):
    image = load_dataset("chest-drr").test[0].image[None]
    torch.testing.assert_close(PatchWiener(patches)(image, 0), image, atol=1e-4, rtol=0)


def test_is_as_good_as_a_deep_stack_on_rendered_radiographs(patches):
    rows = evaluate(PatchWiener(patches), Protocol(noise=GaussianNoise(SIGMA)), progress=False)
    assert rows["psnr"].mean() == pytest.approx(33.14, abs=0.05)
    assert rows["ssim"].mean() == pytest.approx(0.890, abs=0.003)


@pytest.mark.parametrize(
    ("shape", "said"), [((200, 143), "square"), ((144, 144), "Give more than 144 patches")]
)
def test_unusable_patches_are_refused(shape, said):
    with pytest.raises(ValueError, match=said):
        PatchWiener(torch.rand(shape))


@pytest.mark.parametrize("sigma", [None, -1])
def test_the_level_must_be_told(patches, sigma):
    with pytest.raises(ValueError, match="sigma"):
        PatchWiener(patches)(torch.rand(1, 1, 16, 16), sigma)


def test_each_pixel_is_the_mean_over_its_patches():
    # Where each patch is replaced by its own mean, the middle pixel gets the mean of these means.
    image = torch.rand(1, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    means = by_patches(image, 3, 1, lambda p: p.mean(-1, keepdim=True).expand_as(p))
    expected = image[0, 0].unfold(0, 3, 1).unfold(1, 3, 1).mean((-1, -2)).mean()
    assert means[0, 0, 2, 2].item() == pytest.approx(expected.item(), abs=1e-6)
