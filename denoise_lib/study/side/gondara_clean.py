"""What Gondara's network makes of an image without noise, after trainings for different tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, score
from denoise_lib.noise import BlindGaussianNoise, GaussianNoise, Noise
from denoise_lib.protocol import Protocol
from denoise_lib.recipe import Recipe
from denoise_lib.study.side.shared import NOISE, SEEDS, quality
from denoise_lib.study.side_studies import side_study
from denoise_lib.training.engine import Apply, Batch
from denoise_lib.training.loop import optimise
from denoise_lib.training.patches import NoisyPatches
from denoise_lib.training.train import train

# The same network and recipe, for another noise; or with the noisy image itself as the target.
TASKS: dict[str, Noise] = {
    "sigma 25": NOISE,
    "sigma 0 to 55": BlindGaussianNoise(0, 55),
    "no noise": GaussianNoise(0),
}
ITS_INPUT = "its own input"
# For `NOISE` again, with another layer in place of each max-pooling: the mean of 2 x 2 values, or
# nothing, and then nothing in place of the upsampling either: no waist.
MEAN, NO_WAIST = "sigma 25, mean in place of maximum", "sigma 25, no waist"
CLEAN_STEPS = 500


def without_maximum(model: nn.Module, pooling: Callable[[], nn.Module], waist: bool) -> nn.Module:
    """Put another layer in place of the network's max-poolings, in place.

    Parameters
    ----------
    model : torch.nn.Module
        Gondara's network.
    pooling : callable
        Makes the layer.
    waist : bool
        Without it, the upsampling goes too.

    Returns
    -------
    torch.nn.Module
        The same network; it has no weight more or less.
    """
    for part in (model.encoder, model.decoder):
        assert isinstance(part, nn.Sequential)
        for place, layer in enumerate(part):
            if isinstance(layer, nn.MaxPool2d):
                part[place] = pooling()
            elif isinstance(layer, nn.Upsample) and not waist:
                part[place] = nn.Identity()
    return model


@side_study(
    "What does a denoiser make of an image without noise?",
    growing=True,
    trains=("gondara",),
    task=(*TASKS, ITS_INPUT, MEAN, NO_WAIST),
    seed=SEEDS,
)
def gondara_clean(task: str, seed: int) -> dict[str, Any]:
    """Measured on the validation radiographs of `chest-drr`, clean and with `NOISE`.

    Parameters
    ----------
    task : str
        What the network was trained for: one of `TASKS`; or `ITS_INPUT`, to return the noisy image
        clipped to [0, 1], as far as its last layer can; or `NOISE`, with `MEAN` or `NO_WAIST`.
    seed : int
        Of the training.

    Returns
    -------
    dict
        `psnr_clean` (dB) of the output for clean images, `line_clean`, the same after the best line
        through each image's grey levels, and `offset_clean`, its mean minus theirs on the 0-255
        scale; `psnr_noisy` for noisy ones. All against the clean image.
    """
    recipe = replace(methods.recipe("gondara", "quick"), steps=CLEAN_STEPS, seed=seed)
    torch.manual_seed(seed)
    model = methods.create("gondara")
    if task == MEAN:
        without_maximum(model, lambda: nn.AvgPool2d(2), waist=True)
    elif task == NO_WAIST:
        without_maximum(model, nn.Identity, waist=False)
    images = load_dataset("chest-drr").train.images()
    if task == ITS_INPUT:
        _copy(model, images, recipe)
    else:
        train(model, images, TASKS.get(task, NOISE), recipe).to_the_end()
    noisy = Protocol(split="val", noise=NOISE)
    return {**on_clean_images(model), "psnr_noisy": quality(model, noisy)["psnr"]}


def on_clean_images(model: nn.Module) -> dict[str, float]:
    """How much of clean images a network returns.

    Parameters
    ----------
    model : torch.nn.Module
        A denoiser.

    Returns
    -------
    dict of str to float
        `psnr_clean`, `line_clean` and `offset_clean`, see `gondara_clean`; means over images.
    """
    protocol = Protocol(split="val", noise=GaussianNoise(0))
    found = []
    for item in protocol.items():
        clean = item.image[None]
        output = apply(model, clean)
        x, z = clean.flatten().double().numpy(), output.flatten().double().numpy()
        slope, intercept = np.polyfit(z, x, 1)
        line = slope * output + intercept
        psnrs = [score(clean, image, protocol)["psnr"] for image in (output, line)]
        found.append([*psnrs, 255 * (z - x).mean()])
    names = ("psnr_clean", "line_clean", "offset_clean")
    return dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))


def _copy(model: nn.Module, images: torch.Tensor, recipe: Recipe) -> None:
    """Train a network to return its own noisy input."""
    patches = NoisyPatches(images, NOISE)

    def draw(generator: torch.Generator) -> Batch:
        return patches.draw(recipe.batch_size, recipe.patch_size, generator)

    def loss(apply: Apply, batch: Batch) -> torch.Tensor:
        return F.binary_cross_entropy(apply(batch["noisy"]), batch["noisy"].clamp(0, 1))

    optimise(model, draw, loss, recipe).to_the_end()
