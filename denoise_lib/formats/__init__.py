"""Image files: `read_picture` reads one, and its `write` puts another image in its place."""

from __future__ import annotations

from denoise_lib.formats.picture import Made, Picture
from denoise_lib.formats.read import read_picture

__all__ = ["Made", "Picture", "read_picture"]
