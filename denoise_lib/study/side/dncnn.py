"""What residual learning and batch norm each do for DnCNN."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from denoise_lib import methods
from denoise_lib.study.side.shared import SEEDS, trained_quality
from denoise_lib.study.side_studies import side_study


@side_study(
    "Residual or direct, with batch norm or without, at two learning rates?",
    trains=("dncnn",),
    seed=SEEDS,
    learning_rate=(5e-4, 2e-3),
    residual_learning=(True, False),
    batch_norm=(True, False),
)
def dncnn(
    seed: int, learning_rate: float, residual_learning: bool, batch_norm: bool
) -> dict[str, Any]:
    """Section IV-B of the paper, at a short training.

    Parameters
    ----------
    seed : int
        Of the training.
    learning_rate : float
        Of Adam.
    residual_learning : bool
        See `DnCNN`.
    batch_norm : bool
        See `DnCNN`.

    Returns
    -------
    dict
        See `trained_quality`.
    """
    quick = methods.recipe("dncnn", "quick")
    recipe = replace(quick, steps=200, batch_size=16, learning_rate=learning_rate)
    config = {"residual_learning": residual_learning, "batch_norm": batch_norm}
    return trained_quality("dncnn", recipe, seed, **config)
