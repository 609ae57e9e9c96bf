"""Intervals cover what they should, and tests find a difference that is there and no other."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from denoise_lib.study import statistics


def rows(shift=0.0, patients=40, seed=0):
    """Two images of each patient by three methods; `other` differs from `ours` by `shift`."""
    generator = np.random.default_rng(seed)
    group = np.repeat(np.arange(patients), 2).astype(str)
    image = [f"{g}-{n}" for n, g in enumerate(group)]
    base = 30 + generator.normal(size=2 * patients)
    values = {
        "ours": base,
        "other": base + shift + 0.1 * generator.normal(size=2 * patients),
        "third": base + 0.1 * generator.normal(size=2 * patients),
    }
    tables = [
        pd.DataFrame({"method": m, "image": image, "group": group, "psnr": v, "protocol": "h"})
        for m, v in values.items()
    ]
    return pd.concat(tables, ignore_index=True)


def test_interval_resamples_patients_not_images():
    """Twenty copies of each patient's image must not narrow the interval."""
    generator = np.random.default_rng(0)
    values = pd.Series(generator.normal(size=50))
    groups = pd.Series(np.arange(50))

    once = statistics.mean_interval(values, groups)
    copied = statistics.mean_interval(
        pd.concat([values] * 20, ignore_index=True), pd.concat([groups] * 20, ignore_index=True)
    )

    assert copied == pytest.approx(once)
    assert (once[1] - once[0]) / 2 == pytest.approx(1.96 * values.std() / 50**0.5, rel=0.15)


def test_mean_and_interval_are_those_of_images_whatever_their_order():
    """A patient with many images counts for as many."""
    generator = np.random.default_rng(0)
    groups = pd.Series(np.repeat(np.arange(60), generator.integers(1, 9, 60)))
    values = pd.Series(generator.normal(size=len(groups)) + (groups % 7 == 0))
    mixed = generator.permutation(len(groups))

    low, high = statistics.mean_interval(values, groups)

    assert low < values.mean() < high
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.02)
    assert statistics.mean_interval(values, groups.iloc[mixed]) == (low, high)


def test_one_patient_has_no_interval():
    assert np.isnan(statistics.mean_interval(pd.Series([1.0, 2.0]), pd.Series(["a", "a"]))).all()


def test_a_difference_is_found_where_there_is_one():
    table = statistics.compare_with(rows(shift=0.5), "ours")

    assert table.differs["other"] and not table.differs["third"]
    assert table.difference["other"] == pytest.approx(0.5, abs=0.05)
    assert table.low["other"] < table.difference["other"] < table.high["other"]


def test_simultaneous_intervals_miss_in_five_percent_of_studies(monkeypatch):
    """Ten methods that are all alike: one interval each at 95 % would miss in 4 studies of 10."""
    monkeypatch.setattr(statistics, "RESAMPLES", 400)
    generator, studies, missed = np.random.default_rng(0), 400, 0
    groups = pd.Series(np.arange(60))
    for _ in range(studies):
        alike = pd.DataFrame(generator.normal(size=(60, 10)))
        margin = statistics.simultaneous_margin(alike, groups)
        missed += (alike.mean().abs() > margin).any()
    assert 0.02 < missed / studies < 0.10


def test_simultaneous_intervals_resample_patients_not_images():
    generator = np.random.default_rng(0)
    once = pd.DataFrame(generator.normal(size=(50, 3)))
    copied = pd.concat([once] * 20, ignore_index=True)
    patients = pd.Series(np.arange(50))

    margin = statistics.simultaneous_margin(once, patients)

    again = statistics.simultaneous_margin(copied, pd.concat([patients] * 20, ignore_index=True))
    assert margin.tolist() == pytest.approx(again.tolist())
    # Wider than one interval alone, narrower than Bonferroni's.
    alone, three = stats.norm.ppf([1 - 0.05 / 2, 1 - 0.05 / 6])
    assert (margin > 0.85 * alone * once.std() / 50**0.5).all()
    assert (margin < 1.15 * three * once.std() / 50**0.5).all()


def test_a_method_that_equals_the_reference_does_not_differ():
    same = rows().assign(psnr=30.0)

    table = statistics.compare_with(same, "ours")

    assert (table[["difference", "low", "high"]] == 0).all(axis=None)
    assert not table.differs.any()


def test_one_patient_gives_a_spread_and_no_interval():
    table = statistics.compare_with(rows(shift=0.5).assign(group="one"), "ours")

    assert table[["low", "high"]].isna().all(axis=None) and not table.differs.any()
    assert table.spread["other"] == pytest.approx(0.1, rel=0.3)


def test_the_noisy_input_is_compared_with_nothing():
    noisy = rows().replace({"method": {"third": "noisy"}})

    assert statistics.compare_with(noisy, "ours").index.tolist() == ["other"]


def test_incomplete_or_mixed_rows_are_refused():
    with pytest.raises(ValueError, match="choose one of: other, ours, third"):
        statistics.compare_with(rows(), "nobody")
    with pytest.raises(ValueError, match="not measured on the same images"):
        statistics.compare_with(rows().iloc[1:], "ours")
    with pytest.raises(ValueError, match="2 protocols"):
        statistics.compare_with(pd.concat([rows(), rows().assign(protocol="other")]), "ours")
