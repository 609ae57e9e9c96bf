"""How each chapter trains its network: three budgets per paper.

`smoke` proves that the notebook runs (seconds), `quick` is the book's (about a minute on two
processor cores), `full` is for a GPU or for hours.
"""

from __future__ import annotations

from denoise_lib.training import Recipe

PRESETS = ("smoke", "quick", "full")

RECIPES = {
    "dncnn": {
        "smoke": Recipe(steps=8, batch_size=4, patch_size=40, validate_every=4),
        "quick": Recipe(
            # Many small steps: what counts in a minute is their number, not their precision.
            steps=2000,
            batch_size=2,
            patch_size=40,
            learning_rate=8e-3,
            validate_every=200,
        ),
        "full": Recipe(steps=80_000, batch_size=128, patch_size=40, ema=0.999, validate_every=2000),
    },
    "gondara": {
        "smoke": Recipe(steps=8, batch_size=4, patch_size=64, loss="bce", validate_every=4),
        "quick": Recipe(
            steps=1500,
            batch_size=16,
            patch_size=64,
            learning_rate=2e-3,
            loss="bce",
            validate_every=100,
        ),
        "full": Recipe(
            steps=40_000,
            batch_size=64,
            patch_size=64,
            loss="bce",
            ema=0.999,
            validate_every=2000,
        ),
    },
}


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
    if model not in RECIPES:
        raise ValueError(f"No recipe for {model!r}; choose one of: {', '.join(RECIPES)}.")
    if preset not in PRESETS:
        raise ValueError(f"Unknown preset {preset!r}; choose one of: {', '.join(PRESETS)}.")
    return RECIPES[model][preset]
