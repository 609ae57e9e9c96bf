"""`chest-cr`: one real chest radiograph, the book's out-of-sample witness."""

from __future__ import annotations

from collections import namedtuple
from importlib.resources import files

from denoise_lib.data.dicom import read_dicom
from denoise_lib.data.images import resize
from denoise_lib.data.items import Dataset, Item, Split

CREDIT = (
    "RG1_UNCI.dcm of the Python package pydicom-data (MIT licence): computed radiography, Philips."
)

_Record = namedtuple("_Record", ["id", "group", "size"])


def load(size: int | None = 256) -> Dataset:
    """A real frontal chest radiograph from the `pydicom-data` package.

    Parameters
    ----------
    size : int or None
        Side in pixels of the averaged middle square; None for the full 1955 x 1841 pixels.

    Returns
    -------
    Dataset
        One item in `test`; `train` and `val` are empty.

    Raises
    ------
    ImportError
        When pydicom or pydicom-data is not installed.
    """
    name = "RG1_UNCI" if size is None else f"RG1_UNCI-{size}"
    test = Split([_Record(name, "RG1", size)], _read)
    return Dataset("chest-cr", Split(), Split(), test, credit=CREDIT)


def _read(record: _Record) -> Item:
    try:
        path = files("data_store") / "data" / "RG1_UNCI.dcm"
    except ModuleNotFoundError as error:
        raise ImportError(
            'The radiograph comes with a package: pip install "denoise_lib[dicom]".'
        ) from error
    image = read_dicom(path)
    return Item(
        image if record.size is None else resize(image, record.size), record.id, record.group
    )
