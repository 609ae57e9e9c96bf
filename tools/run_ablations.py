"""Make the committed side studies of the chapters: results/ablation_NAME.csv.

    python tools/run_ablations.py                 what is missing, of every study
    python tools/run_ablations.py dncnn rdn       of these

Each study trains short, on `chest-drr`, with three seeds. A row is written as soon as it is
measured, so the run can be stopped and started again; delete a file to measure it anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pandas as pd
import torch

from denoise_lib import models, results
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, evaluate
from denoise_lib.models import count_parameters
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.recipes import recipe
from denoise_lib.reference import load_dncnn
from denoise_lib.segmentation import (
    TASK_RECIPES,
    UNet,
    dice,
    fit_joint,
    fit_task,
    images_and_masks,
    segment,
)
from denoise_lib.training import Recipe, fit

SEEDS = (0, 1, 2)
NOISE = GaussianNoise(25)
Study = Iterator[tuple[dict, Callable[[], dict]]]


def measured(model: torch.nn.Module, curve: pd.DataFrame) -> dict:
    """What every study of a trained denoiser reports: validation quality and its cost."""
    rows = evaluate(model, Protocol(split="val", noise=NOISE), progress=False)
    return {
        "psnr": rows["psnr"].mean(),
        "ssim": rows["ssim"].mean(),
        "parameters": count_parameters(model),
        "seconds": curve["seconds"].iloc[-1],
    }


def trained(name: str, budget: Recipe, seed: int, images: int | None = None, **config) -> dict:
    """Train a model on the first `images` training images and measure it."""
    torch.manual_seed(seed)
    model = models.create(name, **config)
    clean = load_dataset("chest-drr").train[:images].images()
    return measured(model, fit(model, clean, NOISE, replace(budget, seed=seed)))


def dncnn() -> Study:
    """Residual against direct learning, with and without batch norm."""
    budget = replace(recipe("dncnn", "quick"), steps=400, learning_rate=2e-3)
    for seed in SEEDS:
        for residual in (True, False):
            for norm in (True, False):
                key = {"residual_learning": residual, "batch_norm": norm}
                yield {**key, "seed": seed}, lambda k=key, s=seed: trained("dncnn", budget, s, **k)


def gondara() -> Study:
    """How many training images does it need?"""
    budget = replace(recipe("gondara", "quick"), steps=500)
    for seed in SEEDS:
        for images in (10, 50, 160):
            yield (
                {"images": images, "seed": seed},
                lambda n=images, s=seed: trained("gondara", budget, s, n),
            )


def rdn() -> Study:
    """Growth rate and depth."""
    budget = replace(recipe("rdn", "quick"), steps=200)
    for seed in SEEDS:
        for blocks, growth in ((4, 8), (4, 16), (4, 32), (2, 16), (8, 16)):
            config = {"blocks": blocks, "growth": growth, "layers": 4, "features": 32}
            yield (
                {"blocks": blocks, "growth": growth, "seed": seed},
                lambda c=config, s=seed: trained("rdn", budget, s, **c),
            )


@cache
def task_network(seed: int) -> UNet:
    """The segmentation network, trained on clean images."""
    torch.manual_seed(seed)
    data = load_dataset("chest-drr")
    task = UNet(len(data.structures))
    fit_task(task, images_and_masks(data.train), replace(TASK_RECIPES["quick"], seed=seed))
    return task


def overlap(task: UNet, images: torch.Tensor) -> dict[str, float]:
    """Mean Dice of each structure on the test split."""
    test = load_dataset("chest-drr").test
    scores = dice(segment(task, images), images_and_masks(test)[:, 1:]).mean(0)
    return {
        f"dice_{name}": score.item()
        for name, score in zip(load_dataset("chest-drr").structures, scores, strict=True)
    }


def joint(seed: int, weight: float) -> dict:
    """Train the denoiser through the frozen task network, and measure both."""
    data = load_dataset("chest-drr")
    task = task_network(seed)
    torch.manual_seed(seed)
    denoiser = models.create("liu")
    budget = replace(recipe("liu", "quick"), steps=200, seed=seed)
    curve = fit_joint(denoiser, task, images_and_masks(data.train), SEGMENTED, budget, weight)
    noisy = SEGMENTED(data.test.images(), data.test.ids)
    estimates = torch.cat([apply(denoiser, y[None], SEGMENTED.sigma) for y in noisy])
    rows = evaluate(denoiser, Protocol(noise=SEGMENTED), progress=False)
    return {
        **overlap(task, estimates),
        "psnr": rows["psnr"].mean(),
        "ssim": rows["ssim"].mean(),
        "seconds": curve["seconds"].iloc[-1],
    }


SEGMENTED = GaussianNoise(50)  # strong enough for the noise to hurt the task


def liu() -> Study:
    """Dice on clean, noisy and denoised images, for several weights of the task's loss."""
    test = load_dataset("chest-drr").test
    for seed in SEEDS:
        yield (
            {"seed": seed, "images": "clean"},
            lambda s=seed: overlap(task_network(s), test.images()),
        )
        yield (
            {"seed": seed, "images": "noisy"},
            lambda s=seed: overlap(task_network(s), SEGMENTED(test.images(), test.ids)),
        )
        for weight in (0, 0.002, 0.02):
            yield (
                {"seed": seed, "images": "denoised", "weight": weight},
                lambda s=seed, w=weight: joint(s, w),
            )


