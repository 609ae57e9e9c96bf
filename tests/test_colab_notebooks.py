"""The copies for Colab and Binder: plain Markdown, valid notebooks, links that lead somewhere."""

import ast
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest

pytest.importorskip("pybtex", reason="the extra 'book' is not installed")
import colab_notebooks
import set_repository
import yaml

ROOT = Path(__file__).resolve().parent.parent
PAIRS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ADDRESSES = {"placeholder": "https://github.com/OWNER/book", "known": "https://github.com/me/book"}
MARKUP = re.compile(r"\{[\w:-]+\}`|^\s*(`{3,}|:{3,})\{|^\([\w-]+\)=$", re.MULTILINE)
RELATIVE = re.compile(r"\]\((?!https://|#)")


@pytest.fixture(params=ADDRESSES)
def url(request) -> str:
    return ADDRESSES[request.param]


@pytest.fixture
def copier(url):
    return colab_notebooks.Copier(url, "1.2.3")


def text_of(notebook: nbformat.NotebookNode, kind: str) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == kind)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda path: path.stem)
def test_a_copy_is_a_valid_notebook_without_markup_or_relative_links(pair, url):
    notebook = colab_notebooks.copy(pair, url, "1.2.3")
    text, code = text_of(notebook, "markdown"), text_of(notebook, "code")

    nbformat.validate(notebook)
    assert MARKUP.findall(text) == [] and RELATIVE.findall(text) == []
    assert RELATIVE.findall("\n".join(re.findall(r'"[^"\n]*"', code))) == []
    assert "\\url" not in text
    assert ("github.io" in text) == set_repository.is_known(url)
    ast.parse(code)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda path: path.stem)
def test_the_chapter_itself_has_what_its_copy_has_not(pair):
    """Else the test above would look for the wrong things."""
    text = text_of(nbformat.read(pair, as_version=4), "markdown")

    assert RELATIVE.findall(text)
    assert MARKUP.findall(text) or pair.stem == "measure"


@pytest.mark.parametrize("pair", PAIRS, ids=lambda path: path.stem)
def test_a_copy_has_every_cell_of_its_chapter_and_no_output(pair):
    stored = nbformat.read(pair, as_version=4)
    notebook = colab_notebooks.copy(pair, ADDRESSES["placeholder"], "1.2.3")
    title, notice, *others = notebook.cells

    assert [cell.cell_type for cell in (title, *others)] == [c.cell_type for c in stored.cells]
    assert "A copy to run" in notice.source
    assert all(cell.outputs == [] for cell in notebook.cells if cell.cell_type == "code")
    assert set(notebook.metadata) <= {"kernelspec", "language_info", "accelerator", "colab"}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda path: path.stem)
def test_every_link_of_a_copy_leads_to_a_page_of_the_book(pair):
    notebook = colab_notebooks.copy(pair, ADDRESSES["known"], "1.2.3")
    links = re.findall(r"\]\((https://me\.github\.io[^)]*)\)", text_of(notebook, "markdown"))

    assert links
    for link in links:
        page = urlsplit(link).path.removeprefix("/book/").removesuffix(".html")
        assert any((ROOT / "book" / f"{page}{end}").exists() for end in (".md", ".ipynb")), link


def test_a_copy_that_trains_asks_for_a_gpu_and_shows_its_first_cells():
    chapter = colab_notebooks.copy(ROOT / "notebooks" / "03_dncnn2017.ipynb", "x/y", "1.2.3")
    measure = colab_notebooks.copy(ROOT / "notebooks" / "measure.ipynb", "x/y", "1.2.3")

    assert chapter.metadata["accelerator"] == "GPU" and "accelerator" not in measure.metadata
    assert "T4" in chapter.cells[1].source and "T4" not in measure.cells[1].source
    install, parameters, imports, *_ = [c for c in chapter.cells if c.cell_type == "code"]
    assert not install.metadata and parameters.metadata == {"tags": ["parameters"]}
    assert imports.metadata["cellView"] == "form" and imports.metadata["jupyter"]["source_hidden"]


def test_directives_become_quotes_and_details(copier):
    text = "(label)=\nBefore.\n\n```{margin}\n:class: x\nA note\nof two lines.\n```\n\n"
    text += "````{dropdown} More\n```python\n{x}`y`\n```\n````\nAfter."

    assert copier.markdown(text) == (
        "Before.\n\n> **In the margin.** A note\n> of two lines.\n\n\n"
        "<details><summary>More</summary>\n\n```python\n{x}`y`\n```\n\n</details>\n\nAfter."
    )


def test_sources_are_cited_by_author_and_year_and_listed(copier):
    text = copier.markdown("So it is {footcite}`vincent2008,ho2020`.\n```{footbibliography}\n```")

    assert text.startswith("So it is (Vincent et al., 2008; Ho et al., 2020).")
    listed = text.splitlines()[1:]
    assert [line[:2] for line in listed] == ["- ", "- "]
    assert "Extracting and composing robust features" in listed[0] and "2020" in listed[1]


def test_code_is_linked_at_its_release(url, copier):
    text = copier.markdown("See {source}`methods.load`.")

    path, first, last = colab_notebooks.source_lines("methods.load")
    lines = f"https://github.com/me/book/blob/v1.2.3/{path}#L{first}-L{last}"
    known = f"See [`methods.load`]({lines})."
    assert text == (known if set_repository.is_known(url) else "See `methods.load`.")


def test_links_to_pages_alone_are_changed(copier):
    kept = "[site](https://a.org) [here](#there) methods[name](noisy)"

    assert copier.markdown(kept) == kept
    page = copier.markdown("[noise](../noise#dose)")
    assert page in ("noise", "[noise](https://me.github.io/book/noise.html#dose)")
    assert (page == "noise") != set_repository.is_known(copier.url)


@pytest.mark.parametrize("text", ["{numref}`a`", "```{figure} a.png\n```"])
def test_markup_that_a_copy_does_not_know_is_refused(text, copier):
    with pytest.raises(ValueError, match="A copy does not know"):
        copier.markdown(text)


def test_the_folder_has_all_copies_and_binder_s_settings_for_the_release(tmp_path):
    copies = colab_notebooks.write(tmp_path / "colab", ADDRESSES["known"], "1.2.3")

    assert {path.name for path in copies} == {pair.name for pair in PAIRS}
    assert all(nbformat.read(path, as_version=4).cells for path in copies)
    wanted = (tmp_path / "colab" / ".binder" / "requirements.txt").read_text()
    assert (
        set_repository.wheel(ADDRESSES["known"], "1.2.3") in wanted and "--editable" not in wanted
    )
    assert (tmp_path / "colab" / ".binder" / "../constraints.txt").resolve().exists()
    assert "1.2.3" in (tmp_path / "colab" / "README.md").read_text()


def test_binder_installs_the_processor_s_pytorch_and_a_python_that_the_package_takes():
    wanted = (ROOT / ".binder" / "requirements.txt").read_text()
    python = (ROOT / ".binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    project = yaml.safe_load((ROOT / "environment.yml").read_text())

    assert "https://download.pytorch.org/whl/cpu" in wanted and "--editable .[dicom]" in wanted
    assert f"python={python}" in project["dependencies"]
    assert sys.version_info >= tuple(map(int, python.split(".")))
