"""The estimated noise of each image that the classifiers are shown."""

from __future__ import annotations

from denoise_lib.study.side import classifier
from denoise_lib.study.side.classifier import CHANGES, NEEDS, shown
from denoise_lib.study.side_studies import side_study
from denoise_lib.tasks import classification
from denoise_lib.tasks.classification import grain


@side_study(
    "How strong is the noise of each test image, clean and weakly changed?",
    code=(classification, classifier),
    repeatable=True,
    needs=NEEDS,
    in_study=True,
    images=("clean", *CHANGES),
)
def grains(images: str) -> dict[str, str]:
    """One number for each image, which the classifiers' answers are compared with.

    Parameters
    ----------
    images : str
        "clean" or one of `CHANGES`.

    Returns
    -------
    dict of str to str
        `test`: the estimated noise of each image of the test split on the 0-255 scale, in their
        order.
    """
    return {"test": " ".join(f"{grain(image):.5f}" for image in shown(images, "test"))}
