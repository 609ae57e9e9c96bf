"""What Gondara's network makes of an image without noise, after trainings for different tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.noise import BlindGaussianNoise, GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.recipe import Recipe
from denoise_lib.study.side.shared import NOISE, SEEDS, network, quality
from denoise_lib.study.side_studies import side_study
from denoise_lib.training.engine import Apply, Batch
from denoise_lib.training.loop import optimise
from denoise_lib.training.patches import NoisyPatches

# The same network and recipe, for another noise; or with the noisy image itself as the target.
TASKS = {
    "sigma 25": NOISE,
    "sigma 0 to 55": BlindGaussianNoise(0, 55),
    "no noise": GaussianNoise(0),
}
ITS_INPUT = "its own input"
CLEAN_STEPS = 500


@side_study(
    "What does a denoiser make of an image without noise?",
    growing=True,
    trains=("gondara",),
    task=(*TASKS, ITS_INPUT),
    seed=SEEDS,
)
def gondara_clean(task: str, seed: int) -> dict[str, Any]:
    """Measured on the validation radiographs of `chest-drr`, clean and with `NOISE`.

    Parameters
    ----------
    task : str
        What the network was trained for: one of `TASKS`, or `ITS_INPUT`: to return the noisy image
        clipped to [0, 1], as far as its last layer can.
    seed : int
        Of the training.

    Returns
    -------
    dict
        `psnr_clean` (dB) of the output for clean images, and `psnr_noisy` for noisy ones; both
        against the clean image.
    """
    recipe = replace(methods.recipe("gondara", "quick"), steps=CLEAN_STEPS)
    if task == ITS_INPUT:
        model = _copier(replace(recipe, seed=seed))
    else:
        model = network("gondara", TASKS[task], recipe, seed)
    clean = Protocol(split="val", noise=GaussianNoise(0))
    noisy = Protocol(split="val", noise=NOISE)
    return {
        "psnr_clean": quality(model, clean)["psnr"],
        "psnr_noisy": quality(model, noisy)["psnr"],
    }


def _copier(recipe: Recipe) -> torch.nn.Module:
    """Trained to return its own noisy input."""
    torch.manual_seed(recipe.seed)
    model = methods.create("gondara")
    patches = NoisyPatches(load_dataset("chest-drr").train.images(), NOISE)

    def draw(generator: torch.Generator) -> Batch:
        return patches.draw(recipe.batch_size, recipe.patch_size, generator)

    def loss(apply: Apply, batch: Batch) -> torch.Tensor:
        return F.binary_cross_entropy(apply(batch["noisy"]), batch["noisy"].clamp(0, 1))

    optimise(model, draw, loss, recipe).to_the_end()
    return model
