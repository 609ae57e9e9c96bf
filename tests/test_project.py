"""The project's own promises: equal pins, paired notebooks, a wheel that works."""

import graphlib
import importlib.metadata
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import draw_house
import execute_notebooks
import jupytext
import nbformat
import pytest
import write_environment
import yaml
from filelock import FileLock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import denoise_lib
from denoise_lib.identity import source_hash

ROOT = Path(__file__).resolve().parent.parent
ALL = sorted((ROOT / "notebooks").glob("*.py"))
SOURCES = [path for path in ALL if path.stem[0].isdigit()]  # the chapters of the papers
PROJECT = write_environment.project()
PINS = write_environment.pins()
(LOCAL,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]


def locked(name):
    """The versions of constraints.txt by the name of a package."""
    return [pin for pin in PINS if canonicalize_name(pin.name) == canonicalize_name(name)]


def pinned_versions(pin):
    return [part.version for part in pin.specifier if part.operator == "=="]


@pytest.mark.parametrize("wanted", write_environment.direct_dependencies(), ids=str)
def test_a_dependency_has_a_lower_bound_that_its_pin_keeps(wanted):
    """What fails here after an edit of pyproject.toml is put right by `make lock`."""
    versions = [version for pin in locked(wanted.name) for version in pinned_versions(pin)]

    assert ">=" in {part.operator for part in wanted.specifier}
    assert versions and all(wanted.specifier.contains(version) for version in versions)


def test_constraints_are_such_as_pip_takes():
    assert [
        str(pin) for pin in PINS if pin.extras or pin.url or len(pinned_versions(pin)) != 1
    ] == []
    assert "--hash" not in (ROOT / "constraints.txt").read_text()
    assert all(requirement.name != "torchvision" for requirement in PINS)


def test_constraints_pin_what_make_installs_by_name():
    recipes = (ROOT / "Makefile").read_text()
    lines = re.findall(r"pip install .*\$\(PIN\) (.+)$", recipes, re.MULTILINE)
    names = [name for line in lines for name in line.split() if re.fullmatch(r"[a-z]\w*", name)]

    assert "\nPIN ?= --constraint constraints.txt\n" in recipes
    assert {"medmnist", "deepinv", "uv"} <= set(names)
    assert [name for name in names if not locked(name)] == []


def test_environment_yml_follows_from_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (from_pip,) = [e["pip"] for e in environment["dependencies"] if isinstance(e, dict)]
    constraint, editable = from_pip
    extras = set(Requirement(editable.replace("--editable .", "denoise_lib")).extras)

    assert (ROOT / "environment.yml").read_text() == write_environment.text()
    assert constraint == "--constraint constraints.txt"
    assert extras == PROJECT["optional-dependencies"].keys() - {"medmnist"}
    assert f"python{PROJECT['requires-python'].replace('>=', '=')}" in environment["dependencies"]


@pytest.mark.parametrize("hook", LOCAL["hooks"], ids=lambda hook: hook["id"])
def test_a_hook_runs_from_venv_or_else_from_the_active_environment(hook, tmp_path):
    def add_tools(folder):
        (tmp_path / folder).mkdir(parents=True)
        for name in ("ruff", "python", "pyright", "numpydoc"):
            tool = tmp_path / folder / name
            tool.write_text(f"#!/bin/sh\necho {folder} $@\n")
            tool.chmod(0o755)

    def run():
        return subprocess.run(
            [*shlex.split(hook["entry"]), "a file.py"],
            cwd=tmp_path,
            env={"PATH": f"{tmp_path / 'active'}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
        ).stdout

    add_tools("active")
    without = run()
    add_tools(".venv/bin")

    assert without.split()[0] == "active" and run().split()[0] == ".venv/bin"
    assert ("a file.py" in without) == hook.get("pass_filenames", True)


def test_the_version_is_that_of_the_installed_package(monkeypatch):
    assert denoise_lib.__version__ == importlib.metadata.version("denoise_lib")
    with pytest.raises(AttributeError, match="no attribute 'versions'"):
        _ = denoise_lib.versions

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert Version(denoise_lib.__version__) == Version("0.0")


@pytest.mark.parametrize("source", ALL, ids=lambda path: path.stem)
def test_a_notebook_and_its_pair_are_in_sync(source):
    script = jupytext.read(source)
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)

    def content(cells):
        return [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in cells]

    assert content(notebook.cells) == content(script.cells)


