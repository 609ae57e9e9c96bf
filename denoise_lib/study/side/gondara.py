"""How many training images does Gondara's network need, and how does it do on his noise?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pandas as pd
import torch

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.noise import AdditivePoissonNoise, GaussianNoise, Noise
from denoise_lib.protocol import Protocol
from denoise_lib.study.side.shared import NOISE, SEEDS, network, quality
from denoise_lib.study.side_studies import side_study
from denoise_lib.training.loop import fit
from denoise_lib.training.patches import NoisyPatches


@cache
def _curve(images: int, seed: int) -> pd.DataFrame:
    """Of the network on the first `images` training images."""
    torch.manual_seed(seed)
    clean = load_dataset("chest-drr").train[:images].images()
    quick = methods.recipe("gondara", "quick")
    recipe = replace(quick, steps=1000, validate_every=100, seed=seed)
    validation = Protocol(split="val", noise=NOISE)
    run = fit(methods.create("gondara"), NoisyPatches(clean, NOISE), recipe, validation)
    return run.to_the_end().curve


@side_study(
    "Learning curves on 10, 50 and 160 images.",
    trains=("gondara",),
    seed=SEEDS,
    images=(10, 50, 160),
    step=range(100, 1001, 100),
)
def gondara(seed: int, images: int, step: int) -> dict[str, Any]:
    """One point of a learning curve.

    Parameters
    ----------
    seed : int
        Of the training.
    images : int
        How many training images, the first.
    step : int
        Of the training.

    Returns
    -------
    dict
        `psnr` (dB) on the validation split.
    """
    return {"psnr": _curve(images, seed)["psnr"][step]}


def _noise_keys() -> Iterator[dict[str, Any]]:
    settings = [("Gaussian", p, sigma) for p, sigma in ((0.1, 1), (0.5, 1), (0.2, 2), (0.2, 5))]
    for kind, p, parameter in [*settings, ("Poisson", 0.2, 1), ("Poisson", 0.2, 5)]:
        key = {"noise": kind, "p": p, "parameter": parameter}
        yield from ({**key, "method": name} for name in ("noisy", "median", "nlm"))
        yield from ({**key, "method": "gondara", "seed": seed} for seed in SEEDS)


@side_study(
    "The paper's noise, its Poisson settings as far as they are known.",
    keys=_noise_keys,
    trains=("gondara",),
)
def gondara_noise(
    noise: str, p: float, parameter: float, method: str, seed: int | None = None
) -> dict[str, Any]:
    """Measured on the validation radiographs of `chest-drr`.

    Parameters
    ----------
    noise : str
        "Gaussian" or "Poisson".
    p : float
        The paper's proportion.
    parameter : float
        The paper's sigma, or lambda.
    method : str
        "gondara", trained here, or a classical method.
    seed : int, optional
        Of the training; None for a classical method.

    Returns
    -------
    dict
        `psnr` (dB) and `ssim`, means over the images.
    """
    model: Noise = GaussianNoise(255 * p * parameter)
    if noise == "Poisson":
        model = AdditivePoissonNoise(p, parameter)
    protocol = Protocol(split="val", noise=model)
    if seed is None:
        return quality(methods.load(method), protocol)
    recipe = replace(methods.recipe("gondara", "quick"), steps=500)
    return quality(network("gondara", model, recipe, seed), protocol)
