"""Greedy pretraining: clean targets, undamaged inputs passed up, lower layers left alone."""

import pytest
import torch

from denoise_lib.models import StackedAutoencoder
from denoise_lib.noise import GaussianNoise, MaskingNoise
from denoise_lib.pretraining import pretrain, reconstruction_loss
from denoise_lib.training import Recipe


def patterns(generator: torch.Generator) -> torch.Tensor:
    """Vectors of nine values that are dark in one half and bright in the other."""
    left = torch.rand(64, 1, generator=generator, device=generator.device)
    return torch.cat([left.expand(-1, 5), 1 - left.expand(-1, 4)], dim=1)


class Recording(MaskingNoise):
    """Keeps the widths and the values of what it was asked to damage."""

    seen: list = []

    def sample(self, clean, generator=None):
        self.seen.append(clean.detach().clone())
        return super().sample(clean, generator)


def test_each_layer_is_damaged_at_its_own_input_only():
    torch.manual_seed(0)
    stack, corruption = StackedAutoencoder(9, (6, 4)), Recording(0.3)
    Recording.seen = []

    curve = pretrain(stack, patterns, corruption, Recipe(steps=3, validate_every=3), False)

    assert [tuple(vectors.shape) for vectors in Recording.seen] == 3 * [(64, 9)] + 3 * [(64, 6)]
    assert list(curve["layer"]) == [1, 2]
    # What reaches the second layer is the first one's answer to an UNDAMAGED input.
    generator = torch.Generator(Recording.seen[3].device).manual_seed(0)
    expected = stack.layers[0].encode(patterns(generator))
    torch.testing.assert_close(Recording.seen[3], expected)


def test_reconstruction_from_damaged_input_beats_doing_nothing():
    torch.manual_seed(0)
    stack, corruption = StackedAutoencoder(9, (16,), decoder="affine"), GaussianNoise(60)

    recipe = Recipe(steps=400, learning_rate=1e-2)
    pretrain(stack, patterns, corruption, recipe, progress=False)

    generator = torch.Generator().manual_seed(1)
    clean = patterns(generator)
    damaged = corruption.sample(clean, generator)
    with torch.no_grad():
        error = reconstruction_loss("affine", stack.cpu()(damaged), clean)
    assert error < 0.5 * reconstruction_loss("affine", damaged, clean)


@pytest.mark.parametrize("decoder", ["sigmoid", "affine"])
def test_loss_is_smallest_at_the_clean_values(decoder):
    clean = torch.rand(4, 9) * 0.8 + 0.1

    best = reconstruction_loss(decoder, clean, clean)

    assert best < reconstruction_loss(decoder, (clean + 0.05).clamp(0, 1), clean)
    assert best < reconstruction_loss(decoder, (clean - 0.05).clamp(0, 1), clean)
