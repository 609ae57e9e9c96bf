"""The network without constants of the side study."""

import torch

from denoise_lib import methods
from denoise_lib.study.side.bias_free import CONFIG, without_constants


def noisy():
    return torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(0))


def shaken(model):
    """No layer at zero, as the last one is at the start."""
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.2, generator=torch.Generator().manual_seed(1))
    return model.eval()


def test_without_biases_half_the_input_gives_half_the_output():
    model = shaken(without_constants(methods.create("dncnn", **CONFIG)))

    with torch.no_grad():
        torch.testing.assert_close(model(noisy() / 2), model(noisy()) / 2)


def test_with_biases_it_does_not():
    model = shaken(methods.create("dncnn", **CONFIG))

    with torch.no_grad():
        assert (model(noisy() / 2) - model(noisy()) / 2).abs().max() > 0.01
