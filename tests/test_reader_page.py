"""The pages on readers build from complete tables, and not where their sentences would be false.

The rows are made up: what they say is what the sentences say.
"""

import re
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from denoise_lib.study import grid, side_studies, store
from denoise_lib.study.tables import reader

ROOT = Path(__file__).resolve().parent.parent
# Share of the contrast left; change of the Hotelling observer's AUC and of the eye's.
LEFT = {
    "noisy": (1, 0, 0),
    "gaussian": (0.7, -0.01, 0.04),
    "tv": (0.5, -0.01, 0.03),
    grid.OBSERVED: (0.5, -0.1, -0.02),
}
OTHERS = (0.5, -0.09, 0.02)
STRONG_NOISE = 0.02  # change of the eye's AUC by `OBSERVED`
CHANGE = ["change", "change_low", "change_high"]


def nodules(method, observer, diameter=8, alpha=1.0, sigma=25, **_):
    _, hotelling, eye = LEFT.get(method, OTHERS)
    if sigma == 50 and eye < 0:
        eye = STRONG_NOISE
    share = 1 if diameter == 8 else 0.4
    # The last fifth of the way to the denoised image costs most, and the eye something.
    change = (
        hotelling * share * alpha**4
        if observer == "hotelling"
        else eye * (alpha * (1.7 - alpha) if eye > 0 else alpha**4)
    )
    half = 0 if method == "noisy" else 0.005
    return {
        "auc": 0.9 + change,
        "low": 0.88 + change,
        "high": 0.92 + change,
        "change": change,
        "change_low": change - half,
        "change_high": change + half,
        "contrast_kept": LEFT.get(method, OTHERS)[0],
        "psnr": 20 + 16 * alpha,
        "regions": 600,
    }


def text(values):
    return " ".join(f"{value:.3f}" for value in values)


def answers(training, seed, method, truth):
    """Logits: grain moves those of classifiers trained on clean images, denoisers those of all.

    The others are a little worse on clean images, and lose less behind a denoiser.
    """
    generator = np.random.default_rng(seed + 1000 * len(training))
    robust = training == "degraded"
    kind, amount = (method.split() + ["0"])[:2] if " " in method else (method, "0")
    moved = {"noise": 0.8, "blur": -3.0}.get(kind, 0.0) * float(amount)
    behind = kind not in ("clean", "noise", "blur")
    found = {}
    for split, labels in truth.items():
        sure = {(False, False): 1.5, (False, True): 0.3, (True, False): 1.1, (True, True): 0.9}
        order = (2 * labels.positive - 1) * sure[robust, behind]
        noise = generator.normal(size=len(order))
        found[split] = order + noise + (0.02 if robust else 1) * moved - 3 * behind
    return {"auc": 0.9, **{split: text(values) for split, values in found.items()}}


def grains(images, truth):
    """The number tells the labels of clean images as well as a network, those of noisy ones not."""
    generator = np.random.default_rng(7)
    labels = truth["test"].positive
    order = 0 if images == "noise 5" else 1.5 * (2 * labels - 1)
    return {"test": text(order + generator.normal(size=len(labels)))}


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Results with made-up tables of the observers, the segmenter and the classifiers."""
    folder = tmp_path / "results"
    shutil.copytree(store.folder(), folder, ignore=shutil.ignore_patterns("*.lock", "images"))
    monkeypatch.setenv("DENOISE_RESULTS", str(folder))
    truth = {split: reader.labels(split) for split in ("val", "test")}

    def segmented(method, seed):
        dice = {"clean": 0.9, "noisy": 0.4, "gaussian": 0.86}.get(method, 0.85)
        return {"dice_lungs": dice, "dice_heart": dice - 0.1}

    made = {
        "detection": nodules,
        "blend": nodules,
        "segmenter": segmented,
        "classified": lambda **key: answers(**key, truth=truth),
        "grains": lambda images: grains(images, truth),
    }
    for name, row in made.items():
        declared = side_studies.get(name).keys  # a function, not those of a dict
        keys = [dict(key) for key in declared()]
        rows = pd.DataFrame([key | row(**key) for key in keys])
        rows.to_csv(folder / "side" / f"{name}.csv", index=False)
    yield folder
    plt.close("all")


def build(page):
    """Run the cells of a page as the book does, in one namespace; what they show is returned."""
    source = (ROOT / "book" / page).read_text()
    names: dict = {}
    for cell in re.findall(r"```\{code-cell\} ipython3\n(.*?)```", source, re.DOTALL):
        code = re.sub(r"^(---\n.*?\n---\n|(:[^\n]*\n)+)", "", cell, flags=re.DOTALL)
        exec(compile(code, page, "exec"), names)
    return names


def test_the_pages_build_from_complete_tables(made_up):
    build("nodule.md")
    names = build("reader.md")

    assert names["off"]["_anew"] < names["off"][""]
    assert len(names["clean"]) == len(grid.compared()) + 8


@pytest.mark.parametrize(
    ("table", "chosen", "column", "value"),
    [
        ("detection", {"method": grid.OBSERVED, "sigma": 25}, CHANGE, 0.02),
        ("detection", {"method": "bm3d", "diameter": 8}, CHANGE, 0.01),
        ("detection", {"method": "gaussian", "observer": "eye"}, "change_low", -0.01),
        ("blend", {"method": grid.OBSERVED, "alpha": 0.8}, CHANGE, -0.08),
        ("segmenter", {"method": "noisy"}, "dice_lungs", 1.0),
        ("classified", {"training": "degraded", "method": "clean"}, "test", text([0.0] * 100)),
        ("shortcut", {"images": "test"}, ["auc", "low", "high"], 0.8),
        ("grains", {"images": "clean"}, "test", text(range(100))),
        ("detection", {"method": grid.OBSERVED, "diameter": 16}, "change_high", 0.001),
    ],
)
def test_a_page_does_not_build_where_a_sentence_would_be_false(
    made_up, table, chosen, column, value
):
    path = made_up / "side" / f"{table}.csv"
    rows = pd.read_csv(path)
    rows.loc[(rows[list(chosen)] == pd.Series(chosen)).all(axis=1), column] = value
    rows.to_csv(path, index=False)

    with pytest.raises(AssertionError):
        build("nodule.md" if table in ("detection", "blend") else "reader.md")
