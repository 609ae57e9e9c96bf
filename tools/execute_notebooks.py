"""Execute the chapters whose code, or the library behind them, has changed.

People edit `notebooks/NN_name.py`. This writes its pair `NN_name.ipynb` with fresh outputs. Where
the pair's stored fingerprint says that no code has changed since, it keeps the outputs and takes
over the text only:

    python tools/execute_notebooks.py            the chapters that need it
    python tools/execute_notebooks.py --force    all of them

A pair that says something else than its source is kept as a copy in `build/notebooks/replaced`
before it is written anew: it may have been edited by mistake.
"""

from __future__ import annotations

import argparse
import ast
import base64
import hashlib
import io
import os
import shutil
import sys
import time
from pathlib import Path

import jupytext
import nbformat
import papermill
from filelock import FileLock, Timeout
from PIL import Image, ImageChops

from denoise_lib.files import replacing
from denoise_lib.identity import source_hash

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
STYLE = ROOT / "book" / "matplotlibrc"
WIDGET = "application/vnd.jupyter.widget-view+json"
# Packages whose modules are found by looking into their folder, and who looks.
DISCOVERED = {
    "denoise_lib.methods.registry": "methods",
    "denoise_lib.data.registry": "data",
    "denoise_lib.study.side_studies": "study/side",
}
LARGE = 100_000  # characters of a picture in base64
INCH = 100  # screen pixels, as in denoise_lib.plotting
INSTALLS = '"google.colab" in sys.modules'  # in a chapter's first code cell


def modules(code: str) -> list[Path]:
    """The library's modules that a chapter imports, directly or not; lazy imports count."""
    found: dict[Path, None] = {}
    waiting = [code]
    while waiting:
        for name in imported(waiting.pop()):
            for path in module_files(name):
                if path not in found:
                    found[path] = None
                    waiting.append(path.read_text("utf-8"))
    return sorted(found)


def imported(code: str) -> list[str]:
    """Dotted names below `denoise_lib` that some code imports, be they modules or not."""
    names = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] == "denoise_lib"]


def module_files(name: str) -> list[Path]:
    """The files that importing a dotted name reads: packages above it, and the module itself."""
    parts, files = name.split("."), []
    for depth in range(1, len(parts) + 1):
        place = ROOT.joinpath(*parts[:depth])
        files += [
            path for path in (place / "__init__.py", place.with_suffix(".py")) if path.exists()
        ]
    if name in DISCOVERED:
        files += sorted((ROOT / "denoise_lib" / DISCOVERED[name]).glob("*.py"))
    return files


def data_files(code: str) -> list[Path]:
    """What a chapter's outputs depend on besides code.

    The library's tables, and those side studies and released networks that the chapter's code
    names: another network's new weights change nothing in it.
    """
    package = ROOT / "denoise_lib"
    tables = [*package.rglob("*.csv"), *package.glob("methods/tuned/*.json")]
    networks = package.glob("methods/weights/*/*.safetensors")
    studies = (ROOT / "results" / "side").glob("*.csv")
    named = [path for path in (*networks, *studies) if _names(code, path)]
    return sorted([*tables, *named])


def _names(code: str, path: Path) -> bool:
    """Whether a chapter's code names a network (by its folder) or a study (by its file)."""
    name = path.parent.name if path.suffix == ".safetensors" else path.stem
    return f'"{name}"' in code


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The cells that run, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# Written out: jupyter-cache hashes a notebook's cells, but not the library that they import.
def fingerprint(notebook: nbformat.NotebookNode) -> str:
    """Changes when what a cell or the library computes does, or a study or network that it uses.

    Of code only the syntax tree counts, without docstrings: words change no output. Nor does the
    cell that installs the package on Colab, so that a release leaves every chapter as executed.
    """
    cells = [cell.source for cell in code_cells(notebook) if INSTALLS not in cell.source]
    code = "\n\n".join(cells)
    digest = hashlib.sha256("/".join(map(source_hash, cells)).encode() + STYLE.read_bytes())
    for path in modules(code):
        text = path.read_text("utf-8")
        digest.update(_place(path) + source_hash(text, decorators=True).encode())
    for path in data_files(code):
        digest.update(_place(path) + path.read_bytes())
    return digest.hexdigest()[:16]


def _place(path: Path) -> bytes:
    return path.relative_to(ROOT).as_posix().encode()


def read_source(path: Path) -> nbformat.NotebookNode:
    """The chapter's percent script as a notebook whose cell ids do not change between runs."""
    try:
        notebook = jupytext.read(path)
    except UnicodeDecodeError:
        sys.exit(f"{path} is not UTF-8: save it so.")
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    # As jupytext writes a pair: this tells how the script is laid out, and stands in it alone.
    notebook.metadata.get("jupytext", {}).pop("text_representation", None)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index:02d}"
    return notebook


def read_pair(source: Path) -> nbformat.NotebookNode:
    """The notebook beside a source."""
    pair = source.with_suffix(".ipynb")
    try:
        return nbformat.read(pair, as_version=4)
    except (ValueError, nbformat.ValidationError):  # no JSON, no text, no notebook
        sys.exit(f"{pair} is no notebook, or damaged: delete it to have it made anew.")


def keep_edited(source: Path) -> None:
    """Copy a pair whose cells are not those of its source, before it is written anew."""
    pair = source.with_suffix(".ipynb")
    if not pair.exists():
        return
    cells = [
        [(cell.cell_type, cell.source) for cell in notebook.cells]
        for notebook in (read_pair(source), read_source(source))
    ]
    if cells[0] != cells[1]:
        copy = ROOT / "build" / "notebooks" / "replaced" / f"{pair.stem}-{time.time_ns()}.ipynb"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pair, copy)
        print(f"{pair.name} was not what its source says; it is kept as {copy}")


