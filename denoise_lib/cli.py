"""The command `denoise`: train, evaluate, denoise a file, list. Also ``python -m denoise_lib``.

Commands import what they need when they run: the help texts appear at once.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from denoise_lib.commands.errors import FAILED, STOPPED, one_sentence
from denoise_lib.commands.image import denoise_image
from denoise_lib.commands.inspect import inspect_images

if TYPE_CHECKING:
    from denoise_lib.data import Split
    from denoise_lib.study.grid import Measurement

SIZE = "Side in pixels: centred squares of your images, reduced to it."

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="The data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
study_app = typer.Typer(help="The comparative study: measure, check, derive.", no_args_is_help=True)
app.add_typer(study_app, name="study")


def _print_version(asked: bool) -> None:
    if asked:
        from denoise_lib import __version__

        typer.echo(f"denoise {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Say it and leave."),
    ] = False,
) -> None:
    """Denoise images with the networks of five papers: train, evaluate, list."""


@app.command()
@one_sentence
def train(
    plan: Annotated[
        str, typer.Argument(help="A TOML file, or the name of a released network: dncnn-b-nih.")
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
    """Train a network as a plan says. Ctrl-C saves first; --resume goes on to the bit."""
    from denoise_lib.provenance import provenance
    from denoise_lib.training.folder import claimed, is_first_process
    from denoise_lib.training.keeping import begin, keep
    from denoise_lib.training.plan import load_plan, plan_path

    what, source = load_plan(plan), plan_path(plan)
    folder = folder or Path("runs") / what.name
    first = is_first_process()
    with claimed(folder):
        if first:
            begin(what, source, folder, resume)
        provenance()  # the code that runs, not what is committed meanwhile
        model, run = what.train(
            folder=folder,
            resume=resume,
            max_minutes=max_minutes,
            precision=precision,
            compile=compile,
            tensorboard=tensorboard,
        )
        if not run.finished:
            again = f"denoise train {plan} --folder {folder} --resume"
            typer.echo(f"Stopped at step {run.step} of {run.steps}; to go on: {again}")
            raise typer.Exit(STOPPED.get(run.stopped_by or "", 0))
        if first:
            keep(model, what, run, folder)
            typer.echo(f"Trained in {run.seconds / 60:.1f} minutes; the weights are in {folder}.")


@app.command()
@one_sentence
def evaluate(
    model: Annotated[
        list[str], typer.Option(help="A released network, a folder (./mine), or a baseline: bm3d.")
    ],
    data: Annotated[str, typer.Option(help="A data set, or folder:PATH.")],
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    sigma: Annotated[
        list[float] | None, typer.Option(help="Noise level, 0-255; 25 by default.", min=0)
    ] = None,
    clip: Annotated[bool, typer.Option("--clip", help="Clip the noisy image to [0, 1].")] = False,
    limit: Annotated[int | None, typer.Option(help="Only the first images.", min=1)] = None,
    size: Annotated[int | None, typer.Option(help=SIZE)] = None,
    out: Annotated[Path | None, typer.Option(help="Write a row per image to this CSV.")] = None,
) -> None:
    """Measure denoisers under the protocol: PSNR (dB), SSIM, MSE with 95 % intervals.

    Whole images in float32, as in the book. `denoise image` works in tiles, which changes nothing,
    and in half precision where that is faster, which costs at most 0.03 decibels.
    """
    import pandas as pd

    from denoise_lib import methods
    from denoise_lib.evaluation import compare, summarise
    from denoise_lib.files import check_writable, printable
    from denoise_lib.noise import GaussianNoise
    from denoise_lib.protocol import Protocol
    from denoise_lib.provenance import provenance
    from denoise_lib.tabular import write_csv

    if out is not None:
        check_writable(out)
    denoisers = {printable(name): methods.load(name) for name in model}
    tables = []
    for level in sigma or [25.0]:
        protocol = Protocol(data, split, GaussianNoise(level, clip), limit=limit, size=size)
        rows = compare(denoisers, protocol)
        tables.append(rows.assign(**provenance()))
        typer.echo(f"{data} {split}, sigma {level:g}, protocol {protocol.hash}")
        typer.echo(summarise(rows).round(4).to_string() + "\n")
    if out is not None:
        write_csv(pd.concat(tables), out)
        typer.echo(f"Rows written to {out}.")


@app.command("models")
@one_sentence
def list_models() -> None:
    """List the papers' networks, the classical methods and the released networks."""
    from denoise_lib.methods.authors import Authors
    from denoise_lib.methods.classical import Classical
    from denoise_lib.methods.registry import Network, methods
    from denoise_lib.methods.released import Released, load_card

    def names(kind) -> str:
        return ", ".join(name for name, m in methods(kind).items() if m.needs.installed)

    typer.echo(f"architectures: {names(Network)}")
    typer.echo(f"baselines:     {names(Classical)}")
    typer.echo(f"authors':      {names(Authors)}")
    typer.echo("released:")
    for name in methods(Released):
        card = load_card(name)
        typer.echo(f"  {name:20} {card['parameters']:>9,} weights, {card['summary']}")
        typer.echo(f"  {'':20} {card['command']}")


