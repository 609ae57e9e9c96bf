"""Ways of applying a method, as small objects: `TrainedOn("correlated")`, `Told(25)`.

Each says in words what it is (``str``, which stands in the rows), makes the denoiser, and knows
what its numbers depend on besides the method itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from denoise_lib import methods, noise
from denoise_lib.checks import UserError
from denoise_lib.data import load_dataset
from denoise_lib.identity import code_hash
from denoise_lib.inference import denoise
from denoise_lib.methods import anscombe
from denoise_lib.methods.authors import Authors
from denoise_lib.methods.classical import Classical, tuning_for
from denoise_lib.methods.registry import Denoiser, Method, Network
from denoise_lib.methods.released import WEIGHTS, load_trained
from denoise_lib.methods.vincent import LAYER_RECIPES, WholeImageAutoencoder
from denoise_lib.noise import STUDY_DOSES, GaussianNoise, Noise, XRayNoise
from denoise_lib.recipe import Recipe
from denoise_lib.study import mistakes
from denoise_lib.study.mistakes import MISTAKES
from denoise_lib.study.side import trainings
from denoise_lib.training.layerwise import train_layers
from denoise_lib.training.loop import fit
from denoise_lib.training.patches import NoisyPatches
from denoise_lib.training.train import train_as_chapter

# Where the noise is weak, the chapters' learning rate leaves DnCNN returning its input.
WEAK, GENTLE_RATE = ("gaussian-5", f"xray-{max(STUDY_DOSES)}"), 2e-3


def study_noises(in_matrix: bool | None = None) -> dict[str, Noise]:
    """The noises that the study knows by name.

    Parameters
    ----------
    in_matrix : bool, optional
        Only those that every method is measured on, or only the others.

    Returns
    -------
    dict of str to Noise
        By name; see `noise.Shown`.
    """
    return {
        name: noise.create(kind, **shown.parameters)
        for kind, declared in noise.declared().items()
        for name, shown in declared.study.items()
        if in_matrix in (None, shown.in_matrix)
    }


class Variant(ABC):
    """A way of applying a method."""

    @abstractmethod
    def make(self, method: Method, noise: Noise, precision: str = "fp32") -> Denoiser:
        """A denoiser ``f(noisy, sigma=None) -> image``.

        Parameters
        ----------
        method : Method
            What is applied.
        noise : Noise
            What it is measured on: a network that is trained here is trained on it.
        precision : str
            Of networks, as for `inference.denoise`.

        Returns
        -------
        callable

        Raises
        ------
        ValueError
            When the method cannot be applied so.
        """

    def is_here(self, method: Method) -> bool:
        """Whether this machine has what applying a method so needs, besides the method's own.

        Parameters
        ----------
        method : Method
            What is applied.

        Returns
        -------
        bool
        """
        return True

    def identity(self, method: Method, noise: Noise) -> dict[str, Any]:
        """Plain values that change when the numbers do.

        Parameters
        ----------
        method : Method
            What is applied.
        noise : Noise
            What it is measured on.

        Returns
        -------
        dict
            See `Method.identity`.
        """
        return _trained_identity(method, noise)


@dataclass(frozen=True)
class Plain(Variant):
    """Applied as it should be."""

    def __str__(self) -> str:
        return ""

    def make(self, method: Method, noise: Noise, precision: str = "fp32") -> Denoiser:
        """See `Variant.make`."""
        if isinstance(method, Network):
            return _in_precision(trained(method.name, noise), precision)
        if isinstance(method, Authors):
            return lambda noisy, sigma=None: _in_precision(method.network(sigma), precision)(
                noisy, sigma=sigma
            )
        made = method.load()
        return _in_precision(made, precision) if isinstance(made, torch.nn.Module) else made


@dataclass(frozen=True)
class Told(Variant):
    """Told that the noise level is `sigma`, whatever it is."""

    sigma: float

    def __str__(self) -> str:
        return f"told:{self.sigma:g}"

    def make(self, method: Method, noise: Noise, precision: str = "fp32") -> Denoiser:
        """See `Variant.make`."""
        plain = Plain().make(method, noise, precision)
        return lambda noisy, sigma=None: plain(noisy, sigma=float(self.sigma))


@dataclass(frozen=True)
class Anscombe(Variant):
    """Applied to the counts, between a generalised Anscombe transform and its inverse."""

    def __str__(self) -> str:
        return "anscombe"

    def make(self, method: Method, noise: Noise, precision: str = "fp32") -> Denoiser:
        """See `Variant.make`; the noise must be an `XRayNoise`."""
        if not isinstance(noise, XRayNoise):
            raise UserError("The Anscombe transform is for photon noise: give its dose.")
        return anscombe.stabilised(Plain().make(method, noise, precision), noise)

    def identity(self, method: Method, noise: Noise) -> dict[str, Any]:
        """See `Variant.identity`; the transform's code too."""
        return {**super().identity(method, noise), "transform": code_hash(anscombe)}


