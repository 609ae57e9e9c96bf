"""The side studies of the chapters. `tools/run_ablations.py` runs them.

A study yields, for each row of its table, what the row is about and how to measure it. Networks
are trained short, on `chest-drr`, with three seeds, and measured on its validation split; `liu`,
which chooses nothing, on its test split. Released weights are measured on their own test sets.
`optimisers` and `blind_recipes` compare ways to train once each, on photographs and on real
radiographs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pandas as pd
import torch

from denoise_lib import baselines, models
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, evaluate, score
from denoise_lib.inference import denoise
from denoise_lib.models import count_parameters
from denoise_lib.noise import AdditivePoissonNoise, BlindGaussianNoise, GaussianNoise, Noise
from denoise_lib.patches import NoisyPatches
from denoise_lib.plans import load_plan
from denoise_lib.protocol import Protocol
from denoise_lib.recipes import TASK_RECIPES, recipe
from denoise_lib.reference import load_dncnn
from denoise_lib.segmentation import UNet, dice, fit_joint, fit_task, images_and_masks, segment
from denoise_lib.training import Recipe, fit

SEEDS = (0, 1, 2)
NOISE = GaussianNoise(25)
SEGMENTED = GaussianNoise(50)  # strong enough for the noise to hurt the task
LEVELS = (5, 15, 25, 35, 50)
Study = Iterator[tuple[dict, Callable[[], dict]]]


def quality(denoiser: Callable, protocol: Protocol) -> dict[str, float]:
    """Mean PSNR (dB) and SSIM under a protocol."""
    rows = evaluate(denoiser, protocol, progress=False)
    return {"psnr": rows["psnr"].mean(), "ssim": rows["ssim"].mean()}


def network(name: str, noise: Noise, budget: Recipe, seed: int, **config) -> torch.nn.Module:
    """A model trained on all training images."""
    torch.manual_seed(seed)
    model = models.create(name, **config)
    images = load_dataset("chest-drr").train.images()
    fit(model, NoisyPatches(images, noise), replace(budget, seed=seed))
    return model


def trained(name: str, budget: Recipe, seed: int, **config) -> dict:
    """Train a model and measure it, on the training noise."""
    model = network(name, NOISE, budget, seed, **config)
    return quality(model, Protocol(split="val", noise=NOISE)) | {
        "parameters": count_parameters(model)
    }


def dncnn() -> Study:
    """Residual against direct learning, with and without batch norm, at two learning rates."""
    budget = replace(recipe("dncnn", "quick"), steps=200, batch_size=16)
    for seed in SEEDS:
        for rate in (5e-4, 2e-3):
            for residual in (True, False):
                for norm in (True, False):
                    config = {"residual_learning": residual, "batch_norm": norm}
                    yield (
                        {**config, "learning_rate": rate, "seed": seed},
                        lambda c=config, r=rate, s=seed: trained(
                            "dncnn", replace(budget, learning_rate=r), s, **c
                        ),
                    )


@cache
def sample_curve(images: int, seed: int) -> pd.DataFrame:
    """Gondara's network on the first `images` training images: its learning curve."""
    torch.manual_seed(seed)
    clean = load_dataset("chest-drr").train[:images].images()
    budget = replace(recipe("gondara", "quick"), steps=1000, validate_every=100, seed=seed)
    model = models.create("gondara")
    validation = Protocol(split="val", noise=NOISE)
    return fit(model, NoisyPatches(clean, NOISE), budget, validation).curve


def gondara() -> Study:
    """How many training images does it need?"""
    for seed in SEEDS:
        for images in (10, 50, 160):
            for step in range(100, 1001, 100):
                yield (
                    {"images": images, "seed": seed, "step": step},
                    lambda n=images, s=seed, k=step: {"psnr": sample_curve(n, s)["psnr"][k]},
                )


