"""How DnCNN's authors start: near the noisy image, unlike the usual start of deep networks."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from denoise_lib import methods
from denoise_lib.noise import GaussianNoise
from denoise_lib.study.side.authors_recipe import authors_start


def first_loss(start) -> float:
    """Of a batch of even patches, in units of the noise variance."""
    torch.manual_seed(0)
    model = methods.create("dncnn").train()
    start(model)
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(32, 1, 1, 1, generator=generator).expand(-1, 1, 40, 40)
    with torch.no_grad():
        loss = F.mse_loss(model(GaussianNoise(25).sample(clean, generator)), clean)
    return loss.item() / (25 / 255) ** 2


def he_start(model):
    nn.init.kaiming_normal_(model.tail.weight, nonlinearity="relu")


def test_the_authors_start_near_the_noisy_image():
    assert first_loss(authors_start) == pytest.approx(1.34, abs=0.15)


def test_a_last_layer_of_zeros_starts_at_it_and_hes_far_away():
    assert first_loss(lambda model: None) == pytest.approx(1, abs=0.02)
    assert first_loss(he_start) > 40


def test_no_scale_is_near_zero_and_tests_use_the_newest_batch():
    model = methods.create("dncnn")
    torch.manual_seed(0)
    authors_start(model)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]

    scales = torch.cat([norm.weight.detach() for norm in norms])
    assert scales.abs().min() == pytest.approx(0.025) and (scales < 0).any()
    model.train()(torch.rand(2, 1, 40, 40))
    newest = torch.rand(2, 1, 40, 40)
    model(newest)
    inside = torch.relu(model.head(newest))
    expected = model.body[0][0](inside).mean((0, 2, 3)).detach()
    torch.testing.assert_close(norms[0].running_mean, expected, atol=1e-4, rtol=1e-3)
