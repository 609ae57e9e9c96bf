"""Greedy layer-wise training of a stack of denoising autoencoders (Vincent et al. 2008)."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pandas as pd
import torch
import torch.nn.functional as F

from denoise_lib.models import StackedAutoencoder
from denoise_lib.noise import Noise
from denoise_lib.training import Recipe, optimise, sample_patches


def pretrain(
    stack: StackedAutoencoder,
    draw: Callable[[torch.Generator], torch.Tensor],
    corruption: Noise,
    recipe: Recipe,
    progress: bool = True,
) -> pd.DataFrame:
    """Train each layer to undo the corruption of its own input, the lowest first.

    Only the input of the layer being trained is corrupted; what the layers below hand up is
    computed from the uncorrupted image (section 2.4 of the paper). A sigmoid decoder is trained
    with the cross-entropy, an affine one with the squared error, both against the clean input.
    Interrupting (Ctrl-C) keeps what was learned and leaves the layers above as they are.

    Parameters
    ----------
    stack : StackedAutoencoder
        Trained in place.
    draw : callable
        ``draw(generator) -> vectors``: a batch of clean inputs of shape (N, inputs), in [0, 1].
    corruption : Noise
        Drawn anew for every batch.
    recipe : Recipe
        For each layer.
    progress : bool
        Show a progress bar for each layer.

    Returns
    -------
    pandas.DataFrame
        The learning curves, indexed by step, with a column `layer` (1 is the lowest).
    """
    curves = []
    for depth, layer in enumerate(stack.layers):

        def batch_loss(run, generator, depth=depth, layer=layer):
            with torch.no_grad():
                clean = stack.to(generator.device).encode(draw(generator), depth)
            # A vector is an image of one line to the noise, which draws blind levels per image.
            damaged = corruption.sample(clean[:, None, None], generator)[:, 0, 0]
            estimate = run(layer, damaged)
            return reconstruction_loss(layer.decoder, estimate, clean)

        curve = optimise(layer, batch_loss, recipe, lambda model: {}, progress)
        curves.append(curve.assign(layer=depth + 1))
        if curve.index.max() != recipe.steps:
            break  # interrupted
    return pd.concat(curves)


def patch_vectors(
    images: torch.Tensor, patch_size: int = 12, count: int = 256
) -> Callable[[torch.Generator], torch.Tensor]:
    """What `pretrain` draws from: random patches of images, as vectors.

    Parameters
    ----------
    images : torch.Tensor
        Shape (N, 1, H, W), in [0, 1].
    patch_size : int
        Side in pixels.
    count : int
        Patches in a batch.

    Returns
    -------
    callable
        ``draw(generator) -> vectors`` of shape (count, patch_size ** 2), on the generator's device.
        It raises ValueError when the patches do not fit into the images.
    """
    on_device = functools.cache(images.to)

    def draw(generator: torch.Generator) -> torch.Tensor:
        return sample_patches(on_device(generator.device), count, patch_size, generator).flatten(1)

    return draw


def reconstruction_loss(decoder: str, estimate: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Cross-entropy for a sigmoid decoder, squared error for an affine one (section 2.3).

    Parameters
    ----------
    decoder : str
        "sigmoid" or "affine".
    estimate, clean : torch.Tensor
        Same shape; in [0, 1] for a sigmoid.

    Returns
    -------
    torch.Tensor
        The mean over all values: a scalar.
    """
    if decoder == "sigmoid":
        return F.binary_cross_entropy(estimate, clean)
    return F.mse_loss(estimate, clean)
