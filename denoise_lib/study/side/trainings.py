"""The released networks: how their recipes were chosen, and what more training would bring.

All five see the same images, the same noise and the same number of pixels. `search` tries two
optimisers and peak rates a factor of three apart for each, on a sixteenth, a quarter and all of the
pixels, and two peaks of the best three on four times as many; `trainings` trains each by its plan,
on all four shares, with several seeds of a quarter and of all. Both are measured on validation
images.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from denoise_lib.device import training_device
from denoise_lib.evaluation import evaluate
from denoise_lib.identity import code_hash
from denoise_lib.methods.registry import Network, get
from denoise_lib.methods.released import save_trained
from denoise_lib.needs import Needs
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study.side_studies import side_study
from denoise_lib.training.plan import Plan, describe, load_plan
from denoise_lib.training.run import TrainingRun

NETWORKS = ("vincent-nih", "gondara-nih", "dncnn-b-nih", "liu-nih", "rdn-nih")
RUNS = Path("runs")  # checkpoints and weights, below the current folder
LEVELS = (15, 25, 50)
PATCH = 40**2  # pixels of the patches that budgets are counted in

# The search, in rounds, since the longer a training is, the smaller the step that suits it.
# With few patches: peaks of either optimiser, a factor of three apart, then another loss at the
# best. With four times as many, by the best loss: the best peaks of the first round and those below
# them; Adam's for the two autoencoders only, whose trainings are short. With all: around the best.
SEARCH_SHARE, LONGER_SHARE, SEARCH_IMAGES = 1 / 16, 1 / 4, 10
PEAKS = {"muon": (0.006, 0.02, 0.06), "adam": (1e-3, 3e-3)}
# Where the best was at an end, on from there until it was not.
WIDER = {
    ("vincent-nih", "muon"): (0.18, 0.54, 1.62),
    ("vincent-nih", "adam"): (1e-2, 3e-2),
    ("gondara-nih", "muon"): (0.18,),
    ("gondara-nih", "adam"): (1e-2, 3e-2),
    ("dncnn-b-nih", "muon"): (0.18,),
    ("dncnn-b-nih", "adam"): (3e-4,),
    ("liu-nih", "muon"): (0.18,),
    ("liu-nih", "adam"): (3e-4,),
    ("rdn-nih", "adam"): (1e-2,),
}
# Muon's best peak of each, where other losses are tried. Cross-entropy needs an output in (0, 1).
BEST = {
    "vincent-nih": 0.54,
    "gondara-nih": 0.06,
    "dncnn-b-nih": 0.06,
    "liu-nih": 0.06,
    "rdn-nih": 0.02,
}
OTHER_LOSSES = {
    network: ("mse", "bce") if network == "gondara-nih" else ("mse",) for network in BEST
}
LONGER = {
    "vincent-nih": {"muon": (0.02, 0.06, 0.18, 0.54), "adam": (1e-3, 3e-3, 1e-2, 3e-2, 0.1)},
    "gondara-nih": {"muon": (0.006, 0.02, 0.06), "adam": (1e-2,)},
    "dncnn-b-nih": {"muon": (0.006, 0.02, 0.06)},
    "liu-nih": {"muon": (0.002, 0.006, 0.02, 0.06)},
    "rdn-nih": {"muon": (0.002, 0.006, 0.02)},
}
LONGEST = {
    "vincent-nih": {"adam": (3e-3, 1e-2, 3e-2)},
    "gondara-nih": {"muon": (0.002, 0.006, 0.02, 0.06)},
    "dncnn-b-nih": {"muon": (0.02, 0.06)},
    "liu-nih": {"muon": (0.006, 0.02, 0.06)},
    "rdn-nih": {"muon": (0.006, 0.02)},
}
# Beside Muon: Adam's peak for biases, norms and the outer layers; the decay of the matrices.
ADAM_BESIDE_MUON, MUON_DECAY = 2e-3, 0.2
# With four times as many: does the peak of the plan still suit?
FOURFOLD_SHARE = 4.0
FOURFOLD = {
    "dncnn-b-nih": {"muon": (0.006, 0.02)},
    "liu-nih": {"muon": (0.002, 0.006)},
    "rdn-nih": {"muon": (0.002, 0.006)},
}
# Seeds by share of the budget.
SHARES = {1 / 16: (0,), 1 / 4: (0, 1, 2), 1.0: (0, 1, 2), FOURFOLD_SHARE: (0,)}
CURVE_IMAGES = 20
KEY = ("network", "share", "seed")  # of the table `trainings`


def plan(network: str) -> Plan:
    """The plan of a released network.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.

    Returns
    -------
    Plan
    """
    return load_plan(network)


def _searched() -> Iterator[dict[str, Any]]:
    def key(network: str, optimizer: str, peak: float, loss: str, share: float) -> dict[str, Any]:
        return {
            "network": network,
            "optimizer": optimizer,
            "peak": peak,
            "loss": loss,
            "share": share,
        }

    for network in NETWORKS:
        for optimizer, peaks in PEAKS.items():
            for peak in (*peaks, *WIDER.get((network, optimizer), ())):
                yield key(network, optimizer, peak, "l1", SEARCH_SHARE)
        for loss in OTHER_LOSSES[network]:
            yield key(network, "muon", BEST[network], loss, SEARCH_SHARE)
    for share, tried in ((LONGER_SHARE, LONGER), (1.0, LONGEST), (FOURFOLD_SHARE, FOURFOLD)):
        for network, ways in tried.items():
            for optimizer, peaks in ways.items():
                for peak in peaks:
                    yield key(network, optimizer, peak, plan(network).recipe.loss, share)


def _search_identity(key: Mapping[str, Any]) -> Any:
    tried = _tried(**key)
    return [plan_identity(tried), code_hash(_trained, quality), SEARCH_IMAGES]


def _training_identity(key: Mapping[str, Any]) -> Any:
    scaled = plan(key["network"]).scaled(key["share"], key["seed"])
    return [plan_identity(scaled), code_hash(_trained, quality), CURVE_IMAGES]


def plan_identity(what: Plan) -> Any:
    """Plain values that tell what weights a training gives.

    Parameters
    ----------
    what : Plan
        Of the training.

    Returns
    -------
    list
        The plan, the noise, and the code of the network.
    """
    network = get(what.model.name, Network)
    values = what.model_dump(exclude={"study", "noise", "validation"})
    return [values, what.noise.to_dict(), network.identity()]


@side_study(
    "Which optimiser, peak rate and loss suit a network?",
    keys=_searched,
    identity=_search_identity,
    growing=True,
    needs=Needs(folder="chest_xray"),
)
def search(network: str, optimizer: str, peak: float, loss: str, share: float) -> dict[str, Any]:
    """A short training by a recipe.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.
    optimizer : str
        "adam" or "muon".
    peak : float
        Of Adam's learning rate, or of Muon's for the matrices.
    loss : str
        "l1", "mse" or "bce".
    share : float
        Of the plan's steps.

    Returns
    -------
    dict
        See `quality`.
    """
    tried = _tried(network, optimizer, peak, loss, share)
    return quality(*_trained(tried, _folder(tried)), SEARCH_IMAGES)


def _tried(network: str, optimizer: str, peak: float, loss: str, share: float) -> Plan:
    short = plan(network).scaled(share)
    adam, muon = (peak, 0.02) if optimizer == "adam" else (ADAM_BESIDE_MUON, peak)
    recipe = replace(
        short.recipe,
        optimizer=optimizer,
        loss=loss,
        learning_rate=adam,
        matrix_learning_rate=muon,  # Adam alone reads neither this nor the decay
        weight_decay=MUON_DECAY,
    )
    return short.model_copy(update={"recipe": recipe})


@side_study(
    "How good does a network get with more training, and how much does the seed matter?",
    identity=_training_identity,
    growing=True,
    needs=Needs(folder="chest_xray"),
    keys=lambda: (
        {"network": network, "share": share, "seed": seed}
        for share, seeds in SHARES.items()
        for seed in seeds
        for network in NETWORKS
    ),
)
def trainings(network: str, share: float, seed: int) -> dict[str, Any]:
    """A training by the network's plan; its weights stay in `RUNS`.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.
    share : float
        Of the plan's steps.
    seed : int
        Of the weights, the patches and the noise.

    Returns
    -------
    dict
        See `quality`; and `patches`, as many of 40 x 40 pixels as the training saw pixels.
    """
    scaled = plan(network).scaled(share, seed)
    folder = run_folder(network, share, seed)
    model, run = _trained(scaled, folder)
    save_trained(model, folder, scaled.model.name, scaled.model.config, **describe(scaled, run))
    return {"patches": round(scaled.pixels / PATCH), **quality(model, run, CURVE_IMAGES)}


def run_folder(network: str, share: float, seed: int) -> Path:
    """Where a training keeps its checkpoints and its weights.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.
    share : float
        Of the plan's steps.
    seed : int
        Of the training.

    Returns
    -------
    pathlib.Path
        Another one where the plan or the network's code is another: a checkpoint of old code is
        not resumed.
    """
    return _folder(plan(network).scaled(share, seed))


def _folder(what: Plan) -> Path:
    """The same training in both studies has one folder, and is done once."""
    text = json.dumps(plan_identity(what), sort_keys=True, default=list)
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return RUNS / "trainings" / f"{what.name}-{digest}"


def _trained(what: Plan, folder: Path) -> tuple[torch.nn.Module, TrainingRun]:
    """Train to the end, from the folder's checkpoint on."""
    model, run = what.train(folder=folder, resume=True)
    return model, run.to_the_end()


def core_minutes(seconds: float) -> float:
    """The time that a training would take one core.

    Parameters
    ----------
    seconds : float
        That it took here.

    Returns
    -------
    float
        Minutes; not a number where a GPU trained.
    """
    if training_device().type != "cpu":
        return math.nan
    return seconds / 60 * torch.get_num_threads()


def quality(model: torch.nn.Module, run: TrainingRun, images: int) -> dict[str, Any]:
    """How a trained network does on validation images, and what it cost.

    Parameters
    ----------
    model : torch.nn.Module
        Trained.
    run : TrainingRun
        Its training.
    images : int
        How many.

    Returns
    -------
    dict
        `psnr_15`, `psnr_25` and `psnr_50`, means in dB; `minutes` of one core, see `core_minutes`;
        `precision`.
    """
    scores = {}
    for sigma in LEVELS:
        protocol = Protocol("nih-sample", "val", noise=GaussianNoise(sigma), limit=images)
        rows = evaluate(model, protocol, progress=False)
        scores[f"psnr_{sigma}"] = rows["psnr"].mean()
    return {**scores, "minutes": core_minutes(run.seconds), "precision": run.precision}
