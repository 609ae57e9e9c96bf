"""Files that an interruption leaves whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from denoise_lib.checks import UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file beside its place, then put it there at once.

    A rename within one folder is atomic: whoever reads `path` finds the old content or the new,
    never a part. What a failure leaves half written is removed.

    Parameters
    ----------
    path : pathlib.Path
        The file to write or replace; its folder is made if it is missing.

    Yields
    ------
    pathlib.Path
        Where to write: a hidden file beside it, with the same suffix.

    Raises
    ------
    ValueError
        When it is a folder or a device.
    """
    if path.exists() and not path.is_file():  # a rename would put a file in a device's place
        raise UserError(f"{path} is no ordinary file: name another.")
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process's number: two processes that write the same file do not write into each other.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def expanded(path: str | Path) -> Path:
    """A path with its `~` resolved.

    Parameters
    ----------
    path : str or Path
        As the user wrote it.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        When it is of a user that this machine does not have.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        user = Path(path).parts[0]
        raise UserError(f"{path}: there is no home of {user} here, write the path out.") from None


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    str
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def printable(path: str | Path) -> str:
    """A path as text that can be printed, hashed and written; bytes that are no UTF-8 as escapes.

    Parameters
    ----------
    path : str or Path
        As the system has it.

    Returns
    -------
    str
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")
