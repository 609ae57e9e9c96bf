"""The DnCNN authors' weights in our network."""

from __future__ import annotations

from typing import Any

from denoise_lib.methods import authors
from denoise_lib.methods.authors import load_dncnn
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study.side.shared import LEVELS, quality
from denoise_lib.study.side_studies import side_study


@side_study(
    "Do the DnCNN authors' weights give their numbers in our network?",
    code=(authors,),
    needs=authors.FILES,
    dataset=("set12", "bsd68"),
    sigma=(15, 25, 50),
    model=("S", "B"),
)
def parity(dataset: str, sigma: int, model: str) -> dict[str, Any]:
    """Measured on the test sets of their paper.

    Parameters
    ----------
    dataset : str
        "set12" or "bsd68".
    sigma : int
        Noise level, 0-255.
    model : str
        "S", the network for this level, or "B".

    Returns
    -------
    dict
        The protocol's hash, `psnr` (dB) and `ssim`.
    """
    return _on(dataset, sigma, sigma if model == "S" else None)


@side_study(
    "What do their DnCNN-S for 25 and DnCNN-B do at other levels?",
    repeatable=True,
    code=(authors,),
    needs=authors.FILES,
    sigma=LEVELS,
    model=("S (25)", "B"),
)
def blind(sigma: int, model: str) -> dict[str, Any]:
    """Measured on Set12.

    Parameters
    ----------
    sigma : int
        Noise level, 0-255.
    model : str
        "S (25)" or "B".

    Returns
    -------
    dict
        The protocol's hash, `psnr` (dB) and `ssim`.
    """
    return _on("set12", sigma, 25 if model == "S (25)" else None)


def _on(dataset: str, sigma: int, released: int | None) -> dict[str, Any]:
    protocol = Protocol(dataset=dataset, noise=GaussianNoise(sigma))
    return {"protocol": protocol.hash, **quality(load_dncnn(released), protocol)}
