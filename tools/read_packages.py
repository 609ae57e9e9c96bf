"""How the library reads every image inside installed packages: python tools/read_packages.py [CSV]

Each file is read a second time by the package that knows its format best, and compared value by
value: TIFF by tifffile, DICOM by pydicom's own transforms, PNG and JPEG by imageio. The table goes
to build/read_packages.csv, or where the command says, and the counts to the screen.
"""

from __future__ import annotations

import csv
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from importlib.util import find_spec
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import tifffile

from denoise_lib.checks import UserError
from denoise_lib.formats import kinds, read_picture

PACKAGES = ("pydicom", "data_store", "skimage", "tifffile", "imageio")  # the second: pydicom-data
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp", ".dcm", ".dicom")
TABLE = Path(__file__).resolve().parent.parent / "build" / "read_packages.csv"
SENTENCES = (UserError, ModuleNotFoundError)
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Row:
    """One file: what it is, what becomes of it, and the sentence it gets or the distance."""

    package: str
    file: str
    kind: str
    outcome: str  # right, refused, wrong, traceback or alone: nothing to compare it with
    words: str


def rows() -> Iterator[Row]:
    """A row for every image file of the installed packages."""
    for package in PACKAGES:
        found = find_spec(package)
        if found is None or not found.submodule_search_locations:
            continue
        root = Path(next(iter(found.submodule_search_locations)))
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.stat().st_size and "__pycache__" not in path.parts:
                with path.open("rb") as file:
                    kind = kinds.kind(file.read(kinds.HEAD))
                if kind or path.suffix.lower() in SUFFIXES:
                    name = path.relative_to(root).as_posix()
                    yield Row(package, name, kind or "other", *outcome(path, kind))


def outcome(path: Path, kind: str | None) -> tuple[str, str]:
    """What becomes of a file, and in what words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            frames = read_picture(path).frames[:, 0].numpy()
        except SENTENCES as error:
            return "refused", str(error).replace(str(path), path.name)
        except Exception as error:
            return "traceback", repr(error)
        try:
            expected = REFERENCES[kind or kinds.DICOM](path)
        except Exception as error:  # what the other cannot read, cannot be compared
            return "alone", repr(error)
    if expected.shape != frames.shape:
        return "wrong", f"shape {frames.shape}, not {expected.shape}"
    distance = (scaled if kind in (kinds.DICOM, None) else np.subtract)(frames, expected)
    most = float(np.abs(distance).max())
    return "right" if most < 0.51 / 255 else "wrong", f"at most {most:.1g} apart"


def by_tifffile(path: Path) -> np.ndarray:
    """Frames in [0, 1] as tifffile reads pages."""
    with tifffile.TiffFile(path) as file:
        pages = [
            np.moveaxis(page.asarray(), 0, -1) if page.axes == "SYX" else page.asarray()
            for page in file.pages
        ]
        white_is_zero = file.pages[0].tags.valueof(262) == 0
    unit = np.stack([_unit(page) for page in pages])
    return 1 - unit if white_is_zero else unit


def by_imageio(path: Path) -> np.ndarray:
    """One frame in [0, 1] as imageio reads the file."""
    return _unit(imageio.imread(path))[None]


def _unit(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "ui":
        values = values / np.iinfo(values.dtype).max
    values = values.astype(np.float64)
    return values if values.ndim == 2 else values[..., :3] @ np.array(LUMA)


def by_pydicom(path: Path) -> np.ndarray:
    """Frames as pydicom's transforms give them, on a scale of their own; small is black."""
    import pydicom
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    data = pydicom.dcmread(path, force=True)
    values = apply_voi_lut(apply_modality_lut(data.pixel_array, data), data).astype(np.float64)
    if data.PhotometricInterpretation == "MONOCHROME1":
        values = -values
    return values if values.ndim == 3 else values[None]


def scaled(frames: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """How far frames in [0, 1] are from values of any scale, brought to theirs."""
    inside = (frames > 0) & (frames < 1)
    if inside.sum() < 2 or np.ptp(expected[inside]) == 0:
        return np.zeros(1)
    slope, shift = np.polyfit(expected[inside], frames[inside], 1)
    if slope < 0:
        return np.ones(1)  # a negative
    return frames - (slope * expected + shift).clip(0, 1)


REFERENCES = {
    kinds.TIFF: by_tifffile,
    kinds.PNG: by_imageio,
    kinds.JPEG: by_imageio,
    kinds.DICOM: by_pydicom,
}


def main() -> None:
    """Write the table and print the counts."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE
    target.parent.mkdir(parents=True, exist_ok=True)
    counts: Counter[tuple[str, str]] = Counter()
    with target.open("w", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Row)])
        table.writeheader()
        for row in rows():
            table.writerow(asdict(row))
            counts[row.kind, row.outcome] += 1
    for (kind, outcome_), count in sorted(counts.items()):
        print(f"{kind:6} {outcome_:10} {count}")
    print(target)


if __name__ == "__main__":
    main()
