"""The pictures of the study's pages: results/images/.

    python tools/draw_examples.py            what is missing
    python tools/draw_examples.py --force    all, after rows or networks have changed

`METHOD.png`: the real radiograph `chest-cr` at noise level 25 by each method, for the front page.
`worst-METHOD.webp`: the errors (estimate minus clean) in the five test images of `chest-drr` where
the PSNR is lowest, side by side.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from denoise_lib import results, study
from denoise_lib.evaluation import apply
from denoise_lib.plotting import RESIDUAL_RANGE
from denoise_lib.protocol import Protocol

SHOWN = tuple(name for name in study.METHODS if name != study.AUTHORS)
FAILING = ("bm3d", *study.PAPERS, study.AUTHORS_BLIND)
WORST = 5


def grey(image: torch.Tensor) -> Image.Image:
    """Values in [0, 1] as an 8-bit picture."""
    return Image.fromarray((255 * image.clamp(0, 1)).round().numpy().astype(np.uint8))


def example(method: str, path: Path) -> None:
    """The real radiograph by a method; "clean" is the radiograph itself."""
    protocol = Protocol("chest-cr")
    item = protocol.items()[0]
    image = item.image[None]
    if method != "clean":
        noisy = protocol.noise(image, [item.id], protocol.seed)
        image = apply(study.create(method), noisy, protocol.noise.known_sigma)
    grey(image[0, 0]).save(path, optimize=True)


def worst_images(method: str) -> list[str]:
    """The test images of `chest-drr` at noise level 25 with the lowest PSNR, the lowest first."""
    rows = results.load(Protocol()).query("method == @method")
    return list(rows.sort_values("psnr")["image"][:WORST])


def worst(method: str, path: Path) -> None:
    """The errors in a method's worst images.

    Raises
    ------
    FileNotFoundError
        When the method has no rows.
    """
    if not worst_images(method):
        raise FileNotFoundError(f"No rows of {method}: run tools/run_study.py first.")
    protocol, denoiser, errors = Protocol(), study.create(method), []
    for name in worst_images(method):
        (item,) = protocol.items().select([name])
        noisy = protocol.noise(item.image[None], [item.id], protocol.seed)
        estimate = apply(denoiser, noisy, protocol.noise.known_sigma)
        errors.append((estimate[0, 0] - item.image[0]) / (2 * RESIDUAL_RANGE) + 0.5)
    grey(torch.cat(errors, dim=1)).save(path, quality=80)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--force", action="store_true", help="draw again what is there already")
    arguments = parser.parse_args()
    folder = results.folder() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {folder / f"{name}.png": (example, name) for name in ("clean", *SHOWN)}
    wanted |= {folder / f"worst-{name}.webp": (worst, name) for name in FAILING}
    for path, (draw, name) in tqdm(wanted.items(), desc="pictures"):
        if path.exists() and not arguments.force:
            continue
        try:
            draw(name, temporary := path.with_stem(f".{path.stem}"))
        except (ConnectionError, FileNotFoundError, ModuleNotFoundError) as error:
            print(f"{path.name} is left out: {error}")
            continue
        os.replace(temporary, path)  # an interruption leaves no half of a picture


if __name__ == "__main__":
    main()
