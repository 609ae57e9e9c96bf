"""Things to move: a still picture with the data that a script of the site brings to life."""

from __future__ import annotations

import base64
import html
import io
import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure


def toy(name: str, data: Any, still: Figure, alt: str) -> str:
    """A box for a script of `book/_static/toys`, as HTML.

    Where no script runs, in a notebook say, the still picture is what is seen.

    Parameters
    ----------
    name : str
        Of the script.
    data : object
        What it needs; must have a form in JSON, in which there is no NaN.
    still : matplotlib.figure.Figure
        Says the same; it is closed.
    alt : str
        Describes the picture.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        When there is a NaN in the data.
    """
    # A "<" in the text could end the script element.
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    script = f'<script type="application/json" class="toy-data">{text}</script>'
    return f'<div class="toy" data-toy="{name}">{picture(still, alt, "toy-still")}{script}</div>'


def picture(figure: Figure, alt: str, kind: str) -> str:
    """A figure as an HTML element that holds it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        It is closed.
    alt : str
        Describes it.
    kind : str
        The element's class.

    Returns
    -------
    str
    """
    file = io.BytesIO()
    # Two pixels for one of the screen, on which a hundred are an inch; WebP halves them again.
    figure.savefig(file, format="webp", dpi=200, pil_kwargs={"lossless": True})
    width, height = (round(100 * length) for length in figure.get_size_inches())
    plt.close(figure)
    data = base64.b64encode(file.getvalue()).decode()
    source = f"data:image/webp;base64,{data}"
    size = f'width="{width}" height="{height}"'
    return f'<img class="{kind}" src="{source}" alt="{html.escape(alt)}" {size}>'


def base64_levels(image: torch.Tensor) -> str:
    """An image as scripts read it.

    Parameters
    ----------
    image : torch.Tensor
        Shape (H, W), clean range [0, 1].

    Returns
    -------
    str
        A byte a pixel, row by row, in base64.
    """
    levels = (255 * image.clamp(0, 1)).round().to(torch.uint8)
    return base64.b64encode(levels.contiguous().numpy().tobytes()).decode()


def embedded(path: Path) -> str:
    """A picture as an address that holds it.

    Parameters
    ----------
    path : pathlib.Path
        A PNG or a WebP file.

    Returns
    -------
    str

    Raises
    ------
    FileNotFoundError
        When it is missing.
    """
    data = base64.b64encode(path.read_bytes()).decode()
    return f"data:image/{path.suffix[1:]};base64,{data}"
