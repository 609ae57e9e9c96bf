"""What residual learning and batch norm each do for DnCNN, from one start for all four networks.

With the usual start a direct network begins at black and a residual one at the noisy image, so that
the first has lost before the first step. Here every network has a *carrier*: its first feature map
takes the image unchanged through all layers. The direct network starts by returning it, the
residual one by subtracting nothing. Both start at the noisy image, with all other weights alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, cast

import torch
from torch import nn

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.identity import code_hash
from denoise_lib.methods.dncnn import DnCNN
from denoise_lib.methods.registry import get
from denoise_lib.protocol import Protocol
from denoise_lib.study.side.shared import NOISE, SEEDS, quality
from denoise_lib.study.side_studies import side_study
from denoise_lib.training.loop import fit
from denoise_lib.training.patches import NoisyPatches, sample_patches

STEPS, BATCH, PATCH = 2000, 4, 32
FEATURES = 32  # half of the paper's; the depth, of which the paper speaks, is the paper's
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
# Where the best was at an end, on from there until it was not.
WIDER = {(True, True): (3e-2,), (False, True): (1e-4, 3e-5)}
# Residual learning and batch norm, with the rates at which further seeds are trained: the best by
# the first seed, and the one below it where others do not reach that.
VARIANTS = {
    (True, True): (1e-2, 3e-3),
    (True, False): (3e-3,),
    (False, True): (1e-4,),
    (False, False): (1e-3,),
}
OFFSET = 1.0  # keeps the carried image positive, so that no ReLU cuts it


@torch.no_grad()
def start_at_the_image(model: DnCNN, noisy: torch.Tensor) -> None:
    """Let a network return its input at first, in place.

    Parameters
    ----------
    model : DnCNN
        Any of the four.
    noisy : torch.Tensor
        Patches, shape (N, 1, H, W): where there is batch norm, the carrier's scale and shift undo
        what the statistics of these patches do to it.
    """
    head = cast(nn.Conv2d, model.head[0])
    head.weight[0].zero_()[0, 1, 1] = 1
    cast(torch.Tensor, head.bias)[0] = OFFSET
    carried = noisy + OFFSET
    for block in model.body:
        conv = cast(nn.Conv2d, cast(nn.Sequential, block)[0])
        conv.weight[0].zero_()[0, 1, 1] = 1
        for module in cast(nn.Sequential, block):
            if isinstance(module, nn.BatchNorm2d):
                module.weight[0] = (carried.var(correction=0) + module.eps).sqrt()
                module.bias[0] = carried.mean()
    if not model.residual_learning:
        model.tail.weight[0, 0, 1, 1] = 1
        cast(torch.Tensor, model.tail.bias)[0] = -OFFSET


def _keys() -> Iterator[dict[str, Any]]:
    for seed in SEEDS:
        for (residual, norm), best in VARIANTS.items():
            tried = (*RATES, *WIDER.get((residual, norm), ()))
            for rate in tried if seed == SEEDS[0] else best:
                yield {
                    "residual_learning": residual,
                    "batch_norm": norm,
                    "learning_rate": rate,
                    "seed": seed,
                }


def _identity(key: Mapping[str, Any]) -> Any:
    """Not which rates are tried, so that the grid may grow."""
    recipe = asdict(methods.recipe("dncnn", "quick"))
    made_by = code_hash(dncnn_ablation, start_at_the_image, quality)
    values = [STEPS, BATCH, PATCH, FEATURES, OFFSET, NOISE.to_dict(), recipe]
    return [dict(key), made_by, values, get("dncnn").identity()]


@side_study(
    "Residual or direct, with batch norm or without, from one start?",
    keys=_keys,
    growing=True,
    identity=_identity,
)
def dncnn_ablation(
    residual_learning: bool, batch_norm: bool, learning_rate: float, seed: int
) -> dict[str, Any]:
    """Section IV-B of the paper, at a short training.

    Parameters
    ----------
    residual_learning, batch_norm : bool
        See `DnCNN`.
    learning_rate : float
        Peak of Adam's.
    seed : int
        Of the weights and the training.

    Returns
    -------
    dict
        `psnr` (dB) and `ssim` on the validation radiographs, and `first_psnr`, before any step.
    """
    torch.manual_seed(seed)
    config = {"residual_learning": residual_learning, "batch_norm": batch_norm}
    model = methods.create("dncnn", features=FEATURES, **config)
    images = load_dataset("chest-drr").train.images()
    generator = torch.Generator().manual_seed(seed)
    calibration = sample_patches(images, 64, PATCH, generator)
    start_at_the_image(cast(DnCNN, model), NOISE.sample(calibration, generator))
    error = (model.train()(NOISE.sample(calibration, generator)) - calibration).square().mean()
    recipe = replace(
        methods.recipe("dncnn", "quick"),
        steps=STEPS,
        batch_size=BATCH,
        patch_size=PATCH,
        learning_rate=learning_rate,
        seed=seed,
    )
    fit(model, NoisyPatches(images, NOISE), recipe).to_the_end()
    scores = quality(model, Protocol(split="val", noise=NOISE))
    return {**scores, "first_psnr": -10 * error.log10().item()}
