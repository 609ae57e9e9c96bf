import torch
from torch import nn

from denoise_lib.methods.registry import network
from denoise_lib.recipe import Recipe


@network(
    "single",
    "One convolution",
    "#882255",
    "1",
    year=2030,
    parameters=10,
    recipes={
        "smoke": Recipe(steps=8, batch_size=4),
        "quick": Recipe(steps=500, batch_size=4, learning_rate=1e-2),
        "full": Recipe(steps=20_000, batch_size=32),
    },
)
class Single(nn.Module):
    """The least that can learn: a 3 x 3 kernel."""

    receptive_radius, alignment = 1, 1

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        """Denoise: float32, shape (N, 1, H, W), clean range [0, 1], in and out."""
        return self.conv(noisy)
