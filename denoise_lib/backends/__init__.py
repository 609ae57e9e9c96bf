"""What computes a network: PyTorch or ONNX Runtime, and in tiles of which size.

`choose` decides for an image, from the processor's features or from a measurement that it keeps.
Whatever it decides, the result is the same to rounding.
"""

from denoise_lib.backends.choice import (
    BACKENDS,
    TILE,
    TILES,
    Choice,
    choose,
    core,
    microseconds,
    prepared_by,
    uses_bf16,
)

__all__ = [
    "BACKENDS",
    "TILE",
    "TILES",
    "Choice",
    "choose",
    "core",
    "microseconds",
    "prepared_by",
    "uses_bf16",
]
