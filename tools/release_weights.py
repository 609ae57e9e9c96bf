"""Take a trained network into the package and measure it.

    denoise train dncnn-nih --max-minutes 100            (again with --resume until it is done)
    python tools/release_weights.py dncnn-nih --run runs/dncnn-nih

Copies weights and card, measures the stored weights on the test sets that belong to the network's
training data, writes a row per image to `results/` and the means with their confidence intervals
to the card. Without --run, what is in the package is measured again. Nothing is chosen by test
images, but that the study `optimisers` compares recipes on the first seven of Set12.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch

from denoise_lib import pretrained, results
from denoise_lib.evaluation import evaluate, summarise
from denoise_lib.inference import denoise
from denoise_lib.noise import GaussianNoise
from denoise_lib.plans import RELEASED, load_plan
from denoise_lib.protocol import Protocol

# What is measured, by training data.
TESTS = {
    "nih-sample": [("nih-sample", 15), ("nih-sample", 25), ("nih-sample", 50)],
    "train400": [("bsd68", 25), ("set12", 25)],
}


def take_over(name: str, run: Path) -> None:
    """Copy weights and card into the package; the recipe is there already and must be the same."""
    card = pretrained.load_card(run)
    if load_plan(run / "recipe.toml") != load_plan(name):
        raise SystemExit(f"{run} was trained with another recipe than the package has for {name}.")
    if "dirty" in card["commit"]:
        raise SystemExit(f"{run} was trained with uncommitted code: commit it and train again.")
    for file in (pretrained.WEIGHTS, pretrained.CARD):
        shutil.copyfile(run / file, RELEASED / name / file)


def measure(name: str, precision: str) -> list[dict]:
    """Rows into `results/`; means for the card."""
    model, entries = pretrained.load_pretrained(name), []

    def run(noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
        return denoise(noisy, model, sigma, precision=precision)

    for dataset, sigma in TESTS[load_plan(name).dataset]:
        protocol = Protocol(dataset=dataset, noise=GaussianNoise(sigma))
        rows = evaluate(run, protocol, name)
        results.save(rows, "released")
        summary = summarise(rows).iloc[0].drop("seconds")
        entry = {"dataset": dataset, "split": "test", "sigma": sigma, "protocol": protocol.hash}
        means = {**summary.round(5).to_dict(), "images": len(rows), "precision": precision}
        entries.append({**entry, **means})
        print(f"{name}, {dataset}, sigma {sigma}: {summary['psnr']:.3f} dB", flush=True)
    return entries


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name")
    parser.add_argument("--run", type=Path, help="the folder that `denoise train` wrote")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    arguments = parser.parse_args()
    if arguments.run is not None:
        take_over(arguments.name, arguments.run)
    entries = measure(arguments.name, arguments.precision)
    pretrained.update_card(arguments.name, results=entries)


if __name__ == "__main__":
    main()
