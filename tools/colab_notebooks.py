"""Copy the chapters as plain notebooks, for Colab, Binder and whoever has no use for MyST.

A chapter is written in the book's markup, of which Colab and Jupyter show the raw text. In a copy,
roles are text or links, relative links lead to the book's site, margin notes and admonitions are
quotes with a title in bold, dropdowns are <details>. Outputs are left out: a copy is there to be
run, so that what it shows is the reader's own; the site has ours.

    python tools/colab_notebooks.py            writes build/colab, which a release publishes
"""

from __future__ import annotations

import argparse
import posixpath
import re
import shutil
import sys
from functools import cache
from pathlib import Path

import nbformat
from pybtex.database import Entry, parse_file
from pybtex.plugin import find_plugin
from set_repository import ROOT, address, is_known, release, site, wheel

sys.path.append(str(ROOT / "book" / "_ext"))
from source_role import source_lines

OUTPUT = ROOT / "build" / "colab"
FENCE = re.compile(r"^(?P<marks>`{3,}|:{3,})(?P<info>[^`\n]*)$")
DIRECTIVE = re.compile(r"^\{(?P<name>[\w:-]+)\}\s*(?P<title>.*)$")
OPTION = re.compile(r"^:[\w-]+:")
ROLE = re.compile(r"\{(?P<name>[\w:-]+)\}`(?P<text>[^`]+)`")
# A link that is neither to another host nor within the page.
LINK = re.compile(r"\[(?P<label>[^\[\]]+)\]\((?P<target>(?![a-z]+:|#)[^()\s]+)\)")
URL = re.compile(r"\\url\{([^}]+)\}")
LABEL = re.compile(r"(?m)^\([\w-]+\)=\n")
# The title of the quote that stands for a directive; None: its own.
TITLES = {"admonition": None, "margin": "In the margin", "note": "Note", "tip": "Tip"}
# Code that the book's page hides too.
HIDDEN = {"hide-cell", "hide-input", "remove-input"}
# Colab then gives the notebook a GPU where it has one to give.
GPU = {"accelerator": "GPU", "colab": {"gpuType": "T4", "provenance": []}}

NOTICE = """\
> **A copy to run.** This is {page} without its figures: you draw them by running it. With
> `preset = "quick"` all of it took {minutes} on two slow processor cores."""
# In a chapter that trains.
GPU_NOTICE = """
>
> **On Colab** it asks for a T4 GPU, on which the networks are trained. Without one (menu *Runtime*,
> *Change runtime type*) everything runs on the processor. On a GPU the digits differ from ours.
> Should a cell stop with an `AssertionError`, then what the text claims next does not hold for your
> run: go on with the cell after it."""

README = """\
# The chapters, to run

Plain notebooks, made by `tools/colab_notebooks.py` of {address} with release {version}. Edit
nothing here: the next release replaces it.
"""


class Copier:
    """Plain Markdown for the text of a chapter; remembers what it cites.

    Parameters
    ----------
    url, version : str
        The repository's address, maybe a placeholder, and the release to which links lead.
    """

    def __init__(self, url: str, version: str):
        self.url, self.version = url, version
        self.cited: dict[str, Entry] = {}

    def markdown(self, text: str) -> str:
        """Text without directives, roles, labels and relative links; code in it stays."""
        lines, pieces, plain = LABEL.sub("", text).split("\n"), [], []
        while lines:
            fence = FENCE.match(lines[0])
            if fence is None:
                plain.append(lines.pop(0))
                continue
            pieces.append(self.inline("\n".join(plain)))
            plain = []
            block = take_block(lines, fence["marks"])
            directive = DIRECTIVE.match(fence["info"])
            pieces.append(self.directive(directive, block[1:-1]) if directive else "\n".join(block))
        return "\n".join([*pieces, self.inline("\n".join(plain))]).strip("\n")

    def directive(self, head: re.Match, body: list[str]) -> str:
        """What stands for a directive, by its name."""
        name, title = head["name"], head["title"]
        if name == "footbibliography":
            return "\n".join(f"- {reference(entry)}" for entry in self.cited.values())
        text = self.markdown("\n".join(line for line in body if not OPTION.match(line)))
        if name == "dropdown":
            return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>\n"
        if name not in TITLES:
            raise ValueError(f"A copy does not know {{{name}}}: give it a title in TITLES.")
        quoted = f"**{TITLES[name] or title}.** {text}"
        return "\n".join(f"> {line}".rstrip() for line in quoted.split("\n")) + "\n"

    def inline(self, text: str) -> str:
        """Text whose roles and relative links are replaced."""
        return self.links(ROLE.sub(self.role, text))

    def role(self, match: re.Match) -> str:
        """What stands for a role."""
        if match["name"] == "footcite":
            found = {key: library()[key] for key in re.split(r"\s*,\s*", match["text"])}
            self.cited |= found
            return f"({'; '.join(map(author_year, found.values()))})"
        if match["name"] != "source":
            raise ValueError(f"A copy does not know the role {match[0]}: teach it to Copier.role.")
        path, first, last = source_lines(match["text"])
        target = f"{self.url}/blob/v{self.version}/{path}#L{first}-L{last}"
        return self.link(f"`{match['text']}`", target)

    def links(self, text: str) -> str:
        """Text whose links to pages of the book lead to its site."""
        return LINK.sub(self.page_link, text)

    def page_link(self, match: re.Match) -> str:
        """A link to a page of the book; what only looks like one, code say, stays as it is."""
        target, hash_mark, anchor = match["target"].partition("#")
        page = posixpath.normpath(posixpath.join("notebooks", target))
        if not any((ROOT / "book" / f"{page}{kind}").exists() for kind in (".md", ".ipynb")):
            return match[0]
        return self.link(match["label"], f"{site(self.url)}/{page}.html{hash_mark}{anchor}")

    def link(self, label: str, target: str) -> str:
        """A link; while the repository has no address, its words."""
        return f"[{label}]({target})" if is_known(self.url) else label


