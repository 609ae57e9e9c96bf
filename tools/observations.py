"""What the comparative study measures besides scores; `tools/run_ablations.py` runs it.

Each generator yields, for each row of its table, the key and the function that measures it, as in
tools/ablations.py. `cost` times methods: run it on a machine that does nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median

import ablations
import numpy as np
import torch
from scipy import stats
from torch.utils.flop_counter import FlopCounterMode

from denoise_lib import baselines, observer, pretrained, spectra, study
from denoise_lib.classification import POSITIVE, RECIPE, Classifier, classify, fit_classifier
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply
from denoise_lib.noise import GaussianNoise
from denoise_lib.reference import load_dncnn

METHODS = study.METHODS
TASK_NOISE = GaussianNoise(50)
SEEDS = (0, 1, 2)
PRECISION = "auto"  # differences of a hundredth of a decibel do not matter here


def denoised(method: str, noise: GaussianNoise, images: torch.Tensor, ids: list[str]):
    """Images with the protocol's noise, by a method."""
    denoiser = study.create(method, precision=PRECISION)
    noisy = noise(images, ids)
    return torch.cat([apply(denoiser, y[None], noise.known_sigma) for y in noisy])


# Detectability -------------------------------------------------------------------------------

OBSERVED_SIGMAS = study.AUTHORS_SIGMAS


@cache
def observed(method: str, sigma: float) -> dict[int, dict]:
    """Channel outputs with and without nodules, and the contrast kept, by diameter."""
    noise, split = GaussianNoise(sigma), load_dataset("chest-drr").test
    denoiser = study.create(method, precision=PRECISION)
    filters = observer.channels(observer.REGION)
    found: dict[int, dict] = {
        d: {"present": [], "absent": [], "image": [], "kept": []} for d in observer.NODULES
    }
    for number, item in enumerate(split):
        where, sizes, signals = observer.study_nodules(item.mask[0], number)
        with_nodules = observer.insert(item.image, where, signals)
        # The same noise in both, so that their difference is what became of the nodule.
        pair = [noise(image[None], [item.id]) for image in (with_nodules, item.image)]
        seen = [apply(denoiser, noisy, sigma)[0, 0] for noisy in pair]
        for (row, column), size, signal in zip(where, sizes, signals, strict=True):
            present, absent = (
                observer.region(image, row, column, observer.REGION) for image in seen
            )
            entry = found[size]
            entry["present"].append(present.double().numpy().ravel() @ filters)
            entry["absent"].append(absent.double().numpy().ravel() @ filters)
            entry["image"].append(number)
            kept = ((present - absent) * signal).sum() / signal.square().sum()
            entry["kept"].append(kept.item())
    return found


def detectability(method: str, sigma: float, diameter: int) -> dict:
    """AUC of the observer on a method's images, and its difference to the noisy images."""

    def judged(name: str):
        entry = observed(name, sigma)[diameter]
        image = np.array(entry["image"])
        scores = observer.decisions(np.array(entry["present"]), np.array(entry["absent"]), image)
        return scores, image, np.array(entry["kept"])

    scores, image, kept = judged(method)
    before, _, _ = judged("noisy")
    low, high = observer.auc_interval(scores, image)
    change_low, change_high = observer.auc_interval(scores, image, minus=before)
    return {
        "auc": observer.auc(scores),
        "low": low,
        "high": high,
        "change": observer.auc(scores) - observer.auc(before),
        "change_low": change_low,
        "change_high": change_high,
        "contrast_kept": kept.mean(),
        "regions": len(image),
    }


def detection():
    """Is a nodule easier or harder to detect after denoising?"""
    for method in METHODS:
        for sigma in OBSERVED_SIGMAS:
            for diameter in observer.NODULES:
                yield (
                    {"method": method, "sigma": sigma, "diameter": diameter},
                    lambda m=method, s=sigma, d=diameter: detectability(m, s, d),
                )


# Tasks ---------------------------------------------------------------------------------------


@cache
def test_images(dataset: str, method: str) -> torch.Tensor:
    """The test split, clean or by a method."""
    split = load_dataset(dataset).test
    images = split.images()
    return images if method == "clean" else denoised(method, TASK_NOISE, images, split.ids)


def segmented(method: str, seed: int) -> dict:
    """Mean Dice of each structure, by the frozen network of Liu's side study."""
    network = ablations.task_network(seed)
    return ablations.overlap(network, test_images("chest-drr", method))


@cache
def classifier(seed: int) -> Classifier:
    """Trained on the clean training images of `nih-sample`."""
    torch.manual_seed(seed)
    split = load_dataset("nih-sample").train
    labels = torch.tensor([item.label == POSITIVE for item in split])
    model = Classifier()
    fit_classifier(model, split.images(), labels, replace(RECIPE, seed=seed))
    return model


def classified(method: str, seed: int) -> dict:
    """Accuracy and AUC on the test split, and how many answers the clean image would change."""
    split = load_dataset("nih-sample").test
    truth = np.array([item.label == POSITIVE for item in split])
    logits = classify(classifier(seed), test_images("nih-sample", method)).numpy()
    clean = classify(classifier(seed), test_images("nih-sample", "clean")).numpy()
    pairs = truth.sum() * (~truth).sum()
    return {
        "accuracy": ((logits > 0) == truth).mean(),
        "auc": stats.mannwhitneyu(logits[truth], logits[~truth]).statistic / pairs,
        "changed": ((logits > 0) != (clean > 0)).mean(),
        "called_positive": (logits > 0).mean(),
        "positive": truth.mean(),
        "images": len(truth),
    }


