"""`denoise image`: one file, or a batch with a log; see `denoise_lib.batch`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from denoise_lib.commands.errors import FAILED, STOPPED

if TYPE_CHECKING:
    from denoise_lib.batch.gather import Found, Job
    from denoise_lib.batch.log import Log
    from denoise_lib.batch.way import Denoiser
    from denoise_lib.batch.work import Result
    from denoise_lib.formats import Picture

# What this command writes has both of the first, and its own one of the second: an image, a report
# and a residual.
MARKS = (b"denoise_lib", b"Not for diagnosis.")
OWN_MARKS = (b"Denoised by ", b"Made by denoise_lib ", b"Removed = (value - 32768)")
BITS = "Bits the pixels use, where files do not say: 12 for 0-4095 in 16."


class Format(StrEnum):
    """What --format may name."""

    png = "png"
    tiff = "tiff"
    dicom = "dicom"

    @property
    def suffix(self) -> str:
        """Of a file."""
        from denoise_lib.batch.gather import FORMATS

        return FORMATS[self.value]


def denoise_image(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="SOURCE TARGET: one file and what to write. With --out, any number of files, "
            "folders and quoted patterns. PNG, JPEG, TIFF or DICOM.",
            metavar="SOURCES...",
        ),
    ],
    model: Annotated[
        str, typer.Option(help="A name that `denoise models` lists, or a network's folder.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder to write a batch to.")] = None,
    sigma: Annotated[
        float | None,
        typer.Option(help="Noise level, 0-255; estimated where the method must be told it."),
    ] = None,
    strength: Annotated[
        float,
        typer.Option(help="How much to take away of what the method removes: 0 nothing, 1 all."),
    ] = 1.0,
    self_ensemble: Annotated[
        bool,
        typer.Option("--self-ensemble", help="Average over eight symmetries: eight times slower."),
    ] = False,
    bits: Annotated[
        int | None,
        typer.Option(help=BITS),
    ] = None,
    format: Annotated[
        Format | None, typer.Option(help="Of the targets of a batch, if not the sources'.")
    ] = None,
    residual: Annotated[
        Path | None,
        typer.Option(help="Also write what was removed: 16-bit PNG or TIFF, mid-grey is nothing."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Also write a web page: before, after, removed, and what to look for."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out what the log of --out says is done.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there already.")
    ] = False,
    log: Annotated[
        Path | None,
        typer.Option(help="Log of a batch, a JSON object a line. Default: denoise.jsonl in --out."),
    ] = None,
) -> None:
    """Denoise image files of any size. Not for diagnosis.

    \b
      denoise image scan.png clean.png --model liu-nih
      denoise image scans/ more.dcm "old/*.tif" --out clean/ --model liu-nih

    A target is of its source's kind: DICOM gives DICOM, TIFF gives TIFF, and
    JPEG gives PNG. No source is ever written to. With --out, folders are
    searched to the bottom and their sub-folders kept; Ctrl-C stops after the
    file at work, and --resume goes on.
    """
    from denoise_lib.batch.gather import LOG
    from denoise_lib.batch.way import Way
    from denoise_lib.checks import UserError

    way = Way(model, sigma, strength, self_ensemble, bits)
    if out is not None:
        if residual is not None:
            raise UserError("--residual is for one file: leave it out, or give SOURCE TARGET.")
        _batch(sources, out, way, format, report, resume, overwrite, log or out / LOG)
        return
    for name, given in {"--resume": resume, "--format": format, "--log": log}.items():
        if given:
            raise UserError(f"{name} is for a batch: add --out FOLDER.")
    if len(sources) != 2:
        raise UserError("Give one SOURCE and one TARGET, or add --out FOLDER for more files.")
    _one(sources[0], sources[1], way, residual, report, overwrite)


def _one(
    source: str, target: str, way, residual: Path | None, report: Path | None, overwrite: bool
) -> None:
    """Denoise one file; an error is the command's."""
    from denoise_lib.batch.gather import Job, check_targets
    from denoise_lib.batch.residual import check_residual, write_residual
    from denoise_lib.batch.way import Denoiser
    from denoise_lib.batch.work import denoise_file
    from denoise_lib.checks import UserError
    from denoise_lib.files import check_writable

    if not source or not target:
        raise UserError("A file's name is empty: give SOURCE and TARGET.")
    job = Job(Path(source), Path(target))
    if job.source.is_dir():
        raise IsADirectoryError(f"{source} is a folder: add --out FOLDER to denoise what is in it.")
    beside = _given({"--residual": residual, "--report": report})
    check_targets([job], beside)
    if not overwrite:
        _check_replaceable([job.target, *beside.values()])
        _check_not_both_ours(job)
    _check_report(report, 1)
    if residual is not None:
        check_residual(residual)
    for path in beside.values():
        check_writable(path)

    def check(picture: Picture) -> None:
        if residual is not None:
            check_residual(residual, len(picture.frames))

    try:
        result = denoise_file(job, Denoiser(way), progress=sys.stderr.isatty(), check=check)
    except KeyboardInterrupt:
        typer.echo(f"Stopped; {target} was not written.", err=True)
        raise typer.Exit(STOPPED["interrupt"]) from None
    _say(_summary(result))
    for note in result.notes:
        _say(f"  {note}")
    if residual is not None:
        _say(write_residual(result.removed, residual))
    if report is not None:
        _write_report([_section(result)], report)


