"""Kill a training at random moments, resume it to the end, and compare with one left alone.

    python benchmarks/training_faults.py            60 kills
    python benchmarks/training_faults.py --times 4

Every step writes a checkpoint, and the end the weights and their card: most kills hit a file that
is being written. A training is whole if what it resumes to has the uninterrupted one's weights and
losses to the bit. The status is 1 where one is not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import torch
from tqdm.auto import tqdm

from denoise_lib import methods
from denoise_lib.methods.released import WEIGHTS, save_trained
from denoise_lib.noise import BlindGaussianNoise
from denoise_lib.training import Recipe, fit
from denoise_lib.training.patches import NoisyPatches

TIMES = 60
CONFIG = {"depth": 4, "features": 8}
RECIPE = Recipe(steps=30, batch_size=4, patch_size=16, validate_every=4)
# Each training is forked from a process that has imported all of this, in a hundredth of a second.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["accelerate", "torch._dynamo", Path(__file__).stem])


@dataclass(frozen=True)
class Row:
    """What came of the kills."""

    times: int
    killed: int  # the others had ended before
    resumed: int  # of the killed, those that found a checkpoint
    whole: int


def train(folder: Path, started: Connection | None = None) -> None:
    """Train in a folder, from its checkpoint if it has one, and write the weights."""
    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # a killed process would leave the usual one, a semaphore
    torch.manual_seed(0)
    model = methods.create("dncnn", **CONFIG)
    images = torch.rand(4, 1, 24, 24, generator=torch.Generator().manual_seed(1))
    data = NoisyPatches(images, BlindGaussianNoise(0, 55))
    if started is not None:
        started.send(True)
    options = {"resume": True, "checkpoint_minutes": 0, "precision": "fp32", "progress": False}
    fit(model, data, RECIPE, folder=folder, **options)
    save_trained(model, folder, "dncnn", CONFIG)


def result(folder: Path) -> tuple[bytes, list[float]]:
    """The weights of a training that came to its end, and its losses."""
    return (folder / WEIGHTS).read_bytes(), pd.read_csv(folder / "log.csv")["loss"].tolist()


def killed_trainings(times: int = TIMES, seed: int = 0) -> Row:
    """Kill so many trainings, each at a random moment, and resume each to the end.

    Parameters
    ----------
    times : int
        How many.
    seed : int
        Of the moments.

    Returns
    -------
    Row
    """
    rng, killed, resumed, whole = random.Random(seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        _, seconds = _once(Path(folder), None)
        expected = result(Path(folder))
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            by_signal, _ = _once(Path(folder), rng.uniform(0, seconds))
            killed += by_signal
            resumed += by_signal and any(Path(folder).glob("checkpoint*.pt"))
            train(Path(folder))
            whole += result(Path(folder)) == expected
    return Row(times, killed, resumed, whole)


def _once(folder: Path, seconds: float | None) -> tuple[bool, float]:
    """Train in a process, killed after so many seconds of it.

    Returns whether that came before its end, and how long it trained.
    """
    begun, started = FORKED.Pipe(duplex=False)
    process = FORKED.Process(target=train, args=(folder, started))
    process.start()
    if not begun.poll(timeout=120):
        raise RuntimeError("The training has not begun after two minutes.")
    start = time.monotonic()
    process.join(seconds)
    process.kill()
    process.join()
    if process.exitcode not in (0, -9):
        raise RuntimeError(f"A training ended with status {process.exitcode}.")
    return process.exitcode == -9, time.monotonic() - start


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    row = killed_trainings(arguments.times, arguments.seed)
    print(f"{'case':16} {'killed':>8} {'resumed':>8} {'whole':>8}")
    counts = (
        f"{row.killed}/{row.times}",
        f"{row.resumed}/{row.killed}",
        f"{row.whole}/{row.times}",
    )
    print(f"{'denoise train':16} {counts[0]:>8} {counts[1]:>8} {counts[2]:>8}")
    sys.exit(row.whole < row.times)


if __name__ == "__main__":
    main()
