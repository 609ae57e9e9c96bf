"""What a data set is made of: items, splits, and the three splits together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import torch

from denoise_lib.checks import UserError, unknown

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Item:
    """One clean image and what is known about it.

    Attributes
    ----------
    image : torch.Tensor
        float32, shape (1, H, W), values in [0, 1].
    id : str
        Unique within the data set; keys the noise drawn for this image.
    group : str
        The patient (or scene). No group stands in two splits.
    mask : torch.Tensor or None
        bool, shape (K, H, W), one channel per structure, where the data set has masks.
    label : str or None
        Diagnosis, where the data set has labels.
    """

    image: torch.Tensor
    id: str
    group: str
    mask: torch.Tensor | None = None
    label: str | None = None


def _unread(record: object) -> Item:
    """How a split without records reads them."""
    raise ValueError("This split does not know how to read its records: give it `read`.")


class Split(Sequence[Item]):
    """A lazy sequence of items: an image is read when it is asked for.

    Parameters
    ----------
    records : sequence
        One entry per item, of any type that `read` understands; it must have `id` and `group`
        attributes, so that splits can be compared without reading an image.
    read : callable
        Turns a record into an `Item`.
    """

    def __init__(self, records: Sequence[Any] = (), read: Callable[[Any], Item] = _unread):
        self.records = tuple(records)
        self._read = read

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> Split: ...

    def __getitem__(self, index: int | slice) -> Item | Split:
        if isinstance(index, slice):
            return Split(self.records[index], self._read)
        if not -len(self) <= index < len(self):
            raise IndexError(
                f"There is no item {index} among the {len(self)} of this split: count from 0."
            )
        return self._read(self.records[index])

    def __iter__(self) -> Iterator[Item]:
        return (self._read(record) for record in self.records)

    def __repr__(self) -> str:
        return f"Split({len(self)} items)"

    def select(self, ids: Collection[str]) -> Split:
        """The items with these identifiers, in the split's order.

        Parameters
        ----------
        ids : collection of str
            Of items in the split.

        Returns
        -------
        Split
            A shorter split.

        Raises
        ------
        ValueError
            When an identifier is not in the split.
        """
        if unknown := set(ids) - set(self.ids):
            raise UserError(f"{min(unknown)} is not in this split: choose among its ids.")
        return Split([record for record in self.records if record.id in ids], self._read)

    @property
    def ids(self) -> list[str]:
        """Identifiers in order, without reading the images."""
        return [record.id for record in self.records]

    @property
    def groups(self) -> set[str]:
        """The groups present, without reading the images."""
        return {record.group for record in self.records}

    def images(self) -> torch.Tensor:
        """All images as one tensor.

        Returns
        -------
        torch.Tensor
            float32, shape (N, 1, H, W), values in [0, 1].

        Raises
        ------
        ValueError
            When the split is empty or its images differ in size.
        """
        images = [item.image for item in self]
        if not images:
            raise UserError("This split is empty; choose another split of the data set.")
        if len({image.shape for image in images}) > 1:
            raise UserError(
                "The images of this split differ in size, so they cannot be stacked: give them "
                "one, 256 say (size = 256 under [data] in a training's TOML file, --size 256 on "
                "the command line, load_dataset(..., size=256) in Python)."
            )
        return torch.stack(images)


@dataclass(frozen=True)
class Dataset:
    """Train, validation and test splits of one source.

    Attributes
    ----------
    name : str
        The name it was loaded by.
    train, val, test : Split
        Disjoint in `group`; a split that the source does not define is empty.
    structures : tuple of str
        Names of the mask's channels, in order; empty without masks.
    credit : str
        Where the images come from and under which terms.
    """

    name: str
    train: Split
    val: Split
    test: Split
    structures: tuple[str, ...] = ()
    credit: str = ""

    def __getitem__(self, split: str) -> Split:
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        return getattr(self, split)