def take_block(lines: list[str], marks: str) -> list[str]:
    """Take a fenced block from the front of some lines, with the lines of its fences."""
    end = next(i for i, line in enumerate(lines) if i and line.rstrip() == marks)
    block = lines[: end + 1]
    del lines[: end + 1]
    return block


@cache
def library() -> dict[str, Entry]:
    """The entries of the book's bibliography."""
    return dict(parse_file(ROOT / "book" / "references.bib").entries)


def author_year(entry: Entry) -> str:
    """How a text names a source: Zhang et al., 2017."""
    names = [
        " ".join(person.prelast_names + person.last_names) for person in entry.persons["author"]
    ]
    names = [re.sub(r"[{}]", "", name) for name in names]
    who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
    return ", ".join(filter(None, [who, entry.fields.get("year")]))


def reference(entry: Entry) -> str:
    """A source in full; its addresses bare, which Jupyter and Colab make links of."""
    bare = Entry(entry.type, {key: URL.sub(r"\1", text) for key, text in entry.fields.items()})
    bare.persons = entry.persons
    (formatted,) = find_plugin("pybtex.style.formatting", "plain")().format_entries([bare])
    return " ".join(formatted.text.render(find_plugin("pybtex.backends", "text")()).split())


def plain_cell(cell: nbformat.NotebookNode, copier: Copier) -> nbformat.NotebookNode:
    """A cell of a copy: plain text, or code without its output, hidden where the page hides it."""
    if cell.cell_type == "markdown":
        return nbformat.v4.new_markdown_cell(copier.markdown(cell.source), id=cell.id)
    tags = cell.metadata.get("tags", [])
    plain = nbformat.v4.new_code_cell(copier.links(cell.source), id=cell.id)
    if "parameters" in tags:
        plain.metadata["tags"] = ["parameters"]
    elif HIDDEN & set(tags) and "google.colab" not in cell.source:
        plain.metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
    return plain


def trains(notebook: nbformat.NotebookNode) -> bool:
    """Whether a chapter trains a network, which a GPU does sooner."""
    return any("training import fit" in cell.source for cell in notebook.cells)


def notice(pair: Path, stored: nbformat.NotebookNode, copier: Copier) -> nbformat.NotebookNode:
    """What a reader of a copy has to know, before its first code."""
    page = copier.link("a page of the book", f"{site(copier.url)}/notebooks/{pair.stem}.html")
    seconds = stored.metadata["denoise_book"]["seconds"]
    minutes = f"{round(seconds / 60)} minutes" if seconds >= 90 else "about a minute"
    text = (NOTICE + GPU_NOTICE * trains(stored)).format(page=page, minutes=minutes)
    return nbformat.v4.new_markdown_cell(text, id="notice")


def copy(pair: Path, url: str, version: str) -> nbformat.NotebookNode:
    """A chapter as a plain notebook.

    Parameters
    ----------
    pair : pathlib.Path
        The stored notebook.
    url, version : str
        The repository's address and the release to which links lead.
    """
    stored, copier = nbformat.read(pair, as_version=4), Copier(url, version)
    title, *others = [plain_cell(cell, copier) for cell in stored.cells]
    kept = {key: stored.metadata[key] for key in ("kernelspec", "language_info")}
    metadata = {**kept, **(GPU if trains(stored) else {})}
    cells = [title, notice(pair, stored, copier), *others]
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def write_binder(folder: Path, url: str, version: str):
    """Binder's settings: those of the repository, with the release in place of the checkout."""
    shutil.copytree(ROOT / ".binder", folder / ".binder", dirs_exist_ok=True)
    shutil.copy(ROOT / "constraints.txt", folder)
    wanted = folder / ".binder" / "requirements.txt"
    released = f"denoise_lib[dicom] @ {wheel(url, version)}"
    wanted.write_text(wanted.read_text().replace("--editable .[dicom]", released))


def write(folder: Path, url: str, version: str) -> list[Path]:
    """Write all copies, and beside them what Binder needs."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pairs = sorted((ROOT / "notebooks").glob("*.ipynb"))
    for pair in pairs:
        notebook = copy(pair, url, version)
        nbformat.validate(notebook)
        nbformat.write(notebook, folder / pair.name)
    write_binder(folder, url, version)
    (folder / "README.md").write_text(README.format(address=url, version=version))
    return [folder / pair.name for pair in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    version, _ = release(ROOT)
    for path in write(OUTPUT, address(ROOT), version):
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
