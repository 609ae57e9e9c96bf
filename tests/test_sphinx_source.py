"""Links from the ledgers lead to the lines they name."""

import re
from pathlib import Path

import pytest

sphinx_source = pytest.importorskip("denoise_lib.sphinx_source")
ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("name", "path", "start"),
    [
        ("models.dncnn.DnCNN.forward", "denoise_lib/models/dncnn.py", "    def forward("),
        ("training.optimise", "denoise_lib/training.py", "def optimise("),
        ("models.rdn.RDN", "denoise_lib/models/rdn.py", "class RDN("),
    ],
)
def test_lines_are_those_of_the_definition(name, path, start):
    file, first, last = sphinx_source.source_lines(name)

    lines = (ROOT / file).read_text().splitlines()
    assert file == path
    assert lines[first - 1].startswith(start)
    assert last > first


def test_a_wrong_name_is_refused():
    with pytest.raises(AttributeError):
        sphinx_source.source_lines("models.dncnn.DnCNN.nothing")


def test_every_chapter_links_its_deviations_to_code_that_exists():
    for chapter in sorted((ROOT / "notebooks").glob("[0-9]*.py")):
        names = re.findall(r"\{source\}`([^`]+)`", chapter.read_text())
        assert len(names) >= 3, chapter.name
        for name in names:
            sphinx_source.source_lines(name)
