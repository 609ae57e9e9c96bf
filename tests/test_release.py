"""Address, release and authors stand in one place each, and what shows them follows."""

import json
import re
import shutil
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import jupytext
import nbformat
import pytest
import set_repository
import yaml

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "notebooks").glob("*.py"))
ADDRESS = set_repository.address(ROOT)
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of everything that shows the address or the release."""
    sources = [ROOT / name for name in ("pyproject.toml", "CHANGELOG.md", ".zenodo.json")]
    for path in [*sources, *set_repository.derived_files(ROOT)]:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def replace(path: Path, old: str, new: str):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def update(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in set_repository.update(root)}


def install_cell(path: Path) -> str:
    notebook = jupytext.read(path)
    return next(cell.source for cell in notebook.cells if "google.colab" in cell.source)


def run_on_colab(cell: str, monkeypatch) -> list[tuple]:
    """Run an install cell where Colab's module is loaded; the magics that it calls."""
    called = []
    shell = SimpleNamespace(run_line_magic=lambda *arguments: called.append(arguments))
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    exec(cell, {"get_ipython": lambda: shell})
    return called


def test_everything_shows_today_s_address_release_and_authors(copy):
    assert update(copy) == set()


def test_a_new_address_reaches_every_badge_button_and_cell(copy):
    replace(copy / "pyproject.toml", set_repository.slug(ADDRESS), "Someone/else")

    changed = update(copy)

    assert {"README.md", "CITATION.cff", "_config.yml", "book/reproduce.md"} <= changed
    assert {f"notebooks/{s.stem}{end}" for s in CHAPTERS for end in (".py", ".ipynb")} <= changed
    old = set_repository.slug(ADDRESS), set_repository.site(ADDRESS)
    texts = {path: path.read_text() for path in copy.rglob("*") if path.is_file()}
    assert [path for path, text in texts.items() if any(each in text for each in old)] == []
    assert "https://someone.github.io/else" in texts[copy / "CITATION.cff"]
    assert update(copy) == set()


def test_the_badges_are_links_once_the_address_is_known(copy):
    readme = copy / "README.md"
    replace(copy / "pyproject.toml", set_repository.slug(ADDRESS), "Someone/else")

    update(copy)
    assert "/Someone/else/blob/colab/03_dncnn2017.ipynb" in readme.read_text()
    assert "/Someone/else/colab?urlpath=lab/tree/03_dncnn2017.ipynb" in readme.read_text()

    replace(copy / "pyproject.toml", "Someone/else", "OWNER/book")
    update(copy)
    assert set_repository.NO_BADGES in readme.read_text()
    assert "colab.research" not in readme.read_text()


def test_a_new_release_reaches_the_citation_and_every_install_cell(copy):
    replace(
        copy / "CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n## [9.8.7] - 2031-02-03\n"
    )

    changed = update(copy)

    citation = yaml.safe_load((copy / "CITATION.cff").read_text())
    assert citation["version"] == "9.8.7" and str(citation["date-released"]) == "2031-02-03"
    assert changed == {"CITATION.cff"} | {
        f"notebooks/{path.stem}{end}" for path in CHAPTERS for end in (".py", ".ipynb")
    }
    for path in (copy / "notebooks").glob("*.py"):
        notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
        assert '"9.8.7"' in install_cell(path)
        assert [c.source for c in notebook.cells] == [c.source for c in jupytext.read(path).cells]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_installs_the_released_wheel_and_nothing_from_the_placeholder(
    path, copy, monkeypatch
):
    script = copy / path.relative_to(ROOT)
    replace(copy / "pyproject.toml", set_repository.slug(ADDRESS), "someone/else")
    update(copy)
    version, _ = set_repository.release(copy)
    ((magic, line),) = run_on_colab(install_cell(script), monkeypatch)
    assert magic == "pip" and "denoise_lib[dicom] @ " in line
    assert set_repository.wheel("https://github.com/someone/else", version) in line

    replace(copy / "pyproject.toml", "someone/else", "OWNER/denoise-book")
    update(copy)
    with pytest.raises(RuntimeError, match="no public address yet"):
        run_on_colab(install_cell(script), monkeypatch)


def test_the_citation_is_that_of_the_package_and_of_the_front_page():
    front = (ROOT / "book" / "welcome.md").read_text()

    assert CITATION["license"] == PROJECT["license"] == set_repository.zenodo(ROOT)["license"]
    assert CITATION["keywords"] == PROJECT["keywords"]
    assert CITATION["repository-code"] == ADDRESS == PROJECT["urls"]["Repository"]
    assert CITATION["url"] == set_repository.site(ADDRESS)
    assert (CITATION["version"], str(CITATION["date-released"])) == set_repository.release(ROOT)
    assert f"title = {{{CITATION['title']}}}" in front
    assert f"year = {{{CITATION['date-released'].year}}}" in front
    assert all(author["name"] in front for author in CITATION["authors"])


def test_zenodo_has_what_the_citation_says():
    zenodo = json.loads((ROOT / ".zenodo.json").read_text())

    assert zenodo["title"] == CITATION["title"] and zenodo["keywords"] == CITATION["keywords"]
    assert zenodo["description"] == CITATION["abstract"].strip()
    assert [each["name"] for each in zenodo["creators"]] == [a["name"] for a in CITATION["authors"]]


def test_a_person_with_an_orcid_id_reaches_zenodo(copy):
    """The example in CITATION.cff, uncommented."""
    text = (copy / "CITATION.cff").read_text()
    example = "".join(re.findall(r"^# (  .+\n)", text, re.MULTILINE))
    replace(copy / "CITATION.cff", "authors:\n", f"authors:\n{example}")

    update(copy)

    person, group = json.loads((copy / ".zenodo.json").read_text())["creators"]
    assert person == {
        "name": "Doe, Jane",
        "affiliation": "University of Somewhere",
        "orcid": "0000-0000-0000-0000",
    }
    assert group == {"name": CITATION["authors"][0]["name"]}


def test_a_tag_is_published_only_if_changelog_and_address_say_the_same():
    version, _ = set_repository.release(ROOT)
    place = set_repository.slug(ADDRESS)

    assert set_repository.objections(ROOT, f"v{version}", place) == []
    (tag,) = set_repository.objections(ROOT, "v9.9.9", place)
    (elsewhere,) = set_repository.objections(ROOT, f"v{version}", "another/one")
    assert "CHANGELOG.md" in tag and "pyproject.toml" in elsewhere


def test_the_changelog_has_one_section_for_each_release_newest_first():
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)

    assert headings[0] == "[Unreleased]"
    releases = [set_repository.RELEASE.fullmatch(f"## {each}") for each in headings[1:]]
    assert releases and all(releases)
    dates = [match[2] for match in releases]
    assert dates == sorted(dates, reverse=True)
