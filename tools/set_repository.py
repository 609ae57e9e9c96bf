"""Write the repository's address of `pyproject.toml` into everything that shows it.

Change `Repository` under [project.urls] in pyproject.toml, then run: python tools/set_repository.py
"""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Badges, buttons, citations, install cells and stored notebooks.
DERIVED = (
    "README.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "_config.yml",
    "book/*.md",
    "notebooks/*",
)


def address(root: Path) -> str:
    """The address that stands in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return project["urls"]["Repository"]


def shown(root: Path) -> str:
    """The address that the book shows at present."""
    return re.search(r"^  url: (\S+)$", (root / "_config.yml").read_text(), re.MULTILINE).group(1)


def slug(url: str) -> str:
    """`OWNER/NAME`, as Colab's links and badges want it."""
    return url.removeprefix("https://github.com/")


def derived_files(root: Path) -> list[Path]:
    """Files in which the address stands."""
    return [path for pattern in DERIVED for path in sorted(root.glob(pattern)) if path.is_file()]


def update(root: Path) -> list[Path]:
    """Replace the shown address by pyproject's; returns the files that changed."""
    old, new = shown(root), address(root)
    changed = []
    for path in derived_files(root):
        text = path.read_text()
        replaced = text.replace(slug(old), slug(new))
        if replaced != text:
            path.write_text(replaced)
            changed.append(path)
    return changed


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for path in update(ROOT):
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
