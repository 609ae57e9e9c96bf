"""`denoise inspect`: what is in image files, how noisy they are, and what to do about it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from denoise_lib.commands.errors import FAILED
from denoise_lib.commands.image import BITS

if TYPE_CHECKING:
    from denoise_lib.estimation import Estimate
    from denoise_lib.formats import Picture


def inspect_images(
    sources: Annotated[
        list[str],
        typer.Argument(help="Files, folders and quoted patterns; of several frames the first."),
    ],
    bits: Annotated[int | None, typer.Option(help=BITS, min=1, max=32)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each file.")] = False,
) -> None:
    """Say how noisy images are, of what kind the noise is, and what to do. Not for diagnosis.

    \b
      denoise inspect scan.dcm "old/*.tif"
      denoise inspect --json scans/ > noise.jsonl
    """
    from denoise_lib.batch.gather import gather
    from denoise_lib.checks import UserError
    from denoise_lib.estimation import describe
    from denoise_lib.files import printable, said
    from denoise_lib.formats import read_picture

    found = gather(sources, Path.cwd() / "never written")
    failed = len(found.unread)
    for folder, why in found.unread.items():
        typer.echo(f"denoise: {printable(folder)}: {why}", err=True)
    for sentence in found.left_out:
        typer.echo(f"denoise: {printable(sentence)}", err=True)
    for path in (job.source for job in found.jobs):
        try:
            picture = read_picture(path, bits)
            estimate = describe(picture.frames[0])
        except (UserError, OSError, ModuleNotFoundError, MemoryError) as error:
            failed += 1
            text = said(error)
            named = text if path.name in text else f"{printable(path)}: {text}"
            typer.echo(
                json.dumps({"file": printable(path), "error": named}) if as_json else named,
                err=not as_json,
            )
            continue
        if as_json:
            typer.echo(json.dumps(_record(picture, estimate)))
        else:
            typer.echo("\n".join(_lines(picture, estimate)) + "\n")
    if not found.jobs and not failed:
        raise UserError(f"There is no image in {', '.join(sources)}: name a file or a folder.")
    if failed:
        raise typer.Exit(FAILED)


def _record(picture: Picture, estimate: Estimate) -> dict[str, Any]:
    from denoise_lib.files import printable

    frames, _, height, width = picture.frames.shape
    return {
        "file": printable(picture.path),
        "frames": frames,
        "height": height,
        "width": width,
        "bits": picture.bits,
        "notes": list(picture.notes),
        **estimate.to_dict(),
    }


def _lines(picture: Picture, estimate: Estimate) -> list[str]:
    """What a reader wants to know of a file, the advice last."""
    from denoise_lib.files import printable

    frames, _, height, width = picture.frames.shape
    many = f", the first of {frames} frames" if frames > 1 else ""
    rows = [
        ("image", f"{height} x {width} pixels{many}, {_depth(picture, estimate)}"),
        *(("note", note) for note in picture.notes),
        ("noise", f"sigma {estimate.sigma:.1f} of 255, {estimate.kind}{_reach(estimate)}"),
        ("", _growth(estimate)),
        *(("trace", trace) for trace in _traces(estimate)),
        ("advice", estimate.advice),
    ]
    return [printable(picture.path), *(f"  {name:7} {text}" for name, text in rows if text)]


def _depth(picture: Picture, estimate: Estimate) -> str:
    used = f"{estimate.levels} grey level{'s' if estimate.levels > 1 else ''}"
    # A small image cannot use all levels of a deep one.
    possible = min(picture.bits, math.log2(picture.frames[0].numel()))
    return f"{picture.bits} bits" + (f", but {used}" if estimate.bits_used < possible - 1 else "")


def _reach(estimate: Estimate) -> str:
    length = estimate.correlation_length
    return f", over about {length:.1f} pixels" if length else ""


def _growth(estimate: Estimate) -> str:
    ratio = estimate.growth_ratio
    return {
        "grows": f"{ratio or 0:.1f} times as strong in light areas as in dark ones: photons",
        "falls": f"{1 / (ratio or 1):.1f} times as strong in dark areas as in light ones",
        "constant": "as strong in dark areas as in light ones",
        "cannot tell": "",
    }[estimate.growth]


def _traces(estimate: Estimate) -> list[str]:
    """What the file went through, as far as it shows."""
    found = []
    if estimate.black or estimate.white:
        found.append(
            f"{estimate.black:.1%} of the pixels black, {estimate.white:.1%} white, at most "
            f"{estimate.longest_run} side by side"
        )
    if estimate.comb:
        found.append(f"{estimate.missing_levels:.0%} of the grey levels missing: stretched")
    if estimate.enlarged:
        found.append(f"enlarged: neighbours repeat with a period of {estimate.enlarged:.2g} pixels")
    if estimate.blockiness:
        found.append("JPEG: the seams of its blocks of 8 x 8 pixels show")
    return found
