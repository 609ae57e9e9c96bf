"""How each chapter trains its network: three budgets per paper.

`smoke` proves that the notebook runs (seconds), `quick` is the book's (about a minute on two
processor cores), `full` is for a GPU or for hours.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from denoise_lib.training import Recipe

PRESETS = ("smoke", "quick", "full")

# At large learning rates a single bad step costs too much of a training of a minute.
_clipped = partial(Recipe, clip_gradient=1.0)

RECIPES = {
    "vincent": {
        "smoke": _clipped(steps=8, batch_size=4, patch_size=48, validate_every=4),
        "quick": _clipped(
            steps=1500, batch_size=8, patch_size=48, learning_rate=5e-3, validate_every=150
        ),
        "full": _clipped(
            steps=100_000, batch_size=32, patch_size=48, ema=0.999, validate_every=2000
        ),
    },
    "gondara": {
        "smoke": _clipped(steps=8, batch_size=4, patch_size=64, loss="bce", validate_every=4),
        "quick": _clipped(
            steps=1500,
            batch_size=16,
            patch_size=64,
            learning_rate=2e-3,
            loss="bce",
            validate_every=100,
        ),
        "full": _clipped(
            steps=40_000,
            batch_size=64,
            patch_size=64,
            loss="bce",
            ema=0.999,
            validate_every=2000,
        ),
    },
    "dncnn": {
        "smoke": _clipped(steps=8, batch_size=4, patch_size=40, validate_every=4),
        "quick": _clipped(
            # Many small steps: what counts in a minute is their number, not their precision.
            steps=2000,
            batch_size=2,
            patch_size=40,
            learning_rate=8e-3,
            validate_every=200,
        ),
        "full": _clipped(
            steps=80_000, batch_size=128, patch_size=40, ema=0.999, validate_every=2000
        ),
    },
    # Patches large enough for the task network to know where it is, and not flipped: it has to
    # know left from right.
    "liu": {
        "smoke": _clipped(
            steps=8, batch_size=2, patch_size=64, validate_every=4, symmetries="none"
        ),
        "quick": _clipped(
            steps=400,
            batch_size=2,
            patch_size=128,
            learning_rate=3e-3,
            validate_every=50,
            symmetries="none",
        ),
        "full": _clipped(
            steps=80_000,
            batch_size=16,
            patch_size=128,
            ema=0.999,
            validate_every=2000,
            symmetries="none",
        ),
    },
    "rdn": {
        "smoke": _clipped(steps=8, batch_size=2, patch_size=48, loss="l1", validate_every=4),
        "quick": _clipped(
            steps=1000,
            batch_size=4,
            patch_size=48,
            learning_rate=3e-3,
            loss="l1",
            validate_every=100,
        ),
        "full": _clipped(
            steps=200_000,
            batch_size=16,
            patch_size=48,
            learning_rate=1e-4,
            loss="l1",
            ema=0.999,
            validate_every=2000,
        ),
    },
}

# Larger patches for the blind network, as in the paper.
RECIPES["dncnn-b"] = {
    preset: replace(budget, patch_size=50) for preset, budget in RECIPES["dncnn"].items()
}

# For each layer of a stacked autoencoder, before it is trained as a denoiser.
PRETRAINING = {
    "smoke": _clipped(steps=8, validate_every=8),
    "quick": _clipped(steps=600, learning_rate=1e-3, validate_every=100),
    "full": _clipped(steps=30_000, learning_rate=1e-3, ema=0.999, validate_every=1000),
}

# For the task network that a denoiser is trained through; not flipped, see "liu" above.
TASK_RECIPES = {
    "smoke": _clipped(steps=8, batch_size=2, patch_size=64, symmetries="none"),
    "quick": _clipped(
        steps=600, batch_size=2, patch_size=192, learning_rate=5e-3, symmetries="none"
    ),
    "full": _clipped(
        steps=5000, batch_size=16, patch_size=256, learning_rate=3e-3, ema=0.999, symmetries="none"
    ),
}

# The papers' networks of these two are beyond a minute; `full` has the papers' configuration.
_SMALL = {
    "rdn": {"blocks": 4, "layers": 4, "growth": 16, "features": 32},
    "vincent": {"hidden": (512, 512), "tied": False, "stride": 4},
}


def configuration(model: str, preset: str = "quick") -> dict:
    """How `models.create` should make a model that is to be trained at a budget.

    Parameters
    ----------
    model : str
        A name that `denoise_lib.models.create` knows.
    preset : str
        "smoke", "quick" or "full".

    Returns
    -------
    dict
        Arguments for `models.create`; empty where the paper's own configuration is used.

    Raises
    ------
    ValueError
        When either name is not known; the message lists the known ones.
    """
    _check(model, preset)
    return {} if preset == "full" else dict(_SMALL.get(model, {}))


def recipe(model: str, preset: str = "quick") -> Recipe:
    """The recipe of a model at a budget.

    Parameters
    ----------
    model : str
        A name that `denoise_lib.models.create` knows.
    preset : str
        "smoke", "quick" or "full".

    Returns
    -------
    Recipe

    Raises
    ------
    ValueError
        When either name is not known; the message lists the known ones.
    """
    _check(model, preset)
    return RECIPES[model][preset]


def _check(model: str, preset: str) -> None:
    if model not in RECIPES:
        raise ValueError(f"No recipe for {model!r}; choose one of: {', '.join(RECIPES)}.")
    if preset not in PRESETS:
        raise ValueError(f"Unknown preset {preset!r}; choose one of: {', '.join(PRESETS)}.")
