"""Draw the rooms of the library and who imports whom: book/_static/house.svg.

    python tools/draw_house.py

An arrow from a room to another says that the first imports the second; what follows from other
arrows is left out. The picture is made from the imports alone, lazy ones included, and fails
where they go round in a circle.
"""

from __future__ import annotations

import argparse
from graphlib import TopologicalSorter
from pathlib import Path

import matplotlib.pyplot as plt
from execute_notebooks import ROOT, imported

PACKAGE = ROOT / "denoise_lib"
PICTURE = ROOT / "book" / "_static" / "house.svg"
# Small modules at the top that every room may use; they import no room.
TOOLS = "tools of all rooms"
TOOLBOX = {
    "checks",
    "device",
    "fields",
    "files",
    "identity",
    "needs",
    "provenance",
    "recipe",
    "spectra",
    "tabular",
}


def room_of(name: str) -> str | None:
    """The room that a dotted name below `denoise_lib` lies in; None for the package itself."""
    parts = name.split(".")
    if len(parts) < 2 or not any((PACKAGE / parts[1]).with_suffix(s).exists() for s in ("", ".py")):
        return None
    return TOOLS if parts[1] in TOOLBOX else parts[1]


def arrows() -> dict[str, set[str]]:
    """From each room to the rooms that its modules import."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        own = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        if own in (None, "__init__", "__main__"):
            continue
        others = {room_of(name) for name in imported(path.read_text("utf-8"))}
        found.setdefault(own, set()).update(others - {own, None})
    return found


def floors(graph: dict[str, set[str]]) -> dict[str, int]:
    """Each room's height above the ground: one more than the highest that it imports.

    Raises
    ------
    graphlib.CycleError
        When rooms import each other.
    """
    height: dict[str, int] = {}
    for room in TopologicalSorter(graph).static_order():
        height[room] = 1 + max((height[other] for other in graph.get(room, ())), default=-1)
    return height


def direct(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows that do not follow from others."""

    def reach(room: str) -> set[str]:
        return graph.get(room, set()).union(*(reach(other) for other in graph.get(room, ())))

    return {
        room: {other for other in others if not any(other in reach(via) for via in others)}
        for room, others in graph.items()
    }


def draw(path: Path) -> None:
    """Draw the house."""
    graph = arrows()
    height = floors(graph)
    by_floor: dict[int, list[str]] = {}
    for room, floor in sorted(height.items()):
        by_floor.setdefault(floor, []).append(room)
    place = {
        room: ((index + 1) / (len(rooms) + 1), floor)
        for floor, rooms in by_floor.items()
        for index, room in enumerate(rooms)
    }
    plt.rcParams["svg.hashsalt"] = "house"  # the same picture has the same bytes
    figure, axis = plt.subplots(figsize=(5, 0.66 * len(by_floor)), layout="constrained")
    for room, others in direct(graph).items():
        for other in others:
            axis.annotate(
                "",
                place[other],
                place[room],
                arrowprops={"arrowstyle": "-|>", "color": "#888888", "shrinkA": 13, "shrinkB": 13},
            )
    for room, (x, y) in place.items():
        box = {"boxstyle": "round,pad=0.45", "facecolor": "#EAF2F8", "edgecolor": "#0072B2"}
        axis.text(x, y, room, ha="center", va="center", fontsize=10, color="#111111", bbox=box)
    axis.set(xlim=(0.08, 0.92), ylim=(-0.5, len(by_floor) - 0.5))
    axis.set_axis_off()
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    plt.close(figure)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    draw(PICTURE)


if __name__ == "__main__":
    main()
