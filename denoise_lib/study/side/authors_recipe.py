"""The recipe of DnCNN's authors beside ours, with the same patches, and the time of each.

Theirs, as their released code has it: every convolution drawn from N(0, 2 / 576), the scales of
batch norm alike but pushed away from zero; batches of 128; Adam at 1e-3 for thirty epochs; batch
norm tests with the statistics of the newest batch; no average of the weights. They train for fifty
epochs of 204,800 patches; here the question is what the first give.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.device import training_device
from denoise_lib.identity import code_hash
from denoise_lib.methods.dncnn import DnCNN
from denoise_lib.needs import Needs
from denoise_lib.protocol import Protocol
from denoise_lib.study.side.shared import NOISE, quality
from denoise_lib.study.side.trainings import core_minutes, plan_identity
from denoise_lib.study.side_studies import side_study
from denoise_lib.training.loop import fit
from denoise_lib.training.patches import NoisyPatches
from denoise_lib.training.plan import load_plan

# Patches of 40 x 40. The second takes a core half an hour or more, those above want a GPU.
BUDGETS = (5120, 20480, 81920, 327680)
BATCH, RATE, PATCH = 128, 1e-3, 40
SPREAD, SMALLEST = (2 / (9 * 64)) ** 0.5, 0.025
OURS, AUTHORS = "ours", "the authors'"
PLAN = "dncnn-s25-natural"  # ours
IMAGES = 7  # of Set12


def authors_start(model: DnCNN) -> None:
    """Draw the weights as the authors' code does, in place.

    Parameters
    ----------
    model : DnCNN
        With batch norm.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=SPREAD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, std=SPREAD)
            with torch.no_grad():
                signs = torch.where(module.weight < 0, -1.0, 1.0)
                module.weight.copy_(signs * module.weight.abs().clamp(min=SMALLEST))
            module.momentum = 1.0  # the statistics of the newest batch


def _keys() -> Iterator[dict[str, Any]]:
    for patches in BUDGETS:
        for way in (OURS, AUTHORS):
            yield {"patches": patches, "way": way}


def _identity(key: Mapping[str, Any]) -> Any:
    values = [BATCH, RATE, PATCH, SPREAD, SMALLEST, IMAGES, NOISE.to_dict()]
    made_by = code_hash(authors_recipe, authors_start, _ours, _authors, _loss, quality)
    return [dict(key), made_by, values, plan_identity(load_plan(PLAN))]


@side_study(
    "How far do the authors' recipe for DnCNN and ours come with the same patches?",
    keys=_keys,
    growing=True,
    identity=_identity,
    needs=Needs(folder="natural/train400"),
)
def authors_recipe(patches: int, way: str) -> dict[str, Any]:
    """DnCNN-S on the photographs of its paper, measured on seven of Set12.

    Parameters
    ----------
    patches : int
        Seen in the training.
    way : str
        `OURS`: the plan of `dncnn-s25-natural`, its schedule as long as these patches; or
        `AUTHORS`.

    Returns
    -------
    dict
        `psnr` (dB), `ssim`, `minutes` of one core, see `core_minutes`, and `first_loss`, the loss
        of the first batch in units of the noise variance.
    """
    torch.manual_seed(0)
    data = NoisyPatches(load_dataset("train400").train.images(), NOISE)
    model, seconds, first = (_ours if way == OURS else _authors)(data, patches)
    score = quality(model, Protocol("set12", noise=NOISE, limit=IMAGES))
    first /= (NOISE.sigma / 255) ** 2
    return {**score, "minutes": core_minutes(seconds), "first_loss": first}


def _ours(data: NoisyPatches, patches: int) -> tuple[nn.Module, float, float]:
    recipe = load_plan(PLAN).recipe
    recipe = replace(recipe, steps=patches // recipe.batch_size)
    model = methods.create("dncnn")
    generator = torch.Generator().manual_seed(recipe.seed)
    first = _loss(model, data.draw(recipe.batch_size, PATCH, generator))
    run = fit(model, data, recipe).to_the_end()
    return model, run.seconds, first.item()


def _authors(data: NoisyPatches, patches: int) -> tuple[nn.Module, float, float]:
    model = methods.create("dncnn")
    authors_start(model)  # pyright: ignore[reportArgumentType]: it is one
    device, first = training_device(), None
    # PyTorch's stubs leave memory_format out.
    model.train().to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    generator = torch.Generator(device).manual_seed(0)
    start = time.monotonic()
    for _ in range(patches // BATCH):
        loss = _loss(model, data.draw(BATCH, PATCH, generator))
        first = first if first is not None else loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert first is not None
    return model.eval(), time.monotonic() - start, first


def _loss(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return F.mse_loss(model(batch["noisy"]), batch["clean"])
