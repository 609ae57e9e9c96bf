"""What each part of RDN is worth: the paper's own ablation, the image skip, and a plain control."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.methods.rdn import RDN
from denoise_lib.protocol import Protocol
from denoise_lib.study.side.shared import NOISE, SEEDS, quality
from denoise_lib.study.side_studies import side_study
from denoise_lib.training.train import train

# The names of the paper: contiguous memory, local residual learning, global feature fusion.
PARTS = {
    "RDN": {},
    "without contiguous memory": {"dense": False},
    "without local residual": {"local_residual": False},
    "without global fusion": {"global_fusion": False},
    "with a skip from the image": {"image_skip": True},
}
PLAIN = "plain residual blocks"
PLAIN_BLOCKS = 8  # of two convolutions: as many layers in a row as the small RDN has


class AblatedRDN(RDN):
    """RDN with parts left out.

    Parameters
    ----------
    dense : bool
        Without it, a convolution reads the maps of the one before it only, and so does the local
        fusion; all widths stay, so that the block has fewer weights.
    local_residual : bool
        Without it, a block does not add its input.
    global_fusion : bool
        Without it, the last block alone is fused.
    **config
        Arguments of `RDN`.
    """

    def __init__(
        self,
        dense: bool = True,
        local_residual: bool = True,
        global_fusion: bool = True,
        **config: Any,
    ):
        super().__init__(**config)
        self.local_residual, self.global_fusion = local_residual, global_fusion
        features, growth = config["features"], config["growth"]
        if not dense:
            for block in self.blocks:
                block.convs = nn.ModuleList(  # pyright: ignore[reportAttributeAccessIssue]
                    nn.Conv2d(growth if place else features, growth, 3, padding=1)
                    for place in range(config["layers"])
                )
                block.fusion = nn.Conv2d(growth, features, 1)  # pyright: ignore[reportAttributeAccessIssue]
        if not global_fusion:
            self.fusion[0] = nn.Conv2d(features, features, 1)
        self.dense = dense

    def forward(self, noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        """Denoise; see `RDN.forward`.

        Parameters
        ----------
        noisy : torch.Tensor
            float32, shape (N, 1, H, W), clean range [0, 1].
        sigma : float, optional
            Ignored.

        Returns
        -------
        torch.Tensor
            Shape (N, 1, H, W).
        """
        first = self.shallow1(noisy)
        maps, outputs = self.shallow2(first), []
        for block in self.blocks:
            maps = self._block(block, maps)
            outputs.append(maps)
        fused = torch.cat(outputs if self.global_fusion else outputs[-1:], dim=1)
        image = self.output(first + self.fusion(fused))
        return noisy + image if self.image_skip else image

    def _block(self, block: Any, inputs: torch.Tensor) -> torch.Tensor:
        maps = inputs
        for conv in block.convs:
            new = torch.relu(conv(maps))
            maps = torch.cat([maps, new], dim=1) if self.dense else new
        fused = block.fusion(maps)
        return inputs + fused if self.local_residual else fused


class PlainResidual(nn.Module):
    """The control: residual blocks of two convolutions, one long skip, nothing dense.

    Parameters
    ----------
    features : int
        Maps everywhere.
    blocks : int
        Residual blocks.
    """

    def __init__(self, features: int, blocks: int = PLAIN_BLOCKS):
        super().__init__()

        def conv(inputs: int, outputs: int) -> nn.Conv2d:
            return nn.Conv2d(inputs, outputs, 3, padding=1)

        self.first = conv(1, features)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(features, features), nn.ReLU(), conv(features, features))
            for _ in range(blocks)
        )
        self.last = conv(features, features)
        self.output = conv(features, 1)

    def forward(self, noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        """Denoise.

        Parameters
        ----------
        noisy : torch.Tensor
            float32, shape (N, 1, H, W), clean range [0, 1].
        sigma : float, optional
            Ignored.

        Returns
        -------
        torch.Tensor
            Shape (N, 1, H, W).
        """
        first = maps = self.first(noisy)
        for block in self.blocks:
            maps = maps + block(maps)
        return self.output(first + self.last(maps))


def create(variant: str) -> nn.Module:
    """A network of the ablation, at the size of the chapter's.

    Parameters
    ----------
    variant : str
        One of `PARTS`, or `PLAIN`: as many weights as the RDN, within a few percent.

    Returns
    -------
    torch.nn.Module
    """
    small = methods.configuration("rdn", "quick")
    if variant != PLAIN:
        return AblatedRDN(**PARTS[variant], **small)
    wanted = methods.count_parameters(AblatedRDN(**small))
    widths = range(8, 64)
    return PlainResidual(
        min(widths, key=lambda w: abs(methods.count_parameters(PlainResidual(w)) - wanted))
    )


@side_study(
    "What is each part of RDN worth, and what does a plain network of its size do?",
    growing=True,
    trains=("rdn",),
    seed=SEEDS,
    variant=(*PARTS, PLAIN),
)
def rdn_ablation(seed: int, variant: str) -> dict[str, Any]:
    """Trained as the chapter trains its RDN, measured on the validation radiographs.

    Parameters
    ----------
    seed : int
        Of the weights and the training.
    variant : str
        See `create`.

    Returns
    -------
    dict
        `psnr` (dB), `ssim`, and the number of `parameters`.
    """
    torch.manual_seed(seed)
    model = create(variant)
    images = load_dataset("chest-drr").train.images()
    train(model, images, NOISE, replace(methods.recipe("rdn", "quick"), seed=seed)).to_the_end()
    scores = quality(model, Protocol(split="val", noise=NOISE))
    return {**scores, "parameters": methods.count_parameters(model)}
