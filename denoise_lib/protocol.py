"""The evaluation protocol: everything that fixes a number, in one frozen object with a hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, InstanceOf

from denoise_lib.checks import UserError
from denoise_lib.data import Split, load_dataset
from denoise_lib.fields import number, record, whole
from denoise_lib.noise import GaussianNoise, Noise
from denoise_lib.recipe import Seed

Side = Annotated[int, whole(1, 16_384)]  # of an image, in pixels


def _is_noise(value: Any) -> Noise:
    if not isinstance(value, Noise):
        raise UserError("must be a noise model, GaussianNoise(25) say")
    return value


@record
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
        Distance between black and white in PSNR and SSIM: 1, as images are, or less where they
        do not use the whole range.
    ssim_sigma : float
        Standard deviation of SSIM's Gaussian window in pixels; 1.5 is the 11 x 11 window.
    limit : int or None
        Use only the first images of the split, for a quick look. No image's number depends on it,
        so it is no part of the `hash`.
    size : int or None
        Side in pixels to which the data set reduces its images, where it can; None leaves it at
        its own default, and then is no part of the `hash`.

    Raises
    ------
    ValueError
        When a field is unknown or wrong: a sentence for each.
    """

    dataset: str = "chest-drr"
    split: Literal["train", "val", "test"] = "test"
    noise: Annotated[InstanceOf[Noise], BeforeValidator(_is_noise)] = field(
        default_factory=lambda: GaussianNoise(25)
    )
    seed: Seed = 0
    data_range: Annotated[float, number(0, 1, above=True)] = 1.0
    ssim_sigma: Annotated[float, number(0.5, 50)] = 1.5
    limit: Annotated[int, whole(1, 10**9)] | None = None
    size: Side | None = None

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
