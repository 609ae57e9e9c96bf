"""`folder:PATH`: your own images, split by patient folder."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from denoise_lib.checks import UserError
from denoise_lib.data.images import SUFFIXES, read_image, to_square
from denoise_lib.data.items import Dataset, Item, Split

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class _Record:
    id: str
    group: str
    split: str
    path: Path


def load(path: str | Path, size: int | None = None, val: float = 0.1, test: float = 0.2) -> Dataset:
    """All PNG, JPEG, TIFF and DICOM images (.dcm, .dicom) below a folder.

    An image's `id` is its path below the folder. Its `group` is the sub-folder of PATH that it
    lies in, one folder per patient, say, or the image itself where it lies directly in PATH.
    The name of the group alone decides its split, so that more images, another order or another
    machine never move a patient; the shares `val` and `test` are met on average only, and a small
    folder can leave a split empty.

    Sub-folders named train, val or test are taken as the splits, as they are. A group then is
    a sub-folder of one of them: that no patient is in two of them is yours to see to.

    Parameters
    ----------
    path : str or Path
        The folder.
    size : int or None
        Side in pixels: centred square, box-averaged. None: every image at its own size.
    val, test : float
        Expected share of the groups, in [0, 1]; ignored where the folder has its own splits.

    Returns
    -------
    Dataset
        Without labels; images are read when asked for.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    ValueError
        When it holds no images, or images beside its own splits, or the shares are impossible.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}: check the path after 'folder:'.")
    if min(val, test) < 0 or val + test > 1:
        raise UserError(f"val={val} and test={test} are no shares: give two that add up to <= 1.")
    files = [file for file in root.rglob("*") if _is_image(file.relative_to(root), file)]
    if not files:
        raise UserError(f"{root} holds no image: put PNG, JPEG, TIFF or DICOM files there.")
    own_splits = any((root / split).is_dir() for split in SPLITS)
    records = [_own(file, root) if own_splits else _drawn(file, root, val, test) for file in files]
    records.sort(key=lambda record: record.id)

    def read(record: _Record) -> Item:
        return Item(to_square(read_image(record.path), size), id=record.id, group=record.group)

    train, val_split, test_split = (
        Split([r for r in records if r.split == split], read) for split in SPLITS
    )
    return Dataset(f"folder:{path}", train, val_split, test_split, credit=f"Your images in {root}.")


def split_of(group: str, val: float, test: float) -> str:
    """The split of a group, drawn by the hash of its name.

    Parameters
    ----------
    group : str
        Patient or scene.
    val, test : float
        Expected shares, in [0, 1]; the rest is for training.

    Returns
    -------
    str
        train, val or test; the same for the same name always and everywhere.
    """
    # Python's own hash() changes from run to run; a cryptographic one never does.
    digest = hashlib.sha256(group.encode("utf-8", "surrogateescape")).digest()
    position = int.from_bytes(digest[:4], "big") / 2**32
    if position < test:
        return "test"
    return "val" if position < test + val else "train"


def _is_image(relative: Path, file: Path) -> bool:
    # Names with a leading dot are droppings of an operating system, such as ._scan.png.
    hidden = any(part.startswith(".") for part in relative.parts)
    return not hidden and file.suffix.lower() in SUFFIXES and file.is_file()


def _drawn(file: Path, root: Path, val: float, test: float) -> _Record:
    name = _name(file, root)
    group = name.split("/")[0]  # the first folder, or the file where there is none
    return _Record(name, group, split_of(group, val, test), file)


def _own(file: Path, root: Path) -> _Record:
    name = _name(file, root)
    split, *rest = name.split("/")
    if split not in SPLITS or not rest:
        raise UserError(
            f"{file} lies outside the folders train, val and test of {root}: move it into one."
        )
    return _Record(name, f"{split}/{rest[0]}", split, file)


def _name(file: Path, root: Path) -> str:
    # macOS stores accents decomposed, Linux and Windows do not: one spelling, one split.
    return unicodedata.normalize("NFC", file.relative_to(root).as_posix())
