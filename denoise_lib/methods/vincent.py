"""Denoising autoencoders: Vincent et al., ICML 2008, and their stacks (JMLR 11, 2010)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from denoise_lib.methods.overlap import by_patches
from denoise_lib.methods.registry import network
from denoise_lib.recipe import Recipe

# For each layer of a stack, before the whole is trained as a denoiser.
LAYER_RECIPES = {
    "smoke": Recipe(steps=8, validate_every=8, clip_gradient=1.0),
    "quick": Recipe(steps=600, learning_rate=1e-3, validate_every=100, clip_gradient=1.0),
    "full": Recipe(
        steps=30_000, learning_rate=1e-3, ema=0.999, validate_every=1000, clip_gradient=1.0
    ),
}

DECODERS = {"sigmoid": torch.sigmoid, "affine": nn.Identity()}


class DenoisingAutoencoder(nn.Module):
    """One hidden layer, y = s(W x + b) and z = g(W' y + b') (section 2.2 and 2.3).

    What makes it a *denoising* autoencoder is its training: it sees a corrupted x and is compared
    with the clean one. The weights start as Glorot and Bengio's, U(-r, r) with
    r = sqrt(6 / (inputs + hidden)); a widespread public implementation takes four times as much.

    Parameters
    ----------
    inputs : int
        Length of x.
    hidden : int
        Length of y.
    tied : bool
        W' is the transpose of W.
    decoder : str
        g: "sigmoid", for values in [0, 1] and the cross-entropy, or "affine", for real values and
        the squared error.

    Raises
    ------
    ValueError
        When the decoder is neither of the two.
    """

    def __init__(self, inputs: int, hidden: int, tied: bool = True, decoder: str = "sigmoid"):
        super().__init__()
        if decoder not in DECODERS:
            raise ValueError(f"Unknown decoder {decoder!r}; choose one of: {', '.join(DECODERS)}.")
        self.decoder = decoder
        self.weight = nn.Parameter(_uniform(hidden, inputs))
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.decoder_weight = None if tied else nn.Parameter(_uniform(inputs, hidden))
        self.decoder_bias = nn.Parameter(torch.zeros(inputs))

    def encode(self, vectors: torch.Tensor) -> torch.Tensor:
        """Compute the hidden code y = s(W x + b).

        Parameters
        ----------
        vectors : torch.Tensor
            x: shape (..., inputs).

        Returns
        -------
        torch.Tensor
            y: shape (..., hidden), in (0, 1).
        """
        return torch.sigmoid(F.linear(vectors, self.weight, self.bias))

    def decode(self, hidden: torch.Tensor) -> torch.Tensor:
        """Compute the reconstruction z = g(W' y + b').

        Parameters
        ----------
        hidden : torch.Tensor
            y: shape (..., hidden).

        Returns
        -------
        torch.Tensor
            z: shape (..., inputs), in (0, 1) for a sigmoid decoder.
        """
        weight = self.weight.T if self.decoder_weight is None else self.decoder_weight
        return DECODERS[self.decoder](F.linear(hidden, weight, self.decoder_bias))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Reconstruct.

        Parameters
        ----------
        vectors : torch.Tensor
            x: shape (..., inputs).

        Returns
        -------
        torch.Tensor
            z: shape (..., inputs).
        """
        return self.decode(self.encode(vectors))


class StackedAutoencoder(nn.Module):
    """Denoising autoencoders on top of each other: all encoders up, then all decoders down.

    Parameters
    ----------
    inputs : int
        Length of x.
    hidden : sequence of int
        Length of each hidden layer, the lowest first.
    tied : bool
        Tie each layer's two weights.
    decoder : str
        The lowest layer's g. The layers above reconstruct values in (0, 1): theirs is a sigmoid.

    Raises
    ------
    ValueError
        When there is no hidden layer, or the decoder is unknown.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int] = (1000, 1000, 1000),
        tied: bool = True,
        decoder: str = "sigmoid",
    ):
        super().__init__()
        if not hidden:
            raise ValueError("A stack needs at least one hidden layer: hidden=(1000,), say.")
        widths = [inputs, *hidden]
        self.layers = nn.ModuleList(
            DenoisingAutoencoder(below, above, tied, "sigmoid" if index else decoder)
            for index, (below, above) in enumerate(pairwise(widths))
        )

    def encode(self, vectors: torch.Tensor, depth: int | None = None) -> torch.Tensor:
        """The activations above the first `depth` layers (all by default), in (0, 1).

        Parameters
        ----------
        vectors : torch.Tensor
            Shape (..., inputs).
        depth : int, optional
            0 gives the vectors themselves.

        Returns
        -------
        torch.Tensor
            Shape (..., hidden units of the last of these layers).
        """
        for layer in self.layers[:depth]:
            vectors = layer.encode(vectors)  # pyright: ignore[reportCallIssue]: of a ModuleList
        return vectors

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Reconstruct: all layers up, all layers down.

        Parameters
        ----------
        vectors : torch.Tensor
            Shape (..., inputs).

        Returns
        -------
        torch.Tensor
            Shape (..., inputs).
        """
        code = self.encode(vectors)
        for layer in reversed(self.layers):
            code = layer.decode(code)  # pyright: ignore[reportCallIssue]: of a ModuleList
        return code


