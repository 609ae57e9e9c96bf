"""`folder:PATH`: your own images, split by patient folder."""

from __future__ import annotations

import hashlib
import unicodedata
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from denoise_lib.checks import UserError
from denoise_lib.data.images import SUFFIXES, check_size, read_image, to_square
from denoise_lib.data.items import SPLITS, Dataset, Item, Split
from denoise_lib.files import expanded, printable
from denoise_lib.formats import kinds

# What people call the three, in any case.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
NAMED = 5  # skipped files that a warning names for each reason


@dataclass(frozen=True)
class _Record:
    id: str
    group: str
    split: str
    path: Path


def load(path: str | Path, size: int | None = None, val: float = 0.1, test: float = 0.2) -> Dataset:
    """All PNG, JPEG, TIFF and DICOM images below a folder.

    A file is taken by its suffix, or else by its content, as an export without suffixes has it;
    links to folders are followed. A warning names what is left out, and why.

    An image's `id` is its path below the folder. Its `group` is the sub-folder of PATH that it
    lies in, one folder per patient, say, or the image itself where it lies directly in PATH.
    The name of the group alone decides its split, so that more images, another order or another
    machine never move a patient; the shares `val` and `test` are met on average only, and a small
    folder can leave a split empty, of which a warning tells.

    Sub-folders named train, val or test (training, valid, validation, testing; in any case) are
    taken as the splits, as they are. A group then is a sub-folder of one of them: that no patient
    is in two of them is yours to see to.

    Parameters
    ----------
    path : str or Path
        The folder.
    size : int or None
        Side in pixels: centred square, box-averaged. None: every image at its own size.
    val, test : float
        Expected share of the groups, each from 0 to below 1, together too; ignored where the
        folder has its own splits.

    Returns
    -------
    Dataset
        Without labels; images are read when asked for.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    ValueError
        When it holds no images, or images beside its own splits, or two of one name, or the size
        or the shares are impossible.
    """
    root = expanded(path)
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}: check the path after 'folder:'.")
    check_size(size)
    _check_shares(val, test)
    files, skipped = _look_through(root)
    if skipped:
        warnings.warn(f"{root}: left out {skipped}.", stacklevel=2)
    if not files:
        raise UserError(f"{root} holds no image: put PNG, JPEG, TIFF or DICOM files there.")
    own_splits = any(_split_name(each.name) for each in root.iterdir() if each.is_dir())
    records = [_own(file, root) if own_splits else _drawn(file, root, val, test) for file in files]
    records.sort(key=lambda record: record.id)
    _check_names(records)
    expected = SPLITS if own_splits else ("train", *["val"] * (val > 0), *["test"] * (test > 0))
    _warn_of_empty(root, records, expected)

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


def _check_shares(val: float, test: float) -> None:
    for name, share in {"val": val, "test": test}.items():
        if not isinstance(share, (int, float)) or not 0 <= share < 1:  # NaN is not
            raise UserError(
                f"{name} must be a share from 0 to below 1, not {share!r}; to choose the images "
                "yourself, put them into sub-folders train, val and test."
            )
    if val + test >= 1:
        raise UserError(
            f"The shares val={val:g} and test={test:g} leave nothing to train on: give two that "
            "add up to less than 1."
        )


@dataclass
class _Skipped:
    """What is left out, by reason."""

    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, file: Path, root: Path) -> None:
        self.names.setdefault(reason, []).append(_name(file, root))

    def __bool__(self) -> bool:
        return bool(self.names)

    def __str__(self) -> str:
        return "; ".join(
            f"{len(names)} {reason} ({', '.join(sorted(names)[:NAMED])}"
            + (", ..." if len(names) > NAMED else "")
            + ")"
            for reason, names in self.names.items()
        )


def _look_through(root: Path) -> tuple[list[Path], _Skipped]:
    """All images below a folder, and what else is there."""
    files, skipped, top = [], _Skipped(), root.resolve()
    # Links wait until every folder has been seen: an image is known by its own path, not by that
    # of a link to it, and a link cannot lead in circles.
    folders, links, seen = [root], [], set()
    while folders or links:
        folder = folders.pop() if folders else links.pop()
        if (place := folder.resolve()) in seen or place in top.parents:
            above = "above it" if place in top.parents else "that is read already"
            skipped.add(f"links to a folder {above}", folder, root)
            continue
        seen.add(place)
        try:
            entries = sorted(folder.iterdir(), reverse=True)
        except OSError as error:
            skipped.add(f"folders that cannot be opened ({error.strerror})", folder, root)
            continue
        for entry in entries:
            # A leading dot marks the droppings of an operating system, such as ._scan.png.
            if entry.name.startswith("."):
                skipped.add("hidden", entry, root)
            elif entry.is_dir():
                (links if entry.is_symlink() else folders).append(entry)
            elif reason := _no_image(entry):
                skipped.add(reason, entry, root)
            else:
                files.append(entry)
    return files, skipped


def _no_image(file: Path) -> str | None:
    """Why a file is left out; None for an image."""
    if file.is_symlink() and not file.exists():
        return "links to nothing"
    if not file.is_file():
        return "that are no files"
    if file.suffix.lower() in SUFFIXES:
        return None
    if file.name.upper() == "DICOMDIR":
        return "list of an export's files"
    try:
        with file.open("rb") as opened:
            kind = kinds.kind(opened.read(kinds.HEAD))
    except OSError as error:
        return f"files that cannot be opened ({error.strerror})"
    return None if kind else "that are no PNG, JPEG, TIFF or DICOM"


def _split_name(folder: str) -> str | None:
    return SPLIT_NAMES.get(folder.lower())


def _drawn(file: Path, root: Path, val: float, test: float) -> _Record:
    name = _name(file, root)
    group = name.split("/")[0]  # the first folder, or the file where there is none
    return _Record(name, group, split_of(group, val, test), file)


def _own(file: Path, root: Path) -> _Record:
    name = _name(file, root)
    folder, *rest = name.split("/")
    split = _split_name(folder)
    if split is None or not rest:
        raise UserError(
            f"{file} lies outside the folders train, val and test of {root}: move it into one."
        )
    return _Record(name, f"{split}/{rest[0]}", split, file)


def _name(file: Path, root: Path) -> str:
    """A file's path below the folder."""
    # macOS stores accents decomposed, Linux and Windows do not: one spelling, one split.
    return unicodedata.normalize("NFC", printable(file.relative_to(root).as_posix()))


def _check_names(records: list[_Record]) -> None:
    """Refuse two images of one name: they would get the same noise, and count as one."""
    for id, count in Counter(record.id for record in records).items():
        if count > 1:
            first, second, *_ = (ascii(str(each.path)) for each in records if each.id == id)
            raise UserError(
                f"{first} and {second} are spelt alike but for how accents are stored: rename one."
            )


def _warn_of_empty(root: Path, records: list[_Record], expected: tuple[str, ...]) -> None:
    there = {record.split for record in records}
    if empty := [split for split in expected if split not in there]:
        warnings.warn(
            f"{root} has no {' and no '.join(empty)} images: put images into sub-folders "
            "train, val and test to choose the splits yourself.",
            stacklevel=3,
        )
