"""Measure a denoiser under a protocol: one row per image and method."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from denoise_lib import metrics
from denoise_lib.checks import (
    UserError,
    check_denoiser,
    check_estimate,
    check_images,
    check_sigma,
    shown,
)
from denoise_lib.files import printable
from denoise_lib.inference import evaluating
from denoise_lib.methods.registry import Denoiser
from denoise_lib.protocol import Protocol

METRICS = ("psnr", "ssim", "mse")


def apply(denoiser: Denoiser, noisy: torch.Tensor, sigma: float | None = None) -> torch.Tensor:
    """Denoise images with any denoiser, a network in evaluation mode and on its own device.

    Parameters
    ----------
    denoiser : callable
        ``f(noisy, sigma=None) -> image``: a model, a baseline, or your own function.
    noisy : torch.Tensor
        float32, shape (N, 1, H, W).
    sigma : float, optional
        Standard deviation of the noise on the 0-255 scale, where it is known.

    Returns
    -------
    torch.Tensor
        float32, shape (N, 1, H, W), on the CPU, not clipped.

    Raises
    ------
    TypeError, ValueError
        When `noisy` is not a batch of grey images, sigma no noise level, or the denoiser none or
        returns something else than finite images of that shape.
    """
    check_images(noisy, "noisy images")
    check_denoiser(denoiser)
    sigma = check_sigma(sigma)
    with evaluating(denoiser) as device:
        estimate = denoiser(noisy.to(device), sigma=sigma)
    return check_estimate(estimate, noisy).float().cpu()


def evaluate(
    denoiser: Denoiser,
    protocol: Protocol,
    name: str | None = None,
    progress: bool = True,
    only: Collection[str] | None = None,
) -> pd.DataFrame:
    """Measure a denoiser on every image of a protocol.

    Parameters
    ----------
    denoiser : callable
        ``f(noisy, sigma=None) -> image``.
    protocol : Protocol
        Data set, split, noise, seed and metric settings.
    name : str, optional
        The method's name in the rows; by default the function's or class's name.
    progress : bool
        Show a progress bar.
    only : collection of str, optional
        Measure these images of the protocol only, by their ids.

    Returns
    -------
    pandas.DataFrame
        One row per image: `method`, `dataset`, `split`, `noise`, `sigma`, `image`, `group`, `psnr`
        (dB), `ssim`, `mse`, `seconds` (time of this image alone) and `protocol` (its hash).

    Raises
    ------
    ValueError
        When the protocol is none, the split has no images, or as `apply`.
    """
    check_denoiser(denoiser)
    if not isinstance(protocol, Protocol):
        raise UserError(
            f"Images are measured under a Protocol, not {shown(protocol)}: give Protocol(limit=5), "
            "say."
        )
    items = protocol.items()
    if not len(items):
        raise UserError(f"{protocol.dataset} has no {protocol.split} images; use another split.")
    if only is not None:
        items = items.select([only] if isinstance(only, str) else only)
    name = name or getattr(denoiser, "__name__", type(denoiser).__name__)
    rows = []
    for item in tqdm(items, desc=name, disable=not progress, leave=False):
        clean = item.image[None]
        noisy = protocol.noise(clean, [item.id], protocol.seed)
        start = time.perf_counter()
        estimate = apply(denoiser, noisy, protocol.noise.known_sigma)
        seconds = time.perf_counter() - start
        scores = score(clean, estimate, protocol)
        rows.append({"image": item.id, "group": item.group, **scores, "seconds": seconds})
    return pd.DataFrame(rows).assign(
        method=name,
        dataset=printable(protocol.dataset),
        split=protocol.split,
        noise=protocol.noise.to_dict()["type"],
        sigma=protocol.noise.known_sigma,
        protocol=protocol.hash,
    )


def compare(denoisers: Mapping[str, Denoiser], protocol: Protocol, **options) -> pd.DataFrame:
    """Measure several denoisers under one protocol, in one table of rows.

    Parameters
    ----------
    denoisers : mapping of str to callable
        By the name that its rows get.
    protocol : Protocol
        What all are measured under.
    **options
        Passed to `evaluate`: `progress`, `only`.

    Returns
    -------
    pandas.DataFrame
        The rows of `evaluate`, one method after the other.

    Raises
    ------
    ValueError
        As `evaluate`.
    """
    return pd.concat(
        [evaluate(denoiser, protocol, name, **options) for name, denoiser in denoisers.items()],
        ignore_index=True,
    )


def score(clean: torch.Tensor, estimate: torch.Tensor, protocol: Protocol) -> dict[str, float]:
    """PSNR, SSIM and MSE of one image, as the protocol defines them.

    Parameters
    ----------
    clean, estimate : torch.Tensor
        One image, float32, shape (1, 1, H, W); `clean` in [0, 1].
    protocol : Protocol
        Its data range and window are used.

    Returns
    -------
    dict of str to float
        `psnr` (dB), `ssim` and `mse`.

    Raises
    ------
    TypeError, ValueError
        As `metrics.ssim`.
    """
    return {
        "psnr": metrics.psnr(clean, estimate, protocol.data_range).item(),
        "ssim": metrics.ssim(clean, estimate, protocol.data_range, protocol.ssim_sigma).item(),
        "mse": metrics.mse(clean, estimate, protocol.data_range).item(),
    }


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean of each method with a 95 % confidence interval over patients.

    Images of one patient are averaged first, since they are not independent; the interval is
    Student's t over those averages. The PSNR of an image that equals the clean one is infinite; it
    is left out of the mean, with a warning.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate`, of any number of methods but of ONE protocol.

    Returns
    -------
    pandas.DataFrame
        Indexed by method, best PSNR first; columns `psnr`, `psnr_ci` (half width; NaN where all
        images are of one patient), `psnr_spread` (standard deviation over images), likewise `ssim`
        and `mse`, then `seconds` (median) and `images`.

    Raises
    ------
    ValueError
        When rows of different protocols are mixed, or one method has an image twice.

    Warns
    -----
    UserWarning
        When a method's PSNR is infinite on some images.
    """
    check_one_protocol(rows)
    if rows.duplicated(["method", "image"]).any():
        raise UserError("A method has the same image twice: drop the older rows first.")
    summary = pd.DataFrame(
        {method: _summarise_method(group) for method, group in rows.groupby("method")}
    ).T.astype({"images": int})
    return summary.rename_axis("method").sort_values("psnr", ascending=False)


