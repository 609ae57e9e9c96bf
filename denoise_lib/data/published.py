"""Images that are downloaded from where they are published, one file at a time, hash-checked.

`nih-sample` are chest radiographs; `train400`, `set12` and `bsd68` are the photographs of the
DnCNN paper. The committed manifests hold facts only (names, hashes, patients, labels). Where the
environment variable DENOISE_DATA names a folder, files are read from there and nothing is
downloaded: `chest_xray/<file>` and `natural/<file>`, with `<file>` as in the manifests.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from tqdm.auto import tqdm

from denoise_lib.checks import UserError, unknown
from denoise_lib.data.download import fetch, sweep
from denoise_lib.data.items import SPLITS, Dataset, Item, Split
from denoise_lib.data.registry import dataset
from denoise_lib.files import cache_folder
from denoise_lib.needs import Needs, data_folder

RAW = "https://raw.githubusercontent.com"
NIH_REPOSITORY = "muhammedtalo/COVID-19/ee3e2cffc0824711bed675275506b26f19be7198"
NATURAL_REPOSITORY = "cszn/DnCNN/e93b27812d3ff523a3a79d19e5e50d233d7a8d0a"
NIH_SIZE = 256

NIH_CREDIT = (
    "NIH Clinical Center, ChestX-ray14: free to use; cite X. Wang et al., ChestX-ray8, CVPR 2017. "
    f"Sample published at github.com/{NIH_REPOSITORY.rsplit('/', 1)[0]}."
)
DNCNN_CREDIT = (
    "For research use, from github.com/cszn/DnCNN; cite K. Zhang et al., Beyond a Gaussian "
    "Denoiser, IEEE TIP 2017"
)
BSDS_CREDIT = f"{DNCNN_CREDIT}, and D. Martin et al. (BSDS), ICCV 2001."

# What `nih-native` has.
NATIVE = (
    "00001620_003",
    "00001699_000",
    "00001807_000",
    "00002102_000",
    "00002104_006",
    "00002120_007",
    "00002548_003",
    "00003158_001",
    "00003748_000",
    "00003981_016",
    "00008387_014",
    "00010780_007",
)


@dataclass(frozen=True)
class _Record:
    """One published file: where it is, where it is kept, and what it must hash to."""

    id: str
    group: str
    split: str
    file: str  # below DENOISE_DATA or the cache, e.g. natural/set12/01.png
    url: str
    source_sha256: str  # of the file as published
    pixels_sha256: str | None = None  # of the 256 x 256 array; None: kept as published
    label: str | None = None
    native: bool = False  # kept and read at its published size; its reduction is what is checked


@dataset("nih-sample", Needs(folder="chest_xray"), place=1)
def load_nih_sample(download: Collection[str] = SPLITS) -> Dataset:
    """Chest radiographs of NIH ChestX-ray14 at 256 x 256: 681 train, 50 val, 100 test.

    The published 1024 x 1024 files are averaged over 4 x 4 pixels once, on download, and only
    the small ones are kept (831 files, about 25 MB). No patient is in two splits.

    Parameters
    ----------
    download : collection of str
        The splits whose missing files are downloaded now, behind one progress bar; a missing
        image of another split is downloaded when it is read. A download that is interrupted goes
        on where it stopped. Nothing is downloaded where DENOISE_DATA is set.

    Returns
    -------
    Dataset
        Items with a patient as `group` and a `label`: no_findings or pneumonia.

    Raises
    ------
    ConnectionError
        When a file cannot be downloaded; the message says where to put it by hand.
    FileNotFoundError, ValueError
        On reading an image: it is not in DENOISE_DATA, or its pixels are not the published ones.
    """
    return _dataset("nih-sample", _nih_records(), NIH_CREDIT, download)


@dataset("nih-native", Needs(folder="chest_xray/test_1024"))
def load_nih_native(download: Collection[str] = SPLITS) -> Dataset:
    """Twelve test radiographs of `nih-sample` as published, 1024 x 1024.

    Parameters
    ----------
    download : collection of str
        As for `load_nih_sample`.

    Returns
    -------
    Dataset
        All items in `test`, with a patient as `group` and a `label`.

    Raises
    ------
    ConnectionError, FileNotFoundError, ValueError
        As `load_nih_sample`.
    """
    test = [record for record in _nih_records() if record.split == "test"]
    records = [
        replace(record, file=f"chest_xray/test_1024/{Path(record.file).name}", native=True)
        for record in sorted(test, key=lambda record: record.id)
        if record.id in NATIVE
    ]
    return _dataset("nih-native", records, NIH_CREDIT, download)


def _nih_records() -> list[_Record]:
    return [
        _Record(
            id=Path(row["file"]).stem,
            group=row["patient"],
            split=row["split"],
            file=f"chest_xray/{row['file']}",
            url=f"{RAW}/{NIH_REPOSITORY}/{quote(row['source_path'])}",
            source_sha256=row["source_sha256"],
            pixels_sha256=row["pixels_sha256"],
            label=row["label"],
        )
        for row in _manifest("nih_sample.csv")
    ]


@dataset("train400", Needs(folder="natural/train400"))
def load_train400(download: Collection[str] = SPLITS) -> Dataset:
    """The 400 photographs, 180 x 180, that DnCNN was trained on; all in `train`.

    Parameters
    ----------
    download : collection of str
        As for `load_nih_sample`.

    Returns
    -------
    Dataset
        All items in `train`, each its own `group`.

    Raises
    ------
    ConnectionError, FileNotFoundError, ValueError
        As `load_nih_sample`.
    """
    return _natural("train400", "train", BSDS_CREDIT, download)


@dataset("set12", Needs(folder="natural/set12"))
def load_set12(download: Collection[str] = SPLITS) -> Dataset:
    """The 12 classical test photographs, 256 x 256 or 512 x 512; all in `test`.

    Parameters
    ----------
    download : collection of str
        As for `load_nih_sample`.

    Returns
    -------
    Dataset
        All items in `test`, each its own `group`.

    Raises
    ------
    ConnectionError, FileNotFoundError, ValueError
        As `load_nih_sample`.
    """
    return _natural("set12", "test", f"{DNCNN_CREDIT}.", download)


@dataset("bsd68", Needs(folder="natural/bsd68"))
def load_bsd68(download: Collection[str] = SPLITS) -> Dataset:
    """The 68 test photographs of BSDS, 321 x 481 or 481 x 321; all in `test`.

    Parameters
    ----------
    download : collection of str
        As for `load_nih_sample`.

    Returns
    -------
    Dataset
        All items in `test`, each its own `group`.

    Raises
    ------
    ConnectionError, FileNotFoundError, ValueError
        As `load_nih_sample`.
    """
    return _natural("bsd68", "test", BSDS_CREDIT, download)


def dncnn_file(file: str, source_path: str, sha256: str) -> Path:
    """A file of the DnCNN authors' repository, checked; downloaded where DENOISE_DATA is not set.

    Parameters
    ----------
    file : str
        Where it lies below DENOISE_DATA or the cache.
    source_path : str
        Its path in the repository.
    sha256 : str
        What it must hash to.

    Returns
    -------
    Path

    Raises
    ------
    ConnectionError, FileNotFoundError, ValueError
        When it cannot be downloaded, is not in DENOISE_DATA, or is not the published file.
    """
    url = f"{RAW}/{NATURAL_REPOSITORY}/{quote(source_path)}"
    record = _Record(id=file, group=file, split="test", file=file, url=url, source_sha256=sha256)
    sweep(cached(record).parent)
    path = _available(record, data_folder())
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise UserError(f"{path} is not the published file: delete it and get it anew.")
    return path


def _natural(name: str, split: str, credit: str, download: Collection[str]) -> Dataset:
    records = [
        _Record(
            id=Path(row["file"]).stem,
            group=Path(row["file"]).stem,
            split=split,
            file=f"natural/{row['file']}",
            url=f"{RAW}/{NATURAL_REPOSITORY}/{quote(row['source_path'])}",
            source_sha256=row["sha256"],
        )
        for row in _manifest("natural.csv")
        if row["set"] == name
    ]
    return _dataset(name, records, credit, download)


def _manifest(name: str) -> list[dict[str, str]]:
    text = (resources.files("denoise_lib.data") / "manifests" / name).read_text("utf-8")
    return sorted(csv.DictReader(io.StringIO(text)), key=lambda row: row["file"])


def _dataset(
    name: str, records: Sequence[_Record], credit: str, download: Collection[str]
) -> Dataset:
    if unasked := set(download) - set(SPLITS):
        raise unknown("split", min(unasked), SPLITS)
    folder = data_folder()  # once: a data set must not change its source between two images
    if not folder:
        _download_missing(name, [record for record in records if record.split in download])
    read = partial(_read, folder=folder)
    train, val, test = (
        Split([record for record in records if record.split == split], read) for split in SPLITS
    )
    return Dataset(name, train, val, test, credit=credit)


def _read(record: _Record, folder: Path | None) -> Item:
    path = _available(record, folder)
    pixels = _pixels(path.read_bytes(), record, path)
    image = torch.from_numpy(pixels.astype(np.float32) / 255)[None]
    return Item(image=image, id=record.id, group=record.group, label=record.label)


def _available(record: _Record, folder: Path | None) -> Path:
    """The record's file in a folder, or else in the cache, downloaded if it is not there."""
    path = folder / record.file if folder else cached(record)
    if not path.is_file():
        if folder:
            raise FileNotFoundError(
                f"{path} is missing: put it there, or unset DENOISE_DATA to download it."
            )
        _download(record)
    return path


