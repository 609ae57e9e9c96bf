"""The best linear denoiser of patches, in closed form: Wiener's filter."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from denoise_lib.checks import UserError, check_number
from denoise_lib.methods.overlap import by_patches


class PatchWiener:
    """The linear filter of least squared error, on overlapping patches.

    For patches x with mean m and covariance C, and y = x + n with white noise of variance s^2,

        E[x | y] = m + C (C + s^2 I)^-1 (y - m)

    where x is Gaussian; whatever x is, no linear function of y has a smaller squared error.

    Parameters
    ----------
    patches : torch.Tensor
        Clean, shape (N, pixels of a square patch), in [0, 1]; more patches than pixels.
    stride : int
        Pixels from one patch to the next.

    Raises
    ------
    ValueError
        When the patches are not square or too few.
    """

    def __init__(self, patches: torch.Tensor, stride: int = 4):
        count, pixels = patches.shape
        self.patch_size = round(pixels**0.5)
        self.stride = stride
        if self.patch_size**2 != pixels:
            raise UserError(f"Patches must be square, which {pixels} pixels are not.")
        if count <= pixels:
            raise UserError(f"Give more than {pixels} patches, not {count}: more images, say.")
        values = patches.double()
        self.mean = values.mean(0)
        # Eigenvectors: every noise level then shares the one decomposition.
        self.variances, self.vectors = torch.linalg.eigh(torch.cov(values.T))

    @property
    def numbers(self) -> int:
        """How many numbers it has learned: the mean and the covariance."""
        return len(self.mean) + len(self.mean) ** 2

    def gains(self, sigma: float) -> torch.Tensor:
        """What is left of each principal component, v / (v + s^2).

        Parameters
        ----------
        sigma : float
            Noise level, 0-255.

        Returns
        -------
        torch.Tensor
            float64, shape (pixels,), in [0, 1], the weakest component first.
        """
        variances = self.variances.clamp(min=0)
        return variances / (variances + (check_number(sigma, "sigma") / 255) ** 2 + 1e-12)

    def __call__(self, noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        """Denoise.

        Parameters
        ----------
        noisy : torch.Tensor
            float32, shape (N, 1, H, W), any H and W.
        sigma : float
            Noise level, 0-255.

        Returns
        -------
        torch.Tensor
            Shape (N, 1, H, W), not clipped.

        Raises
        ------
        ValueError
            When sigma is missing or negative.
        """
        if sigma is None:
            raise UserError("Wiener's filter has to be told the noise level: give sigma.")
        matrix = (self.vectors * self.gains(sigma)) @ self.vectors.T
        offset = self.mean - matrix @ self.mean
        kept, added = matrix.to(noisy), offset.to(noisy)
        return by_patches(
            noisy, self.patch_size, self.stride, lambda patches: F.linear(patches, kept, added)
        )
