"""Dataclasses whose fields are checked: a wrong value is one sentence that names field and range.

@record
class Recipe:
    steps: Annotated[int, whole(1, 10**9)]

pydantic does the checking. Its own errors take several lines and speak of inputs and validators.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, TypeVar, dataclass_transform

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, ValidationError
from pydantic.dataclasses import dataclass

from denoise_lib.checks import UserError, allowed, as_number, as_whole, in_figures, shown

Flag = StrictBool  # pydantic takes "no" and 0 for False, and "maybe" for a mistake

Class = TypeVar("Class", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def record(cls: Class) -> Class:
    """Make a frozen dataclass that refuses unknown, missing and wrong fields in sentences.

    Parameters
    ----------
    cls : type
        Its fields are annotated, as a dataclass's are: `whole`, `number` and `Flag` for what
        pydantic would guess from text.

    Returns
    -------
    type
        The dataclass. What it refuses is a UserError; inside a larger pydantic model it takes
        part in that model's ValidationError.
    """
    made = dataclass(frozen=True, config=ConfigDict(extra="forbid"))(cls)
    initialise, names = made.__init__, list(made.__pydantic_fields__)

    @functools.wraps(initialise)
    def __init__(self: Any, *values: Any, **fields: Any) -> None:
        if len(values) > len(names):
            raise UserError(f"{cls.__name__} has {len(names)} fields, not {len(values)}.")
        try:  # by name, so that an error has it
            initialise(self, **dict(zip(names, values, strict=False)), **fields)
        except ValidationError as error:
            raise UserError(sentences(error.errors(), names)) from None

    made.__init__ = __init__
    return made


def whole(low: int, high: int) -> BeforeValidator:
    """What a whole number must be; 2.0 is 2.

    Parameters
    ----------
    low, high : int
        The smallest and largest allowed value.

    Returns
    -------
    BeforeValidator
        For ``Annotated[int, whole(1, 16)]``.
    """

    def check(value: Any) -> int:
        found = as_whole(value)
        if found is None or not low <= found <= high:
            raise UserError(f"must be {allowed(int, low, high)}")
        return found

    return BeforeValidator(check)


def number(low: float, high: float, above: bool = False, below: bool = False) -> BeforeValidator:
    """What a number must be; neither NaN nor infinite.

    Parameters
    ----------
    low, high : float
        The smallest and largest allowed value.
    above, below : bool
        Whether `low`, `high` itself is too small, too large.

    Returns
    -------
    BeforeValidator
        For ``Annotated[float, number(0, 1)]``.
    """
    words = allowed(float, low, high)
    if above:
        words = f"a number above {in_figures(low)}, up to {in_figures(high)}"
    if below:
        words = f"a number of at least {in_figures(low)} and below {in_figures(high)}"

    def check(value: Any) -> float:
        found = as_number(value)
        if found is None or not low <= found <= high:
            raise UserError(f"must be {words}")
        if (above and found == low) or (below and found == high):
            raise UserError(f"must be {words}")
        return float(found)

    return BeforeValidator(check)


def sentences(errors: Iterable[Any], known: Iterable[str] = ()) -> str:
    """pydantic's complaints as a sentence each: where, what it is, and what would be right.

    Parameters
    ----------
    errors : iterable
        Of `ValidationError.errors()`.
    known : iterable of str
        The fields that there are, where an unknown one should be told them.

    Returns
    -------
    str
        "steps is 1.5: must be a whole number between 1 and 16."
    """
    names = ", ".join(known)
    return " ".join(_sentence(error, names) for error in errors)


def _sentence(error: Any, known: str) -> str:
    *tables, key = map(str, error["loc"] or ("",))
    place = f"[{'.'.join(tables)}] {key}" if tables else key
    kind = error["type"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{place} is not known: remove it or mend its name{known and f' ({known})'}."
    if kind in ("missing", "missing_argument"):
        return f"{place} is missing: add it."
    if kind == "value_error":  # ours
        reason = str(error["ctx"]["error"])
        if not reason.startswith("must be "):  # a whole sentence already
            return f"{place}: {reason}" if place else reason
    else:
        reason = _must_be(error)
    return f"{place} is {shown(error['input'])}: {reason.rstrip('.')}."


def _must_be(error: Any) -> str:
    """pydantic's words for what a field must be, without its `Input should`."""
    if error["type"] in ("bool_type", "bool_parsing"):
        return "must be true or false"
    if error["type"].endswith("_type") and "class_name" in error.get("ctx", {}):
        return "must be a table of its fields"
    reason = error["msg"].replace("Input should", "must")
    return reason.replace("must be a valid string", "must be text")
