"""How noisy is an image? Measured on the image alone: `describe` it, or `estimate_sigma`."""

from __future__ import annotations

from denoise_lib.estimation.blocks import sample
from denoise_lib.estimation.estimate import Estimate, describe, estimate_sigma
from denoise_lib.estimation.level import whiteness

__all__ = ["Estimate", "describe", "estimate_sigma", "sample", "whiteness"]
