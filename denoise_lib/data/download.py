"""Download one file: checked, in bounded time and size, and with nothing left behind."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pooch

from denoise_lib.checks import UserError

SILENCE = 30  # seconds without a byte, after which a download is given up
WINDOW, LEAST = 30, 150_000  # so many bytes in so many seconds: a slow modem's pace
LARGEST = 50_000_000  # bytes
ABANDONED = 24 * 3600  # seconds, longer than any download may take
PREFIX = ".download-"


def fetch(
    url: str,
    known_hash: str,
    target: Path,
    *,
    finish: Callable[[Path], None] | None = None,
    largest: int = LARGEST,
    progress: bool = False,
    otherwise: str = "",
) -> None:
    """Bring one file into its place, whole and checked, or leave nothing behind.

    Parameters
    ----------
    url : str
        Where it is published.
    known_hash : str
        What it must hash to: ``sha256:`` and hexadecimal digits.
    target : pathlib.Path
        Where it is kept; its folder is made if it is missing.
    finish : callable, optional
        Called with the checked file, which it may change, before that is put in its place.
    largest : int
        Bytes, at which a download that does not end is given up.
    progress : bool
        Show a progress bar.
    otherwise : str
        What else the user can do if the download fails.

    Raises
    ------
    ConnectionError
        When it cannot be downloaded; the message says where to put it by hand.
    ValueError
        When the folder cannot be written.
    """
    pooch.get_logger().setLevel(logging.WARNING)  # else a line per file breaks the bar
    # Its protocol for downloaders names the arguments otherwise than its calls do.
    downloader: Any = partial(_watched, largest=largest, progress=progress)
    # Work beside the target: a rename within one folder is atomic, and what an interruption
    # leaves half done disappears with the temporary folder, or is swept by the next process.
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
        prefix = f"{PREFIX}{platform.node()}-{os.getpid()}-"
        temporary = tempfile.TemporaryDirectory(
            dir=target.parent, prefix=prefix, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise UserError(
            f"{target.parent} cannot be written ({error.strerror}): make it writable, or set "
            f"XDG_CACHE_HOME to another folder for downloads{otherwise}."
        ) from error
    with temporary as folder:
        try:
            published = Path(
                pooch.retrieve(url, known_hash, "published", folder, downloader=downloader)
            )
            if finish is not None:
                finish(published)
            os.replace(published, target)
        except (OSError, ValueError) as error:  # network, disk; wrong hash
            raise ConnectionError(
                f"Could not download {url} ({_reason(error)}). Try again, or put the file at "
                f"{target} by hand{otherwise}."
            ) from error


def sweep(folder: Path) -> None:
    """Remove what downloads that were killed have left in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        It need not be there.
    """
    for left in folder.glob(f"{PREFIX}*"):
        if _abandoned(left):
            shutil.rmtree(left, ignore_errors=True)


def _abandoned(left: Path) -> bool:
    try:
        if time.time() - left.stat().st_mtime > ABANDONED:
            return True
        # The same cache may be another machine's too, whose processes cannot be seen from here.
        host, process, _ = left.name.removeprefix(PREFIX).rsplit("-", 2)
        return host == platform.node() and not _runs(int(process))
    except (OSError, ValueError):  # removed meanwhile; another's name
        return False


def _runs(process: int) -> bool:
    if os.name != "posix":  # where signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True


class _Sink:
    """A file that counts what is written, and takes no more than it should."""

    def __init__(self, file: BinaryIO, largest: int):
        self.file, self.largest = file, largest
        self.written, self.closed = 0, False

    def write(self, chunk: bytes) -> None:
        if self.closed:
            raise TimeoutError("given up")
        self.written += len(chunk)
        if self.written > self.largest:
            raise TimeoutError(f"more than {self.largest / 1e6:g} MB")
        self.file.write(chunk)

    def flush(self) -> None:
        self.file.flush()


def _watched(url: str, output_file: str, mirror: Any, *, largest: int, progress: bool) -> None:
    """A downloader for pooch that gives up on silence, on a trickle and on what does not end.

    A time-out of the connection alone never ends a server that sends a byte now and then, in its
    headers or after them. So the connection works in a thread, and this one looks at the clock; a
    thread that was given up ends with its connection.
    """
    load = pooch.HTTPDownloader(progressbar=progress, chunk_size=8192, timeout=SILENCE)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            load(url, sink, mirror)
        except BaseException as error:  # raised where it can be seen
            failures.append(error)

    with open(output_file, "wb") as file:
        sink = _Sink(file, largest)
        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        try:
            while worker.is_alive():
                before = sink.written
                worker.join(WINDOW)
                if worker.is_alive() and sink.written - before < LEAST:
                    raise TimeoutError(f"fewer than {LEAST} bytes in {WINDOW} seconds")
        finally:
            sink.closed = True
    if failures:
        raise failures[0]


# By the name of the error, requests' or Python's.
_WORDS = {
    "ProxyError": "the proxy does not answer",
    "SSLError": "its certificate is not valid",
    "ConnectTimeout": f"no answer in {SILENCE} seconds",
    "ReadTimeout": f"no answer in {SILENCE} seconds",
    "ConnectionError": f"no connection, or silent for {SILENCE} seconds",
    "ChunkedEncodingError": "the connection broke",
}


def _reason(error: Exception) -> str:
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return "its content is not the published one"
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    if isinstance(error, TimeoutError):
        return str(error)
    name = type(error).__name__
    return _WORDS.get(name) or getattr(error, "strerror", None) or name