@pytest.mark.parametrize("source", ALL, ids=lambda path: path.stem)
def test_stored_outputs_are_complete_and_free_of_errors(source):
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]

    outputs = [output for cell in code for output in cell.outputs]

    assert all(cell.execution_count for cell in code)
    for cell in code:
        pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert bool(pictures) == ("plt.show()" in cell.source), cell.source
    assert not [output for output in outputs if output.output_type == "error"]
    assert "papermill" not in notebook.metadata
    assert not re.search(r'"[^"]*(/home/|/root/|/tmp/|/Users/)', json.dumps(outputs))


@pytest.mark.parametrize("source", ALL, ids=lambda path: path.stem)
def test_a_chapter_starts_as_every_chapter_does(source):
    """Install on Colab, parameters, imports; and every figure has an alternative text."""
    code = [cell for cell in jupytext.read(source).cells if cell.cell_type == "code"]

    assert "google.colab" in code[0].source
    assert "parameters" in code[1].metadata["tags"] and 'preset = "quick"' in code[1].source
    assert "import " in code[2].source
    figures = [cell for cell in code if "plt.show()" in cell.source]
    assert figures
    assert all(cell.metadata["mystnb"]["image"]["alt"] for cell in figures)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_has_every_part(source):
    """Its network is drawn; it opens with a question and closes with an answer and exercises."""
    text = "\n".join(cell.source for cell in jupytext.read(source).cells)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    opening = text.split("## ")[0]

    assert headings[-2:] == ["In short", "Exercises"] and "{dropdown} References" in text
    assert "?" in opening and "drawings.draw(" in text and "](../fidelity)" in text
    exercises = re.findall(r"^\*\*\d\.\*\* (Open:)?", text, re.MULTILINE)
    solutions = text.count("<details><summary>Solution</summary>")
    assert 4 <= len(exercises) <= 6 and exercises.count("Open:") == 1
    assert solutions == text.count("</details>") == len(exercises) - 1


def test_changed_text_is_taken_over_without_executing(tmp_path, monkeypatch):
    monkeypatch.setattr(execute_notebooks, "ROOT", tmp_path)
    source = tmp_path / "01_a.py"
    source.write_text("# %% [markdown]\n# old\n\n# %%\n1 + 1\n")
    notebook = execute_notebooks.read_source(source)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="2")]
    notebook.metadata["denoise_book"] = {"fingerprint": execute_notebooks.fingerprint(notebook)}
    nbformat.write(notebook, source.with_suffix(".ipynb"))

    unchanged = execute_notebooks.take_over_text(source)
    source.write_text("# %% [markdown]\n# new\n\n# %%\n1 + 1\n")

    assert not unchanged
    assert execute_notebooks.is_current(source) and execute_notebooks.take_over_text(source)
    pair = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert pair.cells[0].source == "new"
    assert pair.cells[1].outputs[0].text == "2"


def test_what_was_edited_in_the_pair_is_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(execute_notebooks, "ROOT", tmp_path)
    source = tmp_path / "01_a.py"
    source.write_text("# %% [markdown]\n# old\n\n# %%\n1 + 1\n")
    stored(source)
    pair = source.with_suffix(".ipynb")
    edited = pair.read_text().replace('"old"', '"my afternoon"')
    pair.write_text(edited)

    assert execute_notebooks.take_over_text(source)

    (copy,) = (tmp_path / "build/notebooks/replaced").iterdir()
    assert copy.read_text() == edited and str(copy) in capsys.readouterr().out
    assert nbformat.read(pair, as_version=4).cells[0].source == "old"
    assert not execute_notebooks.take_over_text(source)
    assert len(list(copy.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("01_a.py", b"# \xff", "is not UTF-8"), ("01_a.ipynb", b"{", "no notebook, or damaged")],
)
def test_a_damaged_chapter_is_named(tmp_path, name, content, said):
    source = tmp_path / "01_a.py"
    source.write_text("# %%\n1 + 1\n")
    stored(source)
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SystemExit, match=f"{name} {said}|{name} is {said}"):
        execute_notebooks.is_current(source)


