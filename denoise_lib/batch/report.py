"""A page that shows what denoising did to an image, and where to look: one file, no scripts."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

import denoise_lib
from denoise_lib.batch.anatomy import Removed, measure
from denoise_lib.batch.charts import chart
from denoise_lib.batch.work import Result
from denoise_lib.checks import UserError
from denoise_lib.estimation import describe
from denoise_lib.files import printable
from denoise_lib.spectra import frequencies, radial_power

MOST = 20  # files in a report: each weighs up to a megabyte
CROP, OVERVIEW = 320, 320  # pixels of a side
GAIN, MOST_GAIN = 4, 64  # times that what was removed is shown, at least and at most
SPREAD = 3  # standard deviations of it that the grey scale holds
TAIL = 0.5  # per cent of the pixels that the grey scale cuts off on either side
LEVELS = 64  # of the histogram

PAGE = (Path(__file__).parent / "report.html").read_text("utf-8")


def page(sections: Sequence[str], missing: int = 0) -> str:
    """The page.

    Parameters
    ----------
    sections : sequence of str
        Of `section`.
    missing : int
        Files of the batch that have none: they failed, or were done before.

    Returns
    -------
    str
        HTML that asks for no other file.
    """
    note = f"<p>{missing} more files of this batch are not shown.</p>" if missing else ""
    body = "\n".join(sections) or "<p>No file was denoised.</p>"
    return (
        PAGE.replace("{version}", escape(denoise_lib.__version__))
        .replace("{note}", note)
        .replace("{sections}", body)
    )


def section(result: Result) -> str:
    """What the page says about a file; of several frames, about the first.

    Parameters
    ----------
    result : Result
        A file that was denoised.

    Returns
    -------
    str
        HTML.
    """
    before, after = result.picture.frames[0, 0], result.denoised.frames[0, 0]
    removed = before - after
    found = measure(removed.numpy(), after.numpy())
    count = len(result.picture.frames)
    frames = f" The first of {count} frames is shown." if count > 1 else ""
    notes = "".join(f"<li>{_text(note)}</li>" for note in result.notes)
    return f"""<section>