def tasks():
    """A frozen segmenter's Dice and a frozen classifier's accuracy on clean, noisy, denoised."""
    for task, measure in (("segmentation", segmented), ("classification", classified)):
        for method in ("clean", *METHODS):
            for seed in SEEDS:
                yield (
                    {"task": task, "method": method, "seed": seed},
                    lambda f=measure, m=method, s=seed: f(m, s),
                )


# Spectra -------------------------------------------------------------------------------------

SPECTRUM_NOISE, SPECTRUM_IMAGES, FLATS, EDGES = GaussianNoise(25), 10, 20, 16
EDGE_CONTRASTS = (0.1, 0.4)


@cache
def flat(method: str) -> torch.Tensor:
    """An even grey with noise, by a method."""
    images = torch.full((FLATS, 1, 256, 256), 0.5)
    return denoised(method, SPECTRUM_NOISE, images, [f"flat {n}" for n in range(FLATS)])


@cache
def curve(kind: str, method: str) -> np.ndarray:
    """A spectrum at `spectra.frequencies()`; powers are relative to that of the noise itself."""
    if kind == "noise":
        return spectra.radial_power(flat(method)) / spectra.radial_power(flat("noisy"))
    if kind.startswith("edge"):
        contrast = float(kind.split()[1])
        images = spectra.edge_phantom(contrast).repeat(EDGES, 1, 1, 1)
        ids = [f"edge {n}" for n in range(EDGES)]
        return spectra.edge_transfer(denoised(method, SPECTRUM_NOISE, images, ids), contrast)
    split = load_dataset("chest-drr").test[:SPECTRUM_IMAGES]
    images = split.images()
    estimates = denoised(method, SPECTRUM_NOISE, images, split.ids)
    # "error": what is wrong with the image. "removed": what was taken out of the noisy one.
    noisy = SPECTRUM_NOISE(images, split.ids)
    field = estimates - images if kind == "error" else noisy - estimates
    return spectra.radial_power(field) / spectra.radial_power(noisy - images)


def curves():
    """Power spectra of error, removed part and noise, and edge transfer, in one table."""
    kinds = ("error", "removed", "noise", *(f"edge {contrast}" for contrast in EDGE_CONTRASTS))
    for method in METHODS:
        for kind in kinds:
            for index, frequency in enumerate(spectra.frequencies()):
                yield (
                    {"method": method, "kind": kind, "frequency": round(float(frequency), 6)},
                    lambda m=method, k=kind, i=index: {"value": curve(k, m)[i]},
                )


def invented():
    """What a method makes of an even grey: everything but grey is invented."""
    for method in METHODS:
        yield {"method": method}, lambda m=method: _invented(flat(m))


def _invented(images: torch.Tensor) -> dict:
    deviation = images - 0.5
    return {
        "bias": 255 * deviation.mean().item(),
        "std": 255 * deviation.std().item(),
        "largest": 255 * deviation.abs().max().item(),
    }


# Cost ----------------------------------------------------------------------------------------

SIDE, ROUNDS = 1024, 3


def _load(method: str) -> torch.nn.Module | None:
    if method in (study.AUTHORS, study.AUTHORS_BLIND):
        return load_dncnn(25 if method == study.AUTHORS else None)
    return pretrained.load_pretrained(method) if method in pretrained.available() else None


def macs_per_pixel(model: torch.nn.Module) -> float:
    """Multiply-adds of convolutions and matrix products, per pixel of a 256 x 256 image."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model.eval()(torch.rand(1, 1, 256, 256))
    return counter.get_total_flops() / 2 / 256**2


def in_process(method: str) -> dict:
    """Seconds and peak memory for one image, in a process that does nothing else."""
    code = f"import observations; print(*observations.timed({method!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=os.path.dirname(os.path.abspath(__file__)),
    )
    if done.returncode:
        raise RuntimeError(f"{method} could not be timed:\n{done.stderr[-2000:]}")
    seconds, mib = map(float, done.stdout.split()[-2:])
    return {"seconds": seconds, "peak_mib": mib}


def timed(method: str) -> tuple[float, float]:
    """Median seconds, and MiB above what the process needed before."""
    image = GaussianNoise(25)(torch.full((1, 1, SIDE, SIDE), 0.5), ["cost"])
    if method in baselines.available():
        run = baselines.create(method)
    else:
        from denoise_lib.inference import denoise

        model = _load(method)

        def run(noisy, sigma):
            return denoise(noisy, model, sigma, precision="fp32")

    run(image[..., :64, :64].contiguous(), 25)  # imports, allocations of a first call
    # Forget the peak so far: the parent's is inherited, and imports have one too.
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    seconds = []
    for _ in range(1 if method == "bm3d" else ROUNDS):
        start = time.perf_counter()
        run(image, 25)
        seconds.append(time.perf_counter() - start)
    return median(seconds), _memory("VmHWM") - before


def _memory(kind: str) -> float:
    """MiB that this process holds ("VmRSS") or held at most ("VmHWM"), on Linux."""
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(kind)
    )
    return float(line.split()[1]) / 1024


def price(method: str) -> dict:
    """Everything about the cost of a method."""
    study.create(method)  # whatever is missing here is said before a process is started
    model, row = _load(method), in_process(method)
    if model is not None:
        row["parameters"] = sum(p.numel() for p in model.parameters())
        row["macs_per_pixel"] = macs_per_pixel(model)
    if method in pretrained.available():
        row["training_hours"] = pretrained.load_card(method)["hours"]
    return row


def cost():
    """Weights, arithmetic, time and memory for an image of 1024 x 1024."""
    for method in METHODS[1:]:
        yield {"method": method}, lambda m=method: price(m)


OBSERVATIONS = {f.__name__: f for f in (detection, tasks, curves, invented, cost)}
