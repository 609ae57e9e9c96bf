"""The ledgers' links must lead to the lines they name."""

import re
from pathlib import Path

import pytest

source_role = pytest.importorskip("source_role", reason="docutils is not installed")
ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("name", "path", "start"),
    [
        ("methods.dncnn.DnCNN.forward", "denoise_lib/methods/dncnn.py", "    def forward("),
        ("training.loop.optimise", "denoise_lib/training/loop.py", "def optimise("),
        ("methods.load", "denoise_lib/methods/__init__.py", "def load("),
        ("methods.rdn.RDN", "denoise_lib/methods/rdn.py", "@network("),
        ("noise.MaskingNoise", "denoise_lib/noise.py", "@noise_model("),
        (
            "tasks.segmentation.TASK_RECIPES",
            "denoise_lib/tasks/segmentation.py",
            "TASK_RECIPES = {",
        ),
        ("tests.test_source_role.ROOT", "tests/test_source_role.py", "ROOT = "),
    ],
)
def test_lines_are_those_of_the_definition(name, path, start):
    file, first, last = source_role.source_lines(name)

    lines = (ROOT / file).read_text().splitlines()
    assert file == path
    assert lines[first - 1].startswith(start)
    assert first <= last <= len(lines)


def test_a_whole_module_is_all_its_lines():
    path, first, last = source_role.source_lines("evaluation")

    assert (path, first) == ("denoise_lib/evaluation.py", 1)
    assert last == len((ROOT / path).read_text().splitlines())


@pytest.mark.parametrize(
    "name", ["methods.dncnn.DnCNN.nothing", "nothing", "methods.dncnn.DnCNN.forward.deeper"]
)
def test_a_wrong_name_is_refused(name):
    with pytest.raises(LookupError):
        source_role.source_lines(name)


def test_every_ledger_links_its_deviations_to_code_and_tests_that_exist():
    page = (ROOT / "book" / "fidelity.md").read_text()
    ledgers = re.split(r"(?m)^## ", page)[1:]

    assert len(ledgers) == 5
    for ledger in ledgers:
        names = re.findall(r"\{source\}`([^`]+)`", ledger)
        assert len([name for name in names if not name.startswith("tests.")]) >= 3, ledger[:20]
        assert [name for name in names if name.startswith("tests.")], ledger[:20]


@pytest.mark.parametrize("page", sorted([*ROOT.glob("notebooks/*.py"), *ROOT.glob("book/*.md")]))
def test_every_link_to_the_code_leads_somewhere(page):
    for name in re.findall(r"\{source\}`([^`]+)`", page.read_text()):
        source_role.source_lines(name)
