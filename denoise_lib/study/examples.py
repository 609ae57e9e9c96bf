"""The pictures of the study's pages, in `results/images/`: `denoise study examples`.

`nodule-METHOD.png`: a rendered radiograph with small nodules, at noise level 25 by a method, for
the front page; three of them side by side, with the nodules marked, are `front.png`.
`viewed-METHOD-NUMBER.webp`: the middle of two others in the same way, for the page on failures.
`nothing-METHOD.webp`: what it leaves of noise on an even grey.
`joint-WEIGHT-outlines.webp` and `joint-WEIGHT-error.webp`: a radiograph by Liu's denoiser, trained
with that weight of the task's loss, for the chapter.
`regions.webp`: pairs of regions, one with a nodule, for the reader's own eyes.
`made_from.json` says of each what it was made from; where that has changed, the picture is drawn
again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageColor, ImageDraw
from skimage.segmentation import find_boundaries
from tqdm.auto import tqdm

from denoise_lib.data import load_dataset
from denoise_lib.evaluation import apply
from denoise_lib.files import replacing
from denoise_lib.identity import code_hash
from denoise_lib.noise import GaussianNoise
from denoise_lib.plotting.style import NOTHING_RANGE
from denoise_lib.protocol import Protocol
from denoise_lib.study import forced_choice, store
from denoise_lib.study.grid import (
    AUTHORS_BLIND,
    OBSERVED,
    Measurement,
    compared,
    released,
)
from denoise_lib.study.run import LEFT_OUT
from denoise_lib.study.side import liu
from denoise_lib.study.side_studies import side_studies
from denoise_lib.study.variants import make, tuned
from denoise_lib.tasks import observer, segmentation

# On the front page: these methods, on this test image of `chest-drr` with nodules of this diameter.
NODULE_METHODS = ("noisy", "gaussian", "bm3d", "dncnn-b-nih", "liu-nih", "rdn-nih", AUTHORS_BLIND)
NODULE_IMAGE, NODULE_SIZE = 0, 8
# On the page on failures: these methods, on these test images of `chest-drr`, the middle of each.
VIEWED_METHODS = ("gaussian", "nlm", "bm3d", *released(), AUTHORS_BLIND)
VIEWED_IMAGES, VIEWED_SIZE = (0, 20), 172
NOTHING_NOISE, NOTHING_SIZE = GaussianNoise(25), 192
# In the chapter on Liu's denoiser: these weights, the heart on a test image of `chest-drr`.
JOINT_WEIGHTS, JOINT_IMAGE = (0, 0.02, 0.2, 0.6), 10
JOINT_PART, JOINT_GAIN, JOINT_ZOOM = (slice(56, 168), slice(102, 214)), 4, 3


@dataclass(frozen=True)
class Picture:
    """A file and what it shows.

    Attributes
    ----------
    file : str
        Its name.
    draw : callable
        ``draw(path)`` writes it.
    source : list of str
        What it is made from: the method's fingerprint, the code that draws it, and its settings.
    """

    file: str
    draw: Callable[[Path], None]
    source: list[str]


def pictures() -> Iterator[Picture]:
    """All pictures of the study.

    Yields
    ------
    Picture
        One for each file, in the order they are drawn.
    """
    made = _nodules_made_by()
    yield Picture("front.png", front, [_code(OBSERVED), code_hash(front), *made])
    for method in ("clean", *NODULE_METHODS):
        source = [_code(method), code_hash(nodules), *made]
        yield Picture(f"nodule-{method}.png", partial(nodules, method), source)
    for number in VIEWED_IMAGES:
        for method in ("clean", "noisy", *VIEWED_METHODS):
            draw = partial(viewed, method, number)
            source = [_code(method), code_hash(viewed), str(VIEWED_SIZE)]
            yield Picture(f"viewed-{method}-{number}.webp", draw, source)
    settings = str([NOTHING_NOISE.to_dict(), NOTHING_SIZE, NOTHING_RANGE])
    for method in compared():
        if method != "noisy":
            source = [_code(method), code_hash(nothing), settings]
            yield Picture(f"nothing-{method}.webp", partial(nothing, method), source)
    settings = str([forced_choice.DIAMETER, forced_choice.DRAW, forced_choice.SHOWN])
    source = [*map(_code, forced_choice.COLUMNS), code_hash(observer, forced_choice), settings]
    yield Picture("regions.webp", forced_choice.draw, source)
    settings = str([JOINT_IMAGE, JOINT_PART, JOINT_GAIN, JOINT_ZOOM])
    trained = [side_studies()["liu"].stamped()[0]["fingerprint"], settings]
    for weight in JOINT_WEIGHTS:
        for what, draw in (("outlines", outlined), ("error", joint_error)):
            source = [*trained, code_hash(draw, _jointly.__wrapped__)]
            yield Picture(f"joint-{weight:g}-{what}.webp", partial(draw, weight), source)


def _code(method: str) -> str:
    """The fingerprint of a method; the clean image has none."""
    if method == "clean":
        return "clean"
    return Measurement(method, Protocol()).key["fingerprint"]


def _nodules_made_by() -> list[str]:
    """What the nodules of the front page depend on besides the method."""
    return [code_hash(observer, with_nodules), str([NODULE_IMAGE, NODULE_SIZE])]


def draw_all(force: bool = False) -> None:
    """Draw what is missing or was made from something else.

    Parameters
    ----------
    force : bool
        Draw everything.
    """
    folder = store.folder() / "images"
    listed = folder / "made_from.json"
    known: dict[str, Any] = json.loads(listed.read_text("utf-8")) if listed.exists() else {}
    wanted = list(pictures())
    for picture in tqdm(wanted, desc="pictures"):
        path = folder / picture.file
        if path.exists() and known.get(picture.file) == picture.source and not force:
            continue
        try:
            with replacing(path) as temporary:
                picture.draw(temporary)
        except LEFT_OUT as error:
            tqdm.write(f"{picture.file} is left out: {error}")
            continue
        known[picture.file] = picture.source
        _write(listed, known)
    for file in set(known) - {picture.file for picture in wanted}:
        (folder / file).unlink(missing_ok=True)
        del known[file]
    _write(listed, known)


def _write(listed: Path, known: Mapping[str, Any]) -> None:
    with replacing(listed) as temporary:
        temporary.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", "utf-8")


def _by(method: str, clean: torch.Tensor, name: str, protocol: Protocol) -> torch.Tensor:
    """An image by a method under a protocol; "clean" is the image itself."""
    if method == "clean":
        return clean
    noisy = protocol.noise(clean, [name], protocol.seed)
    denoiser = make(method, tuned(method, protocol.dataset))
    return apply(denoiser, noisy, protocol.noise.known_sigma)


def with_nodules() -> tuple[torch.Tensor, list[tuple[int, int]], str]:
    """The rendered radiograph of the front page.

    Returns
    -------
    image : torch.Tensor
        Clean, with small nodules, shape (1, H, W).
    where : list of tuple of int
        Their centres.
    name : str
        The id of the image, which keys its noise.
    """
    item = load_dataset("chest-drr").test[NODULE_IMAGE]
    assert item.mask is not None
    where, _, _ = observer.study_nodules(item.image, item.mask[0], NODULE_IMAGE)
    contrast = observer.NODULES[NODULE_SIZE]
    signal = observer.nodule(NODULE_SIZE, contrast, observer.REGION)
    image = observer.insert(item.image, where, [signal] * len(where))
    return image, where, item.id


def nodules(method: str, path: Path) -> None:
    """Draw a radiograph with nodules by a method.

    Parameters
    ----------
    method : str
        Of the study; "clean" is the radiograph itself.
    path : pathlib.Path
        The file to write.
    """
    clean, _, name = with_nodules()
    image = _by(method, clean[None], name, Protocol())
    _grey(image[0, 0]).save(path, optimize=True)


def front(path: Path) -> None:
    """Draw the radiograph with nodules noisy, denoised and clean, the nodules marked.

    Parameters
    ----------
    path : pathlib.Path
        The file to write.
    """
    clean, where, name = with_nodules()
    shown = [_by(m, clean[None], name, Protocol())[0, 0] for m in ("noisy", OBSERVED, "clean")]
    strip = _grey(torch.cat(shown, dim=1)).convert("RGB")
    pen = ImageDraw.Draw(strip)
    for copy in range(3):
        for row, column in where:
            centre = column + copy * clean.shape[-1], row
            pen.circle(centre, 12, outline="#e69f00")
    strip.save(path, optimize=True)


def viewed(method: str, number: int, path: Path) -> None:
    """Draw the middle of a rendered radiograph by a method.

    Parameters
    ----------
    method : str
        Of the study; "clean" is the radiograph itself.
    number : int
        Of the test image.
    path : pathlib.Path
        The file to write.
    """
    protocol = Protocol()
    item = protocol.items()[number]
    image = _by(method, item.image[None], item.id, protocol)
    start = (image.shape[-1] - VIEWED_SIZE) // 2
    middle = image[0, 0, start:, start:][:VIEWED_SIZE, :VIEWED_SIZE]
    _grey(middle).save(path, lossless=True)


def nothing(method: str, path: Path) -> None:
    """Draw what a method leaves of noise where there is nothing.

    Parameters
    ----------
    method : str
        Of the study.
    path : pathlib.Path
        The file to write.
    """
    even = torch.full((1, 1, NOTHING_SIZE, NOTHING_SIZE), 0.5)
    noisy = NOTHING_NOISE(even, ["nothing"])
    estimate = apply(make(method), noisy, NOTHING_NOISE.known_sigma)
    _grey(_signed((estimate - even)[0, 0], NOTHING_RANGE)).save(path, lossless=True)


@cache
def _jointly(weight: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The clean image, Liu's estimate of it, and the heart that its reader finds there."""
    item = load_dataset("chest-drr").test[JOINT_IMAGE]
    clean = item.image[None]
    noisy = liu.SEGMENTED(clean, [item.id], Protocol().seed)
    estimate = apply(liu.joint(0, weight), noisy, liu.SEGMENTED.sigma)
    heart = load_dataset("chest-drr").structures.index("heart")
    found = segmentation.segment(liu.task_network(0), estimate)[:, [heart]] > 0
    part = (0, 0, *JOINT_PART)
    return clean[part], estimate[part], found[part]