def check_one_protocol(rows: pd.DataFrame) -> None:
    """Refuse rows of several protocols: they may not stand in one table.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `evaluate`.

    Raises
    ------
    ValueError
        When they are of several protocols, or there are none.
    """
    if not isinstance(rows, pd.DataFrame) or "protocol" not in rows:
        raise UserError(f"These are no rows of `evaluate`: {shown(rows)}.")
    hashes = sorted(rows["protocol"].unique())
    if len(hashes) != 1:
        raise UserError(
            f"These rows come from {len(hashes)} protocols ({', '.join(hashes)}), so their numbers "
            "cannot stand in one table: select the rows of one protocol."
        )


def _summarise_method(rows: pd.DataFrame) -> dict[str, float]:
    from scipy import special  # half a second to import

    infinite = np.isinf(rows["psnr"])
    if infinite.any():
        warnings.warn(
            f"{rows['method'].iloc[0]} equals the clean image on {infinite.sum()} of {len(rows)} "
            "images: their PSNR is infinite, and left out of the mean.",
            stacklevel=3,
        )
        rows = rows.assign(psnr=rows["psnr"].mask(infinite))
    by_patient = rows.groupby("group")[list(METRICS)].mean()
    count = len(by_patient)
    factor = special.stdtrit(count - 1, 0.975) / np.sqrt(count) if count > 1 else np.nan
    summary = {}
    for metric in METRICS:
        summary[metric] = rows[metric].mean()
        summary[f"{metric}_ci"] = factor * by_patient[metric].std() if count > 1 else np.nan
        summary[f"{metric}_spread"] = rows[metric].std()
    return {**summary, "seconds": rows["seconds"].median(), "images": len(rows)}
