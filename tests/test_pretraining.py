"""Greedy pretraining: clean targets, undamaged inputs passed up, lower layers left alone."""

import pytest
import torch

from denoise_lib.methods.vincent import StackedAutoencoder
from denoise_lib.noise import BlindGaussianNoise, GaussianNoise, MaskingNoise
from denoise_lib.training import Recipe
from denoise_lib.training.layerwise import patch_vectors, reconstruction_loss, train_layers


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

    curve = train_layers(
        stack, patterns, corruption, Recipe(steps=3, validate_every=3), progress=False
    ).curve

    widths = [tuple(vectors.shape[-1:]) for vectors in Recording.seen]
    assert widths == 3 * [(9,)] + 3 * [(6,)]
    assert list(curve["layer"]) == [1, 2]
    # What reaches the second layer is the first one's answer to an UNDAMAGED input.
    generator = torch.Generator(Recording.seen[3].device).manual_seed(0)
    expected = stack.layers[0].encode(patterns(generator))
    torch.testing.assert_close(Recording.seen[3].squeeze(), expected)


def test_blind_noise_has_a_level_for_each_vector():
    drawn = []

    class Blind(BlindGaussianNoise):
        def sample(self, clean, generator=None):
            noisy = super().sample(clean, generator)
            drawn.extend((noisy - clean).flatten(1).std(dim=1).tolist())
            return noisy

    def grey(generator):
        return torch.full((16, 2000), 0.5, device=generator.device)

    train_layers(
        StackedAutoencoder(2000, (2,)), grey, Blind(0, 55), Recipe(steps=1), progress=False
    )

    # One level for all would show as 16 estimates of it, within a few per cent.
    assert len(drawn) == 16 and max(drawn) > 2 * min(drawn)


def test_interrupting_pretraining_leaves_the_layers_above_alone():
    class Interrupting(GaussianNoise):
        calls = 0

        def sample(self, clean, generator=None):
            type(self).calls += 1
            if type(self).calls == 3:
                raise KeyboardInterrupt
            return super().sample(clean, generator)

    torch.manual_seed(0)
    stack = StackedAutoencoder(9, (6, 4))
    lower, upper = (layer.weight.detach().clone() for layer in stack.layers)

    curve = train_layers(
        stack, patterns, Interrupting(25), Recipe(steps=9, validate_every=1), progress=False
    ).curve

    assert list(curve.index) == [1, 2] and set(curve["layer"]) == {1}
    assert not torch.equal(stack.layers[0].weight.cpu(), lower)
    assert torch.equal(stack.layers[1].weight.cpu(), upper)


def test_patch_vectors_are_rows_of_patches():
    images = torch.rand(2, 1, 12, 10)
    draw = patch_vectors(images, patch_size=3, count=5)

    vectors = draw(torch.Generator().manual_seed(0))

    assert vectors.shape == (5, 9)
    windows = images.unfold(2, 3, 1).unfold(3, 3, 1).reshape(-1, 3, 3)
    turned = [w.rot90(k) for w in windows for k in range(4)]
    turned += [w.mT for w in turned]
    known = torch.stack(turned).flatten(1)
    assert (vectors[:, None] == known).all(-1).any(-1).all()


def test_reconstruction_from_damaged_input_beats_doing_nothing():
    torch.manual_seed(0)
    stack, corruption = StackedAutoencoder(9, (16,), decoder="affine"), GaussianNoise(60)

    recipe = Recipe(steps=400, learning_rate=1e-2)
    train_layers(stack, patterns, corruption, recipe, progress=False)

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
