"""One network for one noise level, or one for all, trained here."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from denoise_lib import methods
from denoise_lib.noise import BlindGaussianNoise, GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study.side.shared import LEVELS, NOISE, SEEDS, network, quality
from denoise_lib.study.side_studies import side_study


@cache
def _level_network(name: str, seed: int) -> torch.nn.Module:
    noise = BlindGaussianNoise(0, 55) if name == "dncnn-b" else NOISE
    return network(name, noise, methods.recipe(name, "quick"), seed)


@side_study(
    "What do DnCNN-S for 25 and DnCNN-B, trained here, do at other levels?",
    trains=("dncnn", "dncnn-b"),
    seed=SEEDS,
    model=("dncnn", "dncnn-b"),
    sigma=LEVELS,
)
def blind_training(seed: int, model: str, sigma: int) -> dict[str, Any]:
    """Measured on the validation radiographs of `chest-drr`.

    Parameters
    ----------
    seed : int
        Of the training.
    model : str
        "dncnn", trained for level 25, or "dncnn-b".
    sigma : int
        Noise level it is measured at, 0-255.

    Returns
    -------
    dict
        `psnr` (dB) and `ssim`, means over the images.
    """
    protocol = Protocol(split="val", noise=GaussianNoise(sigma))
    return quality(_level_network(model, seed), protocol)
