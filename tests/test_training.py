"""Training: patches, a network that learns, an interruption that loses nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from denoise_lib import metrics, models, training
from denoise_lib.evaluation import apply
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.recipes import PRESETS, RECIPES, configuration, recipe
from denoise_lib.training import Recipe, fit, sample_patches


def smooth_images(count: int = 4, side: int = 48) -> torch.Tensor:
    grid = torch.linspace(0, 3, side)
    phases = torch.arange(count)[:, None, None]
    return (0.5 + 0.4 * torch.sin(grid[:, None] + grid[None] + phases))[:, None]


def small_model() -> models.DnCNN:
    torch.manual_seed(0)
    return models.create("dncnn", depth=4, features=16)


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 9),
    height=st.integers(8, 30),
    width=st.integers(8, 30),
    side=st.integers(1, 8),
    seed=st.integers(0, 99),
)
def test_patches_are_windows_of_the_images_up_to_flips(count, height, width, side, seed):
    # Every pixel has its own value, so that a patch tells where it was cut.
    images = torch.arange(2.0 * height * width).reshape(2, 1, height, width)

    patches = sample_patches(images, count, side, torch.Generator().manual_seed(seed))

    assert patches.shape == (count, 1, side, side)
    for patch in patches[:, 0].long():
        index, rest = patch // (height * width), patch % (height * width)
        rows, columns = rest // width, rest % width
        assert index.unique().numel() == 1
        assert rows.unique().numel() == columns.unique().numel() == side
        assert rows.max() - rows.min() == columns.max() - columns.min() == side - 1


def test_patches_come_in_all_eight_orientations():
    images = torch.arange(16.0).reshape(1, 1, 4, 4)

    patches = sample_patches(images, 200, 4, torch.Generator().manual_seed(0))

    assert len({tuple(patch.flatten().tolist()) for patch in patches}) == 8


def test_a_patch_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="smaller patch_size"):
        sample_patches(torch.zeros(1, 1, 8, 8), 1, 9, torch.Generator())


@pytest.mark.parametrize("loss", list(training.LOSSES))
def test_a_trained_network_improves_on_the_noisy_image(loss):
    images, noise = smooth_images(), GaussianNoise(25)
    torch.manual_seed(0)
    model = models.create("gondara", features=16) if loss == "bce" else small_model()

    curve = fit(
        model,
        images,
        noise,
        Recipe(steps=150, batch_size=8, patch_size=24, learning_rate=5e-3, loss=loss),
        progress=False,
    )

    noisy = noise(images, list("abcd"))
    gain = metrics.psnr(images, apply(model, noisy)) - metrics.psnr(images, noisy)
    assert gain.min() > 3
    assert curve["loss"].iloc[-1] < curve["loss"].iloc[0]
    assert not model.training


def test_batch_norm_statistics_fit_the_averaged_weights():
    """The evaluation-mode output must be near the training-mode output on the same images."""
    images, noise = smooth_images(), GaussianNoise(25)
    model = small_model()
    fit(model, images, noise, Recipe(steps=150, batch_size=8, patch_size=24), progress=False)
    noisy = noise(images, list("abcd"))

    with torch.no_grad():
        evaluation = model.eval()(noisy)
        batch = model.train()(noisy)

    assert (evaluation - batch).std() < 0.2 * (noisy - evaluation).std()


def test_the_curve_has_validation_psnr_where_asked():
    recipe = Recipe(steps=5, batch_size=2, patch_size=24, validate_every=2)
    validation = Protocol(split="val", limit=1)

    curve = fit(small_model(), smooth_images(), GaussianNoise(25), recipe, validation, False)

    assert list(curve.index) == [2, 4, 5]
    assert curve["psnr"].between(15, 50).all()
    assert np.all(np.diff(curve["seconds"]) > 0)


def test_training_repeats_with_the_same_seed():
    def train(seed):
        model = small_model()
        recipe = Recipe(steps=3, batch_size=2, patch_size=16, seed=seed)
        fit(model, smooth_images(), GaussianNoise(25), recipe, progress=False)
        return model.tail.weight.detach().clone()

    assert torch.equal(train(0), train(0))
    assert not torch.equal(train(0), train(1))


def test_interrupting_keeps_what_was_learned():
    model, before = small_model(), small_model()
    sample = GaussianNoise.sample

    class Interrupting(GaussianNoise):
        calls = 0

        def sample(self, clean, generator=None):
            type(self).calls += 1
            if type(self).calls > 10:
                raise KeyboardInterrupt
            return sample(self, clean, generator)

    curve = fit(
        model,
        smooth_images(),
        Interrupting(25),
        Recipe(steps=100, batch_size=2, patch_size=16, validate_every=5),
        progress=False,
    )

    assert list(curve.index) == [5, 10]
    assert not torch.equal(model.tail.weight, before.tail.weight)
    assert not model.training


def test_interrupting_before_the_first_row_gives_an_empty_curve_with_its_columns():
    class Interrupting(GaussianNoise):
        def sample(self, clean, generator=None):
            raise KeyboardInterrupt

    curve = fit(small_model(), smooth_images(), Interrupting(25), Recipe(steps=5), progress=False)

    assert curve.empty
    assert curve.index.name == "step" and list(curve.columns) == ["loss", "psnr", "seconds"]


@settings(max_examples=20, deadline=None)
@given(decay=st.floats(0, 0.999), steps=st.integers(1, 50))
def test_the_moving_average_forgets_the_start(decay, steps):
    """Averaging a constant that differs from the start must converge to it, never pass it."""
    update = training._moving_average(decay)
    average, target = [torch.zeros(1)], [torch.ones(1)]

    distances = []
    for step in range(1, steps + 1):
        update(average, target, step)
        distances.append(1 - average[0].item())

    assert all(0 <= d <= 1 for d in distances)
    assert distances == sorted(distances, reverse=True)


def test_patches_that_are_not_flipped_keep_left_and_right_and_their_channels_together():
    ramp = torch.linspace(0, 1, 32).expand(1, 1, 32, 32)
    images = torch.cat([ramp, 1 - ramp], dim=1)

    patches = training.sample_patches(images, 20, 8, torch.Generator().manual_seed(0), flip=False)

    assert (patches[:, 0].diff(dim=-1) > 0).all()
    torch.testing.assert_close(patches[:, 0], 1 - patches[:, 1])


@pytest.mark.parametrize("model", list(RECIPES))
def test_every_model_has_a_recipe_at_every_budget(model):
    steps = [recipe(model, preset).steps for preset in PRESETS]

    assert model in models.available()
    assert steps == sorted(steps)


@pytest.mark.parametrize("model", models.available())
def test_every_model_has_a_recipe_and_a_configuration(model):
    assert recipe(model, "full").steps > recipe(model, "smoke").steps
    assert configuration(model, "full") == {}
    small = models.create(model, **configuration(model, "quick"))
    assert models.count_parameters(small) <= models.count_parameters(models.create(model))


def test_a_configuration_can_be_changed_without_changing_the_next():
    configuration("rdn")["blocks"] = 99

    assert configuration("rdn")["blocks"] == 4


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="smoke, quick, full"):
        recipe("dncnn", "huge")
    with pytest.raises(ValueError, match="vincent, gondara, dncnn, liu, rdn, dncnn-b"):
        recipe("resnet")
    with pytest.raises(ValueError, match="choose one of: vincent"):
        configuration("resnet")
    with pytest.raises(ValueError, match="smoke, quick, full"):
        configuration("rdn", "huge")
    with pytest.raises(ValueError, match="mse, l1, bce"):
        Recipe(steps=1, loss="huber")