@dataclass(frozen=True)
class TrainedOn(Variant):
    """A network trained here on the noise that the study knows by this name."""

    noise: str
    dataset: str = "chest-drr"
    seed: int = 0

    def __str__(self) -> str:
        other = f":{self.dataset}:{self.seed}" if self != TrainedOn(self.noise) else ""
        return f"trained:{self.noise}{other}"

    def make(self, method: Method, noise: Noise, precision: str = "fp32") -> Denoiser:
        """See `Variant.make`."""
        noise = study_noises()[self.noise]
        model = trained(method.name, noise, dataset=self.dataset, seed=self.seed)
        return _in_precision(model, precision)

    def identity(self, method: Method, noise: Noise) -> dict[str, Any]:
        """See `Variant.identity`; what counts is what it was trained on."""
        identity = _trained_identity(method, study_noises()[self.noise])
        if self != TrainedOn(self.noise):
            identity |= {"dataset": self.dataset, "seed": self.seed}
        return identity


@dataclass(frozen=True)
class Retrained(Variant):
    """Another training by the plan of a released network, see `side.trainings`."""

    seed: int = 0
    share: float = 1.0  # of the plan's steps

    def __str__(self) -> str:
        shorter_or_longer = "" if self.share == 1 else f"share:{self.share:g}, "
        return f"{shorter_or_longer}seed:{self.seed}"

    def make(self, method: Method, noise: Noise, precision: str = "fp32") -> Denoiser:
        """See `Variant.make`; for released networks."""
        return _in_precision(load_trained(self._folder(method)), precision)

    def is_here(self, method: Method) -> bool:
        """See `Variant.is_here`; the weights of such trainings are not in the package."""
        return (self._folder(method) / WEIGHTS).is_file()

    def identity(self, method: Method, noise: Noise) -> dict[str, Any]:
        """See `Variant.identity`; the plan tells what the weights are."""
        plan = trainings.plan(method.name).scaled(self.share, self.seed)
        return {"training": trainings.plan_identity(plan)}

    def _folder(self, method: Method) -> Path:
        return trainings.run_folder(method.name, self.share, self.seed)


@dataclass(frozen=True)
class TunedOn(Variant):
    """A classical method tuned on another data set."""

    dataset: str

    def __str__(self) -> str:
        return f"tuned:{self.dataset}"

    def make(self, method: Method, noise: Noise, precision: str = "fp32") -> Denoiser:
        """See `Variant.make`; for classical methods."""
        return _classical(method).load(self.dataset)

    def identity(self, method: Method, noise: Noise) -> dict[str, Any]:
        """See `Variant.identity`; that tuning."""
        return _classical(method).identity(self.dataset)


@dataclass(frozen=True)
class Mistake(Variant):
    """Its output damaged on the way to the score, see `MISTAKES`."""

    name: str

    def __str__(self) -> str:
        return self.name

    def make(self, method: Method, noise: Noise, precision: str = "fp32") -> Denoiser:
        """See `Variant.make`."""
        plain, damage = Plain().make(method, noise, precision), MISTAKES[self.name]
        return lambda noisy, sigma=None: damage(noisy, plain(noisy, sigma=sigma))

    def identity(self, method: Method, noise: Noise) -> dict[str, Any]:
        """See `Variant.identity`; the damage too."""
        return {**super().identity(method, noise), "damage": [self.name, code_hash(mistakes)]}


