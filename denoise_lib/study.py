"""What the comparative study measures: methods, protocols, and ways to go wrong.

A `Cell` is one method under one protocol, in one way of applying it, its `variant`:

=================  ==================================================================
variant            the method is
=================  ==================================================================
(empty)            applied as it should be
``told:S``         told that the noise level is S, whatever it is
``anscombe``       applied between a generalised Anscombe transform and its inverse
``trained:N``      a network trained here on the noise that `NOISES` calls N
``tuned:D``        a classical method tuned on data set D
others             applied, or made, with a mistake: `MISTAKES`, ``batch-statistics``
                   (batch norm in training mode), ``whole-image`` (dense layers)
=================  ==================================================================

`make study` measures the cells that `results/` does not have; the book's pages read them by the
same names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

import torch
import torch.nn.functional as F

from denoise_lib import anscombe, baselines, models, pretrained
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import Denoiser
from denoise_lib.inference import denoise
from denoise_lib.noise import (
    CorrelatedNoise,
    GaussianNoise,
    Noise,
    PoissonGaussianNoise,
    SaltPepperNoise,
    SpeckleNoise,
)
from denoise_lib.patches import NoisyPatches
from denoise_lib.pretraining import patch_vectors, pretrain
from denoise_lib.protocol import Protocol
from denoise_lib.recipes import PRETRAINING, RECIPES, configuration, recipe
from denoise_lib.reference import load_dncnn
from denoise_lib.training import fit

SIGMAS = (5, 15, 25, 35, 50, 75)
OUTSIDE_TRAINING = 75  # the released networks have seen up to 55
DATASETS = ("nih-sample", "chest-drr", "chest-cr")
CLASSICAL = ("gaussian", "median", "bilateral", "wavelet", "nlm", "tv", "bm3d")
PAPERS = ("vincent-nih", "gondara-nih", "dncnn-nih", "liu-nih", "rdn-nih")
# One network for each of three levels, and one for all.
AUTHORS, AUTHORS_BLIND = "dncnn-authors", "dncnn-b-authors"
AUTHORS_SIGMAS = (15, 25, 50)
METHODS = ("noisy", *CLASSICAL, *PAPERS, AUTHORS, AUTHORS_BLIND)
# Trained for a minute by the chapters, for the level they are measured at.
QUICK = tuple(name for name in RECIPES if name != "dncnn-b")
REFERENCE = "dncnn-nih"  # differences are taken to it

NOISES: dict[str, Noise] = {
    "gaussian-25": GaussianNoise(25),
    "poisson-400": PoissonGaussianNoise(400, read_sigma=3),
    "poisson-100": PoissonGaussianNoise(100, read_sigma=3),
    "poisson-25": PoissonGaussianNoise(25, read_sigma=3),
    "correlated": CorrelatedNoise(25, width=1),
    "salt-pepper": SaltPepperNoise(0.1),
    "speckle": SpeckleNoise(50),
    # For the page on mistakes only.
    "gaussian-5": GaussianNoise(5),
    "gaussian-20": GaussianNoise(20),
    "gaussian-50": GaussianNoise(50),
}
DOSES = ("poisson-400", "poisson-100", "poisson-25")
MATRIX = ("gaussian-25", *DOSES, "correlated", "salt-pepper", "speckle")
STABILISED = ("nlm", "bm3d", "dncnn-nih", "rdn-nih")  # measured with the Anscombe transform too
FEW = 8  # images, where many variants are measured

# Where the noise is weak, the chapters' learning rate leaves DnCNN returning its input.
WEAK, GENTLE_RATE = ("gaussian-5", "poisson-400"), 2e-3

TOLD = (10, 15, 20, 25, 30, 40, 50)
TOLD_TRUE = GaussianNoise(25)

# 22 dB: the level of the noisy thumbnails in an earlier public comparison.
MISTAKEN_NOISE = GaussianNoise(20)
MISTAKEN = ("vincent-nih", "dncnn-nih", "rdn-nih")
# Noise drawn for each channel of a grey image loaded as RGB, then turned back to grey by the usual
# weights: what is left of sigma.
LUMA = (0.299, 0.587, 0.114)
RGB_NOISE = GaussianNoise(MISTAKEN_NOISE.sigma * sum(w**2 for w in LUMA) ** 0.5)


@dataclass(frozen=True)
class Cell:
    """One measurement of the study: a method under a protocol, applied in one way."""

    method: str
    protocol: Protocol
    variant: str = ""


def cells(part: str) -> list[Cell]:
    """The cells of a part of the study.

    Parameters
    ----------
    part : str
        One of `PARTS`.

    Returns
    -------
    list of Cell

    Raises
    ------
    ValueError
        When the part is not known; the message lists the known ones.
    """
    if part not in PARTS:
        raise ValueError(f"Unknown part {part!r}; choose one of: {', '.join(PARTS)}.")
    return list(PARTS[part]())


def _main() -> Iterator[Cell]:
    for dataset in DATASETS:
        for method in METHODS:
            for sigma in AUTHORS_SIGMAS if method == AUTHORS else SIGMAS:
                yield Cell(method, Protocol(dataset, noise=GaussianNoise(sigma)))


def _quick() -> Iterator[Cell]:
    for method in QUICK:
        for sigma in AUTHORS_SIGMAS:
            for dataset in DATASETS:
                yield Cell(method, Protocol(dataset, noise=GaussianNoise(sigma)))


def _tuning() -> Iterator[Cell]:
    for method in CLASSICAL:
        yield Cell(method, Protocol("nih-sample"), "tuned:nih-sample")


def _noises() -> Iterator[Cell]:
    for key in MATRIX:
        protocol = Protocol(noise=NOISES[key], limit=FEW)
        for method in ("noisy", *CLASSICAL, *PAPERS, AUTHORS_BLIND):
            yield Cell(method, protocol)
        for method in STABILISED if key in DOSES else ():
            yield Cell(method, protocol, "anscombe")
            if method in CLASSICAL:  # the dose alone tells the level, without any transform
                yield Cell(method, protocol, middle_level(NOISES[key]))
        for trained_on in MATRIX:
            yield Cell("dncnn", protocol, f"trained:{trained_on}")


def _told() -> Iterator[Cell]:
    protocol = Protocol(noise=TOLD_TRUE, limit=FEW)
    for method in (*CLASSICAL, AUTHORS):
        for sigma in AUTHORS_SIGMAS if method == AUTHORS else TOLD:
            yield Cell(method, protocol, f"told:{sigma}")


def _mistakes() -> Iterator[Cell]:
    protocol = Protocol(noise=MISTAKEN_NOISE, limit=FEW)
    for method in ("noisy", *MISTAKEN):
        yield Cell(method, protocol)
        yield Cell(method, replace(protocol, noise=RGB_NOISE))
        for mistake in MISTAKES if method != "noisy" else ():
            yield Cell(method, protocol, mistake)
    yield Cell("dncnn-nih", protocol, "batch-statistics")
    yield Cell("vincent", protocol, "whole-image")
    for trained_on in ("gaussian-5", "gaussian-20", "gaussian-50"):
        yield Cell("dncnn", protocol, f"trained:{trained_on}")


PARTS = {
    "main": _main,
    "quick": _quick,
    "tuning": _tuning,
    "noises": _noises,
    "told": _told,
    "mistakes": _mistakes,
}


def middle_level(noise: PoissonGaussianNoise) -> str:
    """The variant that is told the noise level in the middle between black and white."""
    return f"told:{noise.sigma_at(0.5):.1f}"


def create(
    method: str, variant: str = "", noise: Noise | None = None, precision: str = "fp32"
) -> Denoiser:
    """Make a method of the study.

    Parameters
    ----------
    method : str
        A classical method, a released network, a model that is trained here, `dncnn-authors` or
        `dncnn-b-authors`.
    variant : str
        How it is applied; see the module's table.
    noise : Noise, optional
        Needed where a network is trained here, or has to know the noise.
    precision : str
        Of the networks, as for `inference.denoise`. Half precision ("auto") is faster and costs
        the authors' weights up to 0.03 dB, the library's networks up to 0.01.

    Returns
    -------
    callable
        ``f(noisy, sigma=None) -> image``.

    Raises
    ------
    ValueError
        When the method or the variant is not known, or the variant needs another method or noise;
        the message lists the known ones, or says what is needed.
    FileNotFoundError, ConnectionError, ModuleNotFoundError
        When weights or a package that the method needs cannot be had.
    """
    kind, _, argument = variant.partition(":")
    if kind == "trained" and argument in NOISES:
        return _network(trained(method, NOISES[argument]), precision)
    if kind == "tuned" and method in CLASSICAL and argument in ("chest-drr", "nih-sample"):
        return baselines.create(method, baselines.tuned_parameters(argument)[method])
    if variant == "whole-image" and method == "vincent" and noise is not None:
        return _network(_whole_image(noise), precision)
    if variant == "batch-statistics":
        return _with_batch_statistics(pretrained.load_pretrained(method))
    plain = _plain(method, noise, precision)
    if kind == "told" and argument:
        return lambda noisy, sigma=None: plain(noisy, sigma=float(argument))
    if variant == "anscombe" and isinstance(noise, PoissonGaussianNoise):
        return anscombe.stabilised(plain, noise.photons, noise.read_sigma)
    if variant in MISTAKES:
        return lambda noisy, sigma=None: MISTAKES[variant](noisy, plain(noisy, sigma=sigma))
    if not variant:
        return plain
    raise ValueError(
        f"{method!r} cannot be made as {variant!r}; choose one of: told:S (S a number), anscombe "
        f"(with a PoissonGaussianNoise), trained:N (N one of {', '.join(NOISES)}), tuned:D (a "
        f"classical method; D chest-drr or nih-sample), whole-image (vincent, with a noise), "
        f"batch-statistics, {', '.join(MISTAKES)}."
    )


def _plain(method: str, noise: Noise | None, precision: str) -> Denoiser:
    if method in ("noisy", *CLASSICAL):
        return baselines.create(method)
    if method == AUTHORS_BLIND:
        return _network(load_dncnn(None), precision)
    if method == AUTHORS:
        return lambda noisy, sigma=None: _authors(sigma, precision)(noisy, sigma=sigma)
    if method in pretrained.available():
        return _network(pretrained.load_pretrained(method), precision)
    if method in QUICK:
        if noise is None:
            raise ValueError(f"{method!r} is trained here: give the noise it is trained for.")
        return _network(trained(method, noise), precision)
    known = ", ".join(dict.fromkeys([*METHODS, *pretrained.available(), *QUICK]))
    raise ValueError(f"Unknown method {method!r}; choose one of: {known}.")


def _network(model: torch.nn.Module, precision: str) -> Denoiser:
    return lambda noisy, sigma=None: denoise(noisy, model, sigma, tile=None, precision=precision)


@cache
def _authors(sigma: float, precision: str) -> Denoiser:
    if sigma not in AUTHORS_SIGMAS:
        known = ", ".join(map(str, AUTHORS_SIGMAS))
        raise ValueError(f"The authors' networks are for {known}, not {sigma}: choose one of them.")
    return _network(load_dncnn(int(sigma)), precision)


@cache
def trained(method: str, noise: Noise, preset: str = "quick") -> torch.nn.Module:
    """A network trained on `chest-drr` for one noise, as its chapter does it; gently where `WEAK`.

    Parameters
    ----------
    method : str
        A name that `models.create` knows.
    noise : Noise
        Drawn anew for every patch.
    preset : str
        The budget: "smoke", "quick" or "full".

    Returns
    -------
    torch.nn.Module
        The same object for the same arguments.
    """
    torch.manual_seed(0)
    model = models.create(method, **configuration(method, preset))
    images = load_dataset("chest-drr").train.images()
    if method == "vincent":
        pretrain(model.stack, patch_vectors(images), noise, PRETRAINING[preset])
    budget = recipe(method, preset)
    if noise in [NOISES[name] for name in WEAK]:
        budget = replace(budget, learning_rate=GENTLE_RATE)
    fit(model, NoisyPatches(images, noise), budget)
    return model


@cache
def _whole_image(noise: GaussianNoise, preset: str = "quick") -> torch.nn.Module:
    """Dense layers over the whole shrunken image, as Vincent's chapter trains them."""
    images = load_dataset("chest-drr").train.images()
    small = F.interpolate(images, (64, 64), mode="area").flatten(1)

    def draw(generator: torch.Generator) -> torch.Tensor:
        chosen = torch.randint(len(small), (32,), generator=generator, device=generator.device)
        return small.to(generator.device)[chosen]

    torch.manual_seed(0)
    model = models.WholeImageAutoencoder(size=64, hidden=(512, 128))
    # Averaging 4 x 4 pixels leaves a quarter of the noise's standard deviation.
    pretrain(model.stack, draw, GaussianNoise(noise.sigma / 4), PRETRAINING[preset])
    budget = recipe("vincent", preset)
    budget = replace(
        budget,
        steps=max(4, budget.steps // 4),
        patch_size=256,
        symmetries="none",
        learning_rate=1e-3,
    )
    fit(model, NoisyPatches(images, noise), budget)
    return model


def _with_batch_statistics(model: torch.nn.Module) -> Denoiser:
    """Batch norm left in training mode: it normalises by the test image's own statistics."""

    def run(noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        model.train()
        return model(noisy, sigma=sigma)

    return run


def _offset(amount: float, noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return estimate + amount


def _rescaled_twice(noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return (estimate + 1) / 2


def _stretched(noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return (estimate - estimate.min()) / (estimate.max() - estimate.min())


def _wrapped(noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return (estimate * 255).round().remainder(256) / 255


def _residual(noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return noisy - estimate


def _without_mean(noisy: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return estimate - estimate.mean()


# What is done to a good output on its way to the score: ``g(noisy, estimate) -> image``.
MISTAKES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "offset-0.1": partial(_offset, 0.1),
    "offset-0.2": partial(_offset, 0.2),
    "rescaled-twice": _rescaled_twice,
    "mean-not-added": _without_mean,
    "stretched": _stretched,
    "wrapped": _wrapped,
    "residual": _residual,
}


def budget(method: str, variant: str = "") -> str | None:
    """What a row says of a network's training: a preset, `released`, or None."""
    if variant.startswith(("trained:", "whole-image")) or method in QUICK:
        return "quick"
    return "released" if method in pretrained.available() else None