def _given(options: dict[str, Path | None]) -> dict[str, Path]:
    return {name: path for name, path in options.items() if path is not None}


def _check_replaceable(targets: Iterable[Path]) -> None:
    """Refuse to replace what may be somebody's only copy: a pattern may have named it a target."""
    from denoise_lib.checks import UserError

    for target in targets:
        if target.is_file() and not _is_ours(target):
            raise UserError(
                f"{target} is there already, and this command did not make it: name another "
                "target, or add --overwrite."
            )


def _check_not_both_ours(job: Job) -> None:
    """Refuse to put one result in another's place: a pattern for two of them may be the reason."""
    from denoise_lib.checks import UserError

    if job.target.is_file() and job.source.is_file() and _is_ours(job.source):
        raise UserError(
            f"{job.source} was denoised before, and {job.target} is there already: name another "
            "target, or add --overwrite."
        )


def _is_ours(path: Path) -> bool:
    content = path.read_bytes()
    return all(m in content for m in MARKS) and any(m in content for m in OWN_MARKS)


def _summary(result: Result) -> str:
    count, _, height, width = result.picture.frames.shape
    frames = f"{count} frames of " if count > 1 else ""
    made = result.denoised.made
    strength = "" if made.strength == 1 else f", strength {made.strength:g}"
    return f"{result.job.target}: {frames}{height} x {width} pixels by {made.model}{strength}."


def _batch(
    sources: list[str],
    out: Path,
    way,
    format: Format | None,
    report: Path | None,
    resume: bool,
    overwrite: bool,
    log_file: Path,
) -> None:
    """Denoise many files, and say at the end which failed."""
    from filelock import FileLock, Timeout

    from denoise_lib.batch.gather import check_targets, gather
    from denoise_lib.batch.log import Log
    from denoise_lib.batch.way import Denoiser
    from denoise_lib.checks import UserError
    from denoise_lib.files import check_writable, make_folder

    found = gather(sources, out, format.suffix if format else None)
    if not found.jobs and not found.unread:
        raise UserError(f"There is no image in {', '.join(sources)}: check the path.")
    _check_report(report, len(found.jobs))
    check_targets(found.jobs, _given({"--log": log_file, "--report": report}))
    denoiser = Denoiser(way)
    make_folder(out)
    if report is not None:
        check_writable(report)
    try:
        with FileLock(out / ".denoise.lock", timeout=0):
            log = Log(log_file)
            todo = _todo(found.jobs, denoiser, log, resume, overwrite)
            _work(found, todo, denoiser, log, report)
    except Timeout:
        raise UserError(
            f"Another denoise is at work in {out}: wait, or name another --out."
        ) from None


