"""Spectra of fields whose spectra are known."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from denoise_lib import spectra


def test_white_noise_has_its_variance_at_every_frequency():
    fields = 2 * torch.randn(8, 1, 128, 128, generator=torch.Generator().manual_seed(0))

    np.testing.assert_allclose(spectra.radial_power(fields), 4, rtol=0.12)


def test_a_wave_has_its_power_at_its_frequency():
    wave = torch.sin(2 * np.pi * 0.2 * torch.arange(128)).repeat(128, 1)[None, None]

    power = spectra.radial_power(wave)

    assert abs(spectra.frequencies()[power.argmax()] - 0.2) < 1 / 32


@pytest.mark.parametrize("contrast", [0.05, 0.4])
def test_the_transfer_of_a_gaussian_filter_is_a_gaussian(contrast):
    clean = spectra.edge_phantom(contrast)
    blurred = ndimage.gaussian_filter(clean.numpy(), (0, 0, 1.5, 1.5), mode="nearest")

    transfer = spectra.edge_transfer(torch.from_numpy(blurred), contrast)

    expected = np.exp(-2 * (np.pi * 1.5 * spectra.frequencies()) ** 2)
    np.testing.assert_allclose(transfer[:10], expected[:10], atol=0.03)


def test_the_clean_edge_arrives_whole_and_has_its_contrast():
    clean = spectra.edge_phantom(0.3)

    np.testing.assert_allclose(spectra.edge_transfer(clean, 0.3), 1)
    faded = 0.5 + 0.6 * (clean - 0.5)
    np.testing.assert_allclose(spectra.edge_transfer(faded, 0.3), 0.6, rtol=1e-4)
    assert (clean.max() - clean.min()).item() == pytest.approx(0.3, abs=1e-6)


def test_a_mean_has_no_power():
    waves = 0.1 * torch.sin(torch.arange(64) * torch.pi / 4).expand(1, 1, 64, 64)

    plain, shifted = (spectra.radial_power(waves + offset) for offset in (0, 5))

    np.testing.assert_allclose(shifted, plain, rtol=1e-3, atol=1e-6)
    assert plain.max() > 0.01
