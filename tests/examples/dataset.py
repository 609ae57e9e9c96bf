import csv
from collections import namedtuple
from pathlib import Path

import torch

from denoise_lib.data.items import Dataset, Item, Split
from denoise_lib.data.registry import dataset

Record = namedtuple("Record", ["id", "group", "split", "grey"])


@dataset("ramps")
def load_ramps() -> Dataset:
    """Ramps from black to a grey; the manifest has the names, the patients and the splits."""
    with Path(__file__).with_name("ramps.csv").open(newline="") as file:
        records = [Record(**row) for row in csv.DictReader(file)]

    def read(record: Record) -> Item:
        ramp = torch.linspace(0, float(record.grey), 32)
        return Item(ramp.expand(1, 32, 32).clone(), record.id, record.group)

    splits = {
        split: Split([record for record in records if record.split == split], read)
        for split in ("train", "val", "test")
    }
    return Dataset("ramps", **splits, credit="Computed.")