def gondara_noise() -> Study:
    """The paper's noise: four Gaussian settings, and the Poisson ones as far as they are known."""
    budget = replace(recipe("gondara", "quick"), steps=500)
    settings = ((0.1, 1), (0.5, 1), (0.2, 2), (0.2, 5))
    gaussian = [(p, sigma, GaussianNoise(255 * p * sigma)) for p, sigma in settings]
    poisson = [(0.2, rate, AdditivePoissonNoise(0.2, rate)) for rate in (1, 5)]
    for kind, settings in (("Gaussian", gaussian), ("Poisson", poisson)):
        for p, parameter, noise in settings:
            key = {"noise": kind, "p": p, "parameter": parameter}
            protocol = Protocol(split="val", noise=noise)
            for name in ("noisy", "median", "nlm"):
                yield (
                    {**key, "method": name},
                    lambda n=name, p=protocol: quality(baselines.create(n), p),
                )
            for seed in SEEDS:
                yield (
                    {**key, "method": "gondara", "seed": seed},
                    lambda s=seed, p=protocol: quality(network("gondara", p.noise, budget, s), p),
                )


def rdn() -> Study:
    """Growth rate and depth."""
    budget = replace(recipe("rdn", "quick"), steps=400)
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
    data = load_dataset("chest-drr")
    scores = dice(segment(task, images), images_and_masks(data.test)[:, 1:]).mean(0)
    return {
        f"dice_{name}": value.item() for name, value in zip(data.structures, scores, strict=True)
    }


@cache
def pretrained(seed: int) -> torch.nn.Module:
    """Liu's denoiser before the joint step."""
    return network("liu", SEGMENTED, recipe("liu", "quick"), seed)


