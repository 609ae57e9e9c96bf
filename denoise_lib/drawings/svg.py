"""A small pen for drawings of networks: boxes, signals and arrows in columns, as SVG.

The drawings stand in the page itself, so that they take its font and its text colour, in the light
and in the dark; only boxes have colours of their own, with dark letters.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH = 356  # of a panel: it fits a phone at full size
AXIS = 130  # where a column of boxes stands
NOTE = 218  # where the words beside it begin
STEP = 15  # of free line between two boxes
LETTER = 13  # pixels
DARK = "#1a1a1a"  # on what has a colour of its own

# What a box does; a colour means the same in all drawings.
COLOURS = {
    "convolution": "#b7d3ee",
    "fusion": "#d9c6ea",
    "down": "#f6d6a8",
    "up": "#cfe6bb",
    "dense": "#b7d3ee",
    "task": "#dcdcdc",
    "noise": "#f3c3bd",
    "loss": "#f3c3bd",
}
_MARKS = re.compile(r"\*(?P<italic>[^*]+)\*|_\{(?P<low>[^}]+)\}|(?P<plain>[^*_]+|[*_])")


@dataclass(frozen=True)
class Place:
    """Where a box or a signal is: its centre, half its width and half its height, in pixels."""

    x: float
    y: float
    half_width: float
    half_height: float

    @property
    def top(self) -> tuple[float, float]:
        """Middle of the upper edge."""
        return self.x, self.y - self.half_height

    @property
    def bottom(self) -> tuple[float, float]:
        """Middle of the lower edge."""
        return self.x, self.y + self.half_height

    @property
    def left(self) -> tuple[float, float]:
        """Middle of the left edge."""
        return self.x - self.half_width, self.y

    @property
    def right(self) -> tuple[float, float]:
        """Middle of the right edge."""
        return self.x + self.half_width, self.y


@dataclass
class Panel:
    """A part of a drawing that is read from top to bottom.

    Attributes
    ----------
    title : str
        Stands above it.
    says : str
        What it shows, for those who cannot see it.
    """

    title: str
    says: str
    _parts: list[str] = field(default_factory=list)
    _y: float = 24
    _last: Place | None = None
    _lowest: float = 0

    def signal(self, text: str, note: str = "", x: float = AXIS) -> Place:
        """A quantity of the equations, below what was drawn last.

        Parameters
        ----------
        text : str
            `*italic*`, and `_{low}` for an index.
        note : str
            Words beside it.
        x : float
            Where its middle is.

        Returns
        -------
        Place
        """
        place = self._next(x, 12 + 3.5 * len(_bare(text)), 20)
        self.words(x, place.y, text, bold=True)
        self.note(place, note)
        return place

    def box(
        self,
        text: str,
        does: str,
        note: str = "",
        width: float = 150,
        x: float = AXIS,
        height: float = 28,
    ) -> Place:
        """A layer, below what was drawn last and reached by an arrow.

        Parameters
        ----------
        text : str
            In the box; see `signal`.
        does : str
            One of `COLOURS`.
        note : str
            Words beside it.
        width, x, height : float
            Of the box, and where its middle is: pixels.

        Returns
        -------
        Place
        """
        place = self._next(x, width / 2, height)
        self._rectangle(place, COLOURS[does])
        self.words(x, place.y, text, colour=DARK)
        self.note(place, note)
        return place

    def sign(self, mark: str, note: str = "", x: float = AXIS) -> Place:
        """A circle with "+" or "−", where two signals meet.

        Parameters
        ----------
        mark : str
            What it does.
        note : str
            Words beside it.
        x : float
            Where its middle is.

        Returns
        -------
        Place
        """
        place = self._next(x, 10, 20)
        self._parts.append(
            f'<circle cx="{place.x:g}" cy="{place.y:g}" r="10" fill="none" stroke="currentColor"/>'
        )
        self.words(x, place.y, mark)
        self.note(place, note)
        return place

    def units(self, count: int, missing: Sequence[int] = (), note: str = "") -> list[Place]:
        """A row of units of a layer.

        Parameters
        ----------
        count : int
            How many.
        missing : sequence of int
            Those that are masked: struck out.
        note : str
            Words beside it.

        Returns
        -------
        list of Place
        """
        row = self._next(AXIS, 11 * count, 18, arrow=False)
        places = [Place(AXIS + 22 * (i - (count - 1) / 2), row.y, 8, 8) for i in range(count)]
        for index, place in enumerate(places):
            self._parts.append(
                f'<circle cx="{place.x:g}" cy="{place.y:g}" r="8" fill="{COLOURS["dense"]}" '
                'stroke="currentColor"/>'
            )
            if index in missing:
                d = 5.6
                for slope in (-1, 1):
                    ends = [(place.x + s * d, place.y + s * slope * d) for s in (-1, 1)]
                    self.line(ends, head=False, colour=DARK)
        self.note(row, note)
        return places

    def dots(self, x: float = AXIS) -> None:
        """Three dots: more of the same.

        Parameters
        ----------
        x : float
            Where their middle is.
        """
        place = self._next(x, 3, 16, arrow=False)
        for offset in (-6, 0, 6):
            self._parts.append(
                f'<circle cx="{x:g}" cy="{place.y + offset:g}" r="1.6" fill="currentColor"/>'
            )

    def around(self, start: Place, end: Place, x: float) -> None:
        """A line that leaves at a side, runs past what is between and comes in at the same side.

        Parameters
        ----------
        start, end : Place
            From where to where.
        x : float
            Where it runs, in pixels: left or right of both.
        """
        side = "left" if x < start.x else "right"
        (x0, y0), (x1, y1) = getattr(start, side), getattr(end, side)
        self.line([(x0, y0), (x, y0), (x, y1), (x1, y1)])

    def line(
        self,
        points: Sequence[tuple[float, float]],
        head: bool = True,
        dashed: bool = False,
        colour: str = "currentColor",
        width: float = 1.3,
    ) -> None:
        """A line through points.

        Parameters
        ----------
        points : sequence of tuple of float
            (x, y) in pixels.
        head : bool
            Whether it ends in an arrow.
        dashed : bool
            Whether it is dashed.
        colour : str
            As CSS has it.
        width : float
            In pixels.
        """
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dash}/>'
        )
        self._lowest = max(self._lowest, *(y for _, y in points))
        if head:
            self._head(points[-2], points[-1], colour)

    def words(
        self,
        x: float,
        y: float,
        text: str,
        anchor: str = "middle",
        bold: bool = False,
        turned: bool = False,
        colour: str = "currentColor",
        size: float = LETTER,
    ) -> None:
        """Words.

        Parameters
        ----------
        x, y : float
            Their middle, or their start for the anchor "start": pixels.
        text : str
            See `signal`.
        anchor : str
            "start", "middle" or "end".
        bold : bool
            Whether they are bold.
        turned : bool
            Whether they run upwards.
        colour : str
            As CSS has it.
        size : float
            Of the letters, in pixels.
        """
        weight = ' font-weight="bold"' if bold else ""
        turn = f' transform="rotate(-90 {x:g} {y:g})"' if turned else ""
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" dy="0.35em" text-anchor="{anchor}" font-size="{size:g}" '
            f'fill="{colour}"{weight}{turn}>{_spans(text)}</text>'
        )

    def note(self, place: Place, text: str, x: float = NOTE) -> None:
        """Words to the right of a place; `|` begins a new line.

        Parameters
        ----------
        place : Place
            What they are about.
        text : str
            See `signal`.
        x : float
            Where they begin.
        """
        lines = text.split("|") if text else []
        for number, line in enumerate(lines):
            y = place.y + (LETTER + 2) * (number - (len(lines) - 1) / 2)
            self.words(x, y, line, anchor="start", size=LETTER - 1)

    def padlock(self, x: float, y: float) -> None:
        """A padlock: these weights do not learn.

        Parameters
        ----------
        x, y : float
            Its middle, in pixels.
        """
        self._parts.append(
            f'<path d="M{x - 4:g} {y:g} v-4 a4 4 0 0 1 8 0 v4" fill="none" stroke="{DARK}" '
            f'stroke-width="1.6"/><rect x="{x - 6:g}" y="{y:g}" width="12" height="9" rx="1.5" '
            f'fill="{DARK}"/>'
        )

    def svg(self) -> str:
        """The panel as an SVG element.

        Returns
        -------
        str
        """
        height = self._lowest + 12
        return (
            f'<svg viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" role="img" '
            f'aria-label="{html.escape(self.says)}" style="max-width:100%;height:auto;'
            'font-family:inherit">'
            f'<text x="{AXIS}" y="12" text-anchor="middle" font-size="{LETTER}" '
            f'font-weight="bold" fill="currentColor">{_spans(self.title)}</text>'
            f"{''.join(self._parts)}</svg>"
        )

    def _next(self, x: float, half_width: float, height: float, arrow: bool = True) -> Place:
        place = Place(x, self._y + STEP + height / 2, half_width, height / 2)
        if arrow and self._last is not None:
            self.line([self._last.bottom, place.top])
        self._y, self._last = place.bottom[1], place
        self._lowest = max(self._lowest, self._y)
        return place

    def _rectangle(self, place: Place, colour: str) -> None:
        (x, _), (_, y) = place.left, place.top
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{2 * place.half_width:g}" '
            f'height="{2 * place.half_height:g}" rx="4" fill="{colour}"/>'
        )

    def _head(self, before: tuple[float, float], tip: tuple[float, float], colour: str) -> None:
        (x0, y0), (x1, y1) = before, tip
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or 1
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        back = (x1 - 7 * dx, y1 - 7 * dy)
        wings = [(back[0] + s * 3.5 * -dy, back[1] + s * 3.5 * dx) for s in (1, -1)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (tip, *wings))
        self._parts.append(f'<polygon points="{points}" fill="{colour}"/>')


@dataclass(frozen=True)
class Drawing:
    """Panels beside each other, or below each other where the page is narrow.

    Attributes
    ----------
    panels : tuple of Panel
        From left to right.
    """

    panels: tuple[Panel, ...]

    def __repr__(self) -> str:
        return f"<drawing: {', '.join(panel.title for panel in self.panels)}>"

    def _repr_html_(self) -> str:
        style = "display:flex;flex-wrap:wrap;gap:1.5rem;justify-content:center;align-items:start"
        inside = "".join(panel.svg() for panel in self.panels)
        return f'<div class="drawing" style="{style}">{inside}</div>'


def _spans(text: str) -> str:
    """Text with its marks as SVG has them."""
    parts = []
    raised = False
    for match in _MARKS.finditer(text):
        italic, low, plain = match.group("italic", "low", "plain")
        back = ' dy="-4"' if raised else ""
        raised = low is not None
        if low is not None:
            parts.append(f'<tspan dy="4" font-size="75%">{html.escape(low)}</tspan>')
        elif italic is not None:
            parts.append(f'<tspan font-style="italic"{back}>{html.escape(italic)}</tspan>')
        else:
            parts.append(
                f"<tspan{back}>{html.escape(plain)}</tspan>" if back else html.escape(plain)
            )
    return "".join(parts)


def _bare(text: str) -> str:
    """Text without its marks."""
    return re.sub(r"[*{}]|_(?={)", "", text)
