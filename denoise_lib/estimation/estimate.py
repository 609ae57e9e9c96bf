"""All that is measured of an image's noise, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from denoise_lib.estimation import traces
from denoise_lib.estimation.advice import Kind, advise, kind
from denoise_lib.estimation.blocks import Blocks, residuals, sample
from denoise_lib.estimation.level import cells, level, patches, wavelet, whiteness
from denoise_lib.estimation.spread import evenness, growth, spikes
from denoise_lib.spectra import radial_power

# Pixels a side: in one of forty images of white noise of 64 the neighbours agree by chance.
TELLING = 96
SPECTRUM_BINS = 8  # steps of frequency up to 0.5 cycles per pixel: cells of 16 pixels have no more


@dataclass(frozen=True)
class Estimate:
    """The noise of an image, as far as the image tells.

    Attributes
    ----------
    sigma : float
        Standard deviation on the 0-255 scale, by the estimator that suits the noise: `by_patches`
        where it is white, else `by_cells`.
    kind : str
        "independent from pixel to pixel", "shared by neighbours" or "sharpened"; "of a kind that so
        small an image does not tell" below `TELLING` pixels a side.
    by_wavelet, by_patches, by_cells : float
        Sigma by each of the three estimators.
    whiteness : tuple of float
        Correlation of neighbouring differences along rows and columns: -0.5 for white noise.
    correlation_length : float
        Distance in pixels at which the correlation of the noise has fallen to 1/e; 0 where it is
        white or sharpened.
    spectrum : tuple of float
        Power at equal steps of frequency up to 0.5 cycles per pixel, scaled so that white noise of
        this sigma has sigma squared; slow waves are taken for image, and left out.
    growth : str
        "grows" (stronger where the image is lighter), "falls", "constant" or "cannot tell".
    growth_ratio, growth_offset, growth_slope : float or None
        See `spread.Growth`.
    evenness : float
        How alike the cells of one grey are, 0 to 1: texture is uneven.
    spikes : float
        Share of differences that stray far from the usual.
    black, white : float
        Shares of the pixels at the ends of the range.
    longest_run : int
        Most clipped pixels side by side.
    levels, bits_used : int
        Different grey values, and the bits that as many need.
    missing_levels : float
        Share of the levels left out in the middle of the histogram.
    enlarged : float or None
        Period in pixels of the grid that the image was enlarged from.
    blockiness : float
        How much JPEG's blocks stand out, as a share of the usual difference; 0 where they do not.
    advice : str
        One sentence.
    """

    sigma: float
    kind: str
    by_wavelet: float
    by_patches: float
    by_cells: float
    whiteness: tuple[float, float]
    correlation_length: float
    spectrum: tuple[float, ...]
    growth: str
    growth_ratio: float | None
    growth_offset: float | None
    growth_slope: float | None
    evenness: float
    spikes: float
    black: float
    white: float
    longest_run: int
    levels: int
    bits_used: int
    missing_levels: float
    enlarged: float | None
    blockiness: float
    advice: str

    @property
    def comb(self) -> bool:
        """Whether so many levels are left out that it is no accident."""
        return self.missing_levels > traces.COMB

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)


def estimate_sigma(image: torch.Tensor) -> float:
    """How strong the noise of an image is, estimated from the image alone.

    Parameters
    ----------
    image : torch.Tensor
        float, shape (1, H, W), values in [0, 1].

    Returns
    -------
    float
        Standard deviation on the 0-255 scale; 0 for a flat image.

    Raises
    ------
    TypeError, ValueError
        When it is no finite grey image, or too small.
    """
    return level(sample(image))


def describe(image: torch.Tensor) -> Estimate:
    """Measure an image's noise, and what its file went through.

    Parameters
    ----------
    image : torch.Tensor
        float, shape (1, H, W), values in [0, 1].

    Returns
    -------
    Estimate

    Raises
    ------
    TypeError, ValueError
        When it is no finite grey image, or too small.
    """
    blocks, grey = sample(image), image[0].detach().cpu().numpy()
    sigma, white = level(blocks), whiteness(blocks)
    by_cells, width = cells(blocks)
    grown = growth(blocks)
    found = kind(float(np.mean(white))) if min(grey.shape) >= TELLING else Kind.UNKNOWN
    even, stray = evenness(blocks), spikes(blocks)
    (black, bright), used = traces.clipping(grey), traces.depth(grey)
    enlarged, seams = traces.resampling(grey), traces.blockiness(grey)
    return Estimate(
        sigma=sigma,
        kind=found.value,
        by_wavelet=wavelet(blocks),
        by_patches=patches(blocks),
        by_cells=by_cells,
        whiteness=white,
        correlation_length=2 * width if found is Kind.SHARED else 0.0,
        spectrum=_spectrum(blocks),
        growth=grown.verdict,
        growth_ratio=grown.ratio,
        growth_offset=grown.offset,
        growth_slope=grown.slope,
        evenness=even,
        spikes=stray,
        black=black,
        white=bright,
        longest_run=traces.longest_run(grey),
        levels=used.levels,
        bits_used=used.bits,
        missing_levels=used.missing,
        enlarged=enlarged,
        blockiness=seams,
        advice=advise(
            sigma,
            found,
            grows=grown.verdict == "grows",
            spikes=stray,
            evenness=even,
            enlarged=enlarged is not None,
            blocks=seams > 0,
        ),
    )


def _spectrum(blocks: Blocks) -> tuple[float, ...]:
    if not len(blocks.cells):
        return (0.0,) * SPECTRUM_BINS
    rest = torch.from_numpy(residuals(blocks.quiet))[:, None]
    return tuple(float(power) for power in radial_power(rest, SPECTRUM_BINS))
