"""Public collections that a data service hosts: `coronahack` (Kaggle), `pneumoniamnist` (Zenodo).

Each asks for a package of its own, and both show the children of the same hospital (Kermany et
al., Cell 2018): do not train on one and test on the other.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import hashlib
import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from denoise_lib.checks import UserError, require
from denoise_lib.data.download import fetch, sweep
from denoise_lib.data.folder import split_of
from denoise_lib.data.images import check_size, read_image, to_square
from denoise_lib.data.items import Dataset, Item, Split
from denoise_lib.data.recorded import Record
from denoise_lib.data.registry import dataset
from denoise_lib.files import expanded
from denoise_lib.needs import Needs

KAGGLE = "praveengovi/coronahack-chest-xraydataset"
METADATA = "Chest_xray_Corona_Metadata.csv"
IMAGES = "Coronahack-Chest-XRay-Dataset"
SUMS = "SHA256SUMS"
LARGEST_NPZ = 1_000_000_000  # bytes; it has 214 million

CORONAHACK_CREDIT = (
    f"CoronaHack Chest X-Ray Dataset, kaggle.com/datasets/{KAGGLE} (CC BY 4.0 for its largest "
    "part: D. Kermany et al., Cell 2018, doi:10.17632/rscbjbr9sj.2; see the page for the others)."
)
PNEUMONIAMNIST_CREDIT = (
    "PneumoniaMNIST of MedMNIST v2 (CC BY 4.0): J. Yang et al., Scientific Data 2023, "
    "doi:10.5281/zenodo.10519652; images from D. Kermany et al., Cell 2018."
)


@dataclass(frozen=True)
class _Photo:
    id: str
    group: str
    path: Path
    label: str


@dataclass(frozen=True)
class _Row:
    id: str
    group: str
    split: str
    index: int


@dataset("coronahack", Needs(package="kagglehub", extra="coronahack"))
def load_coronahack(root: str | Path | None = None, size: int | None = 256) -> Dataset:
    """About 5900 chest radiographs, most of children, with labels.

    `test` is what the metadata calls TEST. `val` is a tenth of the training patients, drawn by
    the hash of the patient; training images of a patient who is in TEST too are left out.

    Kaggle publishes no hashes: the SHA-256 of every image is recorded in `SHA256SUMS` of the folder
    when it is first loaded, and checked from then on, see `recorded`.

    The patient is read from the file name: `person1004` of `person1004_virus_1686.jpeg`, `IM-0128`
    of `IM-0128-0001.jpeg` and of `NORMAL2-IM-0128-0001.jpeg`. The numbers of bacteria and virus,
    and those with and without NORMAL2, look like separate counts (person448 has both causes, as
    nearly every number does), so one number may stand for two patients. Here it stands for one:
    the other reading, if wrong, would leak a patient into the test, while this one, if wrong,
    costs training images only. Names that tell no patient (the few images from publications, of
    which some show one patient on several days) are their own group and never go into `val`.

    Parameters
    ----------
    root : str, Path or None
        The downloaded and unpacked folder. None: download with kagglehub (about 1.2 GB).
    size : int or None
        Side in pixels: centred square, box-averaged. None: every image at its own size.

    Returns
    -------
    Dataset
        `label` is normal, bacteria, virus, or the named germ or illness, such as covid-19.

    Raises
    ------
    ModuleNotFoundError
        When kagglehub is needed and not installed.
    ConnectionError
        When Kaggle does not deliver; the message says how to do without.
    FileNotFoundError
        When `root` does not hold the data set.
    ValueError
        When an image has changed since its hash was recorded, or hashes cannot be recorded.
    """
    check_size(size)
    root = _download_coronahack() if root is None else expanded(root)
    if not (root / METADATA).is_file():
        raise FileNotFoundError(
            f"{root} has no {METADATA}: give the folder that was unpacked from kaggle.com/{KAGGLE}."
        )
    with (root / METADATA).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["X_ray_image_name"]]
    rows.sort(key=lambda row: row["X_ray_image_name"])
    tested = {patient_of(row["X_ray_image_name"]) for row in rows if row["Dataset_type"] == "TEST"}
    photos: dict[str, list[_Photo]] = {"train": [], "val": [], "test": []}
    for row in rows:
        split = _coronahack_split(row, tested)
        if split:
            photos[split].append(_photo(row, root))
    _leave_out_absent(photos, root)

    record = Record(root / SUMS, [photo.path for some in photos.values() for photo in some])

    def read(photo: _Photo) -> Item:
        record.check(photo.path)
        image = to_square(read_image(photo.path), size)
        return Item(image, id=photo.id, group=photo.group, label=photo.label)

    train, val, test = (Split(photos[split], read) for split in ("train", "val", "test"))
    return Dataset("coronahack", train, val, test, credit=CORONAHACK_CREDIT)


def patient_of(name: str) -> str:
    """The patient that a file name of CoronaHack tells.

    Parameters
    ----------
    name : str
        Of a file: `person1004_virus_1686.jpeg`.

    Returns
    -------
    str
        `person1004`, say, or the name itself where it tells no patient.
    """
    match = re.match(r"(?:NORMAL2-)?(person\d+|IM-\d+)[_-]", name)
    return match[1] if match else name


def _coronahack_split(row: dict[str, str], tested: set[str]) -> str | None:
    name = row["X_ray_image_name"]
    patient = patient_of(name)
    if row["Dataset_type"] == "TEST":
        return "test"
    if patient in tested:
        return None
    return "train" if patient == name else split_of(patient, val=0.1, test=0)


def _photo(row: dict[str, str], root: Path) -> _Photo:
    name = row["X_ray_image_name"]
    # The most precise label comes last; empty cells, and the column's own typo, are passed over.
    causes = [row.get("Label_2_Virus_category"), row.get("Label_1_Virus_category"), row["Label"]]
    label = next(cause for cause in causes if cause).lower().replace("pnemonia", "pneumonia")
    path = _images(root) / row["Dataset_type"].lower() / name
    return _Photo(id=name, group=patient_of(name), path=path, label=label)


def _images(root: Path) -> Path:
    """The folder above train/ and test/; the archive nests two folders of the same name."""
    nested = root / IMAGES / IMAGES
    return nested if nested.is_dir() else root / IMAGES


def _leave_out_absent(photos: dict[str, list[_Photo]], root: Path) -> None:
    """Drop what the metadata names and the folder lacks, and say so."""
    listed = sum(map(len, photos.values()))
    for split, some in photos.items():
        photos[split] = [photo for photo in some if photo.path.is_file()]
    absent = listed - sum(map(len, photos.values()))
    if absent == listed:
        raise FileNotFoundError(f"{_images(root)} has no images: unpack the data set again.")
    if absent:
        warnings.warn(
            f"{absent} of {listed} images that {METADATA} names are not in {root}: left out.",
            stacklevel=3,
        )


def _download_coronahack() -> Path:
    kagglehub = require("kagglehub", "coronahack", "The data set coronahack")
    try:
        return Path(kagglehub.dataset_download(KAGGLE))
    except Exception as error:  # kagglehub raises its own types, requests' and OSError
        raise ConnectionError(
            f"Kaggle did not deliver the data set ({type(error).__name__}). Download it by hand "
            f"from https://www.kaggle.com/datasets/{KAGGLE}, unpack it, and give root=FOLDER."
        ) from error


@dataset("pneumoniamnist", Needs(package="medmnist", extra="medmnist"))
def load_pneumoniamnist(root: str | Path | None = None) -> Dataset:
    """PneumoniaMNIST at 224 x 224: 4708 train, 524 val and 624 test radiographs of children.

    MedMNIST gives no patient, so each image is its own `group` (split and index): images of one
    child may be in train and val both. Images are squares cut from the centre.

    MedMNIST publishes an MD5, which is checked, and no SHA-256: that is recorded beside the file
    when it is first loaded, and checked from then on, see `recorded`.

    Parameters
    ----------
    root : str, Path or None
        The folder that has or gets `pneumoniamnist_224.npz` (about 200 MB). None: ~/.medmnist,
        where medmnist itself keeps it.

    Returns
    -------
    Dataset
        `label` is normal or pneumonia. A split is held in memory once one of its images is read.

    Raises
    ------
    ModuleNotFoundError
        When medmnist is not installed.
    ConnectionError
        When the file cannot be downloaded; the message says where to put it by hand.
    ValueError
        When it is not the published file, or has changed since its hash was recorded.
    """
    # Without scikit-learn and torchvision, which only its training code needs, medmnist prints
    # a complaint when imported.
    with contextlib.redirect_stdout(io.StringIO()):
        medmnist = require("medmnist", "medmnist", "The data set pneumoniamnist")
    info = medmnist.info.INFO["pneumoniamnist"]
    root = expanded(medmnist.info.DEFAULT_ROOT if root is None else root)
    _published_npz(info["url_224"], info["MD5_224"], root / "pneumoniamnist_224.npz")

    @functools.cache
    def source(split: str) -> Any:
        return medmnist.dataset.PneumoniaMNIST(
            split=split, root=str(root), size=224, download=False
        )

    def read(row: _Row) -> Item:
        data = source(row.split)
        image = torch.from_numpy(data.imgs[row.index]).float()[None] / 255
        label = info["label"][str(int(data.labels[row.index, 0]))]
        return Item(image, id=row.id, group=row.group, label=label)

    def rows(split: str) -> list[_Row]:
        ids = [f"{split}-{index:04d}" for index in range(info["n_samples"][split])]
        return [_Row(id, id, split, index) for index, id in enumerate(ids)]

    train, val, test = (Split(rows(split), read) for split in ("train", "val", "test"))
    return Dataset("pneumoniamnist", train, val, test, credit=PNEUMONIAMNIST_CREDIT)


def _published_npz(url: str, md5: str, target: Path) -> None:
    """The file, as its publisher's MD5 has it and as it was when first seen."""
    sweep(target.parent)
    if not target.is_file():
        fetch(url, f"md5:{md5}", target, largest=LARGEST_NPZ, progress=True)
    sums = target.with_name(f"{target.name}.sha256")
    if not sums.is_file():  # what is recorded must be what was published
        with target.open("rb") as file:
            if hashlib.file_digest(file, "md5").hexdigest() != md5:
                raise UserError(f"{target} is not the published file: delete it and get it anew.")
    Record(sums, [target]).check(target)
