"""The command `denoise`: train, evaluate, list. Also ``python -m denoise_lib``."""

from __future__ import annotations

import shutil
import sys
from functools import wraps
from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
import typer
from accelerate import PartialState
from PIL import Image

from denoise_lib import baselines, data, models, plans, pretrained, results
from denoise_lib.data import load_dataset
from denoise_lib.data.images import read_image
from denoise_lib.evaluation import evaluate as measure
from denoise_lib.evaluation import summarise
from denoise_lib.inference import denoise
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol

FAILED, INTERRUPTED, TERMINATED = 1, 130, 143
# What a user can do something about; anything else is our mistake and keeps its traceback.
EXPECTED = (ValueError, TypeError, OSError, ImportError, FloatingPointError)

app = typer.Typer(
    help="Denoise images with the networks of five papers: train, evaluate, list.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="The data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")


def one_sentence(command):
    """Print an expected error as its one sentence and leave with status 1."""

    @wraps(command)
    def run(*arguments, **options):
        try:
            return command(*arguments, **options)
        except EXPECTED as error:
            typer.echo(f"denoise: {error}", err=True)
            raise typer.Exit(FAILED) from error

    return run


@app.command()
@one_sentence
def train(
    recipe: Annotated[
        str, typer.Argument(help="A TOML file, or the name of a released network: dncnn-nih.")
    ],
    folder: Annotated[
        Path | None, typer.Option(help="Checkpoints, log and weights. Default: runs/NAME.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
    max_minutes: Annotated[
        float | None, typer.Option(help="Save and stop after so many minutes.", min=0)
    ] = None,
    precision: Annotated[str, typer.Option(help="auto, bf16 or fp32.")] = "auto",
    compile: Annotated[bool, typer.Option("--compile", help="torch.compile the network.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Log for it too.")] = False,
) -> None:
    """Train a network as a recipe says. Ctrl-C saves first; --resume goes on to the bit."""
    plan = plans.load_plan(recipe)
    folder = folder or Path("runs") / plan.name
    started = any(folder.rglob("checkpoint.pt")) if folder.exists() else False
    if started and not resume:
        raise FileExistsError(f"{folder} has a checkpoint: add --resume, or name another --folder.")
    model, run = plan.train(
        folder=folder,
        resume=resume,
        max_minutes=max_minutes,
        precision=precision,
        compile=compile,
        tensorboard=tensorboard,
    )
    if not run.finished:
        again = f"denoise train {recipe} --folder {folder} --resume"
        typer.echo(f"Stopped at step {run.step} of {run.steps}; to go on: {again}")
        codes = {"interrupt": INTERRUPTED, "termination": TERMINATED}
        raise typer.Exit(codes.get(run.stopped_by, 0))
    if PartialState().is_main_process:
        pretrained.save_pretrained(
            model, folder, plan.model, plan.config, **plans.describe(plan, run)
        )
        shutil.copyfile(plans.plan_path(recipe), folder / "recipe.toml")
        typer.echo(f"Trained in {run.seconds / 60:.1f} minutes; the weights are in {folder}.")


@app.command()
@one_sentence
def evaluate(
    model: Annotated[
        list[str], typer.Option(help="A released network, a folder, or a baseline: bm3d.")
    ],
    data: Annotated[str, typer.Option(help="A data set, or folder:PATH.")],
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    sigma: Annotated[
        list[float] | None, typer.Option(help="Noise level, 0-255; 25 by default.", min=0)
    ] = None,
    clip: Annotated[bool, typer.Option("--clip", help="Clip the noisy image to [0, 1].")] = False,
    limit: Annotated[int | None, typer.Option(help="Only the first images.", min=1)] = None,
    out: Annotated[Path | None, typer.Option(help="Write a row per image to this CSV.")] = None,
) -> None:
    """Measure denoisers under the protocol: PSNR (dB), SSIM, MSE with 95 % intervals."""
    denoisers = {name: _denoiser(name) for name in model}
    tables = []
    for level in sigma or [25.0]:
        protocol = Protocol(
            dataset=data, split=split, noise=GaussianNoise(level, clip), limit=limit
        )
        rows = pd.concat([measure(f, protocol, name) for name, f in denoisers.items()])
        tables.append(rows.assign(**results.provenance()))
        typer.echo(f"{data} {split}, sigma {level:g}, protocol {protocol.hash}")
        typer.echo(summarise(rows).round(4).to_string() + "\n")
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        pd.concat(tables).to_csv(out, index=False, float_format="%.6g")
        typer.echo(f"Rows written to {out}.")


@app.command("models")
@one_sentence
def list_models() -> None:
    """List architectures, baselines and released networks."""
    typer.echo("architectures: " + ", ".join(models.available()))
    typer.echo("baselines:     " + ", ".join(baselines.available()))
    typer.echo("released:")
    for name in pretrained.available():
        card = pretrained.load_card(name)
        typer.echo(f"  {name:20} {card['parameters']:>9,} weights, {card['summary']}")
        typer.echo(f"  {'':20} {card['command']}")


@data_app.command("list")
@one_sentence
def list_data() -> None:
    """List the data sets."""
    for name in data.available():
        typer.echo(name)


@data_app.command("prepare")
@one_sentence
def prepare(name: Annotated[str, typer.Argument(help="A data set, or folder:PATH.")]) -> None:
    """Download a data set if need be, and read every image once to check it."""
    dataset = load_dataset(name)
    for split in ("train", "val", "test"):
        items = dataset[split]
        for item in items:
            if not torch.isfinite(item.image).all():
                raise ValueError(f"{item.id} has NaN pixels: remove it from {name}.")
        typer.echo(f"{split:5} {len(items):5} images of {len(items.groups)} patients or scenes")
    typer.echo(dataset.credit)


@app.command("image")
@one_sentence
def denoise_image(
    source: Annotated[Path, typer.Argument(help="PNG, JPEG, TIFF or DICOM.")],
    target: Annotated[Path, typer.Argument(help="The denoised PNG or TIFF, 16 bits.")],
    model: Annotated[str, typer.Option(help="A released network, a folder, a baseline.")],
    sigma: Annotated[float | None, typer.Option(help="Noise level, 0-255, if known.")] = None,
    self_ensemble: Annotated[
        bool,
        typer.Option("--self-ensemble", help="Average over eight symmetries: eight times slower."),
    ] = False,
) -> None:
    """Denoise one image file of any size. Not for diagnosis."""
    noisy = read_image(source)
    estimate = denoise(
        noisy, _denoiser(model), sigma, self_ensemble=self_ensemble, progress=sys.stderr.isatty()
    )
    grey = (65535 * estimate[0].clamp(0, 1)).round().to(torch.int32).numpy().astype("uint16")
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey).save(target)
    typer.echo(f"{target}: {grey.shape[0]} x {grey.shape[1]} pixels by {model}.")


def _denoiser(name: str):
    if name in baselines.available():
        return baselines.create(name)
    try:
        return pretrained.load_pretrained(name)
    except FileNotFoundError as error:
        known = ", ".join(baselines.available())
        raise FileNotFoundError(f"{error} Baselines: {known}.") from error


def main() -> None:
    """Entry point of the command."""
    app()
