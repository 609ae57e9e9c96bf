"""Line charts as SVG in the page's own font and colours, for pages without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 340, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 10, 40
# Tones that stand out on white and on black; each line has its own dashes.
STYLES = (("#d55e00", ""), ("#2b8cd6", "6 3"), ("#009e73", "2 3"))


def chart(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    across: tuple[float, float, str],
    up: tuple[float, float, str],
    marks: Mapping[float, str],
) -> str:
    """Draw lines.

    Parameters
    ----------
    lines : mapping
        From a name to the values across and up, at most three.
    across, up : tuple
        Smallest and largest value and what it is.
    marks : mapping
        From a value up to its text beside the axis.

    Returns
    -------
    str
        An SVG element with a legend below it.
    """

    def x(value: float) -> float:
        return LEFT + (value - across[0]) / (across[1] - across[0]) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - up[0]) / (up[1] - up[0]) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<text x="{LEFT - 5}" y="{y(value) + 4:.1f}" text-anchor="end">{escape(text)}</text>'
        f'<path class="grid" d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}"/>'
        for value, text in marks.items()
    ]
    for value in (across[0], sum(across[:2]) / 2, across[1]):
        anchor = "end" if value == across[1] else "middle"
        parts.append(
            f'<text x="{x(value):.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="{anchor}">'
            f"{value:g}</text>"
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{escape(across[2])}</text>"
    )
    legend = []
    for (name, (xs, ys)), (colour, dashes) in zip(lines.items(), STYLES, strict=False):
        points = " ".join(
            f"{x(a):.1f},{y(min(max(b, up[0]), up[1])):.1f}" for a, b in zip(xs, ys, strict=True)
        )
        look = f'stroke="{colour}" stroke-dasharray="{dashes}"'
        parts.append(f'<polyline points="{points}" {look}/>')
        key = f'<svg width="26" height="8" aria-hidden="true"><path d="M0 4H26" {look}/></svg>'
        legend.append(f"<span>{key} {escape(name)}</span>")
    label = escape(f"{up[2]} against {across[2]}: {', '.join(lines)}", quote=True)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
        f'<p class="legend">{escape(up[2])}: {" ".join(legend)}</p>'
    )
