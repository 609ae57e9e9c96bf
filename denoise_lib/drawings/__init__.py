"""Drawings of the networks, as SVG; they need nothing but text."""

from denoise_lib.drawings.networks import DRAWINGS, draw

__all__ = ["DRAWINGS", "draw"]
