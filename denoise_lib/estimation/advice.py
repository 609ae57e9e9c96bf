"""What to do with an image whose noise was measured, by the rows of the study.

`tests/test_estimation.py` holds every piece of advice against the rows that it rests on.
"""

from __future__ import annotations

from enum import Enum

from denoise_lib.estimation.level import WHITE

LEAST = 5.0  # sigma: the study has measured nothing weaker
LEAST_SHARED = 6.0  # a clean radiograph's own texture passes for shared noise of up to 5
MOST = 80.0  # sigma: the study goes to 75, and an estimate errs by a few hundredths
TO_BM3D, TO_NETWORK = 15.0, 55.0  # sigma: where a network leads, and where its training ends
SPIKY = 0.04  # share of differences that stray: two wrong pixels in a hundred give more
STRONG_GROWTH = 40.0  # sigma: between the doses at which a network and the median filter lead
EVEN = 0.4  # of `evenness`: shared noise has more, texture mostly less
# The largest share of what was removed at which the eye's observer gains for both nodules, and
# the best observer loses less than 0.01 of its AUC.
STRENGTH = 0.4
_UNKNOWN = "no network here knows such noise"
_LOOKED_FOR = f"with --strength {STRENGTH:g} if somebody will search it for something small"


class Kind(Enum):
    """What neighbouring differences say of the noise."""

    WHITE = "independent from pixel to pixel"
    SHARED = "shared by neighbours"
    SHARPENED = "sharpened"
    UNKNOWN = "of a kind that so small an image does not tell"


def kind(whiteness: float) -> Kind:
    """What neighbouring differences say of the noise.

    Parameters
    ----------
    whiteness : float
        Their correlation, see `level.whiteness`.

    Returns
    -------
    Kind
    """
    if abs(whiteness + 0.5) <= WHITE:
        return Kind.WHITE
    return Kind.SHARED if whiteness > -0.5 else Kind.SHARPENED


def advise(
    sigma: float,
    found: Kind,
    grows: bool,
    spikes: float,
    evenness: float,
    enlarged: bool,
    blocks: bool,
) -> str:
    """One sentence on what to do.

    Parameters
    ----------
    sigma : float
        On the 0-255 scale.
    found : Kind
        Of the noise.
    grows : bool
        Whether it is stronger in light areas.
    spikes, evenness : float
        See `spread`.
    enlarged, blocks : bool
        Whether the image was enlarged, or has JPEG's blocks.

    Returns
    -------
    str
    """
    if sigma == 0:
        return "Leave it alone: there is no noise that can be measured."
    if sigma < LEAST:
        return f"Leave it alone: weaker noise than sigma {LEAST:g} was not tested here."
    if spikes > SPIKY:
        return f"Use --model median: single pixels are wrong, and {_UNKNOWN}."
    changes = {
        "enlarged": enlarged,
        "compressed by JPEG": blocks,
        "sharpened": found is Kind.SHARPENED,
    }
    for what, happened in changes.items():
        if happened:
            return f"Go back to the image before it was {what}: {_UNKNOWN}."
    if found is Kind.UNKNOWN:
        return "Measure a larger part of the image: this one is too small to tell what to do."
    if found is Kind.SHARED:
        return _advise_shared(sigma, evenness)
    return _advise_white(sigma, grows)


def _advise_shared(sigma: float, evenness: float) -> str:
    if sigma < LEAST_SHARED or evenness < EVEN:
        return "Leave it alone: what varies here may be the image's own texture."
    if sigma > TO_NETWORK:
        return _too_strong()
    return (
        "Use --model rdn-correlated: neighbours share this noise, and networks for white noise "
        "would leave it."
    )


def _advise_white(sigma: float, grows: bool) -> str:
    if sigma > MOST:
        return _too_strong()
    if grows and sigma > STRONG_GROWTH:
        return "Use --model median: so few photons were counted that networks lose to it."
    if sigma > TO_NETWORK:
        return "Use --model liu-nih and look twice: the noise is stronger than in its training."
    if sigma > TO_BM3D or grows:
        return f"Use --model liu-nih, {_LOOKED_FOR}."
    return f"Use --model bm3d --sigma {sigma:.0f}, {_LOOKED_FOR}."


def _too_strong() -> str:
    return "Shrink the image to half its size and measure again: no method here knows such noise."
