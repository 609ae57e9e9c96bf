"""A denoiser trained through a frozen segmentation network, for several weights of its loss."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pandas as pd
import torch

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, score
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study.side.shared import SEEDS, network
from denoise_lib.study.side_studies import side_study
from denoise_lib.tasks import segmentation
from denoise_lib.tasks.segmentation import (
    TASK_RECIPES,
    UNet,
    dice,
    fit_joint,
    fit_task,
    images_and_masks,
    segment,
)

SEGMENTED = GaussianNoise(50)  # strong enough for the noise to hurt the task
WEIGHTS = (0, 0.002, 0.02, 0.06, 0.2, 0.6)  # up to where the overlap falls again


@cache
def task_network(seed: int) -> UNet:
    """The segmentation network, trained on clean images.

    Parameters
    ----------
    seed : int
        Of the training.

    Returns
    -------
    UNet
        In evaluation mode.
    """
    torch.manual_seed(seed)
    data = load_dataset("chest-drr")
    task = UNet(len(data.structures))
    recipe = replace(TASK_RECIPES["quick"], seed=seed)
    fit_task(task, images_and_masks(data.train), recipe).to_the_end()
    return task


def overlap(task: UNet, images: torch.Tensor) -> dict[str, float]:
    """Mean Dice of each structure on the test split.

    Parameters
    ----------
    task : UNet
        The segmentation network.
    images : torch.Tensor
        The test split by a method, float32, shape (N, 1, H, W).

    Returns
    -------
    dict of str to float
        `dice_lungs` and so on, in [0, 1].
    """
    data = load_dataset("chest-drr")
    scores = dice(segment(task, images), images_and_masks(data.test)[:, 1:]).mean(0)
    return {
        f"dice_{name}": value.item() for name, value in zip(data.structures, scores, strict=True)
    }


@cache
def _before_joint(seed: int) -> torch.nn.Module:
    """Liu's denoiser, trained for the image alone."""
    return network("liu", SEGMENTED, methods.recipe("liu", "quick"), seed)


def joint(seed: int, weight: float | None) -> torch.nn.Module:
    """Go on with the training through the frozen task network.

    Parameters
    ----------
    seed : int
        Of the training.
    weight : float or None
        Of the task's loss; None: not trained through the task at all.

    Returns
    -------
    torch.nn.Module
        Liu's denoiser, in evaluation mode.
    """
    denoiser = copy.deepcopy(_before_joint(seed))
    if weight is not None:
        quick = methods.recipe("liu", "quick")
        recipe = replace(quick, steps=quick.steps // 2, learning_rate=1e-3, seed=seed)
        stacked = images_and_masks(load_dataset("chest-drr").train)
        task = task_network(seed)
        fit_joint(denoiser, task, stacked, SEGMENTED, recipe, weight).to_the_end()
    return denoiser


def _keys() -> Iterator[dict[str, Any]]:
    for seed in SEEDS:
        yield from ({"seed": seed, "images": name} for name in ("clean", "noisy", "pretrained"))
        for weight in WEIGHTS:
            yield {"seed": seed, "images": "denoised", "weight": weight}


@side_study(
    "Dice on clean, noisy and denoised images, against the weight of the task's loss.",
    keys=_keys,
    code=(segmentation,),
    trains=("liu",),
)
def liu(seed: int, images: str, weight: float | None = None) -> dict[str, Any]:
    """Measured on the test radiographs of `chest-drr`: it chooses nothing.

    Parameters
    ----------
    seed : int
        Of the training.
    images : str
        "clean", "noisy", "pretrained" or "denoised".
    weight : float, optional
        Of the task's loss, where the denoiser was trained through it.

    Returns
    -------
    dict
        Of `overlap`, by the task network of this seed and, with `stranger_` before the names, by
        that of another seed, which this denoiser was not trained with; of a denoiser `psnr` (dB)
        and `ssim` too.
    """
    test, task, protocol = load_dataset("chest-drr").test, task_network(seed), Protocol()
    clean = test.images()
    noisy = SEGMENTED(clean, test.ids, protocol.seed)
    stranger = task_network((seed + 1) % len(SEEDS))

    def both(shown: torch.Tensor) -> dict[str, float]:
        others = overlap(stranger, shown)
        return overlap(task, shown) | {f"stranger_{name}": v for name, v in others.items()}

    if images in ("clean", "noisy"):
        return both(clean if images == "clean" else noisy)
    denoiser = joint(seed, weight)
    estimates = torch.cat([apply(denoiser, y[None], SEGMENTED.sigma) for y in noisy])
    scores = pd.DataFrame(
        score(x[None], z[None], protocol) for x, z in zip(clean, estimates, strict=True)
    )
    return both(estimates) | scores[["psnr", "ssim"]].mean().to_dict()  # pyright: ignore[reportReturnType]: columns are text
