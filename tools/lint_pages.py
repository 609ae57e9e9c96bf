"""Let ruff check the Python of the book's pages, which it does not read by itself.

    python tools/lint_pages.py          reports faults by page and line; fails if there are any
    python tools/lint_pages.py --fix    mends what ruff can mend, formats, and reports the rest

A page is given to ruff as a notebook of its code cells, so that names are known from cell to cell
and a cell may end with what it shows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Cell:
    """A code cell of a page: its text, and where that begins."""

    source: str
    start: int

    def line(self, page: str, row: int) -> int:
        """The line of the page that holds a row of the cell, both counted from 1."""
        return page.count("\n", 0, self.start) + row


def code_cells(page: str) -> list[Cell]:
    """The code cells of a page's text, empty ones left out."""
    cells, place = [], 0
    for cell in jupytext.reads(page, fmt="md:myst").cells:
        if cell.cell_type == "code" and cell.source:
            place = page.index(cell.source, place)
            cells.append(Cell(cell.source, place))
            place += len(cell.source)
    return cells


def ruff(name: str, sources: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ruff on cells as if they were a notebook of this name, under the project's settings."""
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
    command = [str(Path(sys.executable).with_name("ruff")), *arguments]
    return subprocess.run(
        [*command, "--quiet", "--stdin-filename", name, "-"],
        input=nbformat.writes(nbformat.v4.new_notebook(cells=cells)),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


def rewritten(name: str, sources: list[str], *arguments: str) -> list[str]:
    """The cells as ruff writes them; as they were where it cannot read them."""
    done = ruff(name, sources, *arguments)
    if not done.stdout:
        return sources
    return [cell.source for cell in nbformat.reads(done.stdout, as_version=4).cells]


def fixed(page: str, name: str) -> str:
    """A page's text with its cells mended and formatted."""
    cells = code_cells(page)
    sources = rewritten(name, [cell.source for cell in cells], "check", "--fix")
    sources = rewritten(name, sources, "format")
    for cell, source in reversed(list(zip(cells, sources, strict=True))):
        page = page[: cell.start] + source + page[cell.start + len(cell.source) :]
    return page


def faults(page: str, name: str) -> list[str]:
    """What ruff finds in a page's text: "12: F821 Undefined name `x`", in the order of lines."""
    cells = code_cells(page)
    sources = [cell.source for cell in cells]
    done = ruff(name, sources, "check", "--output-format", "json")
    if done.returncode not in (0, 1):
        raise RuntimeError(f"ruff failed on {name}:\n{done.stderr}")
    found = []
    for fault in json.loads(done.stdout):
        cell = cells[fault["cell"] - 1]
        line = cell.line(page, fault["location"]["row"])
        found.append((line, f"{fault['code']} {fault['message']}"))
    for cell, source in zip(cells, rewritten(name, sources, "format"), strict=True):
        if source != cell.source:
            found.append((cell.line(page, 1), "the cell is not formatted: run `make lint`"))
    return [f"{line}: {text}" for line, text in sorted(found)]


def main() -> int:
    """The number of pages with faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", type=Path, help="by default all of book/")
    parser.add_argument("--fix", action="store_true", help="mend and format")
    arguments = parser.parse_args()
    failed = 0
    for path in arguments.pages or sorted((ROOT / "book").glob("*.md")):
        # As a path in the project, so that ruff finds the settings.
        name = f"book/{path.stem}.ipynb"
        page = path.read_text("utf-8")
        if arguments.fix and (mended := fixed(page, name)) != page:
            page = mended
            path.write_text(page, "utf-8")
        found = faults(page, name)
        failed += bool(found)
        for fault in found:
            print(f"{path}:{fault}")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
