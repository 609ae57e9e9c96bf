"""Take a trained network into the package and measure it: `denoise study release`.

Weights and card are copied beside the plan, the stored weights are measured on the test sets that
belong to their training data, and the means go to the card. Nothing is chosen by test images, but
that the side study `authors_recipe` compares recipes on the first seven of Set12.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from denoise_lib.checks import UserError
from denoise_lib.evaluation import summarise
from denoise_lib.files import replacing
from denoise_lib.methods.released import CARD, RELEASED, WEIGHTS, load_card, update_card
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import store
from denoise_lib.study.grid import COMMON_SIGMAS, Measurement
from denoise_lib.study.run import measure
from denoise_lib.study.side import trainings
from denoise_lib.training.plan import load_plan, planned

# What is measured, by training data: data set and noise level.
TESTS = {
    "nih-sample": [("nih-sample", sigma) for sigma in COMMON_SIGMAS],
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
        When it was trained by another plan (but for the seed), or with uncommitted code.
    FileNotFoundError
        When there is no finished training.
    """
    card = load_card(run)
    found, wanted = trained_by(card), trained_by(planned(load_plan(name)))
    if other := [key for key in wanted if found[key] != wanted[key]]:
        raise UserError(
            f"{run} was trained with another {', '.join(other)} than the package's plan for {name} "
            f"says: train again with `denoise train {name}`, or put its plan into the package."
        )
    if "dirty" in card["commit"]:
        raise UserError(f"{run} was trained with uncommitted code: commit it and train again.")
    for file in (WEIGHTS, CARD):
        with replacing(RELEASED / name / file) as temporary:
            shutil.copyfile(run / file, temporary)


def trained_by(card: Mapping[str, Any]) -> dict[str, Any]:
    """What a card says of the plan, the seed left out: any of several trainings may be released.

    Parameters
    ----------
    card : mapping
        Of a trained network.

    Returns
    -------
    dict
        Network, data, noise and recipes.
    """
    recipes = {
        name: {k: v for k, v in (card[name] or {}).items() if k != "seed"}
        for name in ("recipe", "layers")
    }
    same = {name: card[name] for name in ("model", "config", "noise", "start")}
    # As JSON has it: tuples are lists there.
    return json.loads(json.dumps({**same, **recipes, "dataset": card["training_data"]["dataset"]}))


def best_run(name: str) -> Path:
    """The training of a network that is best on the validation images, among the full ones.

    Parameters
    ----------
    name : str
        Of a network with trainings, see `side.trainings`.

    Returns
    -------
    pathlib.Path
        The folder of its weights.

    Raises
    ------
    FileNotFoundError
        When no full training is finished, or its weights are not on this machine.
    """
    rows = store.side_table("trainings", trainings.KEY).read()
    rows = rows[(rows["network"] == name) & (rows["share"] == 1)]
    if rows.empty:
        raise FileNotFoundError(
            f"No full training of {name} is finished: run `denoise study run trainings --only "
            f"network={name}`."
        )
    levels = [column for column in rows if str(column).startswith("psnr_")]
    best = rows.iloc[int(rows[levels].mean(axis=1).to_numpy().argmax())]
    seed = int(best["seed"])
    folder = trainings.run_folder(name, 1.0, seed)
    if not (folder / CARD).exists():
        raise FileNotFoundError(
            f"The best training of {name}, of seed {seed}, has no weights on this machine: take "
            "its rows out of results/side/trainings.csv and run `denoise study run trainings "
            f"--only network={name}`."
        )
    return folder


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
