"""What was done, a JSON object a line: for other programs, and to go on after an interruption."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from denoise_lib.batch.gather import Job
from denoise_lib.checks import UserError
from denoise_lib.files import file_hash, replacing


class Log:
    """A log that is appended to; a line that was cut off when the power went is passed over.

    Parameters
    ----------
    path : pathlib.Path
        Its file; made with its folder when the first line is written.

    Raises
    ------
    ValueError
        When the file is there and is no such log.
    """

    def __init__(self, path: Path):
        self.path = path
        self.last: dict[str, dict[str, Any]] = {}  # of each source, its newest line
        self._whole = True
        content = path.read_bytes() if path.is_file() else b""
        if content and not _is_log(content.splitlines()[0]):
            raise UserError(f"{path} is no log of denoised images: name another with --log.")
        for line in content.splitlines():
            try:
                entry = json.loads(line)
                self.last[entry["source"]] = entry
            except (ValueError, KeyError, TypeError):
                continue  # cut off
        self._whole = not content or content.endswith(b"\n")

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append a line.

        Parameters
        ----------
        entry : mapping
            Plain values.

        Raises
        ------
        OSError
            When it cannot be written.
        """
        if not self.path.exists():
            with replacing(self.path) as temporary:  # whose errors are sentences
                temporary.touch()
        with self.path.open("ab") as file:
            file.write((b"" if self._whole else b"\n") + json.dumps(entry).encode() + b"\n")
        self._whole = True
        self.last[entry["source"]] = dict(entry)

    def started(self, job: Job) -> bool:
        """Whether what stands in a job's place is ours.

        Parameters
        ----------
        job : Job
            To be done, or done again.

        Returns
        -------
        bool
        """
        entry = self.last.get(os.path.abspath(job.source))
        return entry is not None and entry.get("target") == os.path.abspath(job.target)

    def finished(self, job: Job) -> dict[str, Any] | None:
        """The line of a job that is done, and whose source and target are what they were.

        Parameters
        ----------
        job : Job
            To be done.

        Returns
        -------
        dict or None
        """
        entry = self.last.get(os.path.abspath(job.source), {})
        if entry.get("status") != "done" or not self.started(job) or not job.target.is_file():
            return None
        if entry.get("target_bytes") != job.target.stat().st_size:
            return None
        now = fingerprint(job.source)
        if entry.get("source_bytes") != now["source_bytes"]:
            return None
        same_time = entry.get("source_mtime_ns") == now["source_mtime_ns"]
        return entry if same_time or entry.get("source_sha256") == file_hash(job.source) else None


def _is_log(first: bytes) -> bool:
    """Whether a line begins as ours do, and has what they have unless it was cut off."""
    if not first.startswith(b'{"source": '):
        return False
    try:
        return "status" in json.loads(first)
    except ValueError:
        return True


def fingerprint(source: Path) -> dict[str, int]:
    """What tells at a glance that a file has changed.

    Parameters
    ----------
    source : pathlib.Path
        The file.

    Returns
    -------
    dict of str to int
        Its size, and when it was written.
    """
    status = source.stat()
    return {"source_bytes": status.st_size, "source_mtime_ns": status.st_mtime_ns}
