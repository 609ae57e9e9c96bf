"""Jupyter's own tools leave a chapter's pair of script and notebook as they find it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STEMS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.py"))


@pytest.fixture(params=STEMS)
def pair(request, tmp_path) -> list[Path]:
    """A copy of a script and its notebook, below a copy of the settings of jupytext."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "notebooks").mkdir()
    files = [tmp_path / "notebooks" / f"{request.param}.{kind}" for kind in ("ipynb", "py")]
    for file in files:
        shutil.copy(ROOT / file.relative_to(tmp_path), file)
    return files


def test_jupytext_sync_changes_nothing(pair):
    before = [file.read_bytes() for file in pair]

    sync = [sys.executable, "-m", "jupytext", "--sync", pair[0]]
    subprocess.run(sync, check=True, capture_output=True)

    assert [file.read_bytes() for file in pair] == before


def test_jupytext_sync_takes_an_edit_over(pair):
    """The test above would pass too if the two were no pair."""
    notebook, script = pair
    script.write_text(script.read_text() + "\n# %% [markdown]\n# A last word.\n")

    sync = [sys.executable, "-m", "jupytext", "--sync", script]
    subprocess.run(sync, check=True, capture_output=True)

    assert "A last word." in notebook.read_text()


def test_a_save_in_jupyterlab_changes_nothing(pair):
    manager = pytest.importorskip("jupytext.sync_contentsmanager", reason="needs jupyter-server")
    from jupyter_server.services.contents.largefilemanager import LargeFileManager

    contents = manager.build_sync_jupytext_contents_manager_class(LargeFileManager)()
    contents.root_dir = str(pair[0].parent.parent)
    before = [file.read_bytes() for file in pair]

    for file in pair:
        name = f"notebooks/{file.name}"
        opened = contents.get(name)
        contents.save({key: opened[key] for key in ("type", "format", "content")}, name)

    assert [file.read_bytes() for file in pair] == before
