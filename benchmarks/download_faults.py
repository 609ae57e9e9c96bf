"""Kill a download at odd moments, and look at what is left.

    python benchmarks/download_faults.py          24 kills, a table
    python benchmarks/download_faults.py --kills 3

Each process downloads a file from a server on this machine, is killed (SIGKILL), and is followed by
one that is left alone. Right is: after the kill the file is whole or absent; after the next process
it is whole and nothing else is there.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from denoise_lib.data.download import fetch

CONTENT = bytes(range(256)) * 4000
PIECES, PAUSE = 20, 0.01  # the file takes a fifth of a second
DURATION = PIECES * PAUSE
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@dataclass(frozen=True)
class Kill:
    """What one kill left."""

    after: float  # seconds
    file: str  # "whole", "absent" or "damaged", after the kill
    left: int  # other files and folders, after the kill
    next_file: str  # after the next process
    next_left: int

    @property
    def right(self) -> bool:
        """Whether nothing is lost or left behind."""
        return self.file != "damaged" and (self.next_file, self.next_left) == ("whole", 0)


class _Slowly(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        step = len(CONTENT) // PIECES
        try:
            for start in range(0, len(CONTENT), step):
                self.wfile.write(CONTENT[start : start + step])
                time.sleep(PAUSE)
        except OSError:  # whoever asked is dead
            pass

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def _server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Slowly) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/file"
        server.shutdown()


def kill_downloads(count: int) -> list[Kill]:
    """Kill so many downloads, each somewhat later than the one before."""
    os.environ["NO_PROXY"] = "127.0.0.1"
    with _server() as url:
        return [_kill(url, 2 * DURATION * (index + 0.5) / count) for index in range(count)]


def _kill(url: str, after: float) -> Kill:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "file"
        process = _start(url, target)
        time.sleep(after)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        killed = _look(target)
        _start(url, target).join()
        return Kill(after, *killed, *_look(target))


def _start(url: str, target: Path) -> multiprocessing.Process:
    # Forked: no seconds of importing before there is anything to kill.
    process = multiprocessing.get_context("fork").Process(target=fetch, args=(url, SHA256, target))
    process.start()
    return process


def _look(target: Path) -> tuple[str, int]:
    others = [path for path in target.parent.rglob("*") if path != target]
    if not target.exists():
        return "absent", len(others)
    return ("whole" if target.read_bytes() == CONTENT else "damaged"), len(others)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=24)
    kills = kill_downloads(parser.parse_args().kills)
    print("killed after   file      others   after the next process: file   others")
    for kill in kills:
        print(
            f"{kill.after:9.3f} s   {kill.file:8} {kill.left:7}   {kill.next_file:>28}"
            f" {kill.next_left:8}"
        )
    print(f"{sum(kill.right for kill in kills)} of {len(kills)} right")


if __name__ == "__main__":
    main()
