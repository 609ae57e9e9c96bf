"""How images are denoised: the method, what it is told, and how much of what it removes goes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

import denoise_lib
from denoise_lib import methods
from denoise_lib.checks import EstimateError, UserError, check_number, check_whole
from denoise_lib.estimation import estimate_sigma
from denoise_lib.formats import Made
from denoise_lib.inference import denoise
from denoise_lib.methods import registry, released
from denoise_lib.methods.authors import Authors
from denoise_lib.methods.classical import NOTHING_TO_DO

TOLD, ESTIMATED, NOT_USED = "told", "estimated", "not used"


@dataclass(frozen=True)
class Way:
    """What a user asks for.

    Attributes
    ----------
    model : str
        As for `methods.load`.
    sigma : float or None
        Noise level on the 0-255 scale; None: estimated, where the method must be told.
    strength : float
        Share of what the method removes that is taken away, 0 to 1.
    self_ensemble : bool
        Average over the eight symmetries.
    bits : int or None
        Bits that stored values use, where a file does not say.
    """

    model: str
    sigma: float | None = None
    strength: float = 1.0
    self_ensemble: bool = False
    bits: int | None = None

    def __post_init__(self):
        if self.sigma is not None:
            check_number(self.sigma, "sigma", 0, 255)
        check_number(self.strength, "strength", 0, 1)
        if self.bits is not None:
            check_whole(self.bits, "bits", 1, 32)


@dataclass(frozen=True)
class Denoised:
    """What became of a picture's frames.

    Attributes
    ----------
    frames : torch.Tensor
        float32, the shape of the noisy ones, in [0, 1].
    made : Made
        How.
    sigma_from : str
        "told", "estimated" or "not used".
    notes : tuple of str
        What whoever uses the image should know.
    """

    frames: torch.Tensor
    made: Made
    sigma_from: str
    notes: tuple[str, ...]


class Denoiser:
    """A method that is loaded once, for many pictures.

    Parameters
    ----------
    way : Way
        What is asked for.

    Raises
    ------
    ValueError, FileNotFoundError, ModuleNotFoundError
        As `methods.load`.
    """

    def __init__(self, way: Way):
        self.way = way
        self._run = methods.load(way.model)
        self._method = registry.methods().get(way.model)
        self._levels = self._method.levels if isinstance(self._method, Authors) else ()
        self._hashes = self._weights_hashes()

    @property
    def plan(self) -> str:
        """A hash of the way and of the weights: equal ones give equal images."""
        text = json.dumps({**asdict(self.way), "weights": self.weights}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def weights(self) -> str:
        """SHA-256 of the method's weights; empty for one without, or with several sets."""
        return self._weights(None)

    def __call__(
        self, frames: torch.Tensor, step: Callable[[], None] = lambda: None, progress: bool = False
    ) -> Denoised:
        """Denoise frames one by one.

        Parameters
        ----------
        frames : torch.Tensor
            float32, shape (N, 1, H, W), values in [0, 1].
        step : callable
            Called after each frame.
        progress : bool
            Show a progress bar over the tiles of a frame.

        Returns
        -------
        Denoised

        Raises
        ------
        ValueError
            When the method cannot be applied to such a picture, or gives NaN.
        """
        sigma, origin, notes = self._noise_level(frames)
        version, way = denoise_lib.__version__, self.way
        made = Made(way.model, self._weights(sigma), sigma, way.strength, version)
        if origin == ESTIMATED and not sigma:
            return Denoised(frames, made, origin, notes)
        estimate = torch.empty_like(frames)
        for index, frame in enumerate(frames):
            removed = frame - self._one(frame, sigma, progress)
            estimate[index] = (frame - way.strength * removed).clamp(0, 1)
            step()
        return Denoised(estimate, made, origin, notes)

    def _one(self, frame: torch.Tensor, sigma: float | None, progress: bool) -> torch.Tensor:
        size, model = f"{frame.shape[-2]} x {frame.shape[-1]} pixels", self.way.model
        try:
            ensemble = self.way.self_ensemble
            estimate = denoise(frame, self._run, sigma, self_ensemble=ensemble, progress=progress)
        except ValueError as error:
            if isinstance(error, UserError) and not isinstance(error, EstimateError):
                raise
            # In the words of the package that has the method, or of whoever checks what it gives.
            said = str(error).rstrip(".!")
            raise UserError(f"{model} cannot denoise {size} ({said}): try another.") from error
        if not torch.isfinite(estimate).all():
            raise UserError(f"{model} gave NaN or infinity for {size}: choose another model.")
        return estimate

    def _noise_level(self, frames: torch.Tensor) -> tuple[float | None, str, tuple[str, ...]]:
        """Sigma for the method, where it comes from, and what there is to say on it."""
        told = self._method is not None and self._method.told_sigma
        if not told and self.way.sigma is not None:
            note = f"{self.way.model} finds the noise by itself: sigma {self.way.sigma:g} is unused"
            return None, NOT_USED, (f"{note}.",)
        if self.way.sigma is not None:
            return self.way.sigma, TOLD, ()
        if not told:
            return None, NOT_USED, ()
        try:
            sigma = float(np.median([estimate_sigma(frame) for frame in frames]))
        except UserError as error:
            raise UserError(f"{str(error).rstrip('.')}: give --sigma.") from error
        if sigma < NOTHING_TO_DO:
            note = "The image has no noise that can be measured: it is left as it is."
            return 0.0, ESTIMATED, (note,)
        if self._levels:
            nearest = float(min(self._levels, key=lambda level: abs(level - sigma)))
            note = f"sigma {sigma:.1f} estimated from the image; {nearest:g} is the nearest that"
            return nearest, ESTIMATED, (f"{note} {self.way.model} has.",)
        return sigma, ESTIMATED, (f"sigma {sigma:.1f} estimated from the image.",)

    def _weights(self, sigma: float | None) -> str:
        """SHA-256 of the weights that are used; empty for a method without."""
        if sigma is not None and sigma in self._levels:
            return self._hashes[self._levels.index(int(sigma))]
        return self._hashes[0] if len(self._hashes) == 1 else ""

    def _weights_hashes(self) -> list[str]:
        if self._method is not None:
            weights = self._method.identity().get("weights", [])
            return [weights] if isinstance(weights, str) else weights
        folder = Path(self.way.model)
        return [released.load_card(folder)["sha256"]] if folder.is_dir() else []
