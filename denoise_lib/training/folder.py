"""The folder of a run: it can be written, and one process at a time has it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from denoise_lib.checks import UserError

LOCK = ".lock"


@contextmanager
def claimed(folder: Path | None) -> Iterator[None]:
    """Keep a run's folder for this process, the first of those that train together.

    The system lets go of the lock when the process ends, however it ends. Claiming twice in one
    thread is claiming once.

    Parameters
    ----------
    folder : pathlib.Path or None
        Made if it is missing; None claims nothing.

    Yields
    ------
    None
        With the folder claimed.

    Raises
    ------
    ValueError
        When it cannot be written, or another process has it.
    """
    if folder is None or not _is_first_process():
        yield
        return
    check_writable(folder)
    lock = FileLock(folder.resolve() / LOCK, timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"Another process trains in {folder}: wait until it has ended, or name another folder."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _is_first_process() -> bool:
    from accelerate import PartialState  # takes a second to import

    return PartialState().is_main_process


def check_writable(folder: Path) -> None:
    """Refuse a folder in which no file can be made, before hours of work.

    Parameters
    ----------
    folder : pathlib.Path
        Made if it is missing.

    Raises
    ------
    ValueError
        When it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"The run's folder {folder} cannot be written ({reason}): name another folder."
        ) from error
