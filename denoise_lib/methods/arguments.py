"""The arguments of a network's class, checked before any memory is taken.

The kinds are the annotations of its constructor; one range serves all numbers, and a limit on the
weights all products of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, get_origin, get_type_hints

import torch
from torch.nn.modules.module import register_module_parameter_registration_hook

from denoise_lib.checks import UserError, check_flag, check_number, check_whole, shown

LARGEST = 10_000  # of a whole number: layers, feature maps, units, pixels
MOST_WEIGHTS = 200_000_000  # ten times the largest paper's
MOST_TENSORS = 20_000


def checked_arguments(
    name: str, architecture: type[torch.nn.Module], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Refuse arguments with which a network cannot, or should not, be made.

    Parameters
    ----------
    name : str
        Of the network, for messages.
    architecture : type
        Its class.
    given : mapping
        Arguments by name.

    Returns
    -------
    dict
        The arguments, numbers as Python's own.

    Raises
    ------
    ValueError
        When one is unknown or of the wrong kind, a number out of its range, or the network would
        have more than `MOST_WEIGHTS` weights.
    """
    hints = get_type_hints(architecture.__init__)
    known = list(inspect.signature(architecture).parameters)
    for argument in given:
        if argument not in known:
            raise UserError(
                f"{name} has no argument {argument!r}, but: {', '.join(known) or 'none'}."
            )
    checked = {
        argument: _checked(value, f"{name}: {argument}", hints.get(argument))
        for argument, value in given.items()
    }
    _rehearse(name, architecture, checked)
    return checked


def _checked(value: Any, name: str, hint: Any) -> Any:
    if hint is bool:
        return check_flag(value, name)
    if hint is int:
        return check_whole(value, name, 1, LARGEST)
    if hint is float:
        return check_number(value, name, high=LARGEST)
    if hint is str and not isinstance(value, str):
        raise UserError(f"{name} must be text, not {shown(value)}.")
    if get_origin(hint) is Sequence:
        if not isinstance(value, list | tuple):
            raise UserError(f"{name} must be a list of whole numbers, not {shown(value)}.")
        return tuple(check_whole(each, name, 1, LARGEST) for each in value)
    return value


def _rehearse(name: str, architecture: type[torch.nn.Module], arguments: dict[str, Any]) -> None:
    """Make the network without its memory, and refuse one that would be too large.

    No random number is drawn. What a class says against its own arguments is a ValueError.
    """
    try:
        with torch.device("meta"), _counting(name):
            architecture(**arguments)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(str(error)) from error
    except (NotImplementedError, RuntimeError):
        return  # a class that looks at its weights cannot be rehearsed


@contextmanager
def _counting(name: str) -> Iterator[None]:
    weights, tensors = 0, 0

    def count(module: torch.nn.Module, parameter: str, value: Any) -> None:
        nonlocal weights, tensors
        if value is None or not value.is_meta:
            return
        weights, tensors = weights + value.numel(), tensors + 1
        if weights > MOST_WEIGHTS or tensors > MOST_TENSORS:
            raise UserError(
                f"{name} would have more than {MOST_WEIGHTS:,} weights or {MOST_TENSORS:,} tensors "
                "of them with these arguments: choose smaller ones."
            )

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
