"""Clean images in named data sets, split by patient: `load_dataset(name)`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from denoise_lib.checks import UserError
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
        When the name or an option is not known; the message lists the known ones.
    """
    if not isinstance(name, str):
        raise UserError(
            f"A data set is asked for by a name, not by {name!r}: write one of "
            f"{', '.join(available())} in quotes."
        )
    if name.startswith("folder:"):
        from denoise_lib.data import folder

        return _load(partial(folder.load, name.removeprefix("folder:")), name, options)
    return _load(registry.get(name).load, name, options)


def _load(load: Callable[..., Dataset], name: str, options: dict[str, Any]) -> Dataset:
    known = inspect.signature(load).parameters
    for option in options:
        if option not in known:
            choice = f"it has {', '.join(known)}" if known else f"leave out {option} (--{option})"
            raise UserError(f"{name} has no option {option!r}: {choice}.")
    return load(**options)
