"""How a network is trained: a `Recipe`, and the three presets that every chapter has one for.

`smoke` proves that a notebook runs (seconds), `quick` is the book's (minutes on two
processor cores), `full` is for a GPU or for hours.
"""

from __future__ import annotations

from typing import Annotated, Literal

from denoise_lib.fields import number, record, whole

PRESETS = ("smoke", "quick", "full")

Loss = Literal["mse", "l1", "bce"]
Symmetries = Literal["all", "mirror", "none"]
Optimizer = Literal["adam", "muon"]
# In words.
IN_WORDS: dict[Loss, str] = {
    "mse": "mean squared error",
    "l1": "mean absolute error",
    "bce": "cross-entropy, pixel by pixel",
}

# Far beyond any training, so that a slip of the keyboard is not taken for one.
Steps = Annotated[int, whole(1, 10**9)]
Count = Annotated[int, whole(1, 100_000)]
Rate = Annotated[float, number(0, 100, above=True)]
Share = Annotated[float, number(0, 1, below=True)]
Seed = Annotated[int, whole(0, 2**63 - 1)]  # what PyTorch's generators take


@record
class Recipe:
    """How long and with what a network is trained.

    Attributes
    ----------
    steps : int
        Optimiser steps.
    batch_size : int
        Patches per step, on all processes together.
    patch_size : int
        Side of a square patch in pixels.
    learning_rate : float
        Peak of Adam's schedule: warm-up, then a cosine down to zero.
    loss : str
        "mse", "l1" or "bce".
    ema : float
        Decay of the moving average of the weights, which is what `fit` leaves in the model.
    clip_gradient : float or None
        Largest norm of the gradient; None does not clip.
    validate_every : int
        Steps between two points of the learning curve.
    seed : int
        Seeds the patches and the noise.
    symmetries : str
        "all" (flip and transpose patches at random), "mirror" (left and right) or "none".
    optimizer : str
        "adam"; or "muon", which is Adam but for the convolutions (`training.optimizers`).
    matrix_learning_rate : float
        Peak of Muon's schedule.
    weight_decay : float
        Muon's; keeps the weights of a network without batch norm from growing.
    warmup : float
        Fraction of the steps in which the learning rates rise.
    accumulate : int
        Parts into which a batch is cut where it does not fit into memory. Batch norm sees a part.

    Raises
    ------
    ValueError
        When a name is unknown, a field missing or a number out of its range: a sentence for each.
    """

    steps: Steps
    batch_size: Count = 16
    patch_size: Count = 40
    learning_rate: Rate = 1e-3
    loss: Loss = "mse"
    ema: Share = 0.99
    clip_gradient: Annotated[float, number(0, 1e6, above=True)] | None = None
    validate_every: Steps = 50
    seed: Seed = 0
    symmetries: Symmetries = "all"
    optimizer: Optimizer = "adam"
    matrix_learning_rate: Rate = 0.02
    weight_decay: Annotated[float, number(0, 100)] = 0.0
    warmup: Share = 0.1
    accumulate: Count = 1

    def _repr_html_(self) -> str:
        """What a notebook shows: the few things that a reader asks for."""
        rates = f"Adam, rate up to {self.learning_rate:g}"
        if self.optimizer == "muon":
            rates = f"Muon, rate up to {self.matrix_learning_rate:g}; else {rates}"
        rows = {
            "steps": f"{self.steps:,}",
            "patches in a step": f"{self.batch_size} of {self.patch_size} × {self.patch_size}",
            "loss": IN_WORDS[self.loss],
            "optimiser": rates,
            "weights kept": f"moving average, decay {self.ema:g}",
        }
        cells = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows.items())
        return f"<table>{cells}</table>"
