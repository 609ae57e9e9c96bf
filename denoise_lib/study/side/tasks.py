"""A frozen segmenter and a frozen classifier on clean, noisy and denoised images."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch

from denoise_lib.data import load_dataset
from denoise_lib.needs import Needs
from denoise_lib.noise import GaussianNoise
from denoise_lib.study.grid import compared
from denoise_lib.study.side.liu import overlap, task_network
from denoise_lib.study.side.shared import SEEDS, denoised
from denoise_lib.study.side_studies import side_study
from denoise_lib.tasks import classification, segmentation
from denoise_lib.tasks.classification import (
    POSITIVE,
    RECIPE,
    Classifier,
    classify,
    fit_classifier,
)

TASK_NOISE = GaussianNoise(50)


@cache
def test_images(dataset: str, method: str) -> torch.Tensor:
    """The test split, clean or by a method.

    Parameters
    ----------
    dataset : str
        A name.
    method : str
        Of the study, or "clean".

    Returns
    -------
    torch.Tensor
        float32, shape (N, 1, H, W).
    """
    split = load_dataset(dataset).test
    images = split.images()
    return images if method == "clean" else denoised(method, TASK_NOISE, images, split.ids)


@cache
def classifier(seed: int) -> Classifier:
    """The classifier, trained on the clean training images of `nih-sample`.

    Parameters
    ----------
    seed : int
        Of the training.

    Returns
    -------
    Classifier
        In evaluation mode.
    """
    torch.manual_seed(seed)
    split = load_dataset("nih-sample").train
    labels = torch.tensor([item.label == POSITIVE for item in split])
    model = Classifier()
    fit_classifier(model, split.images(), labels, replace(RECIPE, seed=seed)).to_the_end()
    return model


@side_study(
    "What do a frozen segmenter and a frozen classifier make of denoised images?",
    code=(classification, segmentation),
    needs=Needs(folder="chest_xray"),
    in_study=True,
    task=("segmentation", "classification"),
    method=lambda: ("clean", *compared()),
    seed=SEEDS,
)
def tasks(task: str, method: str, seed: int) -> dict[str, Any]:
    """Dice of each structure on `chest-drr`, or accuracy and AUC on `nih-sample`.

    Parameters
    ----------
    task : str
        "segmentation" or "classification".
    method : str
        Of the study, or "clean".
    seed : int
        Of the task network's training.

    Returns
    -------
    dict
        Dice of each structure, or `accuracy`, `auc` and what is `changed` against clean images.
    """
    if task == "segmentation":
        return overlap(task_network(seed), test_images("chest-drr", method))
    return _classified(method, seed)


def _classified(method: str, seed: int) -> dict[str, Any]:
    """Accuracy and AUC on the test split, and how many answers the clean image would change."""
    from scipy import stats

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
