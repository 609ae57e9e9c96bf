"""The book's Sphinx extensions: stale chapters are named, changed inputs make pages run again."""

import io
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

pytest.importorskip("sphinx", reason="the extra 'book' is not installed")
import changed_inputs
import execute_notebooks
import page_details
import stale_chapters
from sphinx.application import Sphinx


@pytest.fixture
def chapter(tmp_path) -> Path:
    """A chapter of one cell, executed: script, notebook and fingerprint agree."""
    source = tmp_path / "chapter.py"
    source.write_text("# %% [markdown]\n# # A chapter\n\n# %%\n1 + 1\n")
    notebook = execute_notebooks.read_source(source)
    notebook.metadata["denoise_book"] = {"fingerprint": execute_notebooks.fingerprint(notebook)}
    nbformat.write(notebook, source.with_suffix(".ipynb"))
    return source


def build(folder: Path, **config) -> list[str]:
    """Build the pages of a folder; the warnings of stale chapters."""
    if not (folder / "index.md").exists():
        (folder / "index.md").write_text("# A book\n\n```{toctree}\nchapter\n```\n")
    warnings = io.StringIO()
    confoverrides = {"extensions": ["myst_nb", "stale_chapters"], "nb_execution_mode": "off"}
    app = Sphinx(
        folder, None, folder / "_build", folder / "_build", "dummy",
        confoverrides={**confoverrides, **config}, status=None, warning=warnings,
    )  # fmt: skip
    app.build()
    return [line for line in warnings.getvalue().splitlines() if "older than its code" in line]


def test_a_chapter_with_outputs_of_its_code_is_not_named(chapter):
    assert build(chapter.parent) == []


def test_a_chapter_whose_code_changed_is_named_in_every_build(chapter):
    chapter.write_text(chapter.read_text().replace("1 + 1", "1 + 2"))

    for _ in range(2):  # the second one reads no page again
        (warning,) = build(chapter.parent)
        assert "chapter.ipynb" in warning
        assert "execute_notebooks.py chapter" in warning


def test_the_warning_can_be_silenced_by_its_type(chapter):
    chapter.write_text(chapter.read_text().replace("1 + 1", "1 + 2"))

    assert build(chapter.parent, suppress_warnings=["chapter.stale"]) == []


def test_new_text_alone_does_not_make_a_chapter_stale(chapter):
    chapter.write_text(chapter.read_text().replace("A chapter", "A chapter, reworded"))

    assert not stale_chapters.is_stale(chapter.with_suffix(".ipynb"))


def test_a_notebook_without_a_script_is_not_stale(tmp_path):
    assert not stale_chapters.is_stale(tmp_path / "alone.ipynb")


@pytest.fixture
def inputs(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "scores.csv").write_text("psnr\n30\n")
    monkeypatch.setattr(changed_inputs, "INPUTS", (folder,))
    return folder


@pytest.fixture
def environment(tmp_path):
    """What the extension sees of Sphinx: a page that computes, one that links, one of text."""
    pages = {"computes": "```{code-cell}\n1\n```", "links": "{source}`noise`", "text": "Text."}
    for name, text in pages.items():
        (tmp_path / f"{name}.md").write_text(text)
    return SimpleNamespace(found_docs=set(pages), doc2path=lambda name: tmp_path / f"{name}.md")


def outdated(environment) -> set[str]:
    return set(changed_inputs.outdated(None, environment, set(), set(), set()))


def test_pages_are_read_again_when_an_input_changed_and_only_then(inputs, environment):
    outdated(environment)
    assert outdated(environment) == set()

    (inputs / "scores.csv").write_text("psnr\n31\n")

    assert outdated(environment) == {"computes", "links"}
    assert outdated(environment) == set()


def test_a_new_input_counts_and_a_touched_or_ignored_one_does_not(inputs, environment):
    outdated(environment)
    (inputs / "scores.csv").touch()
    (inputs / "rows.lock").write_text("")
    assert outdated(environment) == set()

    (inputs / "more.csv").write_text("")

    assert outdated(environment) == {"computes", "links"}


def test_the_front_page_alone_goes_without_the_books_title_behind_its_own():
    app = SimpleNamespace(config=SimpleNamespace(root_doc="welcome"))
    titles = {}
    for page in ("welcome", "noise"):
        context = {"docstitle": "The book"}
        page_details.title_once(app, page, "page.html", context, None)
        titles[page] = context["docstitle"]
    assert titles == {"welcome": "", "noise": "The book"}
