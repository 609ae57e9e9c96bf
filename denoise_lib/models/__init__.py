"""The papers' networks: `create(name, **config)`, one module per paper.

Every model is called as ``model(noisy, sigma=None)`` and returns the IMAGE; a residual network
subtracts inside. Defaults are the paper's configuration. Convolutional and patch models say what
`denoise_lib.inference` needs to work in tiles: `receptive_radius`, the pixels that an output pixel
sees on each side of it, and `alignment`, the grid on which an image may be cut;
`suits_bf16 = False` keeps a network in float32.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from denoise_lib.models.dncnn import DnCNN
from denoise_lib.models.gondara import ConvDenoisingAutoencoder
from denoise_lib.models.liu import LiuDenoiser
from denoise_lib.models.rdn import RDN
from denoise_lib.models.vincent import (
    DenoisingAutoencoder,
    PatchAutoencoder,
    StackedAutoencoder,
    WholeImageAutoencoder,
)

_MODELS = {
    "vincent": PatchAutoencoder,
    "gondara": ConvDenoisingAutoencoder,
    "dncnn": DnCNN,
    "dncnn-b": partial(DnCNN, depth=20),
    "liu": LiuDenoiser,
    "rdn": RDN,
}

__all__ = [
    "RDN",
    "ConvDenoisingAutoencoder",
    "DenoisingAutoencoder",
    "DnCNN",
    "LiuDenoiser",
    "PatchAutoencoder",
    "StackedAutoencoder",
    "WholeImageAutoencoder",
    "available",
    "count_parameters",
    "create",
]


def available() -> list[str]:
    """Names that `create` knows."""
    return list(_MODELS)


def create(name: str, **config) -> nn.Module:
    """Make a model by name.

    Parameters
    ----------
    name : str
        One of `available()`.
    **config
        Arguments of the model's class; the defaults are the paper's.

    Returns
    -------
    torch.nn.Module
        With freshly initialised weights.

    Raises
    ------
    ValueError
        When the name is not known; the message lists the known ones.
    """
    if name not in _MODELS:
        raise ValueError(f"Unknown model {name!r}; choose one of: {', '.join(_MODELS)}.")
    return _MODELS[name](**config)


def count_parameters(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
