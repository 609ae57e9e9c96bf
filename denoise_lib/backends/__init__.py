"""What computes a network: PyTorch or ONNX Runtime, and in tiles of which size.

`choose` decides for an image, from the processor's features or from a measurement that it keeps.
Whatever it decides, the result is the same to rounding.
"""

from denoise_lib.backends.choice import BACKENDS, TILE, Choice, choose, core, prepared_by

__all__ = ["BACKENDS", "TILE", "Choice", "choose", "core", "prepared_by"]
