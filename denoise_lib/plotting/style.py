"""How methods look: their names, colours and markers, from their declarations."""

from __future__ import annotations

from denoise_lib.methods.registry import Look, methods

# What figures show besides methods.
OTHERS = {
    "clean": Look("Clean", "#999999", "."),
    "liu-joint": Look("Liu's, joint training", "#0072B2", "H"),
    "rdn-correlated": Look("RDN, correlated noise", "#CC79A7", "o"),
}
COLUMN = 7  # inches: the text column
METRIC_LABELS = {"psnr": "PSNR (dB)", "ssim": "SSIM", "mse": "MSE"}
RESIDUAL_RANGE = 0.15
NOTHING_RANGE = 12 / 255  # what is left of noise on an even grey


def look(method: str) -> Look:
    """How a method is shown; one that nobody declared has its name, in grey.

    Parameters
    ----------
    method : str
        Of the study, or one of `OTHERS`.

    Returns
    -------
    Look
    """
    if method in OTHERS:
        return OTHERS[method]
    known = methods()
    return known[method].look if method in known else Look(method)


def label(method: str) -> str:
    """A method's name as readers see it.

    Parameters
    ----------
    method : str
        As for `look`.

    Returns
    -------
    str
    """
    return look(method).label


def colour_and_marker(method: str) -> tuple[str, str]:
    """A method's colour and marker in figures.

    Parameters
    ----------
    method : str
        As for `look`.

    Returns
    -------
    tuple of str
        For matplotlib.
    """
    return look(method).colour, look(method).marker