@network(
    "vincent",
    "Stacked autoencoder",
    "#E69F00",
    "d",
    paper="vincent2008",
    year=2008,
    parameters=2_149_144,
    tiny={"patch_size": 4, "stride": 2, "hidden": (16, 12)},
    small={"hidden": (512, 512), "tied": False, "stride": 4},
    recipes={
        "smoke": Recipe(steps=8, batch_size=4, patch_size=48, validate_every=4, clip_gradient=1.0),
        "quick": Recipe(
            steps=1500,
            batch_size=8,
            patch_size=48,
            learning_rate=5e-3,
            validate_every=150,
            clip_gradient=1.0,
        ),
        "full": Recipe(
            steps=100_000,
            batch_size=32,
            patch_size=48,
            ema=0.999,
            validate_every=2000,
            clip_gradient=1.0,
        ),
    },
    layer_recipes=LAYER_RECIPES,
)
class PatchAutoencoder(nn.Module):
    """A stack that denoises overlapping patches, each pixel averaged over the patches it is in.

    Parameters
    ----------
    patch_size : int
        Side of a patch in pixels; 12 as in the natural-image study of the 2010 paper (unverified).
    stride : int
        Pixels from one patch to the next.
    hidden : sequence of int
        As for `StackedAutoencoder`.
    tied : bool
        As for `StackedAutoencoder`.
    decoder : str
        As for `StackedAutoencoder`.

    Raises
    ------
    ValueError
        When the stride leaves gaps between patches, or as for `StackedAutoencoder`.
    """

    def __init__(
        self,
        patch_size: int = 12,
        stride: int = 3,
        hidden: Sequence[int] = (1000, 1000, 1000),
        tied: bool = True,
        decoder: str = "affine",
    ):
        super().__init__()
        if not 1 <= stride <= patch_size:
            raise ValueError(f"The stride must be between 1 and the patch size {patch_size}.")
        self.patch_size, self.stride = patch_size, stride
        self.receptive_radius, self.alignment = patch_size - 1, stride
        self.stack = StackedAutoencoder(patch_size**2, hidden, tied, decoder)

    def forward(self, noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        """Denoise.

        Parameters
        ----------
        noisy : torch.Tensor
            float32, shape (N, 1, H, W), any H and W: edges are replicated and cropped afterwards.
        sigma : float, optional
            Ignored: the noise level is in the weights.

        Returns
        -------
        torch.Tensor
            Shape (N, 1, H, W).
        """
        return by_patches(noisy, self.patch_size, self.stride, self.stack)


class WholeImageAutoencoder(nn.Module):
    """A stack for the whole image, shrunk: what earlier comparisons took this paper for.

    Parameters
    ----------
    size : int
        Side in pixels to which every image is reduced.
    hidden : sequence of int
        As for `StackedAutoencoder`.
    tied : bool
        As for `StackedAutoencoder`.
    decoder : str
        As for `StackedAutoencoder`.
    """

    def __init__(
        self,
        size: int = 64,
        hidden: Sequence[int] = (512, 128),
        tied: bool = True,
        decoder: str = "sigmoid",
    ):
        super().__init__()
        self.size = size
        self.stack = StackedAutoencoder(size**2, hidden, tied, decoder)

    def forward(self, noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        """Denoise, by way of an image of `size` x `size` pixels.

        Parameters
        ----------
        noisy : torch.Tensor
            float32, shape (N, 1, H, W), any H and W, clean range [0, 1].
        sigma : float, optional
            Ignored: the noise level is in the weights.

        Returns
        -------
        torch.Tensor
            Shape (N, 1, H, W), as smooth as an enlarged image is.
        """
        small = F.interpolate(noisy, (self.size, self.size), mode="area")
        estimate = self.stack(small.flatten(1)).view_as(small)
        return F.interpolate(estimate, noisy.shape[-2:], mode="bilinear")


def _uniform(rows: int, columns: int) -> torch.Tensor:
    return nn.init.xavier_uniform_(torch.empty(rows, columns))