@data_app.command("list")
@one_sentence
def list_data() -> None:
    """List the data sets."""
    from denoise_lib.data import available

    for name in available():
        typer.echo(name)


@data_app.command("prepare")
@one_sentence
def prepare(
    name: Annotated[str, typer.Argument(help="A data set, or folder:PATH.")],
    size: Annotated[int | None, typer.Option(help=SIZE)] = None,
) -> None:
    """Download a data set if need be, and read every image once to check it."""
    from denoise_lib.data import load_dataset

    dataset = load_dataset(name, **({} if size is None else {"size": size}))
    unusable = []
    for split in ("train", "val", "test"):
        items = dataset[split]
        typer.echo(f"{split:5} {len(items):5} images of {len(items.groups)} patients or scenes")
        unusable += _unusable(items)
    typer.echo(dataset.credit)
    if unusable:
        for sentence in unusable:
            typer.echo(f"denoise: {sentence}", err=True)
        typer.echo(f"denoise: images that cannot be used: {len(unusable)}.", err=True)
        raise typer.Exit(FAILED)


def _unusable(items: Split) -> list[str]:
    """What is wrong with those images that cannot be read."""
    from denoise_lib.checks import UserError
    from denoise_lib.files import said

    found = []
    for index in range(len(items)):
        try:
            items[index]
        except ConnectionError:  # the others would wait for the same server
            raise
        except (UserError, OSError) as error:
            found.append(said(error))
    return found


app.command("image")(one_sentence(denoise_image))
app.command("inspect")(one_sentence(inspect_images))


@app.command()
@one_sentence
def export(
    model: Annotated[str, typer.Argument(help="A released network, or a folder.")],
    target: Annotated[Path, typer.Argument(help="The ONNX file to write.")],
) -> None:
    """Write a network as an ONNX file, for other programs."""
    from denoise_lib import methods
    from denoise_lib.checks import UserError
    from denoise_lib.export import export_onnx

    if target.suffix.lower() != ".onnx":  # before the work, not after it
        raise UserError(f"{target} is no name of an ONNX file: name one that ends in .onnx.")
    path = export_onnx(methods.load(model), target)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB.")


@study_app.command("list")
@one_sentence
def list_study() -> None:
    """List the parts and the side studies."""
    from denoise_lib.study.grid import PARTS, measurements
    from denoise_lib.study.side_studies import side_studies

    for part in PARTS:
        typer.echo(f"{part:15} {len(measurements(part)):5} measurements")
    for study in side_studies().values():
        typer.echo(f"{study.name:15} {len(list(study.keys())):5} rows: {study.question}")


