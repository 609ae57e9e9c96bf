"""A task for denoised images: find lungs, heart and bones; and training a denoiser through it.

Liu et al. (IJCAI 2018) train a denoiser through a network for a high-level task. Theirs classify
or segment photographs; ours segments chest radiographs, whose rendered masks are exact.
"""

from __future__ import annotations

import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from denoise_lib.data import Split
from denoise_lib.noise import Noise
from denoise_lib.protocol import Protocol
from denoise_lib.training import (
    LOSSES,
    Recipe,
    denoising_quality,
    optimise,
    sample_patches,
    training_device,
)

# How long `fit_task` trains at each budget; see `denoise_lib.recipes`.
TASK_RECIPES = {
    "smoke": Recipe(steps=8, batch_size=2, patch_size=64),
    "quick": Recipe(steps=600, batch_size=2, patch_size=192, learning_rate=5e-3),
    "full": Recipe(steps=5000, batch_size=16, patch_size=256, learning_rate=3e-3, ema=0.999),
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
        """Logits of shape (N, K, H, W) for images of shape (N, 1, H, W), any H and W."""
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
    """Each image with its masks as further channels: float32, shape (N, 1 + K, H, W), in [0, 1]."""
    return torch.stack([torch.cat([item.image, item.mask.float()]) for item in split])


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
    """Logits for images on the CPU, in evaluation mode, clipped to [0, 1] as a file would be."""
    task.eval()
    device = next(task.parameters()).device
    with torch.inference_mode():
        return torch.cat([task(image[None].clamp(0, 1).to(device)).cpu() for image in images])


def fit_task(
    task: UNet, stacked: torch.Tensor, recipe: Recipe, progress: bool = True
) -> pd.DataFrame:
    """Train the task network on CLEAN images.

    Parameters
    ----------
    task : UNet
        Trained in place.
    stacked : torch.Tensor
        From `images_and_masks`.
    recipe : Recipe
        Steps, batch, patch, learning rate; its loss is not used: this one is cross-entropy.
    progress : bool
        Show a progress bar.

    Returns
    -------
    pandas.DataFrame
        The learning curve.
    """
    stacked = stacked.to(training_device())

    def batch_loss(run, generator):
        patches = sample_patches(
            stacked, recipe.batch_size, recipe.patch_size, generator, flip=False
        )
        return task_loss(run(task, patches[:, :1]), patches[:, 1:])

    return optimise(task, batch_loss, recipe, lambda model: {}, progress)


def task_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Cross-entropy per pixel and structure, averaged over both, in nats."""
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
) -> pd.DataFrame:
    """Train a denoiser for the image AND for a frozen task network behind it.

    The loss is ``MSE + weight * cross-entropy``: MSE is the mean over pixels in [0, 1], the
    cross-entropy the mean over pixels and structures. Gradients flow through the task network into
    the denoiser; its own weights and batch-norm statistics do not change (abstract of the paper).

    Parameters
    ----------
    denoiser : torch.nn.Module
        Trained in place.
    task : UNet
        Trained on clean images; left as it is.
    stacked : torch.Tensor
        From `images_and_masks`.
    noise : Noise
        Drawn anew for every patch.
    recipe : Recipe
        As for `fit`.
    weight : float
        Lambda; 0 is plain denoising.
    validation : Protocol, optional
        Measured every `recipe.validate_every` steps.
    progress : bool
        Show a progress bar.

    Returns
    -------
    pandas.DataFrame
        The learning curve.
    """
    device = training_device()
    stacked = stacked.to(device)
    # Frozen means: no gradient for its weights, no update of its statistics. Not `no_grad`, which
    # would cut the gradient to the denoiser as well.
    task = task.to(device).eval().requires_grad_(False)
    restoration_loss = LOSSES[recipe.loss]

    def batch_loss(run, generator):
        patches = sample_patches(
            stacked, recipe.batch_size, recipe.patch_size, generator, flip=False
        )
        clean, masks = patches[:, :1], patches[:, 1:]
        estimate = run(denoiser, noise.sample(clean, generator))
        loss = restoration_loss(estimate, clean)
        return loss + weight * task_loss(run(task, estimate), masks) if weight else loss

    return optimise(denoiser, batch_loss, recipe, denoising_quality(validation), progress)
