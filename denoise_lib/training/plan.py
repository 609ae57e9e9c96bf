"""A whole training in one TOML file: the network, the images, the noise and the recipe.

name = "dncnn-b-nih"

[model]
name = "dncnn"                    # further keys are arguments of `methods.create`
start = "dncnn-s25-natural"       # optional: a trained network to start from

[data]
dataset = "nih-sample"            # its training split
size = 256                        # optional: the side to which images of several sizes are reduced

[noise]
type = "BlindGaussianNoise"       # further keys are its parameters
low = 0
high = 55

[recipe]                          # the fields of `Recipe`
steps = 4000

[validation]                      # optional: watched during the training, chooses nothing
dataset = "nih-sample"
split = "val"
sigma = 25
limit = 10
size = 256

[layers]                          # optional, `vincent` only: a recipe for each layer
steps = 600

[study]                           # optional: the comparison shows it so
label = "DnCNN-B (ours)"
marker = "^"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import torch
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from denoise_lib import methods
from denoise_lib.checks import LARGEST_SIGMA, UserError
from denoise_lib.data import Dataset, load_dataset
from denoise_lib.fields import number, sentences, whole
from denoise_lib.files import said
from denoise_lib.methods.released import PLAN, RELEASED, load_trained
from denoise_lib.methods.vincent import PatchAutoencoder
from denoise_lib.noise import GaussianNoise, Noise, create
from denoise_lib.protocol import Protocol, Side
from denoise_lib.provenance import provenance
from denoise_lib.recipe import Recipe
from denoise_lib.training.layerwise import LAYER_BATCH
from denoise_lib.training.loop import check_validation
from denoise_lib.training.run import TrainingRun
from denoise_lib.training.train import train

LONGEST_NAME = 100  # characters


def _one_component(name: Any) -> str:
    """Refuse a name that is not that of a folder in `runs`."""
    if (
        not isinstance(name, str)
        or not 1 <= len(name) <= LONGEST_NAME
        or not name.isprintable()
        or name.startswith((".", "-"))
        or set(name) & set('/\\:*?"<>|')
    ):
        raise UserError(
            "must be the name of a folder, like dncnn-b-nih: text without slashes that does not "
            f"begin with a dot or a dash, of at most {LONGEST_NAME} characters"
        )
    return name


Name = Annotated[str, BeforeValidator(_one_component)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Architecture(_Table):
    """[model]: a network, a trained one to start from, and further arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    start: str | None = None

    @property
    def config(self) -> dict[str, Any]:
        """Arguments for `methods.create`."""
        return dict(self.model_extra or {})


class Data(_Table):
    """[data]: whose training split is used."""

    dataset: str
    size: Side | None = None

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, plain: Any) -> dict[str, Any]:
        """A size that is not given is none: what identifies older trainings has no such key."""
        return {key: value for key, value in plain(self).items() if value is not None}

    def load(self) -> Dataset:
        """The data set."""
        options = {} if self.size is None else {"size": self.size}
        return load_dataset(self.dataset, **options)


class Validation(_Table):
    """[validation]: a protocol with white noise."""

    dataset: str
    split: Literal["train", "val", "test"] = "val"
    sigma: Annotated[float, number(0, LARGEST_SIGMA)]
    limit: Annotated[int, whole(1, 10**9)] | None = None
    size: Side | None = None

    def protocol(self) -> Protocol:
        """What `fit` watches."""
        noise = GaussianNoise(self.sigma)
        return Protocol(self.dataset, self.split, noise, limit=self.limit, size=self.size)


class Shown(_Table):
    """[study]: how the comparison shows it."""

    label: str
    marker: str