def outlined(weight: float, path: Path) -> None:
    """Draw what a jointly trained denoiser makes of an image, and the heart its reader sees in it.

    Parameters
    ----------
    weight : float
        Of the task's loss.
    path : pathlib.Path
        The file to write: the heart's outline orange, the true one blue.
    """
    _, estimate, found = _jointly(weight)
    item = load_dataset("chest-drr").test[JOINT_IMAGE]
    assert item.mask is not None
    heart = load_dataset("chest-drr").structures.index("heart")
    picture = np.asarray(_magnified(_grey(estimate)).convert("RGB")).copy()
    for mask, colour in ((item.mask[heart][JOINT_PART], "#56b4e9"), (found, "#e69f00")):
        large = np.kron(mask.numpy() > 0, np.ones((JOINT_ZOOM, JOINT_ZOOM))) > 0
        picture[find_boundaries(large, mode="inner")] = ImageColor.getrgb(colour)
    Image.fromarray(picture).save(path, lossless=True)


def joint_error(weight: float, path: Path) -> None:
    """Draw the error of a jointly trained denoiser, with the contrast raised.

    Parameters
    ----------
    weight : float
        Of the task's loss.
    path : pathlib.Path
        The file to write.
    """
    clean, estimate, _ = _jointly(weight)
    _magnified(_grey(_signed(estimate - clean, 0.5 / JOINT_GAIN))).save(path, lossless=True)


def _magnified(picture: Image.Image) -> Image.Image:
    """Every pixel a square."""
    size = picture.width * JOINT_ZOOM, picture.height * JOINT_ZOOM
    return picture.resize(size, Image.Resampling.NEAREST)


def _grey(image: torch.Tensor) -> Image.Image:
    """Values in [0, 1] as an 8-bit picture."""
    return Image.fromarray((255 * image.clamp(0, 1)).round().numpy().astype(np.uint8))


def _signed(difference: torch.Tensor, largest: float) -> torch.Tensor:
    """Differences up to +-largest as values in [0, 1], 0 in the middle."""
    return difference / (2 * largest) + 0.5
