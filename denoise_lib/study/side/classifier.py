"""A pneumonia classifier, what it looks at, and what it makes of denoised images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from denoise_lib.data import load_dataset
from denoise_lib.data.items import Split
from denoise_lib.evaluation import apply
from denoise_lib.files import replacing
from denoise_lib.identity import code_hash
from denoise_lib.needs import Needs
from denoise_lib.noise import GaussianNoise
from denoise_lib.study.grid import compared
from denoise_lib.study.side.shared import PRECISION
from denoise_lib.study.side_studies import side_study
from denoise_lib.study.variants import make, tuned
from denoise_lib.tasks import classification
from denoise_lib.tasks.classification import (
    POSITIVE,
    RECIPE,
    Classifier,
    blur,
    classify,
    fit_classifier,
    grain,
    wins,
    wins_interval,
)

DATASET, NEEDS = "nih-sample", Needs(folder="chest_xray")
STRONG = GaussianNoise(50)  # what the methods remove
SEEDS = range(5)
TRAININGS = ("clean", "degraded")
# Weak changes of an image: noise (standard deviation, 0-255) and blur (pixels).
NOISES, BLURS = (1, 2, 3, 5), (0.5, 0.7, 1.0)
CHANGES = (*(f"noise {s}" for s in NOISES), *(f"blur {w}" for w in BLURS))
RUNS = Path("runs") / "classifier"  # trained classifiers, below the current folder


def positive(split: Split) -> np.ndarray:
    """Which images are labelled pneumonia, without reading them.

    Parameters
    ----------
    split : Split
        Of `nih-sample`.

    Returns
    -------
    numpy.ndarray
        bool, shape (N,).
    """
    return np.array([record.label == POSITIVE for record in split.records])


def patients(split: Split) -> np.ndarray:
    """Whose the images are, without reading them.

    Parameters
    ----------
    split : Split
        Of `nih-sample`.

    Returns
    -------
    numpy.ndarray
        Of text, shape (N,).
    """
    return np.array([record.group for record in split.records])


@side_study(
    "Does the grain of a clean image tell its label?",
    code=(classification,),
    repeatable=True,
    needs=NEEDS,
    in_study=True,
    images=("test", "all", *CHANGES),
)
def shortcut(images: str) -> dict[str, Any]:
    """AUC of one number, the estimated noise level of an image.

    Parameters
    ----------
    images : str
        Clean ones, "test" or "all" of the three splits; or those of "test" with one of `CHANGES`.

    Returns
    -------
    dict
        `auc` with the ends of its 95 % interval over patients; the median grain (0-255 scale) of
        the images labelled pneumonia and of the others; their `count`.
    """
    data = load_dataset(DATASET)
    splits = [data.train, data.val, data.test] if images == "all" else [data.test]
    if images in CHANGES:
        found = np.array([grain(image) for image in shown(images, "test")])
    else:
        found = np.array([grain(item.image) for split in splits for item in split])
    labels = np.concatenate([positive(split) for split in splits])
    groups = np.concatenate([patients(split) for split in splits])
    won = wins(found, labels)
    low, high = wins_interval(won, labels, groups)
    return {
        "auc": won.mean(),
        "low": low,
        "high": high,
        "grain_pneumonia": np.median(found[labels]),
        "grain_others": np.median(found[~labels]),
        "count": len(found),
    }


@lru_cache(2)  # both splits by one method; the keys keep the trainings of a method together
def shown(method: str, split: str) -> torch.Tensor:
    """A split as the classifier is shown it.

    Parameters
    ----------
    method : str
        "clean", one of `CHANGES`, or a method of the study, which is given noise of `STRONG`.
    split : str
        "val" or "test".

    Returns
    -------
    torch.Tensor
        float32, shape (N, 1, H, W), clipped to [0, 1].
    """
    items = getattr(load_dataset(DATASET), split)
    images = items.images()
    if method in CHANGES:
        kind, amount = method.split()
        if kind == "blur":
            images = blur(images, torch.full((len(images),), float(amount)))
        else:
            images = GaussianNoise(float(amount))(images, items.ids)
    elif method != "clean":
        denoiser = make(method, tuned(method, DATASET), precision=PRECISION)
        noisy = STRONG(images, items.ids)
        images = torch.cat([apply(denoiser, y[None], STRONG.known_sigma) for y in noisy])
    return images.clamp(0, 1)


@cache
def classifier(training: str, seed: int) -> Classifier:
    """The classifier after a training; it is kept in `RUNS` and trained once.

    Parameters
    ----------
    training : str
        On images as they are, "clean", or "degraded" by random blur and noise.
    seed : int
        Of the weights and the training.

    Returns
    -------
    Classifier
        In evaluation mode.
    """
    code = code_hash(classification, positive, classifier.__wrapped__)
    path = RUNS / f"{training}-{seed}-{code}.safetensors"
    torch.manual_seed(seed)
    model = Classifier()
    if path.exists():
        model.load_state_dict(load_file(path))
        return model.eval()
    split = load_dataset(DATASET).train
    labels = torch.from_numpy(positive(split))
    recipe = replace(RECIPE, seed=seed)
    fit_classifier(
        model, split.images(), labels, recipe, degraded=training == "degraded"
    ).to_the_end()
    with replacing(path) as temporary:
        # A training may leave channels last in memory, which safetensors refuses.
        save_file({name: x.contiguous() for name, x in model.state_dict().items()}, temporary)
    return model


def _keys() -> Iterator[dict[str, Any]]:
    # What needs no denoiser first, a training at a time; then a denoiser at a time.
    trained = [{"training": each, "seed": seed} for seed in SEEDS for each in TRAININGS]
    for one in trained:
        yield from ({**one, "method": method} for method in ("clean", *CHANGES))
    for method in compared():
        yield from ({**one, "method": method} for one in trained)


def _text(logits: torch.Tensor) -> str:
    return " ".join(f"{value:.3f}" for value in logits.tolist())


@side_study(
    "What does a classifier say of images whose grain is changed, or removed by a denoiser?",
    keys=_keys,
    code=(classification,),
    tuned_for=DATASET,
    needs=NEEDS,
    in_study=True,
)
def classified(training: str, seed: int, method: str) -> dict[str, Any]:
    """What a classifier says of each validation and test image.

    Parameters
    ----------
    training : str
        See `classifier`.
    seed : int
        Of the training.
    method : str
        See `shown`.

    Returns
    -------
    dict
        `val` and `test`: the logits of the split's images in its order, as text, so that
        thresholds can be set and methods compared pair by pair; the `auc` on the test split.
    """
    model = classifier(training, seed)
    logits = {split: classify(model, shown(method, split)) for split in ("val", "test")}
    test = positive(load_dataset(DATASET).test)
    return {
        "auc": wins(logits["test"].numpy(), test).mean(),
        **{split: _text(values) for split, values in logits.items()},
    }
