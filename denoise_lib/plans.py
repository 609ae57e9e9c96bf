"""A whole training in one TOML file: the model, the images, the noise and the recipe.

name = "dncnn-nih"

[model]
name = "dncnn"                    # further keys are arguments of `models.create`
    start = "dncnn-s25-natural"       # optional: a trained network to start from

[data]
dataset = "nih-sample"            # its training split

[noise]
type = "BlindGaussianNoise"       # further keys are its parameters
low = 0
high = 55

[recipe]                          # the fields of `training.Recipe`
steps = 4000

[validation]                      # optional: watched during the training, chooses nothing
dataset = "nih-sample"
split = "val"
sigma = 25
limit = 10

[pretraining]                     # optional, `vincent` only: a recipe for each layer
steps = 600
"""

from __future__ import annotations

import time
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import torch

from denoise_lib import models, noise, results
from denoise_lib.data import load_dataset
from denoise_lib.patches import NoisyPatches
from denoise_lib.pretrained import RELEASED, load_pretrained
from denoise_lib.pretraining import patch_vectors, pretrain
from denoise_lib.protocol import Protocol
from denoise_lib.training import Recipe, TrainingRun, fit


@dataclass(frozen=True)
class Plan:
    """What a training file says.

    Attributes
    ----------
    name : str
        Of the trained network.
    model : str
        A name that `models.create` knows.
    config : dict
        Arguments for it.
    start : str or None
        A trained network whose weights it starts from.
    dataset : str
        A name that `load_dataset` knows.
    noise : Noise
        Drawn anew for every patch.
    recipe : Recipe
        Steps, batch, learning rates.
    validation : Protocol or None
        Watched during the training.
    pretraining : Recipe or None
        For each layer of a stacked autoencoder.
    """

    name: str
    model: str
    dataset: str
    noise: noise.Noise
    recipe: Recipe
    config: dict = field(default_factory=dict)
    start: str | None = None
    validation: Protocol | None = None
    pretraining: Recipe | None = None

    def create_model(self) -> torch.nn.Module:
        """The network as the training begins, seeded by the recipe."""
        torch.manual_seed(self.recipe.seed)
        model = models.create(self.model, **self.config)
        if self.start is not None:
            model.load_state_dict(load_pretrained(self.start).state_dict())
        return model

    def train(self, **options) -> tuple[torch.nn.Module, TrainingRun]:
        """Train it.

        Parameters
        ----------
        **options
            Fields of `training.RunOptions`.

        Returns
        -------
        torch.nn.Module
            In evaluation mode, with averaged weights.
        TrainingRun

        Raises
        ------
        ConnectionError, FileNotFoundError, ValueError
            When the images cannot be had, or as `training.fit`.
        """
        start = time.monotonic()
        split = load_dataset(self.dataset).train
        images = split.images()
        model = self.create_model()
        if self.pretraining is not None:
            run = pretrain(
                model.stack, patch_vectors(images), self.noise, self.pretraining, **options
            )
            if not run.finished or run.stopped_by:
                return model, replace(run, steps=run.steps + self.recipe.steps)
            if options.get("max_minutes") is not None:
                options["max_minutes"] -= (time.monotonic() - start) / 60
        data = NoisyPatches(images, self.noise, split.ids)
        return model, fit(model, data, self.recipe, self.validation, **options)


def describe(plan: Plan, run: TrainingRun) -> dict:
    """What a card says about a training.

    Parameters
    ----------
    plan : Plan
        What was trained, on what.
    run : TrainingRun
        How it went.

    Returns
    -------
    dict
        For `save_pretrained`.
    """
    split = load_dataset(plan.dataset).train
    noise = plan.noise.to_dict()
    kind = noise.pop("type")
    levels = ", ".join(f"{key} {value:g}" for key, value in noise.items())
    return {
        "name": plan.name,
        "summary": f"{plan.dataset}, {kind} ({levels})",
        "command": f"denoise train {plan.name}",
        "training_data": {
            "dataset": plan.dataset,
            "split": "train",
            "images": len(split),
            "groups": len(split.groups),
            "credit": load_dataset(plan.dataset).credit,
        },
        "noise": plan.noise.to_dict(),
        "start": plan.start,
        "recipe": asdict(plan.recipe),
        "pretraining": asdict(plan.pretraining) if plan.pretraining else None,
        "hours": round(run.seconds / 3600, 2),
        "device": run.device,
        "precision": run.precision,
        "final_loss": run.curve["loss"].iloc[-1],
        "torch": torch.__version__,
        **results.provenance(),
        "use": "For research and teaching. Not for diagnosis.",
    }


def load_plan(source: str | Path) -> Plan:
    """Read a training file.

    Parameters
    ----------
    source : str or pathlib.Path
        A file, or the name of a released network: "dncnn-nih".

    Returns
    -------
    Plan

    Raises
    ------
    FileNotFoundError
        When there is neither; the message lists the released ones.
    ValueError
        When the file is no TOML, or a key is missing, unknown or has an impossible value.
    """
    path = plan_path(source)
    try:
        return _plan(tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, ValueError, TypeError, KeyError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path} cannot be used: {reason}") from error


def plan_path(source: str | Path) -> Path:
    """The file of a plan, from its path or from the name of a released network."""
    path = Path(source)
    if path.is_file():
        return path
    released = RELEASED / str(source) / "recipe.toml"
    if released.is_file():
        return released
    known = sorted(folder.parent.name for folder in RELEASED.glob("*/recipe.toml"))
    raise FileNotFoundError(
        f"There is no file {source}: name a TOML file, or one of {', '.join(known)}."
    )


def _plan(content: dict) -> Plan:
    content = {
        key: dict(value) if isinstance(value, dict) else value for key, value in content.items()
    }
    known = ("name", "model", "data", "noise", "recipe", "validation", "pretraining")
    _refuse_unknown(content, known, "top level")
    model, kind = content["model"], content["noise"]
    _refuse_unknown(content["data"], ("dataset",), "[data]")
    return Plan(
        name=content["name"],
        model=model.pop("name"),
        start=model.pop("start", None),
        config=model,
        dataset=content["data"]["dataset"],
        noise=noise.create(kind.pop("type"), **kind),
        recipe=_recipe(content["recipe"], "[recipe]"),
        validation=_protocol(content["validation"]) if "validation" in content else None,
        pretraining=_recipe(content["pretraining"], "[pretraining]")
        if "pretraining" in content
        else None,
    )


def _recipe(table: dict, where: str) -> Recipe:
    _refuse_unknown(table, [each.name for each in fields(Recipe)], where)
    return Recipe(**table)


def _protocol(table: dict) -> Protocol:
    _refuse_unknown(table, ("dataset", "split", "sigma", "limit"), "[validation]")
    level = noise.GaussianNoise(table.pop("sigma"))
    return Protocol(noise=level, **{"split": "val", **table})


def _refuse_unknown(table: dict, known, where: str) -> None:
    if unknown := set(table) - set(known):
        raise ValueError(f"{where} has no {', '.join(sorted(unknown))}, but: {', '.join(known)}.")
