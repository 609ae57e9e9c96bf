"""The networks of RDN's ablation leave out what their names say, and nothing else."""

import pytest
import torch

from denoise_lib import methods
from denoise_lib.study.side.rdn_ablation import PARTS, PLAIN, create


@pytest.fixture(scope="module")
def noisy():
    return torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(0))


def made(variant):
    torch.manual_seed(0)
    return create(variant).eval()


def test_nothing_left_out_is_rdn(noisy):
    rdn = methods.create("rdn", **methods.configuration("rdn", "quick")).eval()
    whole = made("RDN")
    rdn.load_state_dict(whole.state_dict())

    with torch.no_grad():
        assert torch.equal(rdn(noisy), whole(noisy))


def test_without_contiguous_memory_a_convolution_reads_the_one_before_only():
    block = made("without contiguous memory").blocks[0]

    assert [conv.in_channels for conv in block.convs] == [32, 16, 16, 16]
    assert block.fusion.in_channels == 16


def test_without_local_residual_a_silent_block_gives_nothing(noisy):
    def behind_the_first_block(variant):
        model, maps = made(variant), torch.ones(1, 32, 8, 8)
        torch.nn.init.zeros_(model.blocks[0].fusion.weight)
        torch.nn.init.zeros_(model.blocks[0].fusion.bias)
        with torch.no_grad():
            return model._block(model.blocks[0], maps)

    assert behind_the_first_block("RDN").min() == 1
    assert behind_the_first_block("without local residual").abs().max() == 0


def test_without_global_fusion_the_last_block_alone_is_read(noisy):
    model = made("without global fusion")
    before = model(noisy)
    assert model.fusion[0].in_channels == 32
    # The last block still hears of the others through its input.
    with torch.no_grad():
        model.blocks[0].fusion.bias += 1
        assert not torch.equal(model(noisy), before)


def test_the_skip_adds_the_image_and_no_weight(noisy):
    plain, skip = made("RDN"), made("with a skip from the image")
    skip.load_state_dict(plain.state_dict())

    with torch.no_grad():
        torch.testing.assert_close(skip(noisy), noisy + plain(noisy))


def test_the_control_has_as_many_weights_and_layers():
    rdn, plain = made("RDN"), made(PLAIN)

    assert methods.count_parameters(plain) == pytest.approx(methods.count_parameters(rdn), rel=0.1)
    layers = [module for module in plain.modules() if isinstance(module, torch.nn.Conv2d)]
    assert len(layers) == 19


@pytest.mark.parametrize("variant", [*PARTS, PLAIN])
def test_all_denoise_images_of_any_size(variant):
    assert made(variant)(torch.rand(2, 1, 17, 23)).shape == (2, 1, 17, 23)
