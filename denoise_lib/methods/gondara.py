"""Convolutional denoising autoencoder: Gondara, ICDM Workshops 2016 (arXiv:1608.04667)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from denoise_lib.methods.registry import network
from denoise_lib.recipe import Recipe


@network(
    "gondara",
    "Conv. autoencoder",
    "#E69F00",
    "o",
    paper="gondara2016",
    year=2016,
    parameters=112_001,
    tiny={"features": 8},
    recipes={
        "smoke": Recipe(
            steps=8, batch_size=4, patch_size=64, validate_every=4, clip_gradient=1.0, loss="bce"
        ),
        "quick": Recipe(
            steps=1500,
            batch_size=16,
            patch_size=64,
            learning_rate=2e-3,
            loss="bce",
            validate_every=100,
            clip_gradient=1.0,
        ),
        "full": Recipe(
            steps=40_000,
            batch_size=64,
            patch_size=64,
            loss="bce",
            ema=0.999,
            validate_every=2000,
            clip_gradient=1.0,
        ),
    },
)
class ConvDenoisingAutoencoder(nn.Module):
    """Encoder-decoder of five 3x3 convolutions around two 2x2 max-poolings.

    Conv, pool, Conv, pool | Conv, up, Conv, up, Conv: ReLU after each but the last, which has a
    sigmoid; nearest-neighbour upsampling; no skip connections. The output is the image itself.
    Widths and kernel size follow public reimplementations of the paper.

    Parameters
    ----------
    features : int
        Filters per layer.
    """

    receptive_radius, alignment = 13, 4

    def __init__(self, features: int = 64):
        super().__init__()

        def conv(inputs: int) -> list[nn.Module]:
            return [nn.Conv2d(inputs, features, 3, padding=1), nn.ReLU()]

        self.encoder = nn.Sequential(*conv(1), nn.MaxPool2d(2), *conv(features), nn.MaxPool2d(2))
        self.decoder = nn.Sequential(
            *conv(features),
            nn.Upsample(scale_factor=2),
            *conv(features),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(features, 1, 3, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        """Denoise.

        Parameters
        ----------
        noisy : torch.Tensor
            float32, shape (N, 1, H, W), any H and W: edges are replicated up to a multiple of 4
            and cropped afterwards.
        sigma : float, optional
            Ignored: the noise level is in the weights.

        Returns
        -------
        torch.Tensor
            Shape (N, 1, H, W), in (0, 1).
        """
        height, width = noisy.shape[-2:]
        padded = F.pad(noisy, (0, -width % 4, 0, -height % 4), mode="replicate")
        return self.decoder(self.encoder(padded))[..., :height, :width]
