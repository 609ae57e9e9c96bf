"""Train one of the papers' networks, as its chapter does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any, cast

import torch

from denoise_lib import methods
from denoise_lib.methods.vincent import PatchAutoencoder
from denoise_lib.noise import Noise
from denoise_lib.protocol import Protocol
from denoise_lib.recipe import Recipe
from denoise_lib.training import fixed
from denoise_lib.training.engine import About
from denoise_lib.training.folder import claimed
from denoise_lib.training.layerwise import patch_vectors, train_layers
from denoise_lib.training.loop import check_validation, fit
from denoise_lib.training.patches import NoisyPatches
from denoise_lib.training.run import RunOptions, TrainingRun


def train(
    model: torch.nn.Module,
    images: torch.Tensor,
    noise: Noise,
    recipe: Recipe,
    layers: Recipe | None = None,
    ids: Sequence[str] | None = None,
    validation: Protocol | None = None,
    about: About | None = None,
    **options: Any,
) -> TrainingRun:
    """Train a network in place: its layers first, where they have a recipe, then the whole.

    Parameters
    ----------
    model : torch.nn.Module
        With a `stack` of layers where `layers` is given.
    images : torch.Tensor
        Clean, float32, shape (N, 1, H, W), in [0, 1].
    noise : Noise
        Drawn anew for every patch.
    recipe : Recipe
        For the whole.
    layers : Recipe, optional
        For each layer.
    ids : sequence of str, optional
        The images' names, for messages.
    validation : Protocol, optional
        Watched meanwhile; chooses nothing.
    about : callable, optional
        As for `fit`: what else fixes the training.
    **options
        Fields of `RunOptions`.

    Returns
    -------
    TrainingRun
        Of the whole, with the seconds of the layers; of the layers where it was stopped there.

    Raises
    ------
    ValueError, FloatingPointError
        As `fit`.
    """
    start, run = time.monotonic(), None

    @cache  # it is asked for each layer, and hashes all images
    def all_about() -> dict[str, Any]:
        return {
            "layers": layers and asdict(layers),
            "training images": fixed.of_images(images, ids),
            **(about() if about is not None else {}),
        }

    with claimed(RunOptions(**options).folder):
        if layers is not None:
            check_validation(validation)
            stack = cast(PatchAutoencoder, model).stack
            draw = patch_vectors(images)
            run = train_layers(stack, draw, noise, layers, about=all_about, **options)
            if not run.finished or run.stopped_by:
                return replace(run, steps=run.steps + recipe.steps)
            if options.get("max_minutes") is not None:
                spent = (time.monotonic() - start) / 60
                options["max_minutes"] = max(0, options["max_minutes"] - spent)
        data = NoisyPatches(images, noise, ids)
        whole = fit(model, data, recipe, validation, all_about, **options)
    return whole if run is None else replace(whole, seconds=run.seconds + whole.seconds)


def train_as_chapter(
    name: str, images: torch.Tensor, noise: Noise, preset: str = "quick", **changes: Any
) -> torch.nn.Module:
    """A network made and trained as its chapter does it.

    Parameters
    ----------
    name : str
        Of the network.
    images : torch.Tensor
        Clean, float32, shape (N, 1, H, W), in [0, 1].
    noise : Noise
        Drawn anew for every patch.
    preset : str
        "smoke", "quick" or "full".
    **changes
        Fields of the recipe that are not the chapter's.

    Returns
    -------
    torch.nn.Module
        In evaluation mode.

    Raises
    ------
    ValueError
        When the name or the preset is not known.
    KeyboardInterrupt
        When it was stopped before the end.
    """
    network = methods.get(name, methods.Network)
    recipe = replace(network.recipe(preset), **changes)
    torch.manual_seed(recipe.seed)
    model = network.create(**network.configuration(preset))
    train(model, images, noise, recipe, network.layer_recipes.get(preset)).to_the_end()
    return model
