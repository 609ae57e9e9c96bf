"""The DnCNN authors' released weights, in this library's network."""

from __future__ import annotations

from pathlib import Path

import torch

from denoise_lib.data import published
from denoise_lib.models import DnCNN

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
        raise ValueError(f"No weights for sigma={sigma}; choose one of: {known}.")
    _require_h5py()  # before anything is downloaded
    name, source_path, sha256 = _RELEASED[sigma]
    convolutions = _read(published.dncnn_file(f"reference/dncnn/{name}", source_path, sha256))
    model = DnCNN(depth=len(convolutions)).eval()
    first, *middle, last = convolutions
    with torch.no_grad():
        for conv, (weight, bias) in ((model.head[0], first), (model.tail, last)):
            conv.weight.copy_(weight)
            conv.bias.copy_(bias)
        for (conv, norm, _), (weight, bias) in zip(model.body, middle, strict=True):
            conv.weight.copy_(weight)
            norm.weight.fill_((1 + norm.eps) ** 0.5)  # running variance 1: the scale cancels eps
            norm.bias.copy_(bias)
    return model


def _require_h5py():
    try:
        import h5py
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            'The released weights need h5py: pip install "denoise_lib[reference]"'
        ) from None
    return h5py


def _read(path: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weights (out, in, 3, 3) and biases of a MatConvNet network, in order."""
    h5py = _require_h5py()
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
