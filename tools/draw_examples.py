"""The pictures of the study's pages: results/images/.

    python tools/draw_examples.py            what is missing
    python tools/draw_examples.py --force    all, after rows or networks have changed

`METHOD.png`: the real radiograph `chest-cr` at noise level 25 by each method, for the front page.
`worst-METHOD.webp`, of `chest-drr` at noise level 25, side by side: what the method removed (noisy
minus estimate) from the test image where its PSNR is lowest, and its errors (estimate minus clean)
in the five test images where it is lowest. `worst.json` says which they are; where the rows name
others now, the picture is drawn again.
`nothing-METHOD.webp`: what it leaves of noise on an even grey.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from denoise_lib import results, study
from denoise_lib.evaluation import apply
from denoise_lib.noise import GaussianNoise
from denoise_lib.plotting import NOTHING_RANGE, RESIDUAL_RANGE
from denoise_lib.protocol import Protocol

SHOWN = tuple(name for name in study.METHODS if name != study.AUTHORS)
FAILING = tuple(name for name in study.METHODS if name != "noisy")
WORST = 5
NOTHING_NOISE, NOTHING_SIZE = GaussianNoise(25), 192


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


def signed(difference: torch.Tensor, largest: float) -> torch.Tensor:
    """Differences up to +-largest as values in [0, 1], 0 in the middle."""
    return difference / (2 * largest) + 0.5


def worst(method: str, path: Path) -> None:
    """What a method removed from its worst image, and its errors in its worst images.

    Raises
    ------
    FileNotFoundError
        When the method has no rows.
    """
    if not worst_images(method):
        raise FileNotFoundError(f"No rows of {method}: run tools/run_study.py first.")
    protocol, denoiser, tiles = Protocol(), study.create(method), []
    for name in worst_images(method):
        (item,) = protocol.items().select([name])
        noisy = protocol.noise(item.image[None], [item.id], protocol.seed)
        estimate = apply(denoiser, noisy, protocol.noise.known_sigma)
        if not tiles:  # the noise is in it, so it gets twice the range
            tiles.append(signed((noisy - estimate)[0, 0], 2 * RESIDUAL_RANGE))
        tiles.append(signed(estimate[0, 0] - item.image[0], RESIDUAL_RANGE))
    grey(torch.cat(tiles, dim=1)).save(path, quality=90, method=6)


def nothing(method: str, path: Path) -> None:
    """What a method leaves of noise where there is nothing."""
    even = torch.full((1, 1, NOTHING_SIZE, NOTHING_SIZE), 0.5)
    noisy = NOTHING_NOISE(even, ["nothing"])
    estimate = apply(study.create(method), noisy, NOTHING_NOISE.known_sigma)
    grey(signed((estimate - even)[0, 0], NOTHING_RANGE)).save(path, lossless=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--force", action="store_true", help="draw again what is there already")
    force = parser.parse_args().force
    folder = results.folder() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {folder / f"{name}.png": (example, name) for name in ("clean", *SHOWN)}
    wanted |= {folder / f"worst-{name}.webp": (worst, name) for name in FAILING}
    wanted |= {folder / f"nothing-{name}.webp": (nothing, name) for name in FAILING}
    listed = folder / "worst.json"
    drawn = json.loads(listed.read_text()) if listed.exists() else {}
    for path, (draw, name) in tqdm(wanted.items(), desc="pictures"):
        stale = draw is worst and drawn.get(name) != worst_images(name)
        if path.exists() and not force and not stale:
            continue
        try:
            draw(name, temporary := path.with_stem(f".{path.stem}"))
        except (ConnectionError, FileNotFoundError, ModuleNotFoundError) as error:
            print(f"{path.name} is left out: {error}")
            continue
        os.replace(temporary, path)  # an interruption leaves no half of a picture
        if draw is worst:
            drawn[name] = worst_images(name)
            listed.write_text(json.dumps(drawn, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