<h2>{_text(result.job.source.name)}</h2>
<p>{_text(result.denoised.made.sentence)}{frames}</p>
{f"<ul>{notes}</ul>" if notes else ""}
{_pictures(before, after, removed)}
<h3>What was removed</h3>
{_removed_table(found)}
<div class="row">
<figure>{_spectrum(before, after, removed)}</figure>
<figure>{_histogram(before, after)}</figure>
</div>
{_noise(result.picture.frames[0])}
</section>"""


def _pictures(before: torch.Tensor, after: torch.Tensor, removed: torch.Tensor) -> str:
    rows, columns = _detail(after)
    low, high = _grey_scale(before)
    place = f"rows {rows.start} to {rows.stop - 1}, columns {columns.start} to {columns.stop - 1}"
    scale = f"black is {low:.3g}, white {high:.3g} of the range"
    gain = _gain(removed[rows, columns])
    limit = 0.5 / gain
    shown = {
        f"Before, pixel by pixel: {place}; {scale}": _bytes(before[rows, columns], low, high),
        f"After, the same pixels and grey scale: {scale}": _bytes(after[rows, columns], low, high),
        f"Removed, {gain} times: mid-grey is nothing, black -{limit:.3g}, white +{limit:.3g} of "
        "the range. Grain is noise; outlines of bones or vessels are anatomy": _bytes(
            removed[rows, columns], -limit, limit
        ),
        f"The whole image after, made smaller; {scale}. The frame shows the detail": _overview(
            after, rows, columns, low, high
        ),
    }
    figures = [
        f'<figure><img src="{_data(image)}" width="{image.shape[1]}" height="{image.shape[0]}" '
        f'alt="{escape(caption)}"><figcaption>{caption}.</figcaption></figure>'
        for caption, image in shown.items()
    ]
    return f'<div class="row">{"".join(figures)}</div>'


def _gain(removed: torch.Tensor) -> int:
    """`GAIN`, or the power of two that shows weaker things: four times little is still grey."""
    spread = max(SPREAD * removed.std(correction=0).item(), 0.5 / MOST_GAIN)
    return max(GAIN, 2 ** math.floor(math.log2(0.5 / spread)))


def _detail(image: torch.Tensor) -> tuple[slice, slice]:
    """The square of `CROP` pixels, of a grid of them, in which the image varies most."""
    height, width = image.shape
    side_y, side_x = min(CROP, height), min(CROP, width)
    places = [
        (top, left)
        for top in {*range(0, height - side_y + 1, max(side_y // 2, 1)), height - side_y}
        for left in {*range(0, width - side_x + 1, max(side_x // 2, 1)), width - side_x}
    ]

    def variation(place: tuple[int, int]) -> float:
        cut = image[place[0] : place[0] + side_y, place[1] : place[1] + side_x]
        return (cut.diff(dim=0).abs().mean() + cut.diff(dim=1).abs().mean()).nan_to_num().item()

    top, left = max(sorted(places), key=variation)
    return slice(top, top + side_y), slice(left, left + side_x)


def _grey_scale(image: torch.Tensor) -> tuple[float, float]:
    """The grey values that are shown as black and as white."""
    low, high = np.percentile(image.numpy(), (TAIL, 100 - TAIL))
    return (float(low), float(high)) if high > low else (0.0, 1.0)


def _bytes(image: torch.Tensor, low: float, high: float) -> np.ndarray:
    return (255 * ((image - low) / (high - low)).clamp(0, 1)).round().byte().numpy()


def _overview(
    image: torch.Tensor, rows: slice, columns: slice, low: float, high: float
) -> np.ndarray:
    small = Image.fromarray(_bytes(image, low, high))
    ratio = min(1.0, OVERVIEW / max(small.size))
    small = small.resize([max(1, round(ratio * n)) for n in small.size], Image.Resampling.BOX)
    frame = [ratio * n for n in (columns.start, rows.start, columns.stop - 1, rows.stop - 1)]
    drawing = small.convert("RGB")
    ImageDraw.Draw(drawing).rectangle(frame, outline="#e69f00", width=2)
    return np.asarray(drawing)


def _data(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _removed_table(found: Removed) -> str:
    rows = {
        "amount": (
            f"{found.rms:.2f} of 255",
            "Root mean square of what was removed: about the noise level, if it was the noise.",
        ),
        "whiteness": (
            f"{found.right:.3f} right, {found.below:.3f} below",
            "Correlation of neighbours: 0 where the noise of each pixel is its own, as in the "
            "study; clearly above 0, coarse grain or anatomy was removed.",
        ),
        "anatomy": (
            f"{found.edge_ratio:.2f} times",
            "How much was removed at edges, against even parts of the same grey. Near 1: noise "
            "alone. Above 1: edges were taken along. Below 1: noise was left at edges.",
        ),
        "follows edges": (
            f"{found.edge_correlation:.3f}",
            "Correlation of the local amount with the slope of the denoised image, among pixels "
            "of the same grey: 0 for noise alone.",
        ),
    }
    cells = "".join(
        f'<tr><th scope="row">{name}</th><td>{_number(value)}</td><td>{meaning}</td></tr>'
        for name, (value, meaning) in rows.items()
    )
    return f'<div class="table"><table>{cells}</table></div>\n<p>{_verdict(found)}</p>'


# Of noise alone the ratio was 0.996 to 1.013 on 16 radiographs of 256 x 256 pixels. At sigma 5 it
# was 1.10 to 2.17 for a Gaussian filter and 0.89 to 1.10 for DnCNN-B; at sigma 30, where the noise
# hides what else went, 1.01 to 1.07 and 0.97 to 0.99.
TAKEN, LEFT = 1.03, 0.97
COARSE = 0.1  # correlation of neighbours; white noise has none


def _verdict(found: Removed) -> str:
    if math.isnan(found.edge_ratio):
        return "Nothing was removed, or the image has no edge: there is nothing to measure."
    if found.edge_ratio > TAKEN:
        return "Anatomy was probably taken along: look for outlines in what was removed."
    if found.edge_ratio < LEFT:
        return "Edges were spared, and some of their noise is still there."
    if max(found.right, found.below) > COARSE:
        return (
            "Neighbours agree in what was removed: coarse grain went, or anatomy did. Look for "
            "lines and outlines in it."
        )
    return (
        "No sign of anatomy in what was removed; what is small or faint, or was under strong "
        "noise, does not show here."
    )


def _number(text: str) -> str:
    return text.replace("nan", "not measurable")


def _spectrum(before: torch.Tensor, after: torch.Tensor, removed: torch.Tensor) -> str:
    """Power against frequency, in decibels over a noise level of 1 of 255."""
    if min(before.shape) < 2 * len(frequencies()):
        return "<p>The image is too small for a spectrum.</p>"
    lines = {
        name: (
            frequencies().tolist(),
            (10 * np.log10(radial_power(255 * image[None, None]) + 1e-3)).tolist(),
        )
        for name, image in {"before": before, "after": after, "removed": removed}.items()
    }
    top = 10 * math.ceil(max(max(values) for _, values in lines.values()) / 10)
    marks = {float(level): str(level) for level in range(-20, top + 1, 20)}
    return (
        chart(lines, (0, 0.5, "cycles per pixel"), (-20, top, "Power, dB of sigma 1"), marks)
        + "<figcaption>What was removed is level where it is white noise; where it rises to the "
        "left, coarse structure went too.</figcaption>"
    )


def _histogram(before: torch.Tensor, after: torch.Tensor) -> str:
    middles = ((np.arange(LEVELS) + 0.5) / LEVELS).tolist()
    lines = {
        name: (middles, (image.histc(LEVELS, 0, 1) / image.numel() * 100).tolist())
        for name, image in {"before": before, "after": after}.items()
    }
    top = max(max(values) for _, values in lines.values())
    return (
        chart(
            lines,
            (0, 1, "grey value, of the range"),
            (0, top, "Pixels, per cent"),
            {0.0: "0", top: f"{top:.1f}"},
        )
        + "<figcaption>Less noise makes peaks narrower; they should not move.</figcaption>"
    )


def _noise(image: torch.Tensor) -> str:
    """The numbers on the noise of an image, shape (1, H, W)."""
    try:
        found = describe(image)
    except UserError as error:  # a tiny image
        return f"<h3>How noisy the image was</h3>\n<p>{_text(str(error))}</p>"
    return (
        "<h3>How noisy the image was</h3>\n<ul>"
        f"<li>noise level: {found.sigma:.1f} of 255</li>"
        f"<li>growth with the grey value: {found.growth}</li>"
        f"<li>correlation length: {found.correlation_length:.2f} pixels</li></ul>\n"
        f"<p>{_text(found.advice)}</p>"
    )


def _text(text: str) -> str:
    return escape(printable(text))
