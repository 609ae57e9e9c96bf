"""Input checks whose one-sentence errors say what to do."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from types import ModuleType

import torch
from packaging.requirements import Requirement


class UserError(ValueError):
    """Something that the caller can put right; its one sentence says how.

    The command `denoise` prints it without a traceback. Any other exception is a mistake of ours.
    """


def unknown(what: str, name: object, known: Iterable[object]) -> UserError:
    """The error for a name that is none of the known ones.

    Parameters
    ----------
    what : str
        What it should name: "data set".
    name : object
        What was given.
    known : iterable
        What could have been given.

    Returns
    -------
    UserError
        To be raised by the caller.
    """
    return UserError(f"Unknown {what} {name!r}; choose one of: {', '.join(map(str, known))}.")


def require(package: str, extra: str, what: str) -> ModuleType:
    """Import a package that only an extra of this one installs.

    Parameters
    ----------
    package : str
        Its import name.
    extra : str
        The extra of `denoise_lib`.
    what : str
        What needs it: "Reading DICOM".

    Returns
    -------
    types.ModuleType

    Raises
    ------
    ModuleNotFoundError
        When it is not installed, or too old; the message says how to install it.
    """
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError:
        raise not_installed(package, extra, what) from None
    asked = _requirement(package, extra)
    try:
        found = metadata.version(package)
    except metadata.PackageNotFoundError:  # a module without a distribution
        return module
    if not asked.specifier.contains(found, prereleases=True):
        raise ModuleNotFoundError(
            f'{what} needs {asked}, but {found} is installed: pip install --upgrade "{asked}"'
        )
    return module


def not_installed(package: str, extra: str, what: str) -> ModuleNotFoundError:
    """The error for a package that only an extra of this one installs; see `require`.

    Parameters
    ----------
    package : str
        Its name for pip.
    extra : str
        The extra of `denoise_lib` that installs it.
    what : str
        What needs it: "Reading DICOM".

    Returns
    -------
    ModuleNotFoundError
        To be raised by the caller.
    """
    return ModuleNotFoundError(
        f'{what} needs {package}: pip install "{_requirement(package, extra)}"'
    )


def _requirement(package: str, extra: str) -> Requirement:
    """A dependency with its bounds, as `pyproject.toml` has it under an extra.

    The dependency's own name, and not that of the extra: who has this library from a checkout or a
    wheel cannot ask an index for `denoise_lib`.
    """
    with suppress(metadata.PackageNotFoundError):  # run from a folder that is not installed
        for line in metadata.requires("denoise_lib") or []:
            asked = Requirement(line)
            if asked.name == package and asked.marker and asked.marker.evaluate({"extra": extra}):
                asked.marker = None
                return asked
    return Requirement(package)


def check_images(images: torch.Tensor, what: str = "images") -> None:
    """Refuse anything but a finite float tensor of grey images.

    Parameters
    ----------
    images : torch.Tensor
        Should be floating point, shape (N, 1, H, W), finite. Noisy images may leave [0, 1].
    what : str
        How the error names the tensor.

    Raises
    ------
    TypeError
        When it is not a floating-point tensor.
    ValueError
        When its shape is not (N, 1, H, W) or a value is not finite.
    """
    if not isinstance(images, torch.Tensor) or not images.is_floating_point():
        found = images.dtype if isinstance(images, torch.Tensor) else type(images).__name__
        raise TypeError(f"The {what} must be a float tensor, not {found}: convert with .float().")
    if images.ndim != 4 or images.shape[1] != 1:
        raise UserError(
            f"The {what} must have shape (N, 1, H, W), not {tuple(images.shape)}: "
            "add the missing axes or convert colour to grey."
        )
    if not torch.isfinite(images).all():
        raise UserError(f"The {what} contain NaN or infinity: remove them before denoising.")


def check_clean(images: torch.Tensor) -> None:
    """Refuse clean images outside [0, 1], after `check_images`.

    Parameters
    ----------
    images : torch.Tensor
        Should be floating point, shape (N, 1, H, W), in [0, 1].

    Raises
    ------
    TypeError, ValueError
        As `check_images`, and ValueError when a value lies outside [0, 1].
    """
    check_images(images, "clean images")
    if images.numel() and (images.min() < 0 or images.max() > 1):
        raise UserError(
            f"Clean images must lie in [0, 1], not [{images.min():.3g}, {images.max():.3g}]: "
            "divide 8-bit images by 255."
        )


def check_number(value: float, name: str, low: float = 0.0, high: float = math.inf) -> float:
    """Refuse a value that is not a finite number in a range.

    Parameters
    ----------
    value : float
        To be checked.
    name : str
        How the error names it.
    low, high : float
        The smallest and largest allowed value.

    Returns
    -------
    float
        The value.

    Raises
    ------
    ValueError
        When it is not a finite number in [low, high].
    """
    value = float(value)
    if not math.isfinite(value) or not low <= value <= high:
        allowed = f"between {low:g} and {high:g}" if math.isfinite(high) else f"at least {low:g}"
        raise UserError(f"{name} must be a number {allowed}, not {value:g}.")
    return value
