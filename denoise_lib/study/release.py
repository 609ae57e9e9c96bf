"""Take a trained network into the package and measure it: `denoise study release`.

Weights and card are copied beside the plan, the stored weights are measured on the test sets that
belong to their training data, and the means go to the card. Nothing is chosen by test images, but
that the side study `optimisers` compares recipes on the first seven of Set12.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from denoise_lib.checks import UserError
from denoise_lib.evaluation import summarise
from denoise_lib.files import replacing
from denoise_lib.methods.released import CARD, PLAN, RELEASED, WEIGHTS, load_card, update_card
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import store
from denoise_lib.study.grid import CHAPTER_SIGMAS, Measurement
from denoise_lib.study.run import measure
from denoise_lib.training.plan import load_plan

# What is measured, by training data: data set and noise level.
TESTS = {
    "nih-sample": [("nih-sample", sigma) for sigma in CHAPTER_SIGMAS],
    "train400": [("bsd68", 25), ("set12", 25)],
}


def take_over(name: str, run: Path) -> None:
    """Copy weights and card into the package; the plan is there already and must be the same.

    Parameters
    ----------
    name : str
        Of the network.
    run : pathlib.Path
        The folder that `denoise train` wrote.

    Raises
    ------
    ValueError
        When it was trained by another plan, or with uncommitted code.
    FileNotFoundError
        When there is no finished training.
    """
    card = load_card(run)
    if load_plan(run / PLAN) != load_plan(name):
        raise UserError(f"{run} was trained by another plan than the package has for {name}.")
    if "dirty" in card["commit"]:
        raise UserError(f"{run} was trained with uncommitted code: commit it and train again.")
    for file in (WEIGHTS, CARD):
        with replacing(RELEASED / name / file) as temporary:
            shutil.copyfile(run / file, temporary)


def measure_release(name: str) -> list[dict]:
    """Measure what `results/` lacks of a network, and write the means to its card.

    Parameters
    ----------
    name : str
        Of the network.

    Returns
    -------
    list of dict
        Means with 95 % intervals, one entry per test set and noise level.
    """
    entries = []
    for dataset, sigma in TESTS[load_plan(name).data.dataset]:
        measurement = Measurement(name, Protocol(dataset, noise=GaussianNoise(sigma)))
        measure(measurement)
        rows = store.load(measurement.protocol)
        rows = rows[rows["fingerprint"] == measurement.key["fingerprint"]]
        summary = summarise(rows).iloc[0].drop("seconds")
        entries.append(
            {
                "dataset": dataset,
                "split": measurement.protocol.split,
                "sigma": sigma,
                "protocol": measurement.protocol.hash,
                **summary.astype(float).round(5).to_dict(),
                "images": len(rows),
                "precision": measurement.precision,
            }
        )
    update_card(name, results=entries)
    return entries
