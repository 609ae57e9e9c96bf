"""Open a DICOM file, with or without its head, and read its values with a sentence on bad ones."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoise_lib.checks import UserError, require

if TYPE_CHECKING:
    from pydicom import Dataset, FileDataset

# The first tags of a file without preamble: group 8 (group 2, where only the preamble is missing),
# whose first element is below 0x20, least significant byte first or last.
HEADS = (b"\x08\x00", b"\x02\x00", b"\x00\x08", b"\x00\x02")
# A deflated file that is larger than this and this many times its packed size is a bomb: the
# emptiest radiograph shrinks 300 times, deflate at most 1032 times.
INFLATED, RATIO = 2**26, 400


def looks_like_dicom(head: bytes) -> bool:
    """Whether a file that begins so may be DICOM, with or without preamble.

    Parameters
    ----------
    head : bytes
        The first 132 bytes of the file.

    Returns
    -------
    bool
    """
    if head[128:132] == b"DICM":
        return True
    first = head[2:4] if head[:2] in HEADS[:2] else head[3:1:-1]
    return head[:2] in HEADS and len(head) >= 8 and first[1:] == b"\0" and first[0] < 0x20


def one_line(words: object) -> str:
    """What a file or a decoder says, as a part of a sentence.

    Parameters
    ----------
    words : object
        A text or an exception.

    Returns
    -------
    str
        Without line breaks and the full stop, and not longer than a sentence can be.
    """
    line = " ".join(str(words).split()).rstrip(".: ")
    return line if len(line) <= 300 else f"{line[:300]} ..."


@dataclass(frozen=True)
class Header:
    """The elements of a file, or of one frame, as values that were looked at.

    Attributes
    ----------
    elements : pydicom.Dataset
        Those elements.
    path : pathlib.Path
        The file, for the error messages.
    """

    elements: Dataset
    path: Path

    def refuse(self, what: str, advice: str = "export it again") -> UserError:
        """The error for a file that cannot be read.

        Parameters
        ----------
        what : str
            What is wrong, after the name of the file.
        advice : str
            What to do about it.

        Returns
        -------
        UserError
            To be raised by the caller.
        """
        return UserError(f"{self.path} {one_line(what)}: {advice}.")

    def get(self, keyword: str) -> Any:
        """The value of an element as pydicom gives it.

        Parameters
        ----------
        keyword : str
            Name of the element.

        Returns
        -------
        object
            None for one that is absent or empty.
        """
        try:
            value = self.elements.get(keyword)
        except Exception as error:  # what cannot be converted raises whatever it likes
            raise self.refuse(f"has a damaged {keyword} ({error})") from error
        return None if isinstance(value, str | bytes | list) and not value else value

    def first(self, keyword: str) -> Any:
        """The first value of an element that may hold several.

        Parameters
        ----------
        keyword : str
            Name of the element.

        Returns
        -------
        object
            None for one that is absent or empty.
        """
        value = self.get(keyword)
        if isinstance(value, Iterable) and not isinstance(value, str | bytes):
            return next(iter(value), None)
        return value

    def word(self, keyword: str) -> str:
        """An element that is one of a few words.

        Parameters
        ----------
        keyword : str
            Name of the element.

        Returns
        -------
        str
            In capitals; empty for one that is absent.
        """
        return str(self.first(keyword) or "").strip().upper()

    def number(self, keyword: str) -> float | None:
        """An element that is a number, the first of several.

        Parameters
        ----------
        keyword : str
            Name of the element.

        Returns
        -------
        float or None
            None for one that is absent or empty.
        """
        value = self.first(keyword)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise self.refuse(f"has {value!r} as its {keyword}, which is no number")
        return number

    def integer(self, keyword: str, low: int, high: int, absent: int | None = None) -> int:
        """An element that is an integer in a range.

        Parameters
        ----------
        keyword : str
            Name of the element.
        low, high : int
            The smallest and largest allowed value.
        absent : int, optional
            What holds where it is absent or empty; by default the file is refused.

        Returns
        -------
        int
        """
        number = self.number(keyword)
        if number is None and absent is not None:
            return absent
        if number is None or number != int(number) or not low <= number <= high:
            found = "no" if number is None else f"{number:g} as its"
            raise self.refuse(f"has {found} {keyword}, which must lie between {low} and {high}")
        return int(number)

    def item(self, keyword: str) -> Header | None:
        """The first item of a sequence.

        Parameters
        ----------
        keyword : str
            Name of the sequence.

        Returns
        -------
        Header or None
            None where there is none.
        """
        from pydicom import Dataset

        item = self.first(keyword)
        if item is not None and not isinstance(item, Dataset):
            raise self.refuse(f"has a damaged {keyword}")
        return None if item is None else Header(item, self.path)


def open_dicom(path: Path) -> tuple[FileDataset, list[str]]:
    """Parse a DICOM file.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    pydicom.FileDataset
        All elements; `file_meta` names a transfer syntax.
    list of str
        What to tell about it.

    Raises
    ------
    ModuleNotFoundError
        When pydicom is not installed or too old.
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no DICOM file, or damaged, or a bomb.
    """
    pydicom: Any = require("pydicom", "dicom", "Reading DICOM")
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: check the path.")
    with path.open("rb") as file:
        head = file.read(132)
    not_one = UserError(f"{path} is not a DICOM file: convert it or leave it out.")
    if not looks_like_dicom(head):
        raise not_one
    try:
        _check_deflated(path)
        elements = pydicom.dcmread(path, force=True)
        encoding = elements.original_encoding
        # Elements are parsed when they are asked for: the first pass finds what is damaged.
        known = [elements.get(name) for name in ("SOPClassUID", "Rows", "TransferSyntaxUID")]
    except UserError:
        raise
    except Exception as error:  # a damaged file raises whatever the parser stumbles on
        raise UserError(
            f"{path} is a damaged DICOM file ({one_line(error)}): copy it again."
        ) from error
    if head[128:] == b"DICM" and not len(elements):
        raise UserError(f"{path} is a damaged DICOM file (it ends after its head): copy it again.")
    if not len(elements) or (head[128:] != b"DICM" and known[:2] == [None, None]):
        raise not_one
    return elements, _named_syntax(elements, encoding)


def _check_deflated(path: Path) -> None:
    """Refuse a file compressed as a whole that is not whole, or too much to unpack."""
    from pydicom.filereader import read_dataset, read_preamble
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    with path.open("rb") as file:
        if read_preamble(file, True) is None:
            return
        meta = read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return
        packed = file.read()
    allowed, length = max(INFLATED, RATIO * len(packed)), 0
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while packed and not inflate.eof:  # what comes out is thrown away: it is only measured
            length += len(inflate.decompress(packed, 2**24))
            packed = inflate.unconsumed_tail
            if length > allowed:
                raise UserError(
                    f"{path} grows more than {RATIO} times when it is unpacked, which no image "
                    "does: leave it out."
                )
    except zlib.error as error:
        raise UserError(f"{path} is damaged ({error}): copy it again.") from error
    if not inflate.eof:
        raise UserError(f"{path} is damaged (its compressed data end early): copy it again.")


def _named_syntax(elements: Any, encoding: tuple[bool | None, bool | None]) -> list[str]:
    """Put the transfer syntax that was found into a head that names none."""
    from pydicom import uid
    from pydicom.dataset import FileMetaDataset

    if not hasattr(elements, "file_meta"):
        elements.file_meta = FileMetaDataset()
    if elements.file_meta.get("TransferSyntaxUID"):
        return []
    found = {
        (True, True): uid.ImplicitVRLittleEndian,
        (False, True): uid.ExplicitVRLittleEndian,
        (False, False): uid.ExplicitVRBigEndian,
    }[(bool(encoding[0]), bool(encoding[1]))]
    elements.file_meta.TransferSyntaxUID = found
    return [f"does not say how it is coded; it is read as {found.name}"]