def test_chapters_are_executed_by_one_process_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(execute_notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(execute_notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr("sys.argv", ["execute_notebooks.py"])
    execute_notebooks.main()

    lock = FileLock(tmp_path / "build" / "notebooks.lock")
    with lock, pytest.raises(SystemExit, match="by another process"):
        execute_notebooks.main()


def test_make_works_in_a_folder_of_any_name(tmp_path):
    folder = tmp_path / """a b'c $x "d" #e %f & (g) `h` ;i"""
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    # It stands for the environment's; a script of the environment names it by its whole path.
    python = folder / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho ran "$@"\n')
    python.chmod(0o755)
    (folder / ".venv" / "installed").touch()

    def make(*arguments: str) -> str:
        done = subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert {"ran -m ruff check .", "ran -m ruff format --check ."} <= {
        *make("lint-check").split("\n")
    }
    assert f"open {folder}/book/_build/html/index.html" in make("book")
    for target in (
        "help",
        "install",
        "colab",
        "study",
        "weights",
        "test",
        "bench",
        "lock",
        "clean",
    ):
        make("-n", target)
    make("clean")
    assert not python.exists() and (folder / "Makefile").exists()


def stored(source):
    """Store a notebook's pair as if it had been executed now."""
    notebook = execute_notebooks.read_source(source)
    notebook.metadata["denoise_book"] = {"fingerprint": execute_notebooks.fingerprint(notebook)}
    nbformat.write(notebook, source.with_suffix(".ipynb"))


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """A chapter that imports a module, which imports another; a third is nobody's."""
    package = tmp_path / "denoise_lib"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "a.py").write_text("def f():\n    from denoise_lib import b\n    return b.x\n")
    (package / "b.py").write_text('"""Text."""\nx = 1\n')
    (package / "other.py").write_text("x = 1\n")
    monkeypatch.setattr(execute_notebooks, "ROOT", tmp_path)
    source = tmp_path / "01_a.py"
    source.write_text('# %%\nfrom denoise_lib.a import f\n\nload("study", "net")\n')
    stored(source)
    assert execute_notebooks.is_current(source)
    return source


@pytest.mark.parametrize(
    ("file", "content", "current"),
    [
        ("01_a.py", '# %%\nfrom denoise_lib.a import f\n\nload("study", "nets")\n', False),
        ("01_a.py", '# %%\n# words\nfrom denoise_lib.a import f\nload("study", "net")\n', True),
        ("denoise_lib/b.py", '"""Text."""\nx = 2\n', False),
        ("denoise_lib/b.py", '"""Other text."""\n\nx = 1  # words\n', True),
        ("denoise_lib/other.py", "x = 2\n", True),
        ("denoise_lib/data/manifest.csv", "id\n1\n", False),
        ("results/side/study.csv", "psnr\n30\n", False),
        ("results/side/another.csv", "psnr\n30\n", True),
        ("denoise_lib/methods/weights/net/model.safetensors", "1", False),
        ("denoise_lib/methods/weights/other/model.safetensors", "1", True),
    ],
)
def test_what_a_chapter_computes_with_makes_it_stale_and_nothing_else(
    chapter, file, content, current
):
    path = execute_notebooks.ROOT / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)

    assert execute_notebooks.is_current(chapter) is current


def test_every_module_that_a_chapter_loads_is_in_its_fingerprint():
    """The static search finds what Python really imports, discovered modules among them."""
    code = "from denoise_lib import methods, plotting\nfrom denoise_lib.study import store\n"
    probe = f"{code}import sys\nmethods.available()\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    loaded = {name for name in run.stdout.split() if name.split(".")[0] == "denoise_lib"}

    found = execute_notebooks.modules(code)

    places = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in found}
    assert loaded <= {name.removesuffix(".__init__") for name in places}


