"""Inference: tiles without seams, folded batch norm, bf16 that costs little, any size."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from denoise_lib import methods, metrics
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply
from denoise_lib.inference import denoise
from denoise_lib.methods import registry
from denoise_lib.methods.released import available, load_trained
from denoise_lib.noise import GaussianNoise
from denoise_lib.prepared import prepare
from denoise_lib.protocol import Protocol

NETWORKS = registry.methods(registry.Network)
SMALL = {name: network.tiny for name, network in NETWORKS.items()}


def network(name: str) -> nn.Module:
    """A small network with random weights everywhere, batch-norm statistics among them."""
    torch.manual_seed(0)
    model = methods.create(name, **SMALL[name]).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter) / len(parameter[0].flatten()) ** 0.5)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 2)
                module.weight.uniform_(0.5, 2)
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_an_output_pixel_sees_exactly_its_receptive_radius(name):
    model, reach = network(name), 0
    for column in range(60, 60 + model.alignment):  # every position on the network's grid
        image = torch.rand(1, 1, 128, 128)
        image[..., column] = torch.nan

        with torch.no_grad():
            touched = model(image)[0, 0].isnan().any(0).nonzero()

        reach = max(reach, column - touched.min().item(), touched.max().item() - column)
    assert reach == model.receptive_radius


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=6, deadline=None)
@given(height=st.integers(20, 130), width=st.integers(20, 130), tile=st.integers(1, 100))
def test_tiles_give_the_whole_image(name, height, width, tile):
    model, image = network(name), torch.rand(1, 1, height, width)

    tiled = denoise(image, model, tile=tile, precision="fp32")

    assert (tiled - apply(model, image)).abs().max() <= 1e-5


@pytest.mark.parametrize("name", NETWORKS)
def test_folding_batch_norm_changes_nothing_and_leaves_the_model_alone(name):
    model, image = network(name), torch.rand(2, 1, 40, 44)
    before = {key: value.clone() for key, value in model.state_dict().items()}

    with torch.no_grad():
        fast = prepare(model)(image)

    assert (fast - apply(model, image)).abs().max() <= 1e-5
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("shape", [(30, 40), (1, 30, 40), (2, 1, 30, 40)])
def test_the_result_has_the_shape_of_the_image(shape):
    image = torch.rand(shape)

    assert denoise(image, network("dncnn")).shape == shape


def test_a_baseline_is_given_the_whole_image_and_its_sigma():
    def offset(noisy, sigma=None):
        assert noisy.shape == (1, 1, 300, 300)
        return noisy + sigma

    assert torch.equal(denoise(torch.zeros(300, 300), offset, 2.0), torch.full((300, 300), 2.0))


def test_self_ensemble_undoes_every_symmetry():
    image = torch.rand(1, 1, 24, 33)

    assert torch.allclose(denoise(image, lambda y, sigma: y, self_ensemble=True), image, atol=1e-6)


def test_self_ensemble_does_not_care_which_way_up_the_image_is():
    model, image = network("dncnn"), torch.rand(1, 1, 24, 33)

    def ensemble(noisy):
        return denoise(noisy, model, self_ensemble=True, precision="fp32")

    assert torch.allclose(ensemble(image.mT.flip(-1)), ensemble(image).mT.flip(-1), atol=1e-5)
    plain = denoise(image.mT, model, precision="fp32")
    assert not torch.allclose(plain, denoise(image, model, precision="fp32").mT, atol=1e-4)


@pytest.mark.parametrize("name", available())
@pytest.mark.parametrize("sigma", [5, 25, 50])
def test_the_automatic_precision_costs_at_most_three_hundredths_of_a_decibel(name, sigma):
    protocol = Protocol(noise=GaussianNoise(sigma), limit=1)
    items = protocol.items()
    clean = items.images()
    noisy = protocol.noise(clean, items.ids)
    model = load_trained(name)

    quality = {
        precision: metrics.psnr(clean, denoise(noisy, model, precision=precision)).mean()
        for precision in ("fp32", "auto")
    }

    assert quality["fp32"] - quality["auto"] <= 0.03


def test_a_large_image_needs_little_memory_beside_itself():
    """The largest tensor a network ever sees is a tile."""
    seen = []

    class Spy(nn.Module):
        receptive_radius, alignment = 3, 1

        def forward(self, noisy, sigma=None):
            seen.append(noisy.numel())
            return noisy

    image = torch.rand(1, 1, 900, 700)

    assert torch.equal(denoise(image, Spy(), tile=128), image)
    assert max(seen) <= 128**2


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_every_float_type_is_taken(dtype):
    image = torch.rand(1, 1, 20, 20)

    result = denoise(image.to(dtype), network("dncnn"), precision="fp32", self_ensemble=True)

    expected = denoise(image, network("dncnn"), precision="fp32", self_ensemble=True)
    assert result.dtype == torch.float32
    assert torch.allclose(result, expected, atol=5e-3)


def test_input_that_cannot_be_right_is_refused():
    model, image = network("dncnn"), load_dataset("chest-drr").test[0].image

    with pytest.raises(TypeError, match=r"convert with \.float"):
        denoise((255 * image).byte(), model)
    with pytest.raises(ValueError, match="NaN"):
        denoise(image / 0, model)
    with pytest.raises(ValueError, match="hold no pixel: give at least one image"):
        denoise(torch.zeros(0, 1, 8, 8), model)
    with pytest.raises(ValueError, match="tile .*must be a whole number of at least 1, not 0"):
        denoise(image, model, tile=0)
    with pytest.raises(ValueError, match="auto, bf16, fp32"):
        denoise(image, model, precision="fp16")


def test_only_the_first_and_the_last_convolution_stay_in_float32():
    dtypes = []
    model = network("dncnn")
    hook = nn.modules.module.register_module_forward_hook(
        lambda module, _, output: (
            dtypes.append(output.dtype) if isinstance(module, nn.Conv2d) else None
        )
    )
    try:
        prepare(model, bf16=True)(torch.rand(1, 1, 16, 16))
    finally:
        hook.remove()

    assert dtypes == [torch.float32, *[torch.bfloat16] * (model.depth - 2), torch.float32]