def joint(seed: int, weight: float | None) -> dict:
    """Train the denoiser through the frozen task network (not at all for None); measure both."""
    data, task = load_dataset("chest-drr"), task_network(seed)
    denoiser = copy.deepcopy(pretrained(seed))
    if weight is not None:
        full = recipe("liu", "quick")
        budget = replace(full, steps=full.steps // 2, learning_rate=1e-3, seed=seed)
        fit_joint(denoiser, task, images_and_masks(data.train), SEGMENTED, budget, weight)
    protocol = Protocol(noise=SEGMENTED)
    clean = data.test.images()
    noisy = SEGMENTED(clean, data.test.ids, protocol.seed)
    estimates = torch.cat([apply(denoiser, y[None], SEGMENTED.sigma) for y in noisy])
    scores = pd.DataFrame(
        score(x[None], z[None], protocol) for x, z in zip(clean, estimates, strict=True)
    )
    return overlap(task, estimates) | scores[["psnr", "ssim"]].mean().to_dict()


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
        yield {"seed": seed, "images": "pretrained"}, lambda s=seed: joint(s, None)
        for weight in (0, 0.002, 0.02):
            yield (
                {"seed": seed, "images": "denoised", "weight": weight},
                lambda s=seed, w=weight: joint(s, w),
            )


def parity() -> Study:
    """The DnCNN authors' weights in our network, on their test sets."""
    for dataset in ("set12", "bsd68"):
        for sigma in (15, 25, 50):
            protocol = Protocol(dataset=dataset, noise=GaussianNoise(sigma))
            for name, released in (("S", sigma), ("B", None)):
                yield (
                    {"dataset": dataset, "sigma": sigma, "model": name, "protocol": protocol.hash},
                    lambda p=protocol, r=released: quality(load_dncnn(r), p),
                )


def blind() -> Study:
    """The released DnCNN-S for 25 and DnCNN-B at levels that S was not trained for."""
    for sigma in LEVELS:
        protocol = Protocol(dataset="set12", noise=GaussianNoise(sigma))
        for name, released in (("S (25)", 25), ("B", None)):
            yield (
                {"sigma": sigma, "model": name, "protocol": protocol.hash},
                lambda p=protocol, r=released: quality(load_dncnn(r), p),
            )


@cache
def level_network(name: str, seed: int) -> torch.nn.Module:
    """DnCNN-S for 25, or DnCNN-B for all levels, trained here."""
    noise = BlindGaussianNoise(0, 55) if name == "dncnn-b" else NOISE
    return network(name, noise, recipe(name, "quick"), seed)


def blind_training() -> Study:
    """The same comparison with networks trained here, on radiographs."""
    for seed in SEEDS:
        for name in ("dncnn", "dncnn-b"):
            for sigma in LEVELS:
                protocol = Protocol(split="val", noise=GaussianNoise(sigma))
                yield (
                    {"model": name, "sigma": sigma, "seed": seed},
                    lambda n=name, s=seed, p=protocol: quality(level_network(n, s), p),
                )


SHORT = 5120  # patches
AUTHORS = Recipe(steps=SHORT // 128, batch_size=128, learning_rate=1e-3, ema=0.0)
MUON = Recipe(steps=SHORT // 8, batch_size=8, learning_rate=3e-3, optimizer="muon")
# Ways to train DnCNN-S; True: the last layer starts at random, like the others.
OPTIMISERS = {
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


def train_natural(budget: Recipe, he: bool) -> dict:
    """DnCNN-S on the photographs of its paper."""
    torch.manual_seed(budget.seed)
    model = models.create("dncnn")
    if he:
        torch.nn.init.kaiming_normal_(model.tail.weight, nonlinearity="relu")
    run = fit(model, NoisyPatches(load_dataset("train400").train.images(), NOISE), budget)
    protocol = Protocol(dataset="set12", noise=NOISE, limit=7)
    score = quality(lambda noisy, sigma: denoise(noisy, model), protocol)
    patches = budget.steps * budget.batch_size
    return {**score, "patches": patches, "seconds": run.seconds, "protocol": protocol.hash}


def optimisers() -> Study:
    """Which optimiser, batch and start gets DnCNN furthest with the same patches?"""
    for setting, (budget, he) in OPTIMISERS.items():
        yield {"setting": setting}, lambda b=budget, h=he: train_natural(b, h)


# Ways to train for all noise levels at once, by network: loss, batch, Muon's peak.
BLIND_RECIPES = {
    "dncnn": (("mse", 4, 0.02), ("mse", 16, 0.02), ("l1", 4, 0.02), ("l1", 16, 0.02)),
    "rdn": (("mse", 4, 0.01), ("l1", 4, 0.01), ("l1", 4, 0.02)),
}


def train_blind(name: str, budget: Recipe) -> dict:
    """A network for all levels on the real radiographs, on their validation split."""
    model = load_plan(f"{name}-nih").create_model()  # DnCNN starts from the photographs' network
    images = load_dataset("nih-sample").train.images()
    fit(model, NoisyPatches(images, BlindGaussianNoise(0, 55)), budget)
    return {
        f"psnr_{sigma}": quality(
            lambda noisy, sigma: denoise(noisy, model),
            Protocol("nih-sample", "val", noise=GaussianNoise(sigma), limit=20),
        )["psnr"]
        for sigma in (15, 25, 50)
    }


def blind_recipes() -> Study:
    """Loss, batch and learning rate for one network for all noise levels."""
    for name, ways in BLIND_RECIPES.items():
        for loss, batch, rate in ways:
            budget = replace(
                MUON,
                steps=SHORT // batch,
                batch_size=batch,
                loss=loss,
                matrix_learning_rate=rate,
            )
            yield (
                {"model": name, "loss": loss, "batch_size": batch, "matrix_learning_rate": rate},
                lambda n=name, b=budget: train_blind(n, b),
            )


STUDIES = {
    study.__name__: study
    for study in (
        parity,
        blind,
        blind_training,
        dncnn,
        gondara,
        gondara_noise,
        rdn,
        liu,
        optimisers,
        blind_recipes,
    )
}
