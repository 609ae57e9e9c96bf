"""Greedy layer-wise training of a stack of denoising autoencoders (Vincent et al. 2008)."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pandas as pd
import torch
import torch.nn.functional as F

from denoise_lib.methods.vincent import DenoisingAutoencoder, StackedAutoencoder
from denoise_lib.noise import Noise
from denoise_lib.recipe import Recipe
from denoise_lib.training.engine import About
from denoise_lib.training.loop import Apply, Batch, optimise
from denoise_lib.training.patches import sample_patches
from denoise_lib.training.run import TrainingRun

LAYER_BATCH = 256  # patches of a stack's first layer in a batch


def train_layers(
    stack: StackedAutoencoder,
    draw: Callable[[torch.Generator], torch.Tensor],
    corruption: Noise,
    recipe: Recipe,
    folder: Path | None = None,
    max_minutes: float | None = None,
    about: About | None = None,
    **options: Any,
) -> TrainingRun:
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
    folder : pathlib.Path, optional
        Each layer's checkpoints are in a folder of its own in it.
    max_minutes : float, optional
        Save and stop after this time, all layers together.
    about : callable, optional
        As for `optimise`: what `draw` draws from.
    **options
        Further fields of `training.RunOptions`, for each layer.

    Returns
    -------
    TrainingRun
        Of all layers: `curve` is indexed by each layer's own step and has a column `layer` (1 is
        the lowest).
    """
    runs, start = [], time.monotonic()
    for depth, layer in enumerate(stack.layers):

        def draw_pair(generator: torch.Generator, depth: int = depth) -> Batch:
            with torch.no_grad():
                clean = stack.to(generator.device).encode(draw(generator), depth)
            # A vector is an image of one line to the noise, which draws blind levels per image.
            damaged = corruption.sample(clean[:, None, None], generator)[:, 0, 0]
            return {"clean": clean, "damaged": damaged}

        def loss(
            network: Apply, batch: Batch, decoder: str = cast(DenoisingAutoencoder, layer).decoder
        ) -> torch.Tensor:
            return reconstruction_loss(decoder, network(batch["damaged"]), batch["clean"])

        def all_about(depth: int = depth) -> dict[str, Any]:
            more = about() if about is not None else {}
            return {"noise": corruption.to_dict(), "layer": depth + 1, **more}

        own = folder and Path(folder) / f"layer{depth + 1}"
        if max_minutes is not None:
            options["max_minutes"] = max(0, max_minutes - (time.monotonic() - start) / 60)
        runs.append(
            optimise(layer, draw_pair, loss, recipe, folder=own, about=all_about, **options)
        )
        if not runs[-1].finished or runs[-1].stopped_by:
            break
    return replace(
        runs[-1],
        curve=pd.concat(run.curve.assign(layer=n) for n, run in enumerate(runs, start=1)),
        step=sum(run.step for run in runs),
        steps=recipe.steps * len(stack.layers),
        seconds=sum(run.seconds for run in runs),
    )


def patch_vectors(
    images: torch.Tensor, patch_size: int = 12, count: int = LAYER_BATCH
) -> Callable[[torch.Generator], torch.Tensor]:
    """What `train_layers` draws from: random patches of images, as vectors.

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
