"""DnCNN: Zhang et al., Beyond a Gaussian Denoiser, IEEE TIP 26(7), 2017."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from denoise_lib.methods.registry import network
from denoise_lib.recipe import Recipe


def _recipes(patch_size: int) -> dict[str, Recipe]:
    clipped = partial(Recipe, patch_size=patch_size, clip_gradient=1.0)
    return {
        "smoke": clipped(steps=8, batch_size=4, validate_every=4),
        # Many small steps: what counts in a minute is their number, not their precision.
        "quick": clipped(steps=2000, batch_size=2, learning_rate=8e-3, validate_every=200),
        "full": clipped(steps=80_000, batch_size=128, ema=0.999, validate_every=2000),
    }


@network(
    "dncnn-b",
    "DnCNN-B (blind)",
    "#D55E00",
    "*",
    paper="zhang2017dncnn",
    year=2017,
    config={"depth": 20},
    parameters=667_073,
    tiny={"depth": 5, "features": 8},
    # Larger patches for the blind network, as in the paper; and batches large enough for batch
    # norm, whose statistics a patch shares with those of other levels.
    recipes=_recipes(patch_size=50)
    | {
        "quick": Recipe(
            steps=250,
            batch_size=16,
            patch_size=50,
            optimizer="muon",
            learning_rate=2e-3,
            matrix_learning_rate=0.06,
            weight_decay=0.2,
            validate_every=50,
            clip_gradient=1.0,
        )
    },
    in_study=False,
)
@network(
    "dncnn",
    "DnCNN",
    "#D55E00",
    "s",
    paper="zhang2017dncnn",
    year=2017,
    parameters=556_097,
    tiny={"depth": 4, "features": 8},
    recipes=_recipes(patch_size=40),
)
class DnCNN(nn.Module):
    """Residual denoising network, x = y - R(y) (section III).

    Conv + ReLU, then `depth` - 2 times Conv + BN + ReLU, then Conv. The middle convolutions have
    no bias: batch norm would cancel it. The receptive field is 2 `depth` + 1 pixels wide.

    Parameters
    ----------
    depth : int
        Number of convolutions D: 17 for DnCNN-S (one noise level), 20 for DnCNN-B (blind).
    features : int
        Feature maps per layer.
    batch_norm : bool
        Without it, the middle convolutions have a bias. For the paper's ablation.
    residual_learning : bool
        Without it, the layers give the image itself. For the same ablation.

    Raises
    ------
    ValueError
        When the depth is below 2.
    """

    alignment = 1  # an image may be cut anywhere to be denoised in tiles

    def __init__(
        self,
        depth: int = 17,
        features: int = 64,
        batch_norm: bool = True,
        residual_learning: bool = True,
    ):
        super().__init__()
        if depth < 2:
            raise ValueError(f"DnCNN needs a depth of at least 2, not {depth}.")
        self.head = nn.Sequential(nn.Conv2d(1, features, 3, padding=1), nn.ReLU())
        self.body = nn.Sequential(*(self._middle(features, batch_norm) for _ in range(depth - 2)))
        self.tail = nn.Conv2d(features, 1, 3, padding=1)
        self.residual_learning = residual_learning
        self.depth = depth
        self._initialise()

    @property
    def receptive_radius(self) -> int:
        """Pixels that an output pixel sees on each side of it: one per convolution."""
        return self.depth

    @staticmethod
    def _middle(features: int, batch_norm: bool) -> nn.Sequential:
        conv = nn.Conv2d(features, features, 3, padding=1, bias=not batch_norm)
        norm = [nn.BatchNorm2d(features)] if batch_norm else []
        return nn.Sequential(conv, *norm, nn.ReLU())

    def _initialise(self) -> None:
        # The last convolution starts at zero, so that R(y) = 0 and the first estimate is y itself.
        # With any other start a short training spends its steps on unlearning a random residual.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.zeros_(self.tail.weight)

    def residual(self, noisy: torch.Tensor) -> torch.Tensor:
        """The noise estimate R(y) of equation (1).

        Parameters
        ----------
        noisy : torch.Tensor
            y: float32, shape (N, 1, H, W), clean range [0, 1].

        Returns
        -------
        torch.Tensor
            Shape (N, 1, H, W), in units of the image's range.
        """
        return self.tail(self.body(self.head(noisy)))

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
        output = self.residual(noisy)
        return noisy - output if self.residual_learning else output
