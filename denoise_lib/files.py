"""Files that an interruption leaves whole, and what to say when the system refuses one."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from denoise_lib.checks import UserError

# Two containers that share a folder do not see each other's processes: what is younger than this,
# in seconds, may be at work.
STALE = 10
LONGEST = 60  # characters of a name that its temporary file repeats: names end at 255 bytes
# What `_temporary` makes, and no other program's .backup.123.part1.rar.
OURS = re.compile(r"\..*\.(\d+)\.part(\.[^.]+)?", re.DOTALL)

REASONS = {
    errno.EACCES: "permission denied; change its permissions, or choose another folder",
    errno.EPERM: "permission denied; change its permissions, or choose another folder",
    errno.EROFS: "the disk can only be read; choose another folder",
    errno.ENOSPC: "no space is left on the disk; free some, or choose another",
    errno.EDQUOT: "your share of the disk is used up; free some, or choose another",
    errno.EFBIG: "files may not grow so large here; raise the limit (ulimit -f)",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EISDIR: "it is a folder; name a file",
    errno.ENOTDIR: "a file stands where a folder should be; choose another folder",
    errno.EEXIST: "a file stands where a folder should be; choose another folder",
    errno.ENOENT: "there is no such file or folder; check the path",
    errno.ELOOP: "its symbolic links lead in a circle; name the file itself",
    errno.EIO: "the disk reports an error; copy the file from another",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file beside its place, then put it there at once.

    A rename within one folder is atomic: whoever reads `path` finds the old content or the new,
    never a part, even after a power cut. What a failure leaves half written is removed; what a
    killed process left, by the next one that writes to the folder.

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
    OSError
        When it cannot be written; one sentence names it and says why.
    """
    temporary = _temporary(path)
    with _in_a_sentence(path, temporary):
        check_regular(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(path.parent.resolve())
        try:
            yield temporary
            _to_disk(temporary)
            os.replace(temporary, path)
            _to_disk(path.parent)
        finally:
            with suppress(OSError):
                temporary.unlink()


def check_writable(path: Path) -> None:
    """Refuse a file that cannot be written; call it before long work.

    Parameters
    ----------
    path : pathlib.Path
        The file to write; its folder is made if it is missing.

    Raises
    ------
    OSError
        As `replacing`.
    """
    temporary = _temporary(path)
    with _in_a_sentence(path, temporary):
        check_regular(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        temporary.unlink()


def _temporary(path: Path) -> Path:
    # The process's number: two processes that write the same file do not write into each other.
    # Not `with_name`: the folder "." has none, and is to be refused as a folder.
    return path.parent / f".{path.stem[:LONGEST]}.{os.getpid()}.part{path.suffix}"


@contextmanager
def _in_a_sentence(path: Path, temporary: Path) -> Iterator[None]:
    """Say in a sentence why `path` cannot be written."""
    try:
        yield
    except OSError as error:
        if error.errno is None or not _concerns(error, {temporary, path, *path.parents}):
            raise  # a sentence already, or about a file that the caller reads
        said = type(error)(f"{path} cannot be written: {reason(error)}.")
        said.strerror = error.strerror  # for whoever says it in other words
        raise said from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Parameters
    ----------
    path : pathlib.Path
        The folder.

    Raises
    ------
    OSError
        When it cannot be made; one sentence says why.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(f"The folder {path} cannot be made: {reason(error)}.") from error


def check_regular(path: Path) -> None:
    """Refuse to put a file where a folder, a device or a pipe is.

    Parameters
    ----------
    path : pathlib.Path
        The file to write.

    Raises
    ------
    OSError
        When something else than a file is there.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file in it.")
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is a device or a pipe, and would be replaced: name a file.")


def reason(error: OSError) -> str:
    """Why the system refused a file, and what to do.

    Parameters
    ----------
    error : OSError
        From the system.

    Returns
    -------
    str
        For the end of a sentence, without its full stop.
    """
    return REASONS.get(error.errno or 0) or (error.strerror or str(error)).rstrip(".")


def sentence(error: OSError) -> str:
    """An error of the system, or one that is a sentence already, for a reader.

    Parameters
    ----------
    error : OSError
        From the system, from `replacing`, or raised with a sentence.

    Returns
    -------
    str
    """
    if error.errno is None:
        return str(error)
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    subject = f"{name[:200]}..." if len(name) > 200 else name or "A file"
    return f"{subject} cannot be used: {reason(error)}."


def said(error: BaseException) -> str:
    """An error that a user can put right, in one sentence.

    Parameters
    ----------
    error : BaseException
        Its own words are a sentence, unless it comes from the system.

    Returns
    -------
    str
        For any terminal.
    """
    if isinstance(error, MemoryError):
        return "There is not enough memory for it: use a smaller image, or another machine."
    return printable(sentence(error) if isinstance(error, OSError) else str(error))


def printable(text: str | Path) -> str:
    """Text that any terminal, log or hash can take: file names hold every byte but two.

    Parameters
    ----------
    text : str or Path
        May have undecodable bytes (surrogates) and control characters.

    Returns
    -------
    str
        With these as escapes; line breaks stay.
    """
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in str(text))


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a name that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


@cache
def remove_stale(folder: Path) -> None:
    """Remove what killed processes left half written in a folder; once in a process.

    Parameters
    ----------
    folder : pathlib.Path
        Its temporary files of `replacing` are looked at.
    """
    for path in folder.glob(".*.part*"):
        ours = OURS.fullmatch(path.name)
        with suppress(OSError):
            if ours and not _alive(int(ours[1])) and _age(path) > STALE:
                path.unlink()


def _age(path: Path) -> float:
    return time.time() - path.lstat().st_mtime


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it is another user's
    return True


def _to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot tell
            raise
    finally:
        os.close(handle)


def _concerns(error: OSError, paths: set[Path]) -> bool:
    return not isinstance(error.filename, str | bytes) or Path(os.fsdecode(error.filename)) in paths


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


def cache_folder() -> Path:
    """The user's cache of this library, which may not be there yet; XDG_CACHE_HOME moves it."""
    import pooch  # takes a moment to import

    named = os.environ.get("XDG_CACHE_HOME", "")
    if named.startswith("~"):  # which no shell has expanded, and pooch passes over
        return expanded(named) / "denoise_lib"
    return Path(pooch.os_cache("denoise_lib"))
