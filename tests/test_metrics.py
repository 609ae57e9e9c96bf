"""Metrics agree with scikit-image and with their definitions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from denoise_lib import metrics


def random_pair(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = np.random.default_rng(seed)
    height, width = generator.integers(11, 80, size=2)
    clean = generator.random((1, 1, height, width))
    estimate = clean + generator.uniform(0.01, 0.5) * generator.standard_normal(clean.shape)
    return torch.from_numpy(clean), torch.from_numpy(estimate.clip(0, 1))


def ssim_by_definition(x: np.ndarray, y: np.ndarray) -> float:
    """Equation (13) of Wang et al. 2004, written out with an explicit 11 x 11 window."""
    offsets = np.arange(-5, 6)
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(line, line) / np.outer(line, line).sum()

    def local_mean(image):
        return convolve2d(image, window, mode="valid")

    mean_x, mean_y = local_mean(x), local_mean(y)
    variance_x = local_mean(x * x) - mean_x**2
    variance_y = local_mean(y * y) - mean_y**2
    covariance = local_mean(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return (luminance * structure).mean()


def test_psnr_and_ssim_equal_scikit_image_on_100_random_pairs():
    for seed in range(100):
        clean, estimate = random_pair(seed)
        x, y = clean[0, 0].numpy(), estimate[0, 0].numpy()
        expected = structural_similarity(
            x, y, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )

        assert metrics.psnr(clean, estimate)[0] == pytest.approx(
            peak_signal_noise_ratio(x, y, data_range=1), abs=1e-4
        )
        assert metrics.ssim(clean, estimate)[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("seed", range(10))
def test_ssim_equals_its_definition(seed):
    clean, estimate = random_pair(seed)

    expected = ssim_by_definition(clean[0, 0].numpy(), estimate[0, 0].numpy())

    assert metrics.ssim(clean, estimate)[0] == pytest.approx(expected, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(error=st.floats(1e-3, 0.5))
def test_a_constant_error_has_the_psnr_of_its_size(error):
    clean = torch.full((2, 1, 16, 16), 0.5, dtype=torch.float64)

    np.testing.assert_allclose(metrics.mse(clean, clean + error), error**2, rtol=1e-9)
    np.testing.assert_allclose(metrics.psnr(clean, clean + error), -20 * np.log10(error), rtol=1e-9)


def test_there_is_one_value_per_image_and_the_order_is_kept():
    clean = torch.full((3, 1, 16, 16), 0.5)
    errors = torch.tensor([0.1, 0.2, 0.3])

    values = metrics.psnr(clean, clean + errors[:, None, None, None])

    np.testing.assert_allclose(values, -20 * np.log10([0.1, 0.2, 0.3]), atol=1e-5)
    assert metrics.ssim(clean, clean).shape == (3,)


def test_estimates_are_clipped_as_a_saved_image_would_be():
    white = torch.ones(1, 1, 16, 16)

    assert metrics.psnr(white, white + 0.3)[0] == np.inf
    assert metrics.ssim(white, white + 0.3)[0] == pytest.approx(1)


def test_data_range_shifts_psnr():
    clean, estimate = random_pair(0)

    gain = metrics.psnr(clean, estimate, data_range=2) - metrics.psnr(clean, estimate)

    assert gain[0] == pytest.approx(20 * np.log10(2))


def test_errors_say_what_to_do():
    image = torch.zeros(1, 1, 16, 16)

    with pytest.raises(ValueError, match="same shape"):
        metrics.psnr(image, torch.zeros(1, 1, 16, 17))
    with pytest.raises(ValueError, match="at least 11 x 11"):
        metrics.ssim(image[..., :8, :8], image[..., :8, :8])
    with pytest.raises(ValueError, match="NaN"):
        metrics.mse(image, image * float("nan"))


@pytest.mark.parametrize(("clean", "estimate"), [(0.0, -0.5), (1.0, 1.5)])
def test_what_leaves_the_range_is_clipped_at_both_ends(clean, estimate):
    shape = (1, 1, 16, 16)

    assert metrics.mse(torch.full(shape, clean), torch.full(shape, estimate)) == [0]
