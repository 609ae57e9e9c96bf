"""RDN: Zhang et al., Residual Dense Network for Image Restoration, IEEE TPAMI 2020."""

from __future__ import annotations

import torch
from torch import nn

from denoise_lib.methods.registry import network
from denoise_lib.recipe import Recipe


def _conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class ResidualDenseBlock(nn.Module):
    """Densely connected convolutions, local feature fusion and a local residual.

    F_d = F_{d-1} + LFF([F_{d-1}, F_{d,1}, ..., F_{d,C}]), where F_{d,c} is Conv + ReLU of all the
    maps before it.

    Parameters
    ----------
    features : int
        Maps G0 that enter and leave the block.
    growth : int
        Maps G that each convolution adds.
    layers : int
        Convolutions C.
    """

    def __init__(self, features: int, growth: int, layers: int):
        super().__init__()
        self.convs = nn.ModuleList(
            _conv3x3(features + index * growth, growth) for index in range(layers)
        )
        self.fusion = nn.Conv2d(features + layers * growth, features, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """F_d from F_{d-1}.

        Parameters
        ----------
        inputs : torch.Tensor
            F_{d-1}: maps of shape (N, G0, H, W).

        Returns
        -------
        torch.Tensor
            F_d: maps of the same shape.
        """
        maps = inputs
        for conv in self.convs:
            maps = torch.cat([maps, torch.relu(conv(maps))], dim=1)
        return inputs + self.fusion(maps)


@network(
    "rdn",
    "RDN (small)",
    "#0072B2",
    "h",
    paper="zhang2020rdn",
    year=2020,
    parameters=21_973_377,
    tiny={"blocks": 2, "layers": 2, "growth": 4, "features": 8},
    small={"blocks": 4, "layers": 4, "growth": 16, "features": 32},
    recipes={
        "smoke": Recipe(
            steps=8, batch_size=2, patch_size=48, validate_every=4, clip_gradient=1.0, loss="l1"
        ),
        "quick": Recipe(
            steps=1000,
            batch_size=4,
            patch_size=48,
            learning_rate=3e-3,
            loss="l1",
            validate_every=100,
            clip_gradient=1.0,
        ),
        "full": Recipe(
            steps=200_000,
            batch_size=16,
            patch_size=48,
            learning_rate=1e-4,
            loss="l1",
            ema=0.999,
            validate_every=2000,
            clip_gradient=1.0,
        ),
    },
)
class RDN(nn.Module):
    """Residual dense network for denoising: RDN without the upsampler.

    F_-1 = SFE1(y), F_0 = SFE2(F_-1), F_d = RDB_d(F_{d-1}); F_GF = GFF([F_1, ..., F_D]), which
    leaves F_0 out; the image is Conv(F_-1 + F_GF). No batch norm; ReLU inside the blocks only.

    Parameters
    ----------
    blocks : int
        Residual dense blocks D.
    layers : int
        Convolutions C in each block.
    growth : int
        Growth rate G.
    features : int
        Maps G0 outside the blocks.
    image_skip : bool
        Add the noisy image to the output, so that the network learns a residual. The paper's
        figure and the authors' code for super-resolution have no such skip; for denoising it is
        unverified. No parameter depends on it.

    Raises
    ------
    ValueError
        When a number is below one.
    """

    alignment = 1

    def __init__(
        self,
        blocks: int = 16,
        layers: int = 8,
        growth: int = 64,
        features: int = 64,
        image_skip: bool = False,
    ):
        super().__init__()
        if min(blocks, layers, growth, features) < 1:
            raise ValueError("RDN needs at least one block, layer, growth and feature map.")
        self.shallow1 = _conv3x3(1, features)
        self.shallow2 = _conv3x3(features, features)
        self.blocks = nn.ModuleList(
            ResidualDenseBlock(features, growth, layers) for _ in range(blocks)
        )
        self.fusion = nn.Sequential(
            nn.Conv2d(blocks * features, features, 1), _conv3x3(features, features)
        )
        self.output = _conv3x3(features, 1)
        self.image_skip = image_skip
        # Two shallow layers, C in each block, one after the fusion and the last.
        self.receptive_radius = blocks * layers + 4

    def forward(self, noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        """Denoise.

        Parameters
        ----------
        noisy : torch.Tensor
            float32, shape (N, 1, H, W), clean range [0, 1].
        sigma : float, optional
            Ignored: the noise level is in the weights.

        Returns
        -------
        torch.Tensor
            Shape (N, 1, H, W), not clipped.
        """
        first = self.shallow1(noisy)
        maps, outputs = self.shallow2(first), []
        for block in self.blocks:
            maps = block(maps)
            outputs.append(maps)
        image = self.output(first + self.fusion(torch.cat(outputs, dim=1)))
        return noisy + image if self.image_skip else image
