"""What a method costs: weights, arithmetic, time and memory for an image of 1024 x 1024.

Run it on a machine that does nothing else.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from denoise_lib.inference import denoise
from denoise_lib.methods.authors import Authors
from denoise_lib.methods.registry import get
from denoise_lib.methods.released import Released, count_parameters, load_card
from denoise_lib.noise import GaussianNoise
from denoise_lib.study.grid import compared
from denoise_lib.study.side_studies import side_study
from denoise_lib.study.variants import make, tuned

SIDE, ROUNDS = 1024, 3


def network_of(method: str) -> torch.nn.Module | None:
    """The network behind a method.

    Parameters
    ----------
    method : str
        Of the study.

    Returns
    -------
    torch.nn.Module or None
        Of several, that for sigma 25; None for a classical method.
    """
    declared = get(method)
    if isinstance(declared, Authors):
        return declared.network(25)
    return declared.load() if isinstance(declared, Released) else None


def macs_per_pixel(model: torch.nn.Module) -> float:
    """Multiply-adds of convolutions and matrix products, per pixel.

    Parameters
    ----------
    model : torch.nn.Module
        For images of shape (N, 1, H, W).

    Returns
    -------
    float
        Measured on an image of 256 x 256 pixels.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model.eval()(torch.rand(1, 1, 256, 256))
    return counter.get_total_flops() / 2 / 256**2


def timed(method: str) -> tuple[float, float]:
    """Time and memory of one image, measured in this process.

    Parameters
    ----------
    method : str
        Of the study.

    Returns
    -------
    tuple of float
        Median seconds for an image of 1024 x 1024 pixels, and MiB above what the process needed
        before.
    """
    image = GaussianNoise(25)(torch.full((1, 1, SIDE, SIDE), 0.5), ["cost"])
    model = network_of(method) or make(method, tuned(method, "nih-sample"))

    def run(noisy: torch.Tensor) -> torch.Tensor:
        return denoise(noisy, model, 25, precision="fp32")

    run(image[..., :64, :64].contiguous())  # imports, allocations of a first call
    # Forget the peak so far: the parent's is inherited, and imports have one too.
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run(image)
        seconds.append(time.perf_counter() - start)
    return median(seconds), memory("VmHWM") - before


def memory(kind: str) -> float:
    """Memory of this process, on Linux.

    Parameters
    ----------
    kind : str
        "VmRSS": what it holds; "VmHWM": what it held at most.

    Returns
    -------
    float
        MiB.
    """
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(kind)
    )
    return float(line.split()[1]) / 1024


def _in_process(method: str) -> dict[str, float]:
    """Seconds and peak memory for one image, in a process that does nothing else."""
    code = f"from {__name__} import timed; print(*timed({method!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{method} could not be timed:\n{done.stderr[-2000:]}")
    seconds, mib = map(float, done.stdout.split()[-2:])
    return {"seconds": seconds, "peak_mib": mib}


@side_study(
    "What does a method cost, for an image of 1024 x 1024?",
    in_study=True,
    tuned_for="nih-sample",
    method=lambda: compared()[1:],
)
def cost(method: str) -> dict[str, Any]:
    """Weights, arithmetic, time, memory, and hours of training.

    Parameters
    ----------
    method : str
        Of the study.

    Returns
    -------
    dict
        `seconds` and `peak_mib` for an image of 1024 x 1024 pixels; of a network its `parameters`
        and `macs_per_pixel` too, and of a released one its `training_hours`.

    Raises
    ------
    RuntimeError
        When the process that is timed fails.
    """
    get(method).load()  # whatever is missing here is said before a process is started
    model, row = network_of(method), _in_process(method)
    if model is not None:
        row |= {"parameters": count_parameters(model), "macs_per_pixel": macs_per_pixel(model)}
    if isinstance(get(method), Released):
        row["training_hours"] = load_card(method)["hours"]
    return row
