"""The DnCNN authors' released weights, in this library's network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from denoise_lib.checks import UserError, require
from denoise_lib.identity import code_hash
from denoise_lib.methods.dncnn import DnCNN
from denoise_lib.methods.registry import Denoiser, Look, Method, register
from denoise_lib.needs import Needs

# Noise level (None: blind): name here, path in github.com/cszn/DnCNN, hash.
_RELEASED = {
    15: (
        "dncnn_s_sigma15.mat",
        "model/specifics/sigma=15.mat",
        "657d5115fa05d371dbf0df1f0a931eff274dae29d08a9cc0824a28caf2460e21",
    ),
    25: (
        "dncnn_s_sigma25.mat",
        "model/specifics/sigma=25.mat",
        "5a5404c9e3ef14e353760e14b885439408a654618e14f13b2e97b99b9835020b",
    ),
    50: (
        "dncnn_s_sigma50.mat",
        "model/specifics/sigma=50.mat",
        "517dc0b55a8da2c129704ed7921b8557aac40cf3aae9f700dc41a9e25cad0983",
    ),
    None: (
        "dncnn_b.mat",
        "model/GD_Gray_Blind.mat",
        "37f76da0b71dd2b2789ce91848fe2f184ab486203c9af9ac1b98199b60ea02b0",
    ),
}


FILES = Needs(package="h5py", extra="reference", folder="reference/dncnn")


@dataclass(frozen=True, kw_only=True)
class Authors(Method):
    """The authors' networks, one for each level, or one for all.

    Attributes
    ----------
    levels : tuple of int
        Noise levels (0-255); empty for the blind network.
    """

    levels: tuple[int, ...] = ()

    def load(self) -> Denoiser:
        """The blind network, or a function that takes the network of the sigma it is told."""
        if not self.levels:
            return load_dncnn(None)

        def of_level(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
            return self.network(sigma)(noisy, sigma=sigma)

        return of_level

    def network(self, sigma: float | None) -> DnCNN:
        """The network for a noise level.

        Parameters
        ----------
        sigma : float or None
            Noise level, 0-255; the blind network takes any.

        Returns
        -------
        DnCNN
            In evaluation mode.

        Raises
        ------
        ValueError
            When there is no network for this level; the message lists those there are.
        """
        if not self.levels:
            return load_dncnn(None)
        if sigma not in self.levels:
            known = ", ".join(map(str, self.levels))
            raise UserError(
                f"The authors' networks are for {known}, not {sigma}: choose one of them."
            )
        return load_dncnn(int(sigma))

    def identity(self) -> dict[str, Any]:
        """Their files, and the code that puts them into the network."""
        weights = [_RELEASED[level][2] for level in self.levels or (None,)]
        return {"weights": weights, "code": code_hash(DnCNN, load_dncnn.__wrapped__)}


register(
    Authors(
        name="dncnn-authors",
        look=Look("DnCNN-S (authors)", "#D55E00", "X"),
        paper="zhang2017dncnn",
        told_sigma=True,
        needs=FILES,
        levels=(15, 25, 50),
    )
)
register(
    Authors(
        name="dncnn-b-authors",
        look=Look("DnCNN-B (authors)", "#D55E00", "P"),
        paper="zhang2017dncnn",
        needs=FILES,
    )
)


@cache
def load_dncnn(sigma: int | None) -> DnCNN:
    """DnCNN as its authors trained it, on photographs.

    They released the network with its batch norm merged into the convolutions, which thereby got
    biases. Here the merged bias becomes the shift of a batch norm that does nothing else.

    Parameters
    ----------
    sigma : int or None
        15, 25 or 50 for DnCNN-S, None for the blind DnCNN-B.

    Returns
    -------
    DnCNN
        In evaluation mode.

    Raises
    ------
    ValueError
        For another noise level.
    ModuleNotFoundError
        When h5py, which reads the authors' file format, is not installed.
    ConnectionError, FileNotFoundError
        When the file cannot be had; the message says where to put it.
    ValueError
        When the file is not the published one.
    """
    if sigma not in _RELEASED:
        known = ", ".join(str(level) for level in _RELEASED)
        raise UserError(f"No weights for sigma={sigma}; choose one of: {known}.")
    require("h5py", "reference", "The authors' file format")  # before anything is downloaded
    from denoise_lib.data import published

    name, source_path, sha256 = _RELEASED[sigma]
    convolutions = _read(published.dncnn_file(f"reference/dncnn/{name}", source_path, sha256))
    model = DnCNN(depth=len(convolutions)).eval()
    first, *middle, last = convolutions
    with torch.no_grad():
        for conv, (weight, bias) in ((model.head[0], first), (model.tail, last)):
            conv.weight.copy_(weight)  # pyright: ignore[reportCallIssue]: a convolution's
            conv.bias.copy_(bias)  # pyright: ignore[reportCallIssue, reportOptionalMemberAccess]: it has one
        for (conv, norm, _), (weight, bias) in zip(model.body, middle, strict=True):  # pyright: ignore[reportGeneralTypeIssues]: parts of a Sequential
            conv.weight.copy_(weight)
            norm.weight.fill_((1 + norm.eps) ** 0.5)  # running variance 1: the scale cancels eps
            norm.bias.copy_(bias)
    return model


def _read(path: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weights (out, in, 3, 3) and biases of a MatConvNet network, in order."""
    h5py = require("h5py", "reference", "The authors' file format")
    convolutions = []
    with h5py.File(path) as file:
        for (layer,) in file["net/layers"]:
            if "weights" not in file[layer]:
                continue  # a ReLU
            weight, bias = (torch.from_numpy(file[r][()]) for (r,) in file[layer]["weights"])
            # MATLAB stores columns first, and drops a last axis of length one.
            weight = weight.mT if weight.ndim == 4 else weight.mT[None]
            convolutions.append((weight, bias.flatten()))
    return convolutions
