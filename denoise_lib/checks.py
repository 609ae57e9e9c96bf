"""Input checks whose one-sentence errors say what to do."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib import metadata
from types import ModuleType
from typing import Any

import numpy as np
import torch
from packaging.requirements import Requirement

LARGEST_SIGMA = 2550  # ten times the distance from black to white: nothing of an image is left
LONGEST_SHOWN = 60


class UserError(ValueError):
    """Something that the caller can put right; its one sentence says how.

    The command `denoise` prints it without a traceback. Any other exception is a mistake of ours.
    """


class EstimateError(UserError):
    """What a denoiser returned is no denoised image."""


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
        When its shape is not (N, 1, H, W), it has no pixels in memory, or a value is not finite.
    """
    _check_floats(images, what)
    if images.ndim != 4 or images.shape[1] != 1:
        raise UserError(
            f"The {what} must have shape (N, 1, H, W), not {tuple(images.shape)}: "
            "add the missing axes or convert colour to grey."
        )
    _check_contents(images, what)


def check_values(values: torch.Tensor, what: str) -> None:
    """Refuse anything but a finite float tensor, of whatever shape.

    Parameters
    ----------
    values : torch.Tensor
        Should be floating point, finite, with at least one value.
    what : str
        How the error names the tensor.

    Raises
    ------
    TypeError
        When it is not a floating-point tensor.
    ValueError
        When it has no values in memory, or one is not finite.
    """
    _check_floats(values, what)
    _check_contents(values, what)


def _check_floats(images: torch.Tensor, what: str) -> None:
    if not isinstance(images, torch.Tensor) or not images.is_floating_point():
        found = images.dtype if isinstance(images, torch.Tensor) else type(images).__name__
        raise TypeError(f"The {what} must be a float tensor, not {found}: convert with .float().")
    if images.layout != torch.strided:
        raise UserError(f"The {what} are a sparse tensor: convert with .to_dense().")


def _check_contents(images: torch.Tensor, what: str) -> None:
    if not images.numel():
        raise UserError(
            f"The {what} of shape {tuple(images.shape)} hold no pixel: give at least one image."
        )
    if images.is_meta:
        raise UserError(f"The {what} are on the device 'meta', without values: give an image.")
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
    if images.min() < 0 or images.max() > 1:
        raise UserError(
            f"Clean images must lie in [0, 1], not [{images.min():.3g}, {images.max():.3g}]: "
            "divide 8-bit images by 255."
        )


def check_noisy(images: torch.Tensor) -> None:
    """Refuse noisy images on another scale than [0, 1], after `check_images`.

    Noise leaves [0, 1], but its mean hardly does: an image whose mean is below -1 or above 2, or
    with a value beyond 100, was not divided by its largest grey value.

    Parameters
    ----------
    images : torch.Tensor
        Should be floating point, shape (N, 1, H, W), with a clean range of [0, 1].

    Raises
    ------
    TypeError, ValueError
        As `check_images`, and ValueError when an image is on another scale.
    """
    check_images(images)
    means = images.mean((1, 2, 3))
    if means.min() < -1 or means.max() > 2 or images.abs().max() > 100:
        raise UserError(
            f"The image has values from {images.min():.4g} to {images.max():.4g}, but black must "
            "be 0 and white 1: divide 8-bit images by 255, 16-bit images by 65535."
        )


def check_estimate(estimate: Any, noisy: torch.Tensor) -> torch.Tensor:
    """Refuse what is no denoised image.

    Parameters
    ----------
    estimate : object
        What a denoiser returned.
    noisy : torch.Tensor
        What it was given.

    Returns
    -------
    torch.Tensor
        The estimate.

    Raises
    ------
    EstimateError
        When it is no tensor, of another shape than the noisy image, or not finite.
    """
    if not isinstance(estimate, torch.Tensor):
        raise EstimateError(
            f"The denoiser returned {type(estimate).__name__}: it must return a tensor, the image."
        )
    if estimate.shape != noisy.shape:
        raise EstimateError(
            f"The denoiser must return images of the input's shape {tuple(noisy.shape)}, "
            f"not {tuple(estimate.shape)}."
        )
    if not torch.isfinite(estimate).all():
        raise EstimateError(
            "The denoiser returned NaN or infinity: its weights or its code are wrong."
        )
    return estimate


def check_denoiser(denoiser: Any) -> None:
    """Refuse what cannot be called as ``f(noisy, sigma=None)`` with float32 images.

    Parameters
    ----------
    denoiser : object
        A network, or any function.

    Raises
    ------
    ValueError
        When it is no function, takes no sigma, or its weights are of another type.
    """
    if not callable(denoiser) or isinstance(denoiser, type):
        raise UserError(
            f"{denoiser!r} is no denoiser: load one with methods.load, or give a function "
            "f(noisy, sigma=None)."
        )
    if not _takes_sigma(denoiser):
        name = getattr(denoiser, "__name__", type(denoiser).__name__)
        raise UserError(
            f"The denoiser {name} takes no sigma: give lambda noisy, sigma=None: model(noisy)."
        )
    if isinstance(denoiser, torch.nn.Module):
        for weight in denoiser.parameters():
            if weight.dtype == torch.float64:
                raise UserError("The model's weights are float64: convert with model.float().")


