"""`chest-cr`: one real chest radiograph, the book's out-of-sample witness."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from denoise_lib.checks import not_installed
from denoise_lib.data.images import check_size, to_square
from denoise_lib.data.items import Dataset, Item, Split
from denoise_lib.data.registry import dataset
from denoise_lib.formats.dicom import read_dicom_picture
from denoise_lib.needs import Needs

FILE = "RG1_UNCI.dcm"
CREDIT = (
    "RG1 of the DICOM Working Group 4 compression samples (Philips Thoravision, PA chest, "
    "anonymised), published with the test data of pydicom: package pydicom-data (MIT licence)."
)


@dataclass(frozen=True)
class _Record:
    id: str
    group: str


@dataset("chest-cr", Needs(package="data_store", extra="dicom"), place=3)
def load(size: int | None = 256) -> Dataset:
    """A chest radiograph with visible lesions, as a test image that no model was trained on.

    The file holds 1955 x 1841 pixels, MONOCHROME1; bone is bright here as in every data set. It
    was once compressed 10:1 with JPEG 2000, as its header says, so part of its finest grain and
    structure is gone.

    Parameters
    ----------
    size : int or None
        Side in pixels: the centred square, box-averaged. The square loses 57 rows at the top,
        where a white strip without anatomy lies, and 57 at the bottom. None: the whole image.

    Returns
    -------
    Dataset
        One item in `test`, id `RG1_UNCI-256` (`RG1_UNCI` at full size); `train` and `val` are
        empty.

    Raises
    ------
    ModuleNotFoundError
        When pydicom (on reading) or pydicom-data is not installed.
    """
    check_size(size)
    path = _find()
    record = _Record("RG1_UNCI" if size is None else f"RG1_UNCI-{size}", "RG1")

    def read(record: _Record) -> Item:
        image = read_dicom_picture(path).frames[0]
        return Item(image=to_square(image, size), id=record.id, group=record.group)

    return Dataset("chest-cr", Split(), Split(), Split([record], read), credit=CREDIT)


def _find() -> Path:
    try:
        path = Path(str(resources.files("data_store") / "data" / FILE))
    except ModuleNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise not_installed("pydicom-data", "dicom", "The data set chest-cr")
    return path
