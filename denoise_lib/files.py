"""Files that an interruption leaves whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process's number: two processes that write the same file do not write into each other.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def cache_folder() -> Path:
    """The user's cache of this library; it need not exist."""
    import pooch  # takes a moment to import

    return Path(pooch.os_cache("denoise_lib"))
