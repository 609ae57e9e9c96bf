"""Write `environment.yml`, for conda users, from pyproject.toml; versions are constraints.txt's.

python tools/write_environment.py
"""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent

# pip cannot be told in this file to install it without its dependencies, torchvision among them.
LEFT_OUT = "medmnist"

TEXT = """\
# Written by tools/write_environment.py from pyproject.toml. Versions are those of constraints.txt.
#   conda env create -f environment.yml && conda activate denoise-book
# For MedMNIST, then: pip install --no-deps --constraint constraints.txt {left_out}
name: denoise-book
channels: [conda-forge]
dependencies:
  - python={python}
  - pip
  - pip:
      - --constraint constraints.txt
      - --editable .[{extras}]
"""


def project() -> dict:
    """The [project] table of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def direct_dependencies() -> list[Requirement]:
    """Everything that the package and its extras ask for, sorted by name; itself left out."""
    groups = [project()["dependencies"], *project()["optional-dependencies"].values()]
    found = {str(line): Requirement(line) for group in groups for line in group}
    others = [line for line in found.values() if line.name != project()["name"]]
    return sorted(others, key=lambda requirement: canonicalize_name(requirement.name))


def pins() -> list[Requirement]:
    """The lines of constraints.txt: a name may stand twice, for different Pythons."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    bare = (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines)
    return [Requirement(line) for line in bare if line]


def text() -> str:
    """What `environment.yml` holds."""
    extras = sorted(project()["optional-dependencies"].keys() - {LEFT_OUT})
    python = project()["requires-python"].removeprefix(">=")
    return TEXT.format(left_out=LEFT_OUT, python=python, extras=",".join(extras))


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    (ROOT / "environment.yml").write_text(text())


if __name__ == "__main__":
    main()
