"""The four networks of DnCNN's ablation start at the noisy image, all of them."""

import itertools

import pytest
import torch

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.noise import GaussianNoise
from denoise_lib.study.side.dncnn_ablation import BATCH, FEATURES, PATCH, start_at_the_image
from denoise_lib.study.side.shared import NOISE
from denoise_lib.training.patches import sample_patches


@pytest.mark.parametrize(
    ("residual_learning", "batch_norm"), list(itertools.product((True, False), repeat=2))
)
def test_every_variant_starts_at_its_input(residual_learning, batch_norm):
    torch.manual_seed(0)
    model = methods.create("dncnn", residual_learning=residual_learning, batch_norm=batch_norm)
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(32, 1, 1, 1, generator=generator).expand(-1, 1, 24, 24)
    noisy = GaussianNoise(25).sample(clean, generator)

    start_at_the_image(model, noisy)

    with torch.no_grad():
        torch.testing.assert_close(model.train()(noisy), noisy, atol=1e-4, rtol=0)


def test_the_other_features_stay_random():
    torch.manual_seed(0)
    model = methods.create("dncnn")
    before = model.body[3][0].weight[1:].clone()

    start_at_the_image(model, torch.rand(2, 1, 16, 16))

    assert torch.equal(model.body[3][0].weight[1:], before) and before.std() > 0


@pytest.mark.parametrize(
    ("residual_learning", "batch_norm"), list(itertools.product((True, False), repeat=2))
)
def test_in_small_batches_only_direct_with_batch_norm_starts_elsewhere(
    residual_learning, batch_norm
):
    """Batch norm gives each batch its own brightness: a direct network cannot carry the image's."""
    torch.manual_seed(0)
    config = {"residual_learning": residual_learning, "batch_norm": batch_norm}
    model = methods.create("dncnn", features=FEATURES, **config).train()
    images = load_dataset("chest-drr").train.images()
    generator = torch.Generator().manual_seed(0)
    calibration = sample_patches(images, 64, PATCH, generator)
    start_at_the_image(model, NOISE.sample(calibration, generator))

    losses = []
    for _ in range(20):
        clean = sample_patches(images, BATCH, PATCH, generator)
        with torch.no_grad():
            error = model(NOISE.sample(clean, generator)) - clean
        losses.append(error.square().mean().item() / (NOISE.sigma / 255) ** 2)

    mean = sum(losses) / len(losses)
    if batch_norm and not residual_learning:
        assert 2 < mean < 8
    else:
        assert mean == pytest.approx(1, abs=0.05)
