"""The task network, Dice, and joint training: only the denoiser may learn."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.noise import GaussianNoise
from denoise_lib.tasks.segmentation import (
    UNet,
    dice,
    fit_joint,
    fit_task,
    images_and_masks,
    segment,
    task_loss,
)
from denoise_lib.training import Recipe, fit
from denoise_lib.training.patches import NoisyPatches


def discs(count: int = 4, side: int = 48) -> torch.Tensor:
    """Bright discs and their masks, stacked as `images_and_masks` stacks them."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    centres = torch.randint(12, side - 12, (count, 2), generator=generator)
    masks = torch.stack(
        [((rows - r) ** 2 + (columns - c) ** 2 < 81).float() for r, c in centres.tolist()]
    )
    return torch.stack([0.2 + 0.6 * masks, masks], dim=1)


@settings(max_examples=15, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_task_network_takes_any_size(height, width):
    task = UNet(3, widths=(4, 8, 8)).eval()

    assert task(torch.rand(2, 1, height, width)).shape == (2, 3, height, width)


def test_dice_of_known_overlaps():
    truth = torch.zeros(1, 3, 2, 2)
    truth[0, :2, 0] = 1  # the upper row, twice; the third mask is empty
    logits = torch.full((1, 3, 2, 2), -1.0)
    logits[0, 0, 0] = 1  # the upper row: equal
    logits[0, 1, :, 0] = 1  # the left column: one pixel of two in common

    assert dice(logits, truth).tolist() == [[1.0, 0.5, 1.0]]


def test_masks_are_stacked_behind_their_image():
    split = load_dataset("chest-drr").test[:2]

    stacked = images_and_masks(split)

    assert stacked.shape == (2, 5, 256, 256)
    assert torch.equal(stacked[1, :1], split[1].image)
    assert set(np.unique(stacked[:, 1:])) == {0.0, 1.0}


def test_task_network_learns_to_find_discs():
    torch.manual_seed(0)
    stacked, task = discs(), UNet(1, widths=(8, 16))

    fit_task(task, stacked, Recipe(steps=60, batch_size=4, patch_size=48, learning_rate=2e-2))

    assert dice(segment(task, stacked[:, :1]), stacked[:, 1:]).min() > 0.9


@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_joint_training_changes_the_denoiser_and_nothing_of_the_task_network(weight):
    torch.manual_seed(0)
    task, denoiser = UNet(1, widths=(4, 8)), methods.create("dncnn", depth=3, features=4)
    before = {name: value.clone() for name, value in task.state_dict().items()}
    modes = [module.training for module in task.modules()]
    tail = denoiser.tail.weight.detach().clone()

    fit_joint(
        denoiser,
        task,
        discs(),
        GaussianNoise(25),
        Recipe(steps=3, batch_size=2, patch_size=32),
        weight,
        progress=False,
    )

    assert not torch.equal(denoiser.tail.weight.cpu(), tail)
    for name, value in task.state_dict().items():
        assert torch.equal(value.cpu(), before[name]), name
    assert all(parameter.grad is None for parameter in task.parameters())
    assert all(parameter.requires_grad for parameter in task.parameters())
    assert [module.training for module in task.modules()] == modes


def test_segmenting_leaves_the_mode_of_the_task_network():
    task = UNet(1, widths=(4, 8)).train()
    image = torch.rand(1, 1, 16, 16)

    training = segment(task, image)

    assert task.training
    torch.testing.assert_close(training, segment(task.eval(), image))
    assert not task.training


def test_segmenting_clips_as_a_file_would():
    task = UNet(1, widths=(4, 8))
    image = torch.randn(1, 1, 16, 16)

    assert torch.equal(segment(task, image), segment(task, image.clamp(0, 1)))


def test_symmetries_follow_the_recipe():
    """A task that tells left from right is learned without flips, and not with them."""
    left = torch.zeros(8, 1, 16, 16)
    left[..., :8] = 1.0
    stacked = torch.cat([torch.full_like(left, 0.5), left], dim=1)

    def accuracy(symmetries):
        torch.manual_seed(0)
        task = UNet(1, widths=(4, 8, 8))
        recipe = Recipe(
            steps=80, batch_size=8, patch_size=16, learning_rate=2e-2, symmetries=symmetries
        )
        fit_task(task, stacked, recipe, progress=False)
        return dice(segment(task, stacked[:, :1]), left).mean()

    assert accuracy(symmetries="none") > accuracy(symmetries="all") + 0.1


def test_input_that_cannot_be_right_is_refused():
    recipe, noise = Recipe(steps=1, batch_size=1, patch_size=16), GaussianNoise(25)
    denoiser = methods.create("dncnn", depth=2, features=2)

    with pytest.raises(ValueError, match="has no masks"):
        images_and_masks(load_dataset("chest-cr").test)
    with pytest.raises(ValueError, match=r"2 outputs for 1 masks: make it UNet\(1\)"):
        fit_task(UNet(2), discs(), recipe)
    with pytest.raises(ValueError, match="2 outputs for 1 masks"):
        fit_joint(denoiser, UNet(2), discs(), noise, recipe, 0.1)
    with pytest.raises(ValueError, match="divide 8-bit images"):
        fit_task(UNet(1), 255 * discs(), recipe)


def test_the_tasks_gradient_reaches_the_denoiser_through_frozen_weights():
    task = UNet(1, widths=(4, 8)).eval().requires_grad_(False)
    estimate = torch.rand(1, 1, 16, 16, requires_grad=True)

    task_loss(task(estimate), torch.ones(1, 1, 16, 16)).backward()

    assert estimate.grad.abs().sum() > 0


def test_a_weight_of_zero_is_plain_denoising():
    recipe = Recipe(steps=3, batch_size=2, patch_size=32, symmetries="none")

    def train(method):
        torch.manual_seed(0)
        denoiser = methods.create("dncnn", depth=3, features=4)
        method(denoiser)
        return denoiser.tail.weight.detach().cpu()

    def joint(weight):
        task = UNet(1, widths=(4, 8))
        return lambda denoiser: fit_joint(
            denoiser, task, discs(), GaussianNoise(25), recipe, weight, progress=False
        )

    plain = train(
        lambda d: fit(d, NoisyPatches(discs()[:, :1], GaussianNoise(25)), recipe, progress=False)
    )
    assert torch.equal(train(joint(0.0)), plain)
    assert not torch.equal(train(joint(1.0)), plain)


def test_the_frozen_task_network_is_in_evaluation_mode():
    """In training mode its batch norm would see the batch, not what it has learned."""

    class Watched(UNet):
        modes: list[bool] = []

        def forward(self, images):
            self.modes.append(self.training)
            return super().forward(images)

    task = Watched(1, widths=(4, 8)).train()
    denoiser = methods.create("dncnn", depth=3, features=4)
    recipe = Recipe(steps=3, batch_size=2, patch_size=16, symmetries="none")

    fit_joint(denoiser, task, discs(), GaussianNoise(25), recipe, 0.1, progress=False)

    assert set(Watched.modes) == {False}
    assert task.training  # the caller's is left as it was
