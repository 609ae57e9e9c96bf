"""The evaluation protocol: everything that fixes a number, in one frozen object with a hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from denoise_lib.data import Split, load_dataset
from denoise_lib.noise import GaussianNoise, Noise


@dataclass(frozen=True)
class Protocol:
    """What is measured, on which images, under which noise.

    Two numbers may stand in one table only if their protocols have the same `hash`.

    Attributes
    ----------
    dataset : str
        A name that `load_dataset` knows.
    split : str
        "train", "val" or "test".
    noise : Noise
        The noise model with its parameters, sigma and clipping among them.
    seed : int
        Keys the noise, together with the image's id.
    data_range : float
        Distance between black and white in PSNR and SSIM.
    ssim_sigma : float
        Standard deviation of SSIM's Gaussian window in pixels; 1.5 is the 11 x 11 window.
    limit : int or None
        Use only the first images of the split, for a quick look. No image's number depends on it,
        so it is no part of the `hash`.
    size : int or None
        Side in pixels to which the data set reduces its images, where it can; None leaves it at
        its own default, and then is no part of the `hash`.
    """

    dataset: str = "chest-drr"
    split: str = "test"
    noise: Noise = field(default_factory=lambda: GaussianNoise(25))
    seed: int = 0
    data_range: float = 1.0
    ssim_sigma: float = 1.5
    limit: int | None = None
    size: int | None = None

    def to_dict(self) -> dict:
        """What fixes an image's number, as plain values, the noise with its type."""
        fixed = {name: value for name, value in vars(self).items() if name != "limit"}
        if self.size is None:  # as before there was a size, and so with the same hash
            del fixed["size"]
        return {**fixed, "noise": self.noise.to_dict()}

    @property
    def hash(self) -> str:
        """Ten hexadecimal digits that change when any field but `limit` does."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    def items(self) -> Split:
        """The clean images that the protocol is about."""
        options = {} if self.size is None else {"size": self.size}
        return load_dataset(self.dataset, **options)[self.split][: self.limit]
