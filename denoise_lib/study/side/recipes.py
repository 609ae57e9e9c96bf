"""Ways to train once each, on photographs and on real radiographs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.inference import denoise
from denoise_lib.needs import Needs
from denoise_lib.noise import BlindGaussianNoise, GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.recipe import Recipe
from denoise_lib.study.side.shared import NOISE, quality
from denoise_lib.study.side_studies import side_study
from denoise_lib.training.loop import fit
from denoise_lib.training.patches import NoisyPatches
from denoise_lib.training.plan import load_plan

SHORT = 5120  # patches
AUTHORS = Recipe(steps=SHORT // 128, batch_size=128, learning_rate=1e-3, ema=0.0)
MUON = Recipe(steps=SHORT // 8, batch_size=8, learning_rate=3e-3, optimizer="muon")
# Ways to train DnCNN-S; True: the last layer starts at random, like the others.
WAYS = {
    "Adam 1e-3, batch 128, He": (AUTHORS, True),
    "Adam 1e-3, batch 128, He, three times as long": (
        replace(AUTHORS, steps=3 * AUTHORS.steps),
        True,
    ),
    # Nearly as many core-minutes as dncnn-s25-natural took.
    "Adam 1e-3, batch 128, He, twelve times as long": (
        replace(AUTHORS, steps=12 * AUTHORS.steps),
        True,
    ),
    "Adam 3e-3, batch 8, average": (replace(MUON, optimizer="adam"), False),
    "Muon, batch 8, average": (MUON, False),
    "Muon, batch 32, average": (replace(MUON, steps=SHORT // 32, batch_size=32), False),
}


@side_study(
    "Which optimiser, batch and start gets DnCNN furthest?",
    trains=("dncnn",),
    needs=Needs(folder="natural/train400"),
    setting=tuple(WAYS),
)
def optimisers(setting: str) -> dict[str, Any]:
    """DnCNN-S on the photographs of its paper, measured on seven of Set12.

    Parameters
    ----------
    setting : str
        One of `WAYS`.

    Returns
    -------
    dict
        `psnr` (dB), `ssim`, `patches` seen, `seconds` of training and the protocol's hash.
    """
    recipe, he = WAYS[setting]
    torch.manual_seed(recipe.seed)
    model = methods.create("dncnn")
    if he:
        torch.nn.init.kaiming_normal_(model.tail.weight, nonlinearity="relu")  # pyright: ignore[reportArgumentType, reportAttributeAccessIssue]: a convolution's
    images = load_dataset("train400").train.images()
    run = fit(model, NoisyPatches(images, NOISE), recipe).to_the_end()
    protocol = Protocol(dataset="set12", noise=NOISE, limit=7)
    score = quality(lambda noisy, sigma: denoise(noisy, model), protocol)
    patches = recipe.steps * recipe.batch_size
    return {**score, "patches": patches, "seconds": run.seconds, "protocol": protocol.hash}


def _blind_keys() -> Iterator[dict[str, Any]]:
    # Loss, batch and Muon's peak, by network.
    for model, ways in {
        "dncnn": (("mse", 4, 0.02), ("mse", 16, 0.02), ("l1", 4, 0.02), ("l1", 16, 0.02)),
        "rdn": (("mse", 4, 0.01), ("l1", 4, 0.01), ("l1", 4, 0.02)),
    }.items():
        for loss, batch, rate in ways:
            yield {
                "model": model,
                "loss": loss,
                "batch_size": batch,
                "matrix_learning_rate": rate,
            }


@side_study(
    "Loss, batch and learning rate for all noise levels at once.",
    keys=_blind_keys,
    trains=("dncnn", "rdn"),
    needs=Needs(folder="chest_xray"),
)
def blind_recipes(
    model: str, loss: str, batch_size: int, matrix_learning_rate: float
) -> dict[str, Any]:
    """On real radiographs, measured on twenty of their validation split.

    Parameters
    ----------
    model : str
        "dncnn" or "rdn".
    loss : str
        "mse" or "l1".
    batch_size : int
        Patches per step.
    matrix_learning_rate : float
        Peak of Muon's schedule.

    Returns
    -------
    dict
        `psnr_15`, `psnr_25` and `psnr_50`, in dB.
    """
    recipe = replace(
        MUON,
        steps=SHORT // batch_size,
        batch_size=batch_size,
        loss=loss,
        matrix_learning_rate=matrix_learning_rate,
    )
    network = load_plan(f"{model}-nih").create_model()  # DnCNN starts from the photographs'
    images = load_dataset("nih-sample").train.images()
    fit(network, NoisyPatches(images, BlindGaussianNoise(0, 55)), recipe).to_the_end()
    return {
        f"psnr_{sigma}": quality(
            lambda noisy, sigma: denoise(noisy, network),
            Protocol("nih-sample", "val", noise=GaussianNoise(sigma), limit=20),
        )["psnr"]
        for sigma in (15, 25, 50)
    }
