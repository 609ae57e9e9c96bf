"""Denoise files one after the other; one that fails does not stop the rest."""

from __future__ import annotations

import os
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

import denoise_lib
from denoise_lib.batch.gather import FORMATS, Found, Job
from denoise_lib.batch.log import Log, fingerprint
from denoise_lib.batch.way import Denoised, Denoiser
from denoise_lib.checks import UserError
from denoise_lib.files import check_writable, file_hash, replacing, said
from denoise_lib.formats import Picture, read_picture


@dataclass(frozen=True)
class Result:
    """A file that was denoised.

    Attributes
    ----------
    job : Job
        Where from and where to.
    picture : Picture
        What was read.
    denoised : Denoised
        What was written.
    notes : tuple of str
        All that there is to say about both.
    """

    job: Job
    picture: Picture
    denoised: Denoised
    notes: tuple[str, ...]

    @property
    def removed(self) -> torch.Tensor:
        """What was taken away from the frames."""
        return self.picture.frames - self.denoised.frames


def denoise_file(
    job: Job,
    denoiser: Denoiser,
    step: Callable[[], None] = lambda: None,
    progress: bool = False,
    check: Callable[[Picture], None] = lambda picture: None,
) -> Result:
    """Denoise a file into its target.

    Parameters
    ----------
    job : Job
        Where from and where to.
    denoiser : Denoiser
        The method.
    step : callable
        Called after each frame.
    progress : bool
        Show a progress bar over the tiles of a frame.
    check : callable
        Called with what was read, before the work: may refuse it.

    Returns
    -------
    Result

    Raises
    ------
    ValueError, OSError, ModuleNotFoundError
        When the source cannot be read, or the target not be written or not hold it.
    """
    picture, heard = _read(job.source, denoiser.way.bits)
    check(picture)
    picture.check_target(job.target)
    check_writable(job.target)  # before the work, not after it
    denoised = denoiser(picture.frames, step, progress)
    with replacing(job.target) as temporary:
        picture.write(denoised.frames, temporary, denoised.made)
    notes = dict.fromkeys((*picture.notes, *heard, *denoised.notes))
    return Result(job, picture, denoised, tuple(notes))


def _read(path: Path, bits: int | None) -> tuple[Picture, tuple[str, ...]]:
    """A picture, and what the packages that read it warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        picture = read_picture(path, bits)
    return picture, tuple(str(warning.message) for warning in caught)


def denoise_batch(
    jobs: Iterable[Job],
    denoiser: Denoiser,
    log: Log,
    seen: Callable[[Result], None] = lambda result: None,
) -> Iterator[dict[str, Any]]:
    """Denoise many files.

    Parameters
    ----------
    jobs : iterable of Job
        After `gather.check_targets`.
    denoiser : Denoiser
        The method.
    log : Log
        Gets a line before and after each file.
    seen : callable
        Called with each result that was written.

    Yields
    ------
    dict
        The line of a file that is done, or that failed.
    """
    for job in jobs:
        entry = _entry(job.source, job.target, denoiser)
        log.write({**entry, "status": "started"})
        begin = time.monotonic()
        try:
            entry |= {**fingerprint(job.source), "source_sha256": file_hash(job.source)}
            result = denoise_file(job, denoiser, check=partial(_check_kind, job.target))
            entry |= {"status": "done", **_done(result)}
        except (UserError, OSError, ModuleNotFoundError, MemoryError) as error:
            entry |= {"status": "failed", "error": said(error)}
        except Exception as error:  # a mistake of ours must not cost the other files
            entry |= {"status": "failed", "error": f"A mistake of denoise_lib: {error!r}."}
            entry["traceback"] = traceback.format_exc()
        else:
            seen(result)
        entry["seconds"] = round(time.monotonic() - begin, 3)
        log.write(entry)
        yield entry


def _check_kind(target: Path, picture: Picture) -> None:
    """As `Picture.check_target`, for targets that no user has named."""
    if target.suffix.lower() in picture.writers:
        return
    other = next(name for name, suffix in FORMATS.items() if suffix in picture.writers)
    why = " ".join([f"{target} cannot hold {picture.path.name} without loss.", *picture.notes])
    raise UserError(f"{why.rstrip('.')}: add --format {other}.")


def write_skipped(found: Found, denoiser: Denoiser, log: Log) -> None:
    """Note in the log what a batch leaves out.

    Parameters
    ----------
    found : Found
        Its files that are no images, and folders that cannot be opened.
    denoiser : Denoiser
        The method.
    log : Log
        Gets a line for each.
    """
    for path in found.others:
        log.write({**_entry(path, None, denoiser), "status": "no image"})
    for path, why in found.unread.items():
        log.write({**_entry(path, None, denoiser), "status": "failed", "error": why})


def _entry(source: Path, target: Path | None, denoiser: Denoiser) -> dict[str, Any]:
    """A line of the log; every line has all of these keys."""
    way = denoiser.way
    return {
        "source": os.path.abspath(source),
        "target": target and os.path.abspath(target),
        "status": None,
        "error": None,
        "notes": [],
        "model": way.model,
        "weights": denoiser.weights,
        "sigma": way.sigma,
        "sigma_from": None,
        "strength": way.strength,
        "seconds": None,
        "version": denoise_lib.__version__,
        "plan": denoiser.plan,
    }


def _done(result: Result) -> dict[str, Any]:
    made = result.denoised.made
    return {
        "notes": list(result.notes),
        "weights": made.weights,
        "sigma": made.sigma,
        "sigma_from": result.denoised.sigma_from,
        "shape": list(result.picture.frames.shape),
        "bits": result.picture.bits,
        "target_bytes": result.job.target.stat().st_size,
    }
