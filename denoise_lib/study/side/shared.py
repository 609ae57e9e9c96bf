"""What several side studies do: train a network briefly, apply a method to images, average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, evaluate
from denoise_lib.methods.registry import Denoiser
from denoise_lib.noise import GaussianNoise, Noise
from denoise_lib.protocol import Protocol
from denoise_lib.recipe import Recipe
from denoise_lib.study.variants import make
from denoise_lib.training.train import train

SEEDS = (0, 1, 2)
NOISE = GaussianNoise(25)
LEVELS = (5, 15, 25, 35, 50)
PRECISION = "auto"  # differences of a hundredth of a decibel do not matter here


def quality(denoiser: Denoiser, protocol: Protocol) -> dict[str, float]:
    """Mean quality under a protocol.

    Parameters
    ----------
    denoiser : callable
        ``f(noisy, sigma=None) -> image``.
    protocol : Protocol
        What it is measured under.

    Returns
    -------
    dict of str to float
        `psnr` (dB) and `ssim`, means over the images.
    """
    rows = evaluate(denoiser, protocol, progress=False)
    return {"psnr": rows["psnr"].mean(), "ssim": rows["ssim"].mean()}


def network(name: str, noise: Noise, recipe: Recipe, seed: int, **config) -> torch.nn.Module:
    """A network trained on all training images of `chest-drr`.

    Parameters
    ----------
    name : str
        Of a network.
    noise : Noise
        Drawn anew for every patch.
    recipe : Recipe
        Its seed is replaced.
    seed : int
        Of the weights and the training.
    **config
        Arguments of the network.

    Returns
    -------
    torch.nn.Module
        In evaluation mode.
    """
    torch.manual_seed(seed)
    model = methods.create(name, **config)
    images = load_dataset("chest-drr").train.images()
    train(model, images, noise, replace(recipe, seed=seed)).to_the_end()
    return model


def trained_quality(name: str, recipe: Recipe, seed: int, **config) -> dict[str, float]:
    """Train a network for `NOISE` and measure it on the validation images.

    Parameters
    ----------
    name : str
        Of a network.
    recipe : Recipe
        Its seed is replaced.
    seed : int
        Of the weights and the training.
    **config
        Arguments of the network.

    Returns
    -------
    dict of str to float
        `psnr` (dB), `ssim`, and the number of `parameters`.
    """
    model = network(name, NOISE, recipe, seed, **config)
    scores = quality(model, Protocol(split="val", noise=NOISE))
    return {**scores, "parameters": methods.count_parameters(model)}


def denoised(
    method: str, noise: GaussianNoise, images: torch.Tensor, ids: Sequence[str]
) -> torch.Tensor:
    """Images with the protocol's noise, by a method of the study.

    Parameters
    ----------
    method : str
        Of the study.
    noise : GaussianNoise
        What is added.
    images : torch.Tensor
        Clean, float32, shape (N, 1, H, W), in [0, 1].
    ids : sequence of str
        N image identifiers, which key the noise.

    Returns
    -------
    torch.Tensor
        float32, shape (N, 1, H, W).
    """
    denoiser = make(method, precision=PRECISION)
    noisy = noise(images, ids)
    return torch.cat([apply(denoiser, y[None], noise.known_sigma) for y in noisy])