def _pixels(content: bytes, record: _Record, source: Path | str) -> np.ndarray:
    """Decode a file and check that it shows what was published: uint8, shape (H, W)."""
    try:
        image = Image.open(io.BytesIO(content)).convert("L")
    except (UnidentifiedImageError, OSError, SyntaxError):
        image = None  # not the published image, whatever it is
    if record.pixels_sha256:
        # Downloads, and files put in place by hand, are still at their published size.
        small = image
        if image is not None and image.size != (NIH_SIZE, NIH_SIZE):
            small = image.resize((NIH_SIZE, NIH_SIZE), Image.Resampling.BOX)
        pixels = b"" if small is None else np.asarray(small).tobytes()
        same = hashlib.sha256(pixels).hexdigest() == record.pixels_sha256
        same = same and not (record.native and small is image)  # that one is reduced already
        image = image if record.native else small
    else:
        same = hashlib.sha256(content).hexdigest() == record.source_sha256
    if image is None or not same:
        raise UserError(f"{source} is not the published image: delete it and get it anew.")
    return np.asarray(image)


def cached(record: _Record) -> Path:
    """Where the file of a record is kept after download.

    Parameters
    ----------
    record : _Record
        A published file.

    Returns
    -------
    pathlib.Path
        Below the cache of the user.
    """
    return cache_folder() / record.file


def _download_missing(name: str, records: Sequence[_Record]) -> None:
    for folder in {cached(record).parent for record in records}:
        sweep(folder)
    missing = [record for record in records if not cached(record).is_file()]
    # Each file is complete on its own: stop at any time, the next call fetches the rest.
    for record in tqdm(missing, desc=f"downloading {name}", unit="file", disable=not missing):
        _download(record)


def _download(record: _Record) -> None:
    # No registry of `pooch.create`: it takes a file whose hash is not the published one, such as
    # the small one that is kept, for outdated.
    def reduce(published: Path) -> None:
        small = _pixels(published.read_bytes(), record, record.url)
        Image.fromarray(small).save(published, format="PNG")

    fetch(
        record.url,
        f"sha256:{record.source_sha256}",
        cached(record),
        finish=reduce if record.pixels_sha256 and not record.native else None,
        otherwise=f", or set DENOISE_DATA to a folder that has {record.file}",
    )
