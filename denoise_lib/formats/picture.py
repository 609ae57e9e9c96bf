"""An image file as a network sees it, and the way back to a file of its kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from denoise_lib.checks import UserError


@dataclass(frozen=True)
class Made:
    """How an image was made from another; a file that holds it says so.

    Attributes
    ----------
    model : str
        The method's name.
    weights : str
        SHA-256 of its weights, in hexadecimal; empty for a method without.
    sigma : float or None
        The noise level that it was told, on the 0-255 scale.
    strength : float
        Share of what the method removed that was taken away, 0 to 1.
    version : str
        Of denoise_lib.
    """

    model: str
    weights: str
    sigma: float | None
    strength: float
    version: str

    @property
    def sentence(self) -> str:
        """All of it for a reader."""
        told = "" if self.sigma is None else f", told sigma {self.sigma:g} of 255"
        weights = f", weights {self.weights[:16]}" if self.weights else ""
        return (
            f"Denoised by {self.model}{told}, strength {self.strength:g}{weights}, "
            f"denoise_lib {self.version}. Not for diagnosis."
        )


Writer = Callable[[torch.Tensor, Path, Made], None]


@dataclass(frozen=True)
class Picture:
    """What is in an image file.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    frames : torch.Tensor
        float32, shape (N, 1, H, W), values in [0, 1].
    bits : int
        Bit depth of the stored values.
    writers : dict
        Suffix to ``write(frames, target, made)``; the first is that of a file of the same kind.
    notes : tuple of str
        A sentence on each thing that whoever uses the image should know.
    """

    path: Path
    frames: torch.Tensor
    bits: int
    writers: dict[str, Writer]
    notes: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """Of a target of the same kind."""
        return next(iter(self.writers))

    def check_target(self, target: Path) -> None:
        """Refuse a target that cannot hold the image; call it before the work.

        Parameters
        ----------
        target : pathlib.Path
            The file to write.

        Raises
        ------
        ValueError
            When its suffix is that of no format that this image can be written in.
        """
        if target.suffix.lower() not in self.writers:
            raise UserError(
                f"{target} cannot hold {self.path.name} without loss: name a file that ends in "
                f"{' or '.join(self.writers)}."
            )

    def write(self, frames: torch.Tensor, target: Path, made: Made) -> None:
        """Write another image in this one's place, with its depth, geometry and descriptions.

        Parameters
        ----------
        frames : torch.Tensor
            float32, the shape of `frames`; values outside [0, 1] are clipped.
        target : pathlib.Path
            The file to write, overwritten if it is there: see `files.replacing`.
        made : Made
            How the image was made.

        Raises
        ------
        ValueError
            As `check_target`.
        """
        self.check_target(target)
        self.writers[target.suffix.lower()](frames, target, made)