class Plan(_Table):
    """What a training file says; see the module."""

    name: Name
    model: Architecture
    data: Data
    noise: Noise
    recipe: Recipe
    validation: Validation | None = None
    layers: Recipe | None = None
    study: Shown | None = None

    @field_validator("noise", mode="before")
    @classmethod
    def _make_noise(cls, table: Any) -> Any:
        if not isinstance(table, dict):
            return table
        if "type" not in table:
            raise UserError("It lacks a type, GaussianNoise say.")
        return create(table["type"], **{k: v for k, v in table.items() if k != "type"})

    @model_validator(mode="after")
    def _layers_are_of_a_stack(self) -> Plan:
        if self.layers and not methods.get(self.model.name, methods.Network).layer_recipes:
            raise UserError(f"[layers] is for a stack of layers, which {self.model.name} is not.")
        return self

    def scaled(self, share: float, seed: int = 0) -> Plan:
        """The same training with a share of its patches, of another seed.

        Parameters
        ----------
        share : float
            Of the steps; the schedule shrinks with them.
        seed : int
            Of the weights, the patches and the noise.

        Returns
        -------
        Plan
        """

        def shorter(recipe: Recipe) -> Recipe:
            steps = max(1, round(share * recipe.steps))
            return replace(recipe, steps=steps, seed=seed)

        changes = {"recipe": shorter(self.recipe), "layers": self.layers and shorter(self.layers)}
        return self.model_copy(update=changes)

    @property
    def pixels(self) -> int:
        """How many pixels of noisy patches the training sees, those of the layers too."""
        recipe, layers = self.recipe, self.layers
        whole = recipe.steps * recipe.batch_size * recipe.patch_size**2
        if layers is None:
            return whole
        model = cast(PatchAutoencoder, self.create_model())
        batch = LAYER_BATCH * model.patch_size**2
        return whole + len(model.stack.layers) * layers.steps * batch

    def create_model(self) -> torch.nn.Module:
        """The network as the training begins, seeded by the recipe."""
        torch.manual_seed(self.recipe.seed)
        model = methods.create(self.model.name, **self.model.config)
        if self.model.start is not None:
            start = load_trained(self.model.start).state_dict()
            shapes = {name: value.shape for name, value in start.items()}
            if shapes != {name: value.shape for name, value in model.state_dict().items()}:
                raise UserError(
                    f"{self.model.name} cannot start from {self.model.start}, whose weights have "
                    "other shapes: choose a start of the same network and configuration."
                )
            model.load_state_dict(start)
        return model

    @contextmanager
    def _of_table(self, table: str) -> Iterator[None]:
        """Say which plan and which table of it an error is about."""
        try:
            yield
        except (UserError, FileNotFoundError) as error:
            raise type(error)(f"The plan {self.name}, [{table}]: {said(error)}") from error

    def train(self, **options: Any) -> tuple[torch.nn.Module, TrainingRun]:
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
            How it went.

        Raises
        ------
        ConnectionError, FileNotFoundError, ValueError
            When the images cannot be had, or as `training.fit`.
        """
        watched = self.validation.protocol() if self.validation else None
        check_validation(watched)
        with self._of_table("model"):
            model = self.create_model()
        with self._of_table("data"):
            split = self.data.load().train

        def about() -> dict[str, Any]:
            start = {"model": self.model.name, "start": self.model.start, **self.model.config}
            return {"name": self.name, "model": start, "data": self.data.model_dump()}

        run = train(
            model,
            split.images(),
            self.noise,
            self.recipe,
            self.layers,
            split.ids,
            watched,
            about,
            **options,
        )
        return model, run


# Keys of `planned` that a card has from elsewhere, or with more in them.
FROM_ELSEWHERE = ("model", "config", "training_data")


def planned(plan: Plan) -> dict[str, Any]:
    """What a card says of a plan alone.

    Parameters
    ----------
    plan : Plan
        Of a training.

    Returns
    -------
    dict
        `model`, `config`, `training_data`, `noise`, `start`, `recipe` and `layers`.
    """
    return {
        "model": plan.model.name,
        "config": plan.model.config,
        "training_data": plan.data.model_dump(),
        "noise": plan.noise.to_dict(),
        "start": plan.model.start,
        "recipe": asdict(plan.recipe),
        "layers": asdict(plan.layers) if plan.layers else None,
    }


def describe(plan: Plan, run: TrainingRun) -> dict[str, Any]:
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
        For `save_trained`.
    """
    dataset = plan.data.load()
    noise = plan.noise.to_dict()
    kind = noise.pop("type")
    levels = ", ".join(f"{key} {value:g}" for key, value in noise.items())
    return {
        "name": plan.name,
        "summary": f"{dataset.name}, {kind} ({levels})",
        "command": f"denoise train {plan.name}",
        "training_data": {
            **plan.data.model_dump(),
            "split": "train",
            "images": len(dataset.train),
            "groups": len(dataset.train.groups),
            "credit": dataset.credit,
        },
        **{key: value for key, value in planned(plan).items() if key not in FROM_ELSEWHERE},
        "hours": round(run.seconds / 3600, 2),
        "device": run.device,
        "precision": run.precision,
        "final_loss": run.curve["loss"].iloc[-1],
        "torch": torch.__version__,
        **provenance(),
        "use": "For research and teaching. Not for diagnosis.",
    }


def load_plan(source: str | Path) -> Plan:
    """Read a training file.

    Parameters
    ----------
    source : str or pathlib.Path
        A file, or the name of a released network: "dncnn-b-nih".

    Returns
    -------
    Plan

    Raises
    ------
    FileNotFoundError
        When there is neither; the message lists the released ones.
    ValueError
        When the file is no TOML, or a key is missing, unknown or has an impossible value: a
        sentence for each.
    """
    path = plan_path(source)
    try:
        return Plan.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except ValidationError as error:
        raise UserError(f"{path} cannot be used. {sentences(error.errors())}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} cannot be used, it is no text: save it as UTF-8.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{path} cannot be used, it is no TOML: {error}.") from error


def plan_path(source: str | Path) -> Path:
    """The file of a plan.

    Parameters
    ----------
    source : str or pathlib.Path
        A file, or the name of a released network: "dncnn-b-nih".

    Returns
    -------
    pathlib.Path

    Raises
    ------
    FileNotFoundError
        When there is neither; the message lists the released ones.
    """
    path = Path(source)
    if path.is_file():
        return path
    released = RELEASED / str(source) / PLAN
    if released.is_file():
        return released
    known = sorted(folder.parent.name for folder in RELEASED.glob(f"*/{PLAN}"))
    raise FileNotFoundError(
        f"There is no file {source}: name a TOML file, or one of {', '.join(known)}."
    )
