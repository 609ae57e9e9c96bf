"""RDN's growth rate and depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from denoise_lib import methods
from denoise_lib.study.side.shared import SEEDS, trained_quality
from denoise_lib.study.side_studies import side_study

SIZES = ((4, 8), (4, 16), (4, 32), (2, 16), (8, 16))


def _keys() -> Iterator[dict[str, Any]]:
    for seed in SEEDS:
        for blocks, growth in SIZES:
            yield {"blocks": blocks, "growth": growth, "seed": seed}


@side_study("Growth rate and depth.", keys=_keys, trains=("rdn",))
def rdn(blocks: int, growth: int, seed: int) -> dict[str, Any]:
    """With four layers in a block and 32 features, at a short training.

    Parameters
    ----------
    blocks : int
        Residual dense blocks D.
    growth : int
        Growth rate G.
    seed : int
        Of the training.

    Returns
    -------
    dict
        See `trained_quality`.
    """
    recipe = replace(methods.recipe("rdn", "quick"), steps=400)
    config = {"blocks": blocks, "growth": growth, "layers": 4, "features": 32}
    return trained_quality("rdn", recipe, seed, **config)