def parity() -> Study:
    """The DnCNN authors' weights in our network, on their test sets."""
    for dataset in ("set12", "bsd68"):
        for sigma in (15, 25, 50):
            for released in (sigma, None) if dataset == "set12" else (sigma,):
                key = {"dataset": dataset, "sigma": sigma, "model": "S" if released else "B"}
                protocol = Protocol(dataset=dataset, noise=GaussianNoise(sigma))
                yield key, lambda p=protocol, r=released: reference_quality(p, r)


def reference_quality(protocol: Protocol, released: int | None) -> dict:
    """Mean PSNR and SSIM of released weights under a protocol."""
    rows = evaluate(load_dncnn(released), protocol, progress=False)
    return {"psnr": rows["psnr"].mean(), "ssim": rows["ssim"].mean(), "protocol": protocol.hash}


def blind() -> Study:
    """The released DnCNN-S for 25 and DnCNN-B at levels that S was not trained for."""
    for sigma in (5, 15, 25, 35, 50):
        for released in (25, None):
            key = {"sigma": sigma, "model": "S (25)" if released else "B"}
            protocol = Protocol(dataset="set12", noise=GaussianNoise(sigma))
            yield key, lambda p=protocol, r=released: reference_quality(p, r)


STUDIES = {
    "parity": parity,
    "blind": blind,
    "dncnn": dncnn,
    "gondara": gondara,
    "rdn": rdn,
    "liu": liu,
}


def run(name: str) -> None:
    """Measure what a study's table does not have yet."""
    path = results.ablation_path(name)
    table = pd.read_csv(path) if path.exists() else pd.DataFrame()
    for key, measure in STUDIES[name]():
        if len(table) and any(has(row, key) for _, row in table.iterrows()):
            continue
        row = {**key, **measure(), **results.provenance()}
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
        table.to_csv(path, index=False, float_format="%.6g")
        print(name, row, flush=True)


def has(row: pd.Series, key: dict) -> bool:
    """Whether a row of a table is the one with this key."""
    return all(name in row and row[name] == value for name, value in key.items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("studies", nargs="*", default=list(STUDIES), help=", ".join(STUDIES))
    studies = parser.parse_args().studies
    unknown = set(studies) - set(STUDIES)
    if unknown:
        parser.error(f"unknown {', '.join(sorted(unknown))}; choose from {', '.join(STUDIES)}")
    for name in studies:
        run(name)


if __name__ == "__main__":
    main()