def test_a_chapter_runs_where_only_the_installed_package_is(tmp_path):
    """As on Colab: the package from a wheel, the notebook alone in another folder."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT],
        check=True,
    )
    (wheel,) = tmp_path.glob("denoise_lib-*.whl")
    installed = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(installed)
    parts = ("py.typed", "methods/weights", "methods/tuned", "data", "results/rows.parquet")
    for part in parts:
        assert (installed / "denoise_lib" / part).exists()
    notebook = tmp_path / "elsewhere" / "chapter.ipynb"
    notebook.parent.mkdir()
    shutil.copy(ROOT / "notebooks" / "measure.ipynb", notebook)  # the quickest
    probe = "import denoise_lib, sys; sys.exit(not denoise_lib.__file__.startswith(sys.argv[1]))"
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    subprocess.run(
        [sys.executable, "-c", probe, str(installed)], check=True, env=environment, cwd=tmp_path
    )
    subprocess.run(
        [Path(sys.executable).with_name("papermill"), notebook, notebook, "-p", "preset", "smoke"],
        check=True,
        env=environment,
        cwd=notebook.parent,
        capture_output=True,
    )


def test_links_of_the_book_folder_point_at_the_top_level():
    for name in ("_config.yml", "_toc.yml", "notebooks"):
        link = ROOT / "book" / name
        assert link.is_symlink() and link.resolve() == ROOT / name


def test_no_room_imports_one_above_it():
    """Data flows one way: from the ground floor up."""
    height = draw_house.floors(draw_house.arrows())

    assert height["data"] < height["methods"] < height["evaluation"] < height["training"]
    assert height["inference"] < height["training"] < height["study"] < height["cli"]
    assert set(height) - {draw_house.TOOLS} == {
        path.stem
        for path in (ROOT / "denoise_lib").iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists())
        and path.stem not in draw_house.TOOLBOX | {"__init__", "__main__"}
    }


def test_rooms_that_import_each_other_are_found(tmp_path, monkeypatch):
    package = tmp_path / "denoise_lib"
    package.mkdir()
    (package / "a.py").write_text("from denoise_lib.b import x\n")
    (package / "b.py").write_text("def f():\n    import denoise_lib.a\n")
    monkeypatch.setattr(draw_house, "PACKAGE", package)
    monkeypatch.setattr(draw_house, "ROOT", tmp_path)

    with pytest.raises(graphlib.CycleError):
        draw_house.floors(draw_house.arrows())


def test_the_picture_of_the_house_is_today_s(tmp_path, monkeypatch):
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    drawn = tmp_path / "house.svg"

    draw_house.draw(drawn)

    def rooms_and_arrows(path):  # fonts differ from machine to machine, what is drawn does not
        text = path.read_text("utf-8")
        return re.findall(r"<!-- (.+?) -->", text), text.count('id="patch_')

    assert rooms_and_arrows(drawn) == rooms_and_arrows(draw_house.PICTURE)


def test_the_same_code_in_other_cells_is_another_chapter(tmp_path):
    source = tmp_path / "01_a.py"
    source.write_text("# %%\na = 1\nb = 2\n\n# %%\nc = 3\n")
    stored(source)

    source.write_text("# %%\na = 1\n\n# %%\nb = 2\nc = 3\n")

    assert not execute_notebooks.is_current(source)


def test_what_stands_above_a_class_is_part_of_a_chapter_and_not_of_a_row():
    plain, declared = ("class A:\n    x = 1\n", "@look('red')\nclass A:\n    x = 1\n")

    assert source_hash(plain) == source_hash(declared)
    assert source_hash(plain, decorators=True) != source_hash(declared, decorators=True)
    assert source_hash("def f(x: int) -> int:\n    return x") == source_hash(
        "def f(x):\n    return x"
    )


def test_another_release_in_the_install_cell_leaves_a_chapter_as_executed(tmp_path):
    source = tmp_path / "01_a.py"
    install = '# %%\nimport sys\n\nif "google.colab" in sys.modules:\n    release = "0.1.0"\n\n'
    source.write_text(install + "# %%\n1 + 1\n")
    stored(source)

    source.write_text(source.read_text().replace("0.1.0", "0.2.0"))
    assert execute_notebooks.is_current(source)
    source.write_text(source.read_text().replace("1 + 1", "1 + 2"))
    assert not execute_notebooks.is_current(source)
