"""The denoiser of Liu et al., When Image Denoising Meets High-Level Vision Tasks, IJCAI 2018."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from denoise_lib.methods.registry import network
from denoise_lib.recipe import Recipe


class _Module(nn.Module):
    """A convolution and a residual bottleneck, each with batch norm: one scale of the network."""

    def __init__(self, inputs: int, outputs: int, narrow: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()
        )
        self.bottleneck = nn.Sequential(
            nn.Conv2d(outputs, narrow, 1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.ReLU(),
            nn.Conv2d(narrow, narrow, 3, padding=1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.ReLU(),
            nn.Conv2d(narrow, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        maps = self.conv(inputs)
        return torch.relu(maps + self.bottleneck(maps))


@network(
    "liu",
    "Liu's denoiser",
    "#0072B2",
    "p",
    paper="liu2018",
    year=2018,
    parameters=1_027_937,
    # Patches large enough for the task network to know where it is, and not flipped: it has to
    # know left from right.
    recipes={
        "smoke": Recipe(
            steps=8,
            batch_size=2,
            patch_size=64,
            validate_every=4,
            clip_gradient=1.0,
            symmetries="none",
        ),
        "quick": Recipe(
            steps=400,
            batch_size=2,
            patch_size=128,
            learning_rate=1e-3,
            validate_every=50,
            symmetries="none",
            clip_gradient=1.0,
        ),
        "full": Recipe(
            steps=80_000,
            batch_size=16,
            patch_size=128,
            ema=0.999,
            validate_every=2000,
            symmetries="none",
            clip_gradient=1.0,
        ),
    },
)
class LiuDenoiser(nn.Module):
    """Three scales, down by strided and up by transposed convolutions, with skips.

    As the authors released it (their train_denoise.prototxt): a 5x5 stem, encoding modules at 1/2
    and 1/4 of the size, decoding back to 1/2 and 1, each concatenated with the encoder's maps of
    its size, and a last convolution whose output is added to the noisy image.

    The released network pads nothing in its first and last convolution, so that its output is 6
    pixels smaller than its input. Here the edges are replicated before and cropped after, and any
    size comes out as it went in. Initial weights are PyTorch's, and zero in the last layer; the
    authors' were Xavier's, most biases 0.2, and the last layer learned at a tenth of the rate.

    Parameters
    ----------
    channels : int
        1 for grey images; 3 is the released configuration.
    """

    receptive_radius, alignment = 22, 4
    suits_bf16 = False  # at weak noise its residual is lost in the rounding of 8 bits

    def __init__(self, channels: int = 1):
        super().__init__()
        self.stem = nn.Conv2d(channels, 64, 5)
        self.encode2 = _Module(64, 128, 32, stride=2)
        self.encode4 = _Module(128, 128, 32, stride=2)
        self.up2 = nn.ConvTranspose2d(128, 32, 4, 2, padding=1)
        self.decode2 = _Module(32 + 128, 256, 64)
        self.up1 = nn.ConvTranspose2d(256, 64, 4, 2, padding=1)
        self.output = nn.Conv2d(64 + 64, channels, 3)
        # The first estimate is then the noisy image; see the same line of DnCNN.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)  # pyright: ignore[reportArgumentType]: it has one

    def valid(self, noisy: torch.Tensor) -> torch.Tensor:
        """The network as released, without padding in its first and last convolution.

        Parameters
        ----------
        noisy : torch.Tensor
            float32, shape (N, C, H, W), clean range [0, 1]; H - 4 and W - 4 are multiples of 4.

        Returns
        -------
        torch.Tensor
            Shape (N, C, H - 6, W - 6), not clipped.
        """
        full = self.stem(noisy)
        half = self.encode2(full)
        coarse = self.up2(self.encode4(half))
        fine = self.up1(self.decode2(torch.cat([coarse, half], dim=1)))
        return noisy[..., 3:-3, 3:-3] + self.output(torch.cat([fine, full], dim=1))

    def forward(self, noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        """Denoise.

        Parameters
        ----------
        noisy : torch.Tensor
            float32, shape (N, C, H, W), any H and W, clean range [0, 1].
        sigma : float, optional
            Ignored: the noise level is in the weights.

        Returns
        -------
        torch.Tensor
            Shape (N, C, H, W), not clipped.
        """
        height, width = noisy.shape[-2:]
        # 3 pixels for the unpadded convolutions, and more up to H + 2 = 0 modulo 4.
        padding = (3, 3 + (-width - 2) % 4, 3, 3 + (-height - 2) % 4)
        padded = F.pad(noisy, padding, mode="replicate")
        return self.valid(padded)[..., :height, :width]
