"""What the committed side studies found: the numbers that the chapters' sentences rest on."""

import re
from pathlib import Path

import pytest

from denoise_lib.methods import classical, registry
from denoise_lib.study import grid, store
from denoise_lib.study.side import trainings

CHAPTERS = sorted(Path(__file__).parents[1].glob("notebooks/0*.py"))


def test_a_denoiser_for_one_level_damages_what_has_none():
    means = store.load_side("gondara_clean").groupby("task").mean(numeric_only=True)

    clean, noisy = means["psnr_clean"], means["psnr_noisy"]
    assert clean["sigma 25"] < noisy["sigma 25"] - 2
    assert clean["sigma 0 to 55"] > clean["sigma 25"] + 4
    assert clean["no noise"] > clean["sigma 0 to 55"]
    # Most of it is brightness, and the maximum makes it.
    line, offset = means["line_clean"], means["offset_clean"]
    mean = "sigma 25, mean in place of maximum"
    assert line["sigma 25"] > clean["sigma 25"] + 3 and offset["sigma 25"] > 3
    assert clean[mean] > clean["sigma 25"] + 3 and abs(offset[mean]) < offset["sigma 25"] / 2
    # The waist alone takes most of the noise away, whatever the target.
    assert 20.2 + 8 < noisy["its own input"] < noisy["sigma 25"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_exercise_has_a_solution_that_runs(path):
    text = path.read_text("utf-8")
    exercises = text.split("## Exercises")[1].split("## References")[0]

    # What is open has no solution that could run.
    questions = re.findall(r"^# \*\*\d\.\*\* (?!Open:)", exercises, re.M)

    assert len(CHAPTERS) == 5 and len(questions) >= 2
    assert exercises.count("<summary>Solution</summary>") == len(questions)
    assert exercises.count('tags=["hide-cell"]') == len(questions)


def at_edge(method: classical.Classical, parameters) -> list[str]:
    """The parameters whose value is the least or the most that was tried; names have no order."""
    ends = {name: (values[0], values[-1]) for name, values in method.grid.items()}
    return [
        name
        for name, value in parameters.items()
        if not isinstance(value, str) and value in ends[name]
    ]


@pytest.mark.parametrize("dataset", ["nih-sample", "chest-drr"])
def test_no_tuned_parameter_is_at_the_edge_of_what_was_tried(dataset):
    tuned = classical.tuned_parameters(dataset)

    edges = {
        (name, level): at_edge(registry.get(name, classical.Classical), parameters)
        for name, levels in tuned.items()
        for level, parameters in levels.items()
    }

    assert len(edges) == 7 * len(grid.SIGMAS) and not any(edges.values()), edges


@pytest.mark.parametrize("network", trainings.NETWORKS)
def test_the_search_for_recipes_has_its_best_peak_inside(network):
    rows = store.load_side("search")
    rows = rows[(rows["network"] == network) & (rows["loss"] == "l1")]
    rows = rows[rows["share"] == trainings.SEARCH_SHARE]

    for optimizer, tried in rows.groupby("optimizer"):
        means = tried.set_index("peak")[["psnr_15", "psnr_25", "psnr_50"]].mean(axis=1)
        assert means.index.min() < means.idxmax() < means.index.max(), optimizer
