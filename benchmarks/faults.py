"""Kill what writes files at random moments, and look whether the files are whole.

    python benchmarks/faults.py                    every case, 50 times
    python benchmarks/faults.py writer --times 10

A case is a process that says "ready" when its work begins, and a look at what it leaves: see
`CASES`. What killed processes leave half written is removed by the next one that writes; what
remains after that counts as left over. The status is 1 where a file was not whole.
"""

from __future__ import annotations

import argparse
import atexit
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from denoise_lib.files import remove_stale

TIMES = 50
READY = "ready"


@dataclass(frozen=True)
class Case:
    """A process to be killed.

    Attributes
    ----------
    start : callable
        Sets the stage in an empty folder and starts the process, its output piped.
    whole : callable
        Whether all files in the folder are whole, once the process is dead.
    seconds : float
        It is killed at a random moment up to so long after it said that it is ready; 0: it is
        let run to its own end.
    ready : str
        What its output has when its work begins.
    """

    start: Callable[[Path], subprocess.Popen]
    whole: Callable[[Path], bool]
    seconds: float
    ready: str = READY


@dataclass(frozen=True)
class Row:
    """What came of a case."""

    name: str
    times: int
    killed: int  # the others had ended before
    whole: int
    left_over: int


def run(names: Sequence[str], times: int = TIMES, seed: int = 0) -> list[Row]:
    """Run cases."""
    rng = random.Random(seed)
    rows = []
    for name in names:
        case, results = CASES[name], []
        for _ in range(times):
            with tempfile.TemporaryDirectory() as folder:
                results.append(_once(case, Path(folder), rng))
        killed, whole, left_over = (sum(column) for column in zip(*results, strict=True))
        rows.append(Row(name, times, killed, whole, left_over))
    return rows


def _once(case: Case, folder: Path, rng: random.Random) -> tuple[bool, bool, int]:
    with case.start(folder) as process:
        _wait_until_ready(process, case.ready)
        if case.seconds:
            time.sleep(rng.uniform(0, case.seconds))
            process.kill()
        process.communicate()
    return process.returncode == -signal.SIGKILL, case.whole(folder), left_over(folder)


def _wait_until_ready(process: subprocess.Popen, ready: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if ready in line:
            return
    raise RuntimeError(f"It ended before it was ready: {process.args}")


def left_over(folder: Path) -> int:
    """Half-written files that the next process to write there would not remove."""
    halves = [path for path in folder.rglob(".*") if ".part" in path.name]
    for path in halves:
        os.utime(path, (time.time() - 60,) * 2)
    remove_stale.cache_clear()
    for place in {path.parent for path in halves}:
        remove_stale(place)
    return sum(path.exists() for path in halves)


def python(code: str, *arguments: object) -> subprocess.Popen:
    """Start a process on lines of Python."""
    return _start([sys.executable, "-c", code, *map(str, arguments)])


def denoise(*arguments: object) -> subprocess.Popen:
    """Start the command `denoise`."""
    return _start([sys.executable, "-m", "denoise_lib", *map(str, arguments)])


def _start(command: list[str]) -> subprocess.Popen:
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


# The writer alone: two contents in turns, in ten parts each.

SIZE = 4_000_000
WRITER = f"""
import itertools, sys
from pathlib import Path
from denoise_lib.files import replacing
print("{READY}")
for letter in itertools.cycle(b"ab"):
    with replacing(Path(sys.argv[1])) as temporary, temporary.open("wb") as file:
        for _ in range(10):
            file.write(bytes([letter]) * {SIZE // 10})
"""
FULL = f"""
import resource, sys
from pathlib import Path
from denoise_lib.files import replacing
print("{READY}")
resource.setrlimit(resource.RLIMIT_FSIZE, ({SIZE // 2},) * 2)
try:
    with replacing(Path(sys.argv[1])) as temporary:
        temporary.write_bytes(b"b" * {SIZE})
except OSError as error:
    assert "files may not grow so large here" in str(error), error
    Path(sys.argv[1] + ".said").touch()
"""


def _writes(code: str) -> Callable[[Path], subprocess.Popen]:
    def start(folder: Path) -> subprocess.Popen:
        (folder / "file").write_bytes(b"a" * SIZE)
        return python(code, folder / "file")

    return start


def _one_of_two(folder: Path) -> bool:
    content = (folder / "file").read_bytes()
    return content in (b"a" * SIZE, b"b" * SIZE)


def _old_and_said(folder: Path) -> bool:
    return (folder / "file").read_bytes() == b"a" * SIZE and (folder / "file.said").exists()


# `denoise image` over a folder, where older files are replaced.

IMAGES, SIDE = 40, 256
IMAGE = ("--model", "gaussian", "--sigma", 20, "--overwrite")


@cache
def _sources() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        grey = rng.integers(0, 65536, (SIDE, SIDE), dtype=np.uint16)
        Image.fromarray(grey).save(folder / f"{number:02}.png")
    return folder


@cache
def _hashes() -> tuple[dict[str, str], dict[str, str]]:
    """Of the files before, and of those that an undisturbed run leaves."""
    with tempfile.TemporaryDirectory() as folder:
        denoise("image", _sources(), "--out", folder, *IMAGE).communicate()
        return _contents(_sources()), _contents(Path(folder))


def _contents(folder: Path) -> dict[str, str]:
    paths = folder.glob("[!.]*.png")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _start_image(folder: Path) -> subprocess.Popen:
    _hashes()
    shutil.copytree(_sources(), folder / "out")
    return denoise("image", _sources(), "--out", folder / "out", *IMAGE)


def _old_or_new(folder: Path) -> bool:
    old, new = _hashes()
    found = _contents(folder / "out")
    return found.keys() == old.keys() and all(found[n] in (old[n], new[n]) for n in found)


CASES = {
    "writer": Case(_writes(WRITER), _one_of_two, 0.3),
    "full disk": Case(_writes(FULL), _old_and_said, 0),
    "denoise image": Case(_start_image, _old_or_new, 0.8, f"[1/{IMAGES}]"),
}


def main() -> None:
    """Run cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(CASES):
        parser.error(f"There is no case {', '.join(unknown)}, but: {', '.join(CASES)}.")
    print(f"{'case':16} {'killed':>8} {'whole':>8} {'left over':>10}")
    failed = False
    for name in arguments.names or CASES:
        (row,) = run([name], arguments.times, arguments.seed)
        killed, whole = f"{row.killed}/{row.times}", f"{row.whole}/{row.times}"
        print(f"{name:16} {killed:>8} {whole:>8} {row.left_over:>10}", flush=True)
        failed |= row.whole < row.times or row.left_over > 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
