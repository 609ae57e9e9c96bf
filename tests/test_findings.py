"""What the committed side studies found: the numbers that the chapters' sentences rest on."""

import re
from pathlib import Path

import pytest

from denoise_lib.study import store

CHAPTERS = sorted(Path(__file__).parents[1].glob("notebooks/0*.py"))


def test_a_denoiser_for_one_level_damages_what_has_none():
    means = store.load_side("gondara_clean").groupby("task").mean(numeric_only=True)

    clean, noisy = means["psnr_clean"], means["psnr_noisy"]
    assert clean["sigma 25"] < noisy["sigma 25"] - 2
    assert clean["sigma 0 to 55"] > clean["sigma 25"] + 4
    assert clean["no noise"] > clean["sigma 0 to 55"]
    # The waist alone takes most of the noise away, whatever the target.
    assert 20.2 + 8 < noisy["its own input"] < noisy["sigma 25"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_exercise_has_a_solution_that_runs(path):
    text = path.read_text("utf-8")
    exercises = text.split("## Exercises")[1].split("## References")[0]

    questions = re.findall(r"^# \*\*\d\.\*\*", exercises, re.M)

    assert len(CHAPTERS) == 5 and len(questions) >= 2
    assert exercises.count("<summary>Solution</summary>") == len(questions)
    assert exercises.count('tags=["hide-cell"]') == len(questions)