def _takes_sigma(denoiser: Callable) -> bool:
    call = denoiser.forward if isinstance(denoiser, torch.nn.Module) else denoiser
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):  # a function of a compiled module may have no signature
        return True
    return any(each.name == "sigma" or each.kind == each.VAR_KEYWORD for each in parameters)


def check_weights(weights: torch.nn.Module | Mapping[str, torch.Tensor], what: str) -> None:
    """Refuse weights that are not finite: they would make every image NaN.

    Parameters
    ----------
    weights : torch.nn.Module or mapping of str to torch.Tensor
        A network, or its weights by name.
    what : str
        How the error names them: "The weights of dncnn-nih".

    Raises
    ------
    ValueError
        When a weight is NaN or infinite; names the first tensor that has one.
    """
    if isinstance(weights, torch.nn.Module):
        weights = weights.state_dict()
    for name, value in weights.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise UserError(
                f"{what} have NaN or infinity in {name}: train again with a lower learning rate."
            )


def allowed(kind: type, low: float, high: float) -> str:
    """The numbers of a range, in words.

    Parameters
    ----------
    kind : type
        int or float.
    low, high : float
        The smallest and the largest; infinite where there is none.

    Returns
    -------
    str
        "a whole number between 1 and 16".
    """
    number = "a whole number" if kind is int else "a number"
    if math.isinf(high):
        return f"{number} of at least {in_figures(low)}"
    return f"{number} between {in_figures(low)} and {in_figures(high)}"


def in_figures(value: float) -> str:
    """A finite number as an error shows it.

    Parameters
    ----------
    value : float
        Whole or not.

    Returns
    -------
    str
        "10,000" or "0.001".
    """
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def check_number(value: Any, name: str, low: float = 0.0, high: float = math.inf) -> float:
    """Refuse a value that is not a finite number in a range.

    Parameters
    ----------
    value : float
        To be checked; also a NumPy number, or a tensor with a single one.
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
    number = as_number(value)
    if number is None or not low <= number <= high or not math.isfinite(number):
        raise UserError(f"{name} must be {allowed(float, low, high)}, not {shown(value)}.")
    return float(number)


def check_whole(value: Any, name: str, low: int = 0, high: float = math.inf) -> int:
    """Refuse a value that is not a whole number in a range.

    Parameters
    ----------
    value : int
        To be checked; 2.0 is 2.
    name : str
        How the error names it.
    low, high : int
        The smallest and largest allowed value.

    Returns
    -------
    int
        The value.

    Raises
    ------
    ValueError
        When it is not a whole number in [low, high].
    """
    number = as_whole(value)
    if number is None or not low <= number <= high:
        raise UserError(f"{name} must be {allowed(int, low, high)}, not {shown(value)}.")
    return number


def check_flag(value: Any, name: str) -> bool:
    """Refuse a value that is neither true nor false.

    Parameters
    ----------
    value : bool
        To be checked. Text is refused: any text is true to Python, "no" included.
    name : str
        How the error names it.

    Returns
    -------
    bool
        The value.

    Raises
    ------
    ValueError
        When it is neither.
    """
    if not isinstance(value, bool | np.bool_):
        raise UserError(f"{name} must be True or False, not {shown(value)}.")
    return bool(value)


def check_sigma(sigma: Any) -> float | None:
    """Refuse what is no noise level.

    Parameters
    ----------
    sigma : float or None
        Standard deviation on the 0-255 scale; None where it is not known.

    Returns
    -------
    float or None
        The value.

    Raises
    ------
    ValueError
        When it is no number between 0 and `LARGEST_SIGMA`.
    """
    return None if sigma is None else check_number(sigma, "sigma", high=LARGEST_SIGMA)


def as_number(value: Any) -> int | float | None:
    """A number as Python has it.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    int, float or None
        None for what is no single real number: text, a truth value, a list.
    """
    if isinstance(value, np.generic | np.ndarray | torch.Tensor):
        try:
            value = value.item()
        except (ValueError, RuntimeError):  # several values, or none
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def as_whole(value: Any) -> int | None:
    """A whole number as Python has it.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    int or None
        None for what is no whole number; 2 for 2.0.
    """
    number = as_number(value)
    return int(number) if number is not None and number % 1 == 0 else None


def shown(value: Any) -> str:
    """A wrong value as an error shows it.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    str
        At most `LONGEST_SHOWN` characters, on one line.
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."
