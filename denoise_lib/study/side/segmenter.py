"""A frozen segmenter on clean, noisy and denoised images."""

from __future__ import annotations

from typing import Any

from denoise_lib.data import load_dataset
from denoise_lib.study.grid import compared
from denoise_lib.study.side import liu
from denoise_lib.study.side.liu import SEGMENTED, overlap, task_network
from denoise_lib.study.side.shared import SEEDS, denoised
from denoise_lib.study.side_studies import side_study
from denoise_lib.tasks import segmentation


@side_study(
    "What does a frozen segmenter make of denoised images?",
    code=(segmentation, liu),
    in_study=True,
    method=lambda: ("clean", *compared()),
    seed=SEEDS,
)
def segmenter(method: str, seed: int) -> dict[str, Any]:
    """Dice of each structure on the test split of `chest-drr`.

    Parameters
    ----------
    method : str
        Of the study, or "clean".
    seed : int
        Of the segmenter's training.

    Returns
    -------
    dict
        See `liu.overlap`.
    """
    split = load_dataset("chest-drr").test
    images = split.images()
    if method != "clean":
        images = denoised(method, SEGMENTED, images, split.ids)
    return overlap(task_network(seed), images)
