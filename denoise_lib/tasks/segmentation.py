"""A task for denoised images: find lungs, heart and bones; and training a denoiser through it.

Liu et al. (IJCAI 2018) train a denoiser through a network for a high-level task. Theirs classify
or segment photographs; ours segments chest radiographs, whose rendered masks are exact.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn

from denoise_lib.checks import UserError, check_clean
from denoise_lib.data import Split
from denoise_lib.device import training_device
from denoise_lib.inference import evaluating
from denoise_lib.noise import Noise
from denoise_lib.protocol import Protocol
from denoise_lib.recipe import Recipe
from denoise_lib.training.loop import LOSSES, denoising_quality, optimise
from denoise_lib.training.patches import cut_patches
from denoise_lib.training.run import TrainingRun

# Not flipped: like the denoiser before it, the network has to know left from right.
TASK_RECIPES = {
    "smoke": Recipe(steps=8, batch_size=2, patch_size=64, symmetries="none", clip_gradient=1.0),
    "quick": Recipe(
        steps=600,
        batch_size=2,
        patch_size=192,
        learning_rate=5e-3,
        symmetries="none",
        clip_gradient=1.0,
    ),
    "full": Recipe(
        steps=5000,
        batch_size=16,
        patch_size=256,
        learning_rate=3e-3,
        ema=0.999,
        symmetries="none",
        clip_gradient=1.0,
    ),
}


class UNet(nn.Module):
    """A small U-Net: an image in, one logit per structure and pixel out.

    Parameters
    ----------
    structures : int
        Masks to predict; they may overlap.
    widths : tuple of int
        Feature maps at each scale, the finest first.
    """

    def __init__(self, structures: int, widths: tuple[int, ...] = (8, 16, 32, 64, 64)):
        super().__init__()
        self.down = nn.ModuleList(
            _double_conv(below, above)
            for below, above in zip((1, *widths[:-1]), widths, strict=True)
        )
        self.up = nn.ModuleList(
            _double_conv(coarse + fine, fine)
            for coarse, fine in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.output = nn.Conv2d(widths[0], structures, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Find the structures.

        Parameters
        ----------
        images : torch.Tensor
            float32, shape (N, 1, H, W), any H and W, in [0, 1].

        Returns
        -------
        torch.Tensor
            Logits, shape (N, K, H, W); positive means inside.
        """
        height, width = images.shape[-2:]
        multiple = 2 ** len(self.up)
        padding = (0, -width % multiple, 0, -height % multiple)
        maps, finer = F.pad(images, padding, mode="replicate"), []
        for index, block in enumerate(self.down):
            maps = block(F.max_pool2d(maps, 2) if index else maps)
            finer.append(maps)
        for block, skip in zip(self.up, finer[-2::-1], strict=True):
            maps = block(torch.cat([F.interpolate(maps, scale_factor=2), skip], dim=1))
        return self.output(maps)[..., :height, :width]


