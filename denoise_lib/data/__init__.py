"""Clean images in named data sets, split by patient: `load_dataset(name)`."""

from __future__ import annotations

from typing import Any

from denoise_lib.data import registry
from denoise_lib.data.items import Dataset, Item, Split

__all__ = ["Dataset", "Item", "Split", "available", "load_dataset"]


def available() -> list[str]:
    """Names that `load_dataset` knows, `folder:PATH` for your own images included."""
    return [*registry.sources(), "folder:PATH"]


def load_dataset(name: str, **options: Any) -> Dataset:
    """Load a data set by name.

    Parameters
    ----------
    name : str
        One of `available()`. `folder:PATH` reads your own PNG, JPEG, TIFF or DICOM files.
    **options
        Passed to the loader, e.g. `size=None` for the full-size image of `chest-cr`.

    Returns
    -------
    Dataset
        Splits `train`, `val` and `test` of items whose `image` is float32, (1, H, W), in [0, 1].

    Raises
    ------
    ValueError
        When the name is not known; the message lists the known ones.
    """
    if name.startswith("folder:"):
        from denoise_lib.data import folder

        return folder.load(name.removeprefix("folder:"), **options)
    return registry.get(name).load(**options)
