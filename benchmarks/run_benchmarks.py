"""Speed and memory as ratios taken in one run: `make bench`.

Every pair is timed in turns, so that a machine that slows down slows both. Results go to
`results/benchmarks.json`. `--only NAME ...` runs some of them and keeps the others' rows.

`ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2` before `--only by_processor` adds a row for
PyTorch as it is on an older processor. ONNX Runtime cannot be held back in this way.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from statistics import median

import browser as browsers
import rivals
import torch

from denoise_lib import backends, methods
from denoise_lib.backends import TILE
from denoise_lib.device import has_fast_bf16, processor, training_device
from denoise_lib.inference import denoise
from denoise_lib.noise import GaussianNoise
from denoise_lib.prepared import prepare
from denoise_lib.provenance import provenance
from denoise_lib.study import store
from denoise_lib.study.side import cost
from denoise_lib.training import Recipe, fit
from denoise_lib.training.patches import NoisyPatches

BATCH, PATCH, SIGMA = 32, 48, 25
MATRIX = 4096
# One network of each paper: what a network costs does not depend on its weights.
ONE_OF_EACH = ("vincent-nih", "gondara-nih", "dncnn-b-nih", "liu-nih", "rdn-nih")
LIMITS = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
# Multiply-adds of DnCNN-17 per pixel: its convolutions' weights.
DNCNN_MACS = sum(p.numel() for p in methods.create("dncnn").parameters() if p.ndim == 4)
TRAINING_FLOPS = 6 * DNCNN_MACS * PATCH**2  # a patch forwards, and twice that backwards
PATH = store.folder() / "benchmarks.json"


def in_turns(candidates: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Median of what each candidate returns, all taken in turn."""
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, measure in candidates.items():
            found[name].append(measure())
    return {name: median(values) for name, values in found.items()}


def seconds(call: Callable[[], object]) -> float:
    """Duration of a call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def images() -> torch.Tensor:
    """Grey noise as training images: a benchmark needs no data set."""
    return (
        torch.randint(0, 256, (16, 1, 256, 256), generator=torch.Generator().manual_seed(0)) / 255
    )


def our_training(compiled: bool = False, steps: int = 4) -> float:
    """Patches per second of `fit`, without its start."""
    torch.manual_seed(0)
    recipe = Recipe(steps=steps + 2, batch_size=BATCH, patch_size=PATCH, validate_every=1)
    data = NoisyPatches(images(), GaussianNoise(SIGMA))
    run = fit(methods.create("dncnn"), data, recipe, compile=compiled, progress=False)
    times = run.curve["seconds"]  # the first two steps allocate, and compile
    return steps * BATCH / (times.iloc[-1] - times.iloc[1])


def training() -> dict:
    """Patches per second against the usual loop and against deepinv's trainer."""
    torch.manual_seed(0)
    rates = in_turns(
        {
            "ours": our_training,
            "plain fp32 loop": lambda: rivals.plain_training(images(), BATCH, PATCH, SIGMA),
            "deepinv Trainer": lambda: rivals.deepinv_training(images(), BATCH, PATCH, SIGMA),
        },
        rounds=2,
    )
    rates["ours, compiled"] = our_training(compiled=True)
    return {
        "patches_per_second": rates,
        "ratio_plain": max(rates["ours"], rates["ours, compiled"]) / rates["plain fp32 loop"],
        "ratio_deepinv": max(rates["ours"], rates["ours, compiled"]) / rates["deepinv Trainer"],
    }


def arithmetic() -> dict:
    """Share of the machine's matrix-product rate that a training step reaches."""
    dtype = torch.bfloat16 if has_fast_bf16(training_device()) else torch.float32
    left, right = (torch.randn(MATRIX, MATRIX).to(dtype) for _ in range(2))
    left @ right
    measured = in_turns(
        {"product": lambda: seconds(lambda: left @ right), "training": our_training}, rounds=2
    )
    product = 2 * MATRIX**3 / measured["product"]
    reached = measured["training"] * TRAINING_FLOPS
    return {
        "dtype": str(dtype).removeprefix("torch."),
        "product_tflops": product / 1e12,
        "training_tflops": reached / 1e12,
        "share": reached / product,
    }


def data_share() -> dict:
    """Share of a step that drawing its patches and noise takes."""
    data, generator = NoisyPatches(images(), GaussianNoise(SIGMA)), torch.Generator().manual_seed(0)

    def draw() -> float:
        return seconds(lambda: [data.draw(BATCH, PATCH, generator) for _ in range(10)]) / 10

    draw()
    measured = in_turns({"draw": draw, "step": lambda: BATCH / our_training()}, rounds=2)
    return {**measured, "share": measured["draw"] / measured["step"]}


