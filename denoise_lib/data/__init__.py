"""Clean images in named data sets, split by patient: `load_dataset(name)`."""

from __future__ import annotations

from denoise_lib.data import chest_cr, chest_drr, folder, hosted, published
from denoise_lib.data.items import Dataset, Item, Split

_LOADERS = {
    "chest-drr": chest_drr.load,
    "chest-cr": chest_cr.load,
    "nih-sample": published.load_nih_sample,
    "train400": published.load_train400,
    "set12": published.load_set12,
    "bsd68": published.load_bsd68,
    "coronahack": hosted.load_coronahack,
    "pneumoniamnist": hosted.load_pneumoniamnist,
}

__all__ = ["Dataset", "Item", "Split", "available", "load_dataset"]


def available() -> list[str]:
    """Names that `load_dataset` knows, `folder:PATH` for your own images included."""
    return [*_LOADERS, "folder:PATH"]


def load_dataset(name: str, **options) -> Dataset:
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
        return folder.load(name.removeprefix("folder:"), **options)
    if name not in _LOADERS:
        raise ValueError(f"Unknown data set {name!r}; choose one of: {', '.join(available())}.")
    return _LOADERS[name](**options)
