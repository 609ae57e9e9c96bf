"""Search a classical method's parameters on a validation split: `denoise study tune`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tqdm.auto import tqdm

from denoise_lib.evaluation import evaluate
from denoise_lib.files import replacing
from denoise_lib.methods.classical import Classical, tuning_file
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol


def best(method: Classical, dataset: str, sigma: float, images: int) -> dict:
    """Parameters of a good mean PSNR, searched one at a time.

    From the middle of the grid on, each parameter in turn takes its best value while the others
    stay, until a round changes nothing: a tenth of the work of trying all combinations.

    Parameters
    ----------
    method : Classical
        With a grid.
    dataset : str
        Whose validation split is used.
    sigma : float
        Noise level, 0-255.
    images : int
        How many of its images, the first.

    Returns
    -------
    dict
        The parameters.
    """
    protocol = Protocol(dataset, "val", GaussianNoise(sigma), limit=images)
    known: dict[tuple, float] = {}

    def quality(parameters: dict) -> float:
        point = tuple(parameters.values())
        if point not in known:
            denoiser = method.load({str(sigma): parameters})
            known[point] = evaluate(denoiser, protocol, progress=False)["psnr"].mean()
        return known[point]

    found, before = {name: values[len(values) // 2] for name, values in method.grid.items()}, None
    while found != before:
        before = dict(found)
        for name, values in method.grid.items():
            tried = tqdm(values, desc=f"{method.name} at {sigma}, {name}", leave=False)
            found[name] = max(tried, key=lambda value, name=name: quality({**found, name: value}))
    return found


def tune(method: Classical, dataset: str, sigmas: Sequence[int], images: int) -> None:
    """Search at each noise level; each result is kept at once.

    Parameters
    ----------
    method : Classical
        With a grid.
    dataset : str
        Whose validation split is used; the method's tuning on it at these levels is replaced.
    sigmas : sequence of int
        Noise levels, 0-255.
    images : int
        Validation images used.
    """
    path = tuning_file(dataset)
    for sigma in sigmas:
        found = best(method, dataset, sigma, images)
        # Read after the search: another one may have written meanwhile.
        tuned = json.loads(path.read_text("utf-8")) if path.exists() else {}
        tuned.setdefault(method.name, {})[str(sigma)] = found
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(tuned, indent=2, sort_keys=True) + "\n", "utf-8")
        tqdm.write(f"{method.name} at {sigma}: {found}")
