"""From a network and clean images to trained weights: `fit`, and what it stands on."""

from denoise_lib.recipe import Recipe
from denoise_lib.training.loop import fit, optimise
from denoise_lib.training.run import RunOptions, TrainingRun

__all__ = ["Recipe", "RunOptions", "TrainingRun", "fit", "optimise"]