def is_current(source: Path) -> bool:
    """Whether the stored pair was made from this source and this library."""
    pair = source.with_suffix(".ipynb")
    if not pair.exists():
        return False
    stored = read_pair(source).metadata.get("denoise_book", {})
    return stored.get("fingerprint") == fingerprint(read_source(source))


def take_over_text(source: Path) -> bool:
    """Bring a current pair's text and metadata up to its source; whether anything differed."""
    stored, notebook = read_pair(source), read_source(source)
    for old, new in zip(code_cells(stored), code_cells(notebook), strict=True):
        new.outputs, new.execution_count = old.outputs, old.execution_count
    notebook.metadata = {**stored.metadata, **notebook.metadata}
    if notebook == stored:
        return False
    write_pair(notebook, source)
    return True


def write_pair(notebook: nbformat.NotebookNode, source: Path) -> None:
    """Put a notebook beside its source; what was edited there is kept."""
    keep_edited(source)
    with replacing(source.with_suffix(".ipynb")) as temporary:
        nbformat.write(notebook, temporary)


def strip(notebook: nbformat.NotebookNode) -> None:
    """Remove what only the machine that ran it could use, and make large pictures smaller."""
    for key in ("papermill", "widgets"):
        notebook.metadata.pop(key, None)
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]  # an empty list, papermill's
        if cell.cell_type == "code":
            cell.outputs = [
                output for output in cell.outputs if WIDGET not in output.get("data", {})
            ]
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    pack_picture(output)


def pack_picture(output: nbformat.NotebookNode) -> None:
    """Say how large a picture is shown, where it has more pixels; keep a large one small."""
    png = base64.b64decode(output.data["image/png"])
    with Image.open(io.BytesIO(png)) as picture:
        dots = picture.info.get("dpi", (INCH, INCH))[0]
        width, height = (round(length * INCH / dots) for length in picture.size)
    output.metadata["image/png"] = {"width": width, "height": height}
    if len(output.data["image/png"]) > LARGE:
        output.data["image/png"] = base64.b64encode(smaller(png)).decode()


def smaller(png: bytes) -> bytes:
    """The same picture, grey where it is, or in 256 colours: half the bytes, no JPEG blocks."""
    picture, packed = Image.open(io.BytesIO(png)), io.BytesIO()
    dots = {"dpi": picture.info["dpi"]} if "dpi" in picture.info else {}
    colours, grey = picture.convert("RGB"), picture.convert("L")
    alike = ImageChops.difference(colours, grey.convert("RGB")).getbbox() is None
    few = grey if alike else colours.quantize(256, dither=Image.Dither.NONE)
    few.save(packed, format="PNG", optimize=True, **dots)
    return packed.getvalue()


def execute(source: Path, preset: str) -> None:
    """Run one chapter and store it beside its source."""
    work = ROOT / "build" / "notebooks" / f"{source.stem}.ipynb"
    work.parent.mkdir(parents=True, exist_ok=True)
    notebook = read_source(source)
    nbformat.write(notebook, work)
    # The book's budget is the source's own default, so that nothing is injected into the pair.
    parameters = {} if preset == "quick" else {"preset": preset}
    # Set for scripts, it would keep every figure out of the notebook.
    os.environ.pop("MPLBACKEND", None)
    os.environ["MATPLOTLIBRC"] = str(STYLE)
    before = fingerprint(notebook)  # what is changed meanwhile has not been executed
    start = time.perf_counter()
    papermill.execute_notebook(
        work, work, parameters, cwd=NOTEBOOKS, kernel_name="python3", progress_bar=True
    )
    executed = nbformat.read(work, as_version=4)
    strip(executed)
    executed.metadata["denoise_book"] = {
        "fingerprint": before if preset == "quick" else "",  # the book shows no other
        "seconds": round(time.perf_counter() - start),
    }
    write_pair(executed, source)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="chapters, e.g. 03_dncnn2017 (default: all)")
    parser.add_argument("--force", action="store_true", help="execute even what is up to date")
    parser.add_argument("--preset", default="quick", choices=["smoke", "quick", "full"])
    arguments = parser.parse_args()
    sources = sorted(NOTEBOOKS.glob("*.py"))
    unknown = set(arguments.names) - {source.stem for source in sources}
    if unknown:
        known = ", ".join(source.stem for source in sources)
        parser.error(f"unknown chapter {', '.join(sorted(unknown))}; choose from {known}")
    lock = ROOT / "build" / "notebooks.lock"
    lock.parent.mkdir(exist_ok=True)
    try:
        with FileLock(lock, timeout=0):
            for source in sources:
                if not arguments.names or source.stem in arguments.names:
                    bring_up_to_date(source, arguments.preset, arguments.force)
    except Timeout:
        sys.exit("The chapters are being executed by another process: wait until it is done.")


def bring_up_to_date(source: Path, preset: str, force: bool) -> None:
    """Execute a chapter if need be, or take over its text."""
    if is_current(source) and not force:
        changed = take_over_text(source)
        print(f"{source.stem}: {'new text, same outputs' if changed else 'up to date'}")
        return
    print(f"{source.stem}: executing", flush=True)
    execute(source, preset)


if __name__ == "__main__":
    main()