def _double_conv(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [
            nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


def images_and_masks(split: Split) -> torch.Tensor:
    """Each image with its masks as further channels.

    Parameters
    ----------
    split : Split
        Of a data set with masks: `chest-drr`.

    Returns
    -------
    torch.Tensor
        float32, shape (N, 1 + K, H, W), in [0, 1].

    Raises
    ------
    ValueError
        When an image has no masks.
    """
    items = list(split)
    unmarked = [item.id for item in items if item.mask is None]
    if unmarked:
        raise UserError(f"{unmarked[0]} has no masks: use a data set that does, chest-drr say.")
    return torch.stack([torch.cat([item.image, item.mask.float()]) for item in items])  # pyright: ignore[reportOptionalMemberAccess]: see above


def dice(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Dice's overlap 2 |A and B| / (|A| + |B|) of prediction and truth.

    Parameters
    ----------
    logits : torch.Tensor
        Shape (N, K, H, W); positive means inside.
    masks : torch.Tensor
        The truth, same shape, 0 or 1.

    Returns
    -------
    torch.Tensor
        Shape (N, K), in [0, 1]; 1 where both are empty.
    """
    inside, truth = logits > 0, masks > 0.5
    both = (inside & truth).sum((-2, -1))
    total = inside.sum((-2, -1)) + truth.sum((-2, -1))
    return torch.where(total > 0, 2 * both / total.clamp(min=1), 1.0)


def segment(task: UNet, images: torch.Tensor) -> torch.Tensor:
    """Apply the task network in evaluation mode, one image at a time, on its own device.

    The images are clipped to [0, 1], as they would be in a file. `fit_joint` does not clip: a
    clipped pixel has no gradient.

    Parameters
    ----------
    task : UNet
        Its mode, training or evaluation, is left as it was.
    images : torch.Tensor
        float32, shape (N, 1, H, W).

    Returns
    -------
    torch.Tensor
        Logits on the CPU, shape (N, K, H, W).
    """
    with evaluating(task) as device:
        return torch.cat([task(image[None].clamp(0, 1).to(device)).cpu() for image in images])


def fit_task(
    task: UNet, stacked: torch.Tensor, recipe: Recipe, progress: bool = True
) -> TrainingRun:
    """Train the task network on CLEAN images.

    Parameters
    ----------
    task : UNet
        Trained in place.
    stacked : torch.Tensor
        From `images_and_masks`.
    recipe : Recipe
        One of `TASK_RECIPES`, say. Its loss is not used: this one is
        cross-entropy.
    progress : bool
        Show a progress bar.

    Returns
    -------
    TrainingRun
        With the learning curve.

    Raises
    ------
    TypeError, ValueError
        When the images are not in [0, 1], there is not one mask per output, or the patches do not
        fit.
    """
    _check_stacked(stacked, task)
    stacked = stacked.to(training_device())

    def draw(generator):
        return _draw(stacked, recipe, generator)

    def loss(network, batch):
        return task_loss(network(batch["clean"]), batch["masks"])

    return optimise(task, draw, loss, recipe, progress=progress)


def _draw(stacked: torch.Tensor, recipe: Recipe, generator: torch.Generator) -> dict:
    patches, number = cut_patches(
        stacked, recipe.batch_size, recipe.patch_size, generator, recipe.symmetries
    )
    return {"clean": patches[:, :1], "masks": patches[:, 1:], "image": number}


def _check_stacked(stacked: torch.Tensor, task: UNet) -> None:
    check_clean(stacked[:, :1])
    masks, outputs = stacked.shape[1] - 1, task.output.out_channels
    if masks != outputs:
        raise UserError(
            f"The task network has {outputs} outputs for {masks} masks: make it UNet({masks})."
        )


def task_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Cross-entropy per pixel and structure.

    Parameters
    ----------
    logits : torch.Tensor
        Shape (N, K, H, W).
    masks : torch.Tensor
        The truth, same shape, 0 or 1.

    Returns
    -------
    torch.Tensor
        The mean over pixels and structures, in nats: a scalar.
    """
    return F.binary_cross_entropy_with_logits(logits, masks)


def fit_joint(
    denoiser: nn.Module,
    task: UNet,
    stacked: torch.Tensor,
    noise: Noise,
    recipe: Recipe,
    weight: float,
    validation: Protocol | None = None,
    progress: bool = True,
) -> TrainingRun:
    """Train a denoiser for the image AND for a frozen task network behind it.

    The loss is ``MSE + weight * cross-entropy``: MSE is the mean over pixels in [0, 1], the
    cross-entropy the mean over pixels and structures. Gradients flow through the task network into
    the denoiser; its own weights and batch-norm statistics do not change (abstract of the paper).

    Parameters
    ----------
    denoiser : torch.nn.Module
        Trained in place.
    task : UNet
        Trained on clean images; a copy is used, and this one left as it is.
    stacked : torch.Tensor
        From `images_and_masks`.
    noise : Noise
        Drawn anew for every patch.
    recipe : Recipe
        As for `fit`. The task network must have been trained with the same symmetries.
    weight : float
        Lambda; 0 is plain denoising.
    validation : Protocol, optional
        Measured every `recipe.validate_every` steps.
    progress : bool
        Show a progress bar.

    Returns
    -------
    TrainingRun
        With the learning curve.

    Raises
    ------
    TypeError, ValueError
        As `fit_task`.
    """
    _check_stacked(stacked, task)
    device = training_device()
    stacked = stacked.to(device)
    # Frozen means: no gradient for its weights, no update of its statistics. Not `no_grad`, which
    # would cut the gradient to the denoiser as well.
    task = copy.deepcopy(task).to(device).eval().requires_grad_(False)
    restoration_loss = LOSSES[recipe.loss]

    def draw(generator):
        batch = _draw(stacked, recipe, generator)
        return {**batch, "noisy": noise.sample(batch["clean"], generator)}

    def loss(network, batch):
        estimate = network(batch["noisy"])
        restoration = restoration_loss(estimate, batch["clean"])
        if not weight:
            return restoration
        return restoration + weight * task_loss(task(estimate), batch["masks"])

    return optimise(denoiser, draw, loss, recipe, denoising_quality(validation), progress=progress)
