"""The side studies' runner: rows survive an interruption, and nothing is measured twice."""

import pandas as pd
import pytest
import run_ablations

from denoise_lib import results


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of three rows; `measured` lists those that were measured, `fail` stops at one."""
    measured, fail = [], set()

    def measure(seed, weight):
        if (seed, weight) in fail:
            raise KeyboardInterrupt
        measured.append((seed, weight))
        return {"psnr": 30.0 + seed}

    def rows():
        for seed, weight in ((0, 0), (0, 0.02), (1, 0)):
            yield {"seed": seed, "weight": weight}, lambda s=seed, w=weight: measure(s, w)

    monkeypatch.setitem(run_ablations.STUDIES, "fake", rows)
    monkeypatch.setattr(results, "folder", lambda: tmp_path)
    return measured, fail


def test_an_interrupted_study_goes_on_where_it_stopped(study, tmp_path):
    measured, fail = study
    fail.add((1, 0))
    with pytest.raises(KeyboardInterrupt):
        run_ablations.run("fake")
    fail.clear()

    run_ablations.run("fake")
    run_ablations.run("fake")

    assert measured == [(0, 0), (0, 0.02), (1, 0)]
    table = results.load_ablation("fake")
    assert table["psnr"].tolist() == [30, 30, 31]
    assert {"commit", "machine"} <= set(table.columns)
    assert {path.name for path in tmp_path.iterdir()} == {"ablation_fake.csv", "ablation_fake.lock"}


def test_a_row_is_known_by_its_whole_key():
    table = pd.DataFrame({"seed": [0, 1], "weight": [0.02, 0.0], "name": "a", "psnr": 30.0})

    assert run_ablations.has(table, {"seed": 0, "weight": 0.02, "name": "a"})
    assert not run_ablations.has(table, {"seed": 0, "weight": 0.0})  # of two different rows
    assert not run_ablations.has(table, {"seed": 0, "protocol": "abc"})
    assert not run_ablations.has(pd.DataFrame(), {"seed": 0})


def test_every_study_has_a_committed_table_with_all_its_rows():
    for name, study in run_ablations.STUDIES.items():
        table = results.load_ablation(name)
        keys = [key for key, _ in study()]
        assert all(run_ablations.has(table, key) for key in keys), name
        assert len(table) == len(keys), name  # none twice, none left over
