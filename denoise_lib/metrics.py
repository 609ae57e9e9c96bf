"""PSNR, SSIM and MSE: one value per image, with the range always stated.

The estimate is clipped to [0, data_range] first, as a saved image would be. Averages over a data
set are averages of these values (the mean of PSNRs, not the PSNR of a mean MSE).
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch

from denoise_lib.checks import UserError, check_images, check_number

LEAST_RANGE = 1e-6


def mse(clean: torch.Tensor, estimate: torch.Tensor, data_range: float = 1.0) -> np.ndarray:
    """Mean squared error of each image.

    Parameters
    ----------
    clean, estimate : torch.Tensor
        Shape (N, 1, H, W); `clean` in [0, data_range], `estimate` is clipped to it.
    data_range : float
        Distance between black and white.

    Returns
    -------
    numpy.ndarray
        float64, shape (N,).

    Raises
    ------
    TypeError, ValueError
        When an argument is not a batch of grey images, their shapes differ, `clean` leaves
        [0, data_range], or that is no range.
    """
    truth, found = _as_pair(clean, estimate, data_range)
    return ((truth - found) ** 2).mean(axis=(1, 2))


def psnr(clean: torch.Tensor, estimate: torch.Tensor, data_range: float = 1.0) -> np.ndarray:
    """Peak signal-to-noise ratio of each image, 10 log10(data_range^2 / MSE).

    Parameters
    ----------
    clean, estimate : torch.Tensor
        Shape (N, 1, H, W); `clean` in [0, data_range], `estimate` is clipped to it.
    data_range : float
        Distance between black and white.

    Returns
    -------
    numpy.ndarray
        Decibels, float64, shape (N,); infinite where the images are equal.

    Raises
    ------
    TypeError, ValueError
        As `mse`.
    """
    with np.errstate(divide="ignore"):
        return 10 * np.log10(data_range**2 / mse(clean, estimate, data_range))


def ssim(
    clean: torch.Tensor,
    estimate: torch.Tensor,
    data_range: float = 1.0,
    window_sigma: float = 1.5,
) -> np.ndarray:
    """Structural similarity of each image (Wang et al. 2004), averaged over the image.

    Population covariance, K1 = 0.01, K2 = 0.03, and a Gaussian window cut at 3.5 standard
    deviations: 11 x 11 pixels for the usual 1.5. Only full windows count.

    Parameters
    ----------
    clean, estimate : torch.Tensor
        Shape (N, 1, H, W), H and W at least as large as the window; `clean` in [0, data_range],
        `estimate` is clipped to it.
    data_range : float
        Distance between black and white.
    window_sigma : float
        Standard deviation of the window in pixels.

    Returns
    -------
    numpy.ndarray
        float64, shape (N,), at most 1.

    Raises
    ------
    TypeError, ValueError
        As `mse`, and ValueError when an image is smaller than the window.
    """
    check_number(window_sigma, "window_sigma", 0.5, 50)
    pairs = zip(*_as_pair(clean, estimate, data_range), strict=True)
    return np.array([_ssim_one(x, y, data_range, window_sigma) for x, y in pairs])


def _ssim_one(clean: np.ndarray, estimate: np.ndarray, data_range: float, sigma: float) -> float:
    side = 2 * int(3.5 * sigma + 0.5) + 1
    if min(clean.shape) < side:
        raise UserError(f"SSIM needs images of at least {side} x {side} pixels: got {clean.shape}.")
    from skimage.metrics import structural_similarity  # half a second to import

    found = structural_similarity(
        clean,
        estimate,
        data_range=data_range,
        gaussian_weights=True,
        sigma=sigma,
        use_sample_covariance=False,
    )
    return cast(float, found)  # a tuple only where more is asked for


def _as_pair(
    clean: torch.Tensor, estimate: torch.Tensor, data_range: float
) -> tuple[np.ndarray, np.ndarray]:
    check_images(clean, "clean images")
    check_images(estimate, "estimates")
    if clean.shape != estimate.shape:
        raise UserError(
            f"Clean images {tuple(clean.shape)} and estimates {tuple(estimate.shape)} must have "
            "the same shape."
        )
    data_range = check_number(data_range, "data_range", LEAST_RANGE)
    if clean.min() < 0 or clean.max() > data_range:
        raise UserError(
            f"Clean images must lie in [0, {data_range:g}], the data range, not "
            f"[{clean.min():.3g}, {clean.max():.3g}]: scale them, or state their range."
        )
    clean, estimate = clean.detach(), estimate.detach().clamp(0, data_range)
    return clean[:, 0].cpu().double().numpy(), estimate[:, 0].cpu().double().numpy()
