"""Regions for a choice between two, one with a nodule and one without, for the reader's own eyes.

They are cut from the study's own draw of places and noise on the test images of `chest-drr`, at
`BY_EYE_SIGMA`, for the smaller nodule: what the model observers of `detection` judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from denoise_lib.data import Item, load_dataset
from denoise_lib.evaluation import apply
from denoise_lib.noise import GaussianNoise
from denoise_lib.study.side.detection import BY_EYE, BY_EYE_SIGMA
from denoise_lib.study.side.shared import PRECISION
from denoise_lib.study.variants import make
from denoise_lib.tasks import observer

COLUMNS = ("clean", *BY_EYE)  # of the picture: each with the nodule, then without
DIAMETER = min(observer.NODULES)
DRAW = 0  # of places and noise, one of those of `detection`
SHOWN = (-0.1, 0.6)  # black and white: lung is dark, and the noise goes below black


def pair(item: Item, number: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Where the nodule is looked for in a test image.

    Parameters
    ----------
    item : Item
        The image and its lungs.
    number : int
        Of the image in its split.

    Returns
    -------
    tuple or None
        Centres of a region with the nodule and of one without, apart from each other; None where
        the lungs have no room for two.
    """
    assert item.mask is not None
    where, sizes, _ = observer.study_nodules(item.image, item.mask[0], number, DRAW)
    present = next((i for i, size in enumerate(sizes) if size == DIAMETER), None)
    if present is None or len(where) < 2:
        return None
    others = [place for i, place in enumerate(where) if i != present]
    chosen = np.random.default_rng([DRAW, number]).integers(len(others))
    return where[present], others[chosen]


def regions(item: Item, number: int, columns: Sequence[str] = COLUMNS) -> torch.Tensor | None:
    """The two regions of a test image, clean and by each method.

    Parameters
    ----------
    item : Item
        The image and its lungs.
    number : int
        Of the image in its split.
    columns : sequence of str
        "clean", or methods.

    Returns
    -------
    torch.Tensor or None
        Shape (REGION, 2 len(columns) REGION), each with the nodule, then without; None where there
        is no `pair`.
    """
    places = pair(item, number)
    if places is None:
        return None
    assert item.mask is not None
    where, _, signals = observer.study_nodules(item.image, item.mask[0], number, DRAW)
    images = observer.insert(item.image, where, signals), item.image
    noisy = [GaussianNoise(BY_EYE_SIGMA)(image[None], [item.id], DRAW) for image in images]
    cut = []
    for method in columns:
        for index, place in enumerate(places):
            shown = images[index]
            if method != "clean":
                shown = apply(make(method, precision=PRECISION), noisy[index], BY_EYE_SIGMA)[0]
            cut.append(observer.region(shown, *place, observer.REGION)[0])
    return torch.cat(cut, dim=1)


def draw(path: Path) -> None:
    """Draw all pairs, a row each.

    Parameters
    ----------
    path : pathlib.Path
        The file to write: grey, of 8 bits, from `SHOWN[0]` to `SHOWN[1]`.
    """
    test = load_dataset("chest-drr").test
    found = (regions(item, number) for number, item in enumerate(tqdm(test, desc="pairs")))
    rows = torch.cat([row for row in found if row is not None])
    low, high = SHOWN
    levels = (255 * (rows - low) / (high - low)).round().clamp(0, 255)
    Image.fromarray(levels.numpy().astype(np.uint8)).save(path, lossless=True)