def _todo(
    jobs: list[Job], denoiser: Denoiser, log: Log, resume: bool, overwrite: bool
) -> list[Job]:
    """The jobs that are left, when no file is replaced that should not be."""
    from denoise_lib.checks import UserError

    if not resume:
        there = [job.target for job in jobs if job.target.exists()]
        if there and not overwrite:
            raise UserError(
                f"{len(there)} of {len(jobs)} files are there already, {there[0]} among them: add "
                "--resume to go on, --overwrite to replace them, or name another --out."
            )
        return jobs
    finished = {job: line for job in jobs if (line := log.finished(job))}
    others = [line for line in finished.values() if line.get("plan") != denoiser.plan]
    if others and not overwrite:
        raise UserError(
            f"{log.path} has {len(others)} files that were denoised otherwise (by "
            f"{others[0].get('model')}, sigma {others[0].get('sigma')}, strength "
            f"{others[0].get('strength')}): ask for the same, add --overwrite to denoise them "
            "anew, or name another --out."
        )
    todo = [job for job in jobs if finished.get(job, {}).get("plan") != denoiser.plan]
    foreign = [job.target for job in todo if job.target.exists() and not log.started(job)]
    if foreign and not overwrite:
        raise UserError(
            f"{foreign[0]} is there, and {log.path} knows nothing of it: move it away, or add "
            "--overwrite to replace it."
        )
    _say(f"{len(jobs) - len(todo)} of {len(jobs)} files are done already.")
    return todo


def _work(found: Found, todo: list[Job], denoiser: Denoiser, log: Log, report: Path | None) -> None:
    from denoise_lib.batch.work import denoise_batch, write_skipped
    from denoise_lib.training.interrupt import StopRequest

    write_skipped(found, denoiser, log)
    sections: list[str] = []

    def seen(result: Result) -> None:
        if report is not None:
            sections.append(_section(result))

    stop, lines = StopRequest(), []
    with (
        stop.listening(),
        stop.breaking_off(),
    ):  # a second Ctrl-C does not wait for the file at work
        for line in _shown(denoise_batch(todo, denoiser, log, seen), len(todo)):
            lines.append(line)
            if stop.reason:
                break
    if report is not None:
        missing = len(found.jobs) - len(sections)
        _write_report(sections, report, missing)
    _close(found, len(todo), lines, stop.reason, log)


def _shown(lines: Iterable[dict[str, Any]], count: int) -> Iterable[dict[str, Any]]:
    """Pass lines of the log on; a bar on a terminal, a line for each file elsewhere."""
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    bar = tqdm(lines, total=count, unit="file", disable=not terminal)
    for number, line in enumerate(bar, 1):
        failed = line["status"] == "failed"
        said = line["error"] if failed else f"{line['target']} in {line['seconds']:.1f} s"
        said = f"[{number}/{count}] {line['source']}: {said}"
        if failed or not terminal:
            tqdm.write(_printable(" ".join([said, *line["notes"]])), file=sys.stdout)
        yield line


def _close(
    found: Found, count: int, lines: list[dict[str, Any]], stopped_by: str | None, log: Log
) -> None:
    """Say what was done, what was left out and what failed; leave with a status that tells."""
    for sentence in found.left_out:
        _say(sentence)
    failed = {line["source"]: line["error"] for line in lines if line["status"] == "failed"}
    failed |= {str(path): why for path, why in found.unread.items()}
    done = sum(line["status"] == "done" for line in lines)
    _say(f"{done} of {count} files denoised; the log is {log.path}.")
    if failed:
        typer.echo(f"{len(failed)} failed:", err=True)
        for source, error in failed.items():
            typer.echo(_printable(f"  {source}: {error}"), err=True)
    if stopped_by and len(lines) < count:
        _say("Stopped; to go on, give the same command with --resume.")
        raise typer.Exit(STOPPED[stopped_by])
    if failed:
        raise typer.Exit(FAILED)


def _section(result: Result) -> str:
    from denoise_lib.batch.report import section

    return section(result)


def _check_report(report: Path | None, count: int) -> None:
    from denoise_lib.batch.report import MOST
    from denoise_lib.checks import UserError

    if report is None:
        return
    if report.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"{report} is no name of a web page: name a file that ends in .html.")
    if count > MOST:
        raise UserError(
            f"A report shows at most {MOST} files, not {count}: give fewer, or leave --report out."
        )


def _write_report(sections: list[str], path: Path, missing: int = 0) -> None:
    from denoise_lib.batch.report import page
    from denoise_lib.files import replacing

    with replacing(path) as temporary:
        temporary.write_text(page(sections, missing), "utf-8")
    _say(f"{path}: the report.")


def _say(text: str) -> None:
    typer.echo(_printable(text))


def _printable(text: str) -> str:
    from denoise_lib.files import printable

    return printable(text)