@study_app.command("run")
@one_sentence
def run_study(
    names: Annotated[
        list[str] | None, typer.Argument(help="Parts and side studies; see `list`.")
    ] = None,
    method: Annotated[list[str] | None, typer.Option(help="Only these methods' scores.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only these rows of a side study: network=rdn-nih, say."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes, one thread each.", min=1)] = 2,
    download: Annotated[
        bool, typer.Option("--download", help="Also what must be downloaded first.")
    ] = False,
) -> None:
    """Measure what results/ lacks; stop and start again at will."""
    from denoise_lib.checks import unknown
    from denoise_lib.study import run, side_studies
    from denoise_lib.study.grid import PARTS, measurements

    known = side_studies.side_studies()
    chosen = dict(_pair(text) for text in only or [])
    names = names or [*PARTS, *(name for name, study in known.items() if study.in_study)]
    for name in names:
        if name not in PARTS and name not in known:
            raise unknown("part or side study", name, [*PARTS, *known])
    wanted = [
        each
        for name in names
        if name in PARTS
        for each in measurements(name)
        if (not method or each.method in method) and each.can_run(download)
    ]
    typer.echo(f"{run.run_scores(wanted, jobs)} protocols measured")
    for name in names:
        if name not in PARTS:
            run.run_side(name, download, chosen)


def _pair(text: str) -> list[str]:
    from denoise_lib.checks import UserError

    if text.count("=") != 1:
        raise UserError(f"--only {text} cannot be read: write COLUMN=VALUE.")
    return text.split("=")


@study_app.command("check")
@one_sentence
def check_study(
    trainings: Annotated[
        bool, typer.Option("--trainings", help="Also train networks again, a minute or more each.")
    ] = False,
) -> None:
    """Measure a row of every kind again, and name the rows that older code or weights made."""
    from denoise_lib.checks import UserError
    from denoise_lib.study import run

    count, worst = run.check(run.sample(_runnable(), trainings))
    typer.echo(f"{count} scores measured again: the largest difference is {worst:.4f} dB")
    typer.echo(f"{run.check_sides()} rows of side studies measured again: no difference")
    if stale := run.stale():
        raise UserError(
            "Older code, parameters or weights made\n  "
            + "\n  ".join(stale)
            + "\nMeasure them anew with `denoise study run`, or delete what is no longer asked for."
        )


def _runnable() -> list[Measurement]:
    from denoise_lib.study.grid import PARTS, measurements

    return [each for part in PARTS for each in measurements(part) if each.can_run()]


@study_app.command("tables")
@one_sentence
def tables() -> None:
    """Derive the summary tables from the rows."""
    from denoise_lib.study import summary

    summary.write()


@study_app.command("examples")
@one_sentence
def examples(
    force: Annotated[bool, typer.Option("--force", help="Draw again what is current.")] = False,
) -> None:
    """Draw the pictures of the study's pages."""
    from denoise_lib.study import examples

    examples.draw_all(force)


@study_app.command("tune")
@one_sentence
def tune(
    names: Annotated[list[str] | None, typer.Argument(help="Classical methods.")] = None,
    dataset: Annotated[str, typer.Option(help="Whose validation split is used.")] = "chest-drr",
    sigma: Annotated[list[int] | None, typer.Option(help="Noise levels, 0-255.")] = None,
    images: Annotated[int, typer.Option(help="Validation images used.", min=1)] = 6,
) -> None:
    """Search the classical methods' parameters; the result goes into the package."""
    from denoise_lib.methods.classical import Classical
    from denoise_lib.methods.registry import get, methods
    from denoise_lib.study import tuning
    from denoise_lib.study.grid import SIGMAS

    tunable = [name for name, method in methods(Classical).items() if method.grid]
    for name in names or tunable:
        tuning.tune(get(name, Classical), dataset, sigma or SIGMAS, images)


@study_app.command("release")
@one_sentence
def release(
    name: Annotated[str, typer.Argument(help="A network of the package.")],
    run: Annotated[Path | None, typer.Option(help="The folder that `denoise train` wrote.")] = None,
    best: Annotated[
        bool, typer.Option("--best", help="The best of its `trainings` on validation images.")
    ] = False,
) -> None:
    """Take a trained network into the package and measure it; without a run, measure it again."""
    from denoise_lib.study.release import best_run, measure_release, take_over

    run = best_run(name) if best else run
    if run is not None:
        take_over(name, run)
    for entry in measure_release(name):
        typer.echo(f"{entry['dataset']}, sigma {entry['sigma']}: {entry['psnr']:.3f} dB")


def main() -> None:
    """Entry point of the command."""
    import warnings

    # A file's name may have bytes that are no UTF-8; it is better said with escapes than not.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = lambda message, *_, **__: f"denoise: {message}\n"
    app()
