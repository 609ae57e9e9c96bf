"""What a denoiser is trained on: random patches of clean images, with fresh noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import torch

from denoise_lib.checks import UserError, check_clean, check_whole, shown, unknown
from denoise_lib.noise import Noise
from denoise_lib.recipe import Symmetries

# Which of its mirror images and rotations a patch may be replaced by: all eight where no direction
# matters; left and right, since a chest is not upside down; none for a task that has to know where
# the heart is.
SYMMETRIES = get_args(Symmetries)


class NoisyPatches:
    """Clean images held in memory, and the noise that is drawn for their patches.

    Parameters
    ----------
    images : torch.Tensor
        Shape (N, 1, H, W): float in [0, 1], or uint8. Float images that are exactly 8-bit values
        over 255 are held as uint8, a quarter of the memory; nothing is rounded.
    noise : Noise
        Drawn anew for every patch. A `BlindGaussianNoise` draws a sigma for each patch.
    ids : sequence of str, optional
        The images' names, for messages; their numbers by default.

    Raises
    ------
    TypeError, ValueError
        When the images are not a batch of grey images in [0, 1], or there is not one id for each.
    """

    def __init__(self, images: torch.Tensor, noise: Noise, ids: Sequence[str] | None = None):
        if not isinstance(images, torch.Tensor):
            raise UserError(f"The images must be a tensor, not {shown(images)}.")
        if not isinstance(noise, Noise):
            raise UserError(
                f"The noise must be a noise model, GaussianNoise(25) say, not {shown(noise)}."
            )
        self.images = as_bytes(images)
        self.noise = noise
        self.ids = list(ids) if ids is not None else [str(n) for n in range(len(images))]
        if len(self.ids) != len(images):
            raise UserError(f"Give one id per image: {len(images)} images, {len(self.ids)} ids.")

    def draw(
        self, count: int, patch_size: int, generator: torch.Generator, symmetries: str = "all"
    ) -> dict[str, torch.Tensor]:
        """Draw a batch.

        Parameters
        ----------
        count, patch_size : int
            As for `sample_patches`.
        generator : torch.Generator
            As for `sample_patches`.
        symmetries : str
            As for `sample_patches`.

        Returns
        -------
        dict of str to torch.Tensor
            On the generator's device: "clean" and "noisy", float32, shape (count, 1, patch_size,
            patch_size), and "image", the numbers of the images that the patches are from.
        """
        self.images = self.images.to(generator.device)
        clean, number = cut_patches(self.images, count, patch_size, generator, symmetries)
        clean = as_floats(clean)
        return {"clean": clean, "noisy": self.noise.sample(clean, generator), "image": number}


def as_bytes(images: torch.Tensor) -> torch.Tensor:
    """Hold images as uint8 where that loses nothing.

    Parameters
    ----------
    images : torch.Tensor
        Shape (N, 1, H, W): uint8, or float in [0, 1].

    Returns
    -------
    torch.Tensor
        uint8, or the images as they are when they have other values than k / 255.

    Raises
    ------
    TypeError, ValueError
        When they are not a batch of grey images in [0, 1].
    """
    if images.dtype == torch.uint8:
        check_clean(as_floats(images[:1]))  # the shape; every value is allowed
        return images
    check_clean(images)
    rounded = (images * 255).round().to(torch.uint8)
    return rounded if torch.equal(as_floats(rounded), images) else images


def as_floats(images: torch.Tensor) -> torch.Tensor:
    """Images as floats.

    Parameters
    ----------
    images : torch.Tensor
        uint8, or float in [0, 1].

    Returns
    -------
    torch.Tensor
        Float in [0, 1], same shape: float32 from uint8, float images as they are.
    """
    return images.float() / 255 if images.dtype == torch.uint8 else images


def sample_patches(
    images: torch.Tensor,
    count: int,
    patch_size: int,
    generator: torch.Generator,
    symmetries: str = "all",
) -> torch.Tensor:
    """Random square patches, by default flipped and transposed at random.

    Parameters
    ----------
    images : torch.Tensor
        Shape (N, C, H, W), on the generator's device; channels (an image and its masks, say) are
        cut alike.
    count : int
        Number of patches.
    patch_size : int
        Side in pixels, at most min(H, W).
    generator : torch.Generator
        Source of the randomness.
    symmetries : str
        "all" (flipped and transposed), "mirror" (left and right) or "none".

    Returns
    -------
    torch.Tensor
        Shape (count, C, patch_size, patch_size).

    Raises
    ------
    ValueError
        When a patch does not fit into an image, or the symmetries are unknown.
    """
    return cut_patches(images, count, patch_size, generator, symmetries)[0]


def cut_patches(
    images: torch.Tensor,
    count: int,
    patch_size: int,
    generator: torch.Generator,
    symmetries: str = "all",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Random patches as `sample_patches` gives them, and where they are from.

    Parameters
    ----------
    images : torch.Tensor
        As for `sample_patches`.
    count, patch_size : int
        As for `sample_patches`.
    generator : torch.Generator
        As for `sample_patches`.
    symmetries : str
        As for `sample_patches`.

    Returns
    -------
    tuple of torch.Tensor
        Patches of shape (count, C, patch_size, patch_size), and the number of the image that each
        is from, shape (count,).

    Raises
    ------
    ValueError
        As `sample_patches`.
    """
    number, channels, height, width = images.shape
    count, patch_size = check_whole(count, "count", 1), check_whole(patch_size, "patch_size", 1)
    if symmetries not in SYMMETRIES:
        raise unknown("symmetries", symmetries, SYMMETRIES)
    if patch_size > min(height, width):
        raise UserError(
            f"Patches of {patch_size} pixels do not fit into images of {height} x {width}: "
            "choose a smaller patch_size."
        )

    def draw(high: int) -> torch.Tensor:
        return torch.randint(high, (count, 1, 1, 1), generator=generator, device=images.device)

    offsets = torch.arange(patch_size, device=images.device)
    rows = draw(height - patch_size + 1) + offsets[:, None]
    columns = draw(width - patch_size + 1) + offsets
    channel = torch.arange(channels, device=images.device)[:, None, None]
    source = draw(number)
    patches = images[source, channel, rows, columns]
    if symmetries != "none":
        patches = torch.where(draw(2) == 1, patches.flip(-1), patches)
    if symmetries == "all":
        patches = torch.where(draw(2) == 1, patches.flip(-2), patches)
        patches = torch.where(draw(2) == 1, patches.mT, patches)
    return patches, source.flatten()