def inference() -> dict:
    """Seconds for 1024 x 1024 and 2048 x 2048, several ways."""
    torch.manual_seed(0)
    model = methods.create("dncnn").eval()
    torch.nn.init.normal_(model.tail.weight, std=0.01)
    rival = rivals.deepinv_dncnn()
    found = {}
    for side in (1024, 2048):
        noisy = torch.rand(1, 1, side, side)
        fast = prepare(model, has_fast_bf16(training_device()))

        def run(call, noisy=noisy):
            with torch.inference_mode():
                return seconds(lambda: call(noisy))

        times = in_turns(
            {
                "ours": lambda y=noisy: seconds(lambda: denoise(y, model)),
                "ours, whole image": lambda r=run, f=fast: r(f),
                "plain fp32": lambda r=run: r(model),
                "deepinv": lambda r=run: r(rival),
            },
            rounds=2 if side == 1024 else 1,
        )
        times |= {
            f"ours, tiles of {tile}": seconds(lambda y=noisy, t=tile: denoise(y, model, tile=t))
            for tile in (128, 512)
        }
        found[str(side)] = {
            "seconds": times,
            "ratio_plain": times["plain fp32"] / times["ours"],
            "ratio_deepinv": times["deepinv"] / times["ours"],
        }
    return {"tile": TILE, **found}


def peak_memory(way: str, side: int) -> float:
    """MiB that denoising one image adds to a process, measured in a process of its own."""
    command = [sys.executable, __file__, "--peak", way, str(side)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def print_peak(way: str, side: int) -> None:
    """What `peak_memory` starts.

    Called plainly, a network holds the maps of two layers at a time however deep it is: five layers
    show the peak of seventeen in a third of the time.
    """
    model = methods.create("dncnn", depth={"ours": 17, "plain": 5}[way]).eval()
    noisy = torch.rand(1, 1, side, side)
    small = torch.rand(1, 1, 64, 64)
    calls = {"ours": lambda y: denoise(y, model), "plain": lambda y: model(y)}
    with torch.inference_mode():
        calls[way](small)  # libraries that are loaded at the first call count for neither
        before = reset_peak()
        calls[way](noisy)
    print(cost.memory("VmHWM") - before)


def reset_peak() -> float:
    """Forget the process's peak memory, which may be its parent's; its present size in MiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return cost.memory("VmRSS")


def memory(side: int = 4096) -> dict:
    """Peak memory of inference beyond the image itself."""
    found = {way: peak_memory(way, side) for way in ("ours", "plain")}
    return {"side": side, "mebibytes": found, "ratio": found["ours"] / found["plain"]}


def browser() -> dict:
    """Seconds for 512 x 512 and 1024 x 1024 in the page that denoises, and by the library."""
    folder, found = browsers.build_web.build(), {}
    for side in (512, 1024):
        found[str(side)] = {}
        for network in browsers.build_web.described(folder):
            ways = in_turns_with_python(folder, network, side)
            found[str(side)][network["name"]] = ways
            print(side, network["name"], ways, flush=True)
    return found


def in_turns_with_python(folder: Path, network: dict, side: int) -> dict[str, float]:
    """Seconds of one network for one size, on one thread and on all of the machine's."""
    model, noisy, ways = methods.load(network["name"]), torch.rand(1, 1, side, side), {}
    for headers in ({}, browsers.ISOLATED):
        threads, taken = browsers.in_browser(folder, headers, network, side)
        plural = "s" if threads > 1 else ""
        ways[f"browser, {threads} thread{plural}"] = taken
        with browsers.threads(threads):
            ways[f"library, {threads} thread{plural}"] = seconds(lambda: denoise(noisy, model))
    return ways


def by_processor() -> dict:
    """What each back end takes in each tile on this processor; the rows of others are kept."""
    rows = read().get("by_processor", {}).get("processors", {})
    row = f"{processor()}, {torch.get_num_threads()} threads"
    limits = {name: os.environ[name] for name in LIMITS if name in os.environ}
    networks = {name: on_this_processor(methods.load(name)) for name in ONE_OF_EACH}
    rows[row] = {"limits": limits, "networks": networks, **about()}
    return {"processors": rows}


def on_this_processor(model: torch.nn.Module) -> dict:
    """Microseconds for a pixel, the fastest way, and what the library chooses."""
    ways = {"torch, float32": prepare(model)}
    if backends.uses_bf16(model, "auto"):
        ways["torch, bfloat16"] = prepare(model, bf16=True)
    ways["onnxruntime"] = backends.prepared_by("onnxruntime", model)
    times = in_turns(
        {
            f"{way}, tiles of {tile}": lambda r=run, t=tile: backends.microseconds(r, model, t)
            for way, run in ways.items()
            for tile in backends.TILES
        },
        rounds=1,
    )
    return {
        "microseconds": times,
        "fastest": min(times, key=lambda way: times[way]),
        "chosen": asdict(backends.choose(model, (4096, 4096))),
    }


def read() -> dict:
    """What was measured before."""
    return json.loads(PATH.read_text("utf-8")) if PATH.exists() else {}


def about() -> dict:
    """When and where something is measured."""
    return {
        "date": date.today().isoformat(),
        "threads": torch.get_num_threads(),
        "fast_bf16": has_fast_bf16(training_device()),
        "torch": torch.__version__,
        **provenance(),
    }


BENCHMARKS = {
    f.__name__: f
    for f in (arithmetic, training, data_share, inference, memory, by_processor, browser)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        print_peak(arguments.peak[0], int(arguments.peak[1]))
        return
    if not has_fast_bf16(training_device()):
        print("This machine has no fast bf16: both sides compute in fp32.")
    found = read()
    for name in arguments.only:
        print(f"{name} ...", flush=True)
        found[name] = {**BENCHMARKS[name](), **about()}
        print(json.dumps(found[name], indent=2), flush=True)
        PATH.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
