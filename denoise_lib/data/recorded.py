"""Hashes of files whose publisher gives none: recorded when first seen, checked ever after.

That finds a file which changes later, on this machine or on another that gets the same record. It
cannot tell whether the first one was the publisher's: who has a record from somebody they trust
puts it in place before the first use. It is a text as `sha256sum` writes and checks it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from denoise_lib.checks import UserError
from denoise_lib.files import file_hash, replacing


class Record:
    """The hashes of the files below a folder.

    Parameters
    ----------
    path : pathlib.Path
        The text file; its folder is that of the names in it.
    files : iterable of pathlib.Path
        What is recorded if there is no record yet.

    Raises
    ------
    ValueError
        When it is damaged, or cannot be written.
    """

    def __init__(self, path: Path, files: Iterable[Path]):
        self.path = path
        self.hashes = _read(path) if path.is_file() else _write(path, files)

    def check(self, file: Path) -> None:
        """Refuse a file that has changed.

        Parameters
        ----------
        file : pathlib.Path
            Below the record's folder.

        Raises
        ------
        ValueError
            When it has another hash than the record, which must have one.
        """
        recorded = self.hashes.get(file.relative_to(self.path.parent).as_posix())
        if recorded is None:
            raise UserError(f"{self.path} has no SHA-256 of {file}: add it with sha256sum.")
        if file_hash(file) != recorded:
            raise UserError(f"{file} has changed since {self.path} was written: get the file anew.")


def _read(path: Path) -> dict[str, str]:
    lines = path.read_text("utf-8", "replace").splitlines()
    found = [re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line) for line in lines]
    if None in found or not found:
        raise UserError(f"{path} is no list of SHA-256: delete it to have it written anew.")
    return {match[2]: match[1] for match in found if match}


def _write(path: Path, files: Iterable[Path]) -> dict[str, str]:
    hashes = {file.relative_to(path.parent).as_posix(): file_hash(file) for file in files}
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, "utf-8")
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}), in which the SHA-256 of the files is "
            "recorded: make the folder writable, or copy the files to another."
        ) from error
    warnings.warn(
        f"No SHA-256 of these files is published: what they are now is recorded in {path}, and "
        "checked from now on.",
        stacklevel=2,
    )
    return hashes
