"""Does a network without constants cope with noise levels that it was not trained for?

Mohan et al., "Robust and interpretable blind image denoising via bias-free convolutional neural
networks", ICLR 2020: without additive constants a network of convolutions and ReLUs is homogeneous,
f(a y) = a f(y) for a > 0, and what it learned at one level carries over to others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import cache
from typing import Any

import torch
from torch import nn

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.identity import code_hash
from denoise_lib.methods.registry import get
from denoise_lib.noise import BlindGaussianNoise, GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.recipe import Recipe
from denoise_lib.study.side.shared import SEEDS, quality
from denoise_lib.study.side_studies import side_study
from denoise_lib.training.train import train

TRAINED = BlindGaussianNoise(0, 25)
TESTED = (5, 15, 25, 35, 50, 75)
CONFIG = {"depth": 10, "features": 32, "batch_norm": False}
# At a rate of 3e-3 one training in six never left the noisy image.
STEPS, RATE, CLIP = 2000, 1e-3, 1.0


def without_constants(model: nn.Module) -> nn.Module:
    """Take the biases out of all convolutions, in place.

    Parameters
    ----------
    model : torch.nn.Module
        Convolutions and ReLUs only, so that it is homogeneous afterwards.

    Returns
    -------
    torch.nn.Module
        The same.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.bias = None
    return model


def _identity(key: Mapping[str, Any]) -> Any:
    values = [asdict(_recipe()), CONFIG, TRAINED.to_dict()]
    return [
        dict(key),
        code_hash(_trained, without_constants, quality),
        values,
        get("dncnn").identity(),
    ]


def _recipe() -> Recipe:
    recipe = methods.recipe("dncnn", "quick")
    return replace(recipe, steps=STEPS, batch_size=4, learning_rate=RATE, clip_gradient=CLIP)


@cache
def _trained(bias: bool, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = methods.create("dncnn", **CONFIG)
    if not bias:
        without_constants(model)
    images = load_dataset("chest-drr").train.images()
    train(model, images, TRAINED, replace(_recipe(), seed=seed)).to_the_end()
    return model


def _keys() -> Iterator[dict[str, Any]]:
    for seed in SEEDS:
        for bias in (True, False):
            for sigma in TESTED:
                yield {"bias": bias, "seed": seed, "sigma": sigma}


@side_study(
    "Does a network without biases cope with levels that it has not seen?",
    keys=_keys,
    identity=_identity,
)
def bias_free(bias: bool, seed: int, sigma: float) -> dict[str, float]:
    """A small DnCNN, trained up to sigma 25, at a level.

    Parameters
    ----------
    bias : bool
        Whether its convolutions have one.
    seed : int
        Of the weights and the training.
    sigma : float
        Tested level, 0-255.

    Returns
    -------
    dict of str to float
        `psnr` (dB) and `ssim` on the validation radiographs.
    """
    return quality(_trained(bias, seed), Protocol(split="val", noise=GaussianNoise(sigma)))
