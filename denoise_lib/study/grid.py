"""What the comparative study measures: which methods, applied how, under which protocols."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from denoise_lib.checks import unknown
from denoise_lib.data import registry as data
from denoise_lib.methods.authors import Authors
from denoise_lib.methods.classical import Classical
from denoise_lib.methods.registry import Denoiser, get, methods
from denoise_lib.methods.released import Released, load_card
from denoise_lib.noise import CorrelatedNoise, GaussianNoise, XRayNoise
from denoise_lib.noise import declared as noise_models
from denoise_lib.protocol import Protocol
from denoise_lib.study import store
from denoise_lib.study.mistakes import MISTAKES
from denoise_lib.study.side import trainings
from denoise_lib.study.variants import (
    Anscombe,
    BatchStatistics,
    Mistake,
    Plain,
    Retrained,
    Told,
    TrainedOn,
    TunedOn,
    Variant,
    WholeImage,
    make,
    study_noises,
    tuned,
)

SIGMAS = (5, 15, 25, 35, 50, 75)
COMMON_SIGMAS = (15, 25, 50)
COMPARED_WITH = "dncnn-b-nih"  # differences are taken to it
OBSERVED = "liu-nih"  # ours with the highest PSNR: what it does to nodules is told
WARM = "dncnn-warm-nih"  # trained longer than the others, from photographs on
AUTHORS, AUTHORS_BLIND = "dncnn-authors", "dncnn-b-authors"
STABILISED = ("nlm", "bm3d", "dncnn-b-nih", "rdn-nih")  # measured with the Anscombe transform too
FEW = 8  # images, where many variants are measured
MATRIX_IMAGES, MATRIX_SEEDS = 20, (0, 1)
LONGER = Retrained(share=trainings.FOURFOLD_SHARE)
NATIVE_SIGMAS = COMMON_SIGMAS  # images sixteen times as large: BM3D takes a minute for each
WIDTHS = (0.5, 1, 2)  # of correlated noise, in pixels
REMEDY = "rdn-correlated"  # trained on noise of any of these widths

TOLD = (10, 15, 20, 25, 30, 40, 50)
TOLD_TRUE = GaussianNoise(25)

# 22 dB: the level of the noisy thumbnails in an earlier public comparison.
MISTAKEN_NOISE = GaussianNoise(20)
MISTAKEN = ("vincent-nih", "dncnn-b-nih", "rdn-nih")
# Noise drawn for each channel of a grey image loaded as RGB, then turned back to grey by the usual
# weights: what is left of sigma.
LUMA = (0.299, 0.587, 0.114)
RGB_NOISE = GaussianNoise(MISTAKEN_NOISE.sigma * sum(w**2 for w in LUMA) ** 0.5)


def datasets() -> tuple[str, ...]:
    """The data sets of the comparison, the main one first."""
    placed = {s.name: s.place for s in data.sources().values() if s.place is not None}
    return tuple(sorted(placed, key=lambda name: placed[name]))


def compared() -> tuple[str, ...]:
    """The methods of the comparison: the noisy input, classical ones, the papers', the authors'."""
    return (*methods(Classical, True), *released(), *methods(Authors, True))


def classical() -> tuple[str, ...]:
    """The classical methods, without the noisy input."""
    return tuple(name for name in methods(Classical, True) if name != "noisy")


def released() -> tuple[str, ...]:
    """The networks that were trained for longer, in the order of their papers."""
    return tuple(methods(Released, True))


def matrix() -> tuple[str, ...]:
    """The noises that a network is trained on, each tested on all of them."""
    trained = {
        name
        for declared in noise_models().values()
        for name, shown in declared.study.items()
        if shown.trained_on
    }
    return tuple(name for name in study_noises(in_matrix=True) if name in trained)


def doses() -> tuple[str, ...]:
    """Those of them that are photon noise, the highest dose first."""
    return tuple(
        name for name, noise in study_noises(in_matrix=True).items() if isinstance(noise, XRayNoise)
    )


def other_seeds(method: str) -> tuple[int, ...]:
    """Seeds of the full trainings of a network besides the released one.

    Parameters
    ----------
    method : str
        A released network.

    Returns
    -------
    tuple of int
    """
    rows = store.side_table("trainings", trainings.KEY).read()
    rows = rows[(rows["network"] == method) & (rows["share"] == 1)]
    return tuple(sorted({*rows["seed"].astype(int)} - {load_card(method)["recipe"]["seed"]}))


@dataclass(frozen=True)
class Measurement:
    """One method under one protocol, applied in one way: a row for each image."""

    method: str
    protocol: Protocol
    variant: Variant = Plain()
    precision: str = "fp32"

    @property
    def applied(self) -> Variant:
        """The variant; a plain classical method has the tuning that suits the data set."""
        plain = self.variant == Plain()
        return tuned(self.method, self.protocol.dataset) if plain else self.variant

    @cached_property
    def key(self) -> dict[str, str]:
        """What its rows have in common, see `store.KEY`."""
        identity = self.applied.identity(get(self.method), self.protocol.noise)
        text = json.dumps(identity, sort_keys=True, default=list)
        return {
            "dataset": self.protocol.dataset,
            "method": self.method,
            "variant": str(self.variant),
            "protocol": self.protocol.hash,
            "precision": self.precision,
            "fingerprint": hashlib.sha256(text.encode()).hexdigest()[:10],
        }

    def make(self) -> Denoiser:
        """The denoiser; it may be trained first."""
        return make(self.method, self.applied, self.protocol.noise, self.precision)

    def can_run(self, download: bool = False) -> bool:
        """Whether this machine has what it needs, or may download it.

        Parameters
        ----------
        download : bool
            Whether published files may be downloaded.

        Returns
        -------
        bool
        """
        method = get(self.method)
        needs = method.needs, data.get(self.protocol.dataset).needs
        return self.variant.is_here(method) and all(each.met(download) for each in needs)


def measurements(part: str) -> list[Measurement]:
    """The measurements of a part of the study.

    Parameters
    ----------
    part : str
        One of `PARTS`.

    Returns
    -------
    list of Measurement

    Raises
    ------
    ValueError
        When the part is not known; the message lists the known ones.
    """
    if part not in PARTS:
        raise unknown("part", part, PARTS)
    return list(PARTS[part]())


def sigmas(method: str) -> tuple[int, ...]:
    """The noise levels at which a method is measured.

    Parameters
    ----------
    method : str
        Of the comparison.

    Returns
    -------
    tuple of int
        On the 0-255 scale.
    """
    declared = get(method)
    return declared.levels if isinstance(declared, Authors) and declared.levels else SIGMAS


def _main() -> Iterator[Measurement]:
    for dataset in datasets():
        for method in compared():
            for sigma in sigmas(method):
                yield Measurement(method, Protocol(dataset, noise=GaussianNoise(sigma)))
    for sigma in COMMON_SIGMAS:
        yield Measurement(WARM, Protocol("nih-sample", noise=GaussianNoise(sigma)))


def _seeds() -> Iterator[Measurement]:
    for method in released():
        for seed in other_seeds(method):
            for sigma in SIGMAS:
                protocol = Protocol("nih-sample", noise=GaussianNoise(sigma))
                yield Measurement(method, protocol, Retrained(seed))


def _longer() -> Iterator[Measurement]:
    for method in released():
        for sigma in COMMON_SIGMAS:
            protocol = Protocol("nih-sample", noise=GaussianNoise(sigma))
            yield Measurement(method, protocol, LONGER)


def _photographs() -> Iterator[Measurement]:
    for dataset in ("bsd68", "set12"):
        yield Measurement("dncnn-s25-natural", Protocol(dataset))


def _tuning() -> Iterator[Measurement]:
    for method in classical():  # with the parameters of other images
        yield Measurement(method, Protocol("nih-sample"), TunedOn("chest-drr"))


def _correlated() -> Iterator[Measurement]:
    for width in WIDTHS:
        protocol = Protocol("nih-sample", noise=CorrelatedNoise(25, width))
        for method in (*compared(), REMEDY):
            if method != AUTHORS:
                yield Measurement(method, protocol)
    yield Measurement(REMEDY, Protocol("nih-sample"))


def _native() -> Iterator[Measurement]:
    for sigma in NATIVE_SIGMAS:
        for method in compared():
            yield Measurement(method, Protocol("nih-native", noise=GaussianNoise(sigma)))


def _noises() -> Iterator[Measurement]:
    for noise in study_noises(in_matrix=True).values():
        protocol = Protocol(noise=noise, limit=FEW)
        for method in ("noisy", *classical(), *released(), AUTHORS_BLIND):
            yield Measurement(method, protocol)
        if isinstance(noise, XRayNoise):
            for method in STABILISED:
                yield Measurement(method, protocol, Anscombe())
                if method in classical():  # the dose alone tells the level, without any transform
                    yield Measurement(method, protocol, middle_level(noise))


def _matrix() -> Iterator[Measurement]:
    noises = study_noises()
    for tested in matrix():
        protocol = Protocol("nih-sample", noise=noises[tested], limit=MATRIX_IMAGES)
        for trained_on in matrix():
            for seed in MATRIX_SEEDS:
                variant = TrainedOn(trained_on, "nih-sample", seed)
                yield Measurement("dncnn", protocol, variant)


def _told() -> Iterator[Measurement]:
    protocol = Protocol(noise=TOLD_TRUE, limit=FEW)
    for method in (*classical(), AUTHORS):
        for sigma in COMMON_SIGMAS if method == AUTHORS else TOLD:
            yield Measurement(method, protocol, Told(sigma))


def _mistakes() -> Iterator[Measurement]:
    protocol = Protocol(noise=MISTAKEN_NOISE, limit=FEW)
    for method in ("noisy", *MISTAKEN):
        yield Measurement(method, protocol)
        yield Measurement(method, replace(protocol, noise=RGB_NOISE))
        for mistake in MISTAKES if method != "noisy" else ():
            yield Measurement(method, protocol, Mistake(mistake))
    yield Measurement("dncnn-b-nih", protocol, BatchStatistics())
    yield Measurement("vincent", protocol, WholeImage())
    for trained_on in ("gaussian-5", "gaussian-20", "gaussian-50"):
        yield Measurement("dncnn", protocol, TrainedOn(trained_on))


PARTS = {
    "main": _main,
    "seeds": _seeds,
    "longer": _longer,
    "photographs": _photographs,
    "tuning": _tuning,
    "correlated": _correlated,
    "native": _native,
    "noises": _noises,
    "matrix": _matrix,
    "told": _told,
    "mistakes": _mistakes,
}


def middle_level(noise: XRayNoise) -> Told:
    """Told the noise level in the middle between black and white.

    Parameters
    ----------
    noise : XRayNoise
        Its dose and tone curve tell the level.

    Returns
    -------
    Told
        With sigma on the 0-255 scale, rounded to a tenth.
    """
    return Told(round(noise.sigma_at(0.5), 1))
