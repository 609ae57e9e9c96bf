"""Make the committed tables: every method, at every noise level, on every data set.

    python tools/run_study.py                      what is missing
    python tools/run_study.py --methods dncnn --force

Networks are trained on `chest-drr` at a preset, once per noise level, and measured on each data
set. `dncnn-authors` are the DnCNN authors' weights for the noise level. Rows are written after each
measurement, so the run can be stopped and started again. For the released networks see
`tools/release_weights.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from PIL import Image

from denoise_lib import baselines, models, results
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply, evaluate
from denoise_lib.inference import denoise
from denoise_lib.noise import GaussianNoise
from denoise_lib.patches import NoisyPatches
from denoise_lib.pretraining import patch_vectors, pretrain
from denoise_lib.protocol import Protocol
from denoise_lib.recipes import PRESETS, PRETRAINING, RECIPES, configuration, recipe
from denoise_lib.reference import load_dncnn
from denoise_lib.training import fit

SHOWN_SIGMA = 25
# One network for each level: the blind one is measured by tools/ablations.py.
AUTHORS = "dncnn-authors"
NETWORKS = [name for name in RECIPES if name != "dncnn-b"]


@cache
def trained(method: str, sigma: float, preset: str) -> torch.nn.Module:
    """A network trained for one noise level, as its chapter does it."""
    torch.manual_seed(0)
    model = models.create(method, **configuration(method, preset))
    images, noise = load_dataset("chest-drr").train.images(), GaussianNoise(sigma)
    print(f"training {method} at sigma {sigma:g}", flush=True)
    if method == "vincent":
        pretrain(model.stack, patch_vectors(images), noise, PRETRAINING[preset])
    fit(model, NoisyPatches(images, noise), recipe(method, preset))
    return model


def denoiser(method: str, sigma: float, preset: str) -> Callable:
    """The baseline, or the trained network, of that name."""
    if method == AUTHORS:
        released = load_dncnn(int(sigma))
        # In half precision these lose more than the library's own networks.
        return lambda noisy, sigma: denoise(noisy, released, sigma, precision="fp32")
    return trained(method, sigma, preset) if method in NETWORKS else baselines.create(method)


def is_done(method: str, protocol: Protocol) -> bool:
    """Whether the committed tables have this measurement."""
    try:
        return method in set(results.load(protocol)["method"])
    except FileNotFoundError:
        return False


def save_example(method: str, sigma: float, preset: str) -> None:
    """The first test image by this method, for the picture on the welcome page."""
    path = results.folder() / "images" / f"{method}.png"
    protocol = Protocol(noise=GaussianNoise(sigma))
    item = protocol.items()[0]
    noisy = protocol.noise(item.image[None], [item.id], protocol.seed)
    estimate = apply(denoiser(method, sigma, preset), noisy, sigma)[0, 0]
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = (255 * estimate.clamp(0, 1)).round().numpy().astype(np.uint8)
    Image.fromarray(grey).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    methods = [*baselines.available(), *NETWORKS, AUTHORS]
    parser.add_argument("--methods", nargs="+", default=methods, choices=methods)
    parser.add_argument("--datasets", nargs="+", default=["chest-drr", "nih-sample", "chest-cr"])
    parser.add_argument("--sigmas", nargs="+", type=float, default=[15, 25, 50])
    parser.add_argument("--preset", default="quick", choices=PRESETS)
    parser.add_argument("--force", action="store_true", help="measure again what is there already")
    arguments = parser.parse_args()
    for method in arguments.methods:
        for sigma in arguments.sigmas:
            for dataset in arguments.datasets:
                protocol = Protocol(dataset=dataset, noise=GaussianNoise(sigma))
                if is_done(method, protocol) and not arguments.force:
                    continue
                rows = evaluate(denoiser(method, sigma, arguments.preset), protocol, method)
                preset = arguments.preset if method in NETWORKS else None
                path = results.save(rows, preset)
                print(f"{path}: sigma {sigma:g}, PSNR {rows['psnr'].mean():.2f} dB", flush=True)
                if (dataset, sigma) == ("chest-drr", SHOWN_SIGMA) and method != AUTHORS:
                    save_example(method, sigma, arguments.preset)
        trained.cache_clear()


if __name__ == "__main__":
    main()
