"""The networks of the side study on clean images."""

import torch
from torch import nn

from denoise_lib import methods
from denoise_lib.study.side.gondara_clean import on_clean_images, without_maximum


class Darker(nn.Module):
    """Not the image: half of it, and 10 grey levels more."""

    def forward(self, noisy, sigma=None):
        return noisy / 2 + 10 / 255


def test_the_line_takes_back_what_brightness_and_contrast_have_cost():
    found = on_clean_images(Darker())

    assert found["psnr_clean"] < 20 and found["line_clean"] > 100


def test_the_offset_is_in_grey_levels():
    class Brighter(nn.Module):
        def forward(self, noisy, sigma=None):
            return noisy + 2 / 255

    assert abs(on_clean_images(Brighter())["offset_clean"] - 2) < 1e-3


def test_another_pooling_changes_no_weight_and_no_size():
    noisy = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    usual = methods.create("gondara")
    for pooling, waist in ((lambda: nn.AvgPool2d(2), True), (nn.Identity, False)):
        other = methods.create("gondara")
        other.load_state_dict(usual.state_dict())

        without_maximum(other, pooling, waist)

        assert methods.count_parameters(other) == methods.count_parameters(usual)
        assert not any(isinstance(layer, nn.MaxPool2d) for layer in other.modules())
        assert other(noisy).shape == noisy.shape
        assert not torch.equal(other(noisy), usual(noisy))


def test_without_the_waist_every_layer_works_at_full_size():
    network = without_maximum(methods.create("gondara"), nn.Identity, waist=False)

    assert network.encoder(torch.rand(1, 1, 8, 8)).shape[-2:] == (8, 8)