@dataclass(frozen=True)
class BatchStatistics(Variant):
    """Batch norm left in training mode: it normalises by the test image's own statistics."""

    def __str__(self) -> str:
        return "batch-statistics"

    def make(self, method: Method, noise: Noise, precision: str = "fp32") -> Denoiser:
        """See `Variant.make`; for released networks."""
        model = load_trained(method.name)

        def run(noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
            model.train()
            return model(noisy, sigma=sigma)

        return run


@dataclass(frozen=True)
class WholeImage(Variant):
    """Vincent's dense layers over the whole image, shrunk."""

    def __str__(self) -> str:
        return "whole-image"

    def make(self, method: Method, noise: Noise, precision: str = "fp32") -> Denoiser:
        """See `Variant.make`; for `vincent` on Gaussian noise."""
        if method.name != "vincent" or not isinstance(noise, GaussianNoise):
            raise UserError("The whole image is given to vincent, with Gaussian noise.")
        return _in_precision(whole_image(noise), precision)

    def identity(self, method: Method, noise: Noise) -> dict[str, Any]:
        """See `Variant.identity`; how the layers are trained too."""
        code = code_hash(whole_image.__wrapped__, _whole_recipe)
        return {**super().identity(method, noise), "whole": code}


def tuned(name: str, dataset: str) -> Variant:
    """How a method is applied to the images of a data set as it should be.

    Parameters
    ----------
    name : str
        Of the method.
    dataset : str
        Of the images.

    Returns
    -------
    Variant
        For a classical method with parameters, those that suit the images.
    """
    method = methods.get(name)
    searched = isinstance(method, Classical) and method.grid
    return TunedOn(tuning_for(dataset)) if searched else Plain()


def make(
    name: str, variant: Variant | None = None, noise: Noise | None = None, precision: str = "fp32"
) -> Denoiser:
    """A method of the study, ready to be measured.

    Parameters
    ----------
    name : str
        Of the method.
    variant : Variant, optional
        How it is applied; as it should be by default.
    noise : Noise, optional
        What it is measured on; needed where a network is trained here.
    precision : str
        Of networks, as for `inference.denoise`.

    Returns
    -------
    callable
        ``f(noisy, sigma=None) -> image``.

    Raises
    ------
    ValueError
        When the method is not known, cannot be applied so, or its noise is missing.
    FileNotFoundError, ConnectionError, ModuleNotFoundError
        When weights or a package that it needs cannot be had.
    """
    method = methods.get(name)
    if noise is None:
        if isinstance(method, Network):
            raise UserError(f"{name!r} is trained here: give the noise it is trained for.")
        noise = GaussianNoise(25)
    return (variant or Plain()).make(method, noise, precision)


@cache
def trained(
    name: str, noise: Noise, preset: str = "quick", dataset: str = "chest-drr", seed: int = 0
) -> torch.nn.Module:
    """A network trained for one noise, as its chapter does it; gently where `WEAK`.

    Parameters
    ----------
    name : str
        Of the network.
    noise : Noise
        Drawn anew for every patch.
    preset : str
        "smoke", "quick" or "full".
    dataset : str
        Whose training images are used.
    seed : int
        Of the weights and the training.

    Returns
    -------
    torch.nn.Module
        The same object for the same arguments.
    """
    images = load_dataset(dataset).train.images()
    return train_as_chapter(name, images, noise, preset, seed=seed, **_gently(noise))


def _gently(noise: Noise) -> dict[str, float]:
    weak = noise in [study_noises()[name] for name in WEAK]
    return {"learning_rate": GENTLE_RATE} if weak else {}


def _trained_identity(method: Method, noise: Noise) -> dict[str, Any]:
    """What a method's numbers depend on; for a network that is trained here, its training too."""
    if not isinstance(method, Network):
        return method.identity()
    recipe = replace(method.recipe("quick"), **_gently(noise))
    layers = method.layer_recipes.get("quick")
    return {
        **method.identity(),
        "small": method.configuration("quick"),
        "recipe": asdict(recipe),
        "layers": asdict(layers) if layers else None,
        "noise": noise.to_dict(),
    }


@cache
def whole_image(noise: GaussianNoise, preset: str = "quick") -> torch.nn.Module:
    """Dense layers over the whole shrunken image, as Vincent's chapter trains them.

    Parameters
    ----------
    noise : GaussianNoise
        What it is trained for.
    preset : str
        "smoke", "quick" or "full".

    Returns
    -------
    torch.nn.Module
        A `WholeImageAutoencoder` in evaluation mode; the same object for the same arguments.
    """
    images = load_dataset("chest-drr").train.images()
    small = F.interpolate(images, (64, 64), mode="area").flatten(1)

    def draw(generator: torch.Generator) -> torch.Tensor:
        chosen = torch.randint(len(small), (32,), generator=generator, device=generator.device)
        return small.to(generator.device)[chosen]

    torch.manual_seed(0)
    model = WholeImageAutoencoder(size=64, hidden=(512, 128))
    # Averaging 4 x 4 pixels leaves a quarter of the noise's standard deviation.
    weaker = GaussianNoise(noise.sigma / 4)
    train_layers(model.stack, draw, weaker, LAYER_RECIPES[preset]).to_the_end()
    fit(model, NoisyPatches(images, noise), _whole_recipe(preset)).to_the_end()
    return model


def _whole_recipe(preset: str) -> Recipe:
    recipe = methods.recipe("vincent", preset)
    return replace(
        recipe,
        steps=max(4, recipe.steps // 4),
        patch_size=256,
        symmetries="none",
        learning_rate=1e-3,
    )


def _classical(method: Method) -> Classical:
    if not isinstance(method, Classical):
        raise UserError(f"{method.name} has nothing to tune: choose a classical method.")
    return method


def _in_precision(model: torch.nn.Module, precision: str) -> Denoiser:
    return lambda noisy, sigma=None: denoise(noisy, model, sigma, tile=None, precision=precision)
