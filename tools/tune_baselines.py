"""Search the baselines' parameters on a validation split and write them into the package.

Run by hand when a baseline or the data set changes:

    python tools/tune_baselines.py                          the book's parameters, on chest-drr
    python tools/tune_baselines.py --dataset nih-sample     how much another tuning would give
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

from tqdm.auto import tqdm

from denoise_lib import baselines
from denoise_lib.evaluation import evaluate
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol

GRID = {
    "gaussian": {"width": [0.6, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4, 2.8, 3.3, 4.0, 5.0]},
    "median": {"size": [3, 5, 7, 9, 11, 13]},
    "bilateral": {"width": [1, 1.5, 2, 3], "strength": [2, 3, 4, 6, 9, 14, 20]},
    "nlm": {
        "strength": [0.6, 0.8, 1.0, 1.2, 1.5],
        "patch_size": [5, 9, 13, 17, 21],
        "patch_distance": [2, 3, 5, 7],
    },
    "tv": {
        "strength": [1.0, 1.2, 1.4, 1.6, 1.8, 2.1, 2.5, 3, 4],
        "iterations": [6, 10, 15, 20, 30, 50, 100, 300],
    },
    "wavelet": {"wavelet": ["db2", "db4", "sym4", "sym8"], "levels": [2, 3, 4]},
    "bm3d": {"strength": [1.0, 1.2, 1.3, 1.4, 1.6, 1.8, 2.1, 2.5]},
}


def tune(name: str, dataset: str, sigma: float, images: int) -> dict:
    """The grid point with the best mean PSNR on the first validation images."""
    protocol = Protocol(dataset, "val", GaussianNoise(sigma), limit=images)
    grid = [
        dict(zip(GRID[name], values, strict=True))
        for values in itertools.product(*GRID[name].values())
    ]

    def quality(parameters: dict) -> float:
        baseline = baselines.create(name, tuned={str(sigma): parameters})
        return evaluate(baseline, protocol, progress=False)["psnr"].mean()

    return max(tqdm(grid, desc=f"{name} at {sigma}", leave=False), key=quality)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--names", nargs="+", default=list(GRID), choices=list(GRID))
    parser.add_argument("--dataset", default="chest-drr", choices=["chest-drr", "nih-sample"])
    parser.add_argument("--sigmas", nargs="+", type=int, default=[5, 15, 25, 35, 50, 75])
    parser.add_argument("--images", type=int, default=6, help="validation images used")
    arguments = parser.parse_args()
    path = Path(baselines.__file__).with_name(baselines.tuning_file(arguments.dataset))
    tuned = json.loads(path.read_text()) if path.exists() else {}
    for name in arguments.names:
        for sigma in arguments.sigmas:
            tuned.setdefault(name, {})[str(sigma)] = tune(
                name, arguments.dataset, sigma, arguments.images
            )
            # Written after each search, so that stopping loses nothing.
            path.write_text(json.dumps(tuned, indent=2, sort_keys=True) + "\n")
            print(name, sigma, tuned[name][str(sigma)], flush=True)


if __name__ == "__main__":
    main()
