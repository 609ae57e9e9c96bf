"""Write `environment.yml`, for conda users, from pyproject.toml and constraints.txt.

python tools/write_environment.py
"""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HEAD = """\
# Written by tools/write_environment.py from pyproject.toml and constraints.txt.
#   conda env create -f environment.yml && conda activate denoise-book
name: denoise-book
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
      - --editable .
"""


def direct_dependencies() -> list[str]:
    """Names of everything that the package and its extras ask for, sorted."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.split(r"[\[<>=! ]", line)[0] for group in groups for line in group}
    return sorted(names - {project["name"]})


def normalise(name: str) -> str:
    """PyPI's spelling: case and punctuation do not count."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    """Version by normalised name."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if "==" in line)
    return {normalise(name): version for name, version in pairs}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    versions = pins()
    lines = [f"      - {name}=={versions[normalise(name)]}" for name in direct_dependencies()]
    (ROOT / "environment.yml").write_text(HEAD + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
