"""Intervals cover what they should; a difference is found where there is one, and no other."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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


def one_method(values, groups):
    images = [str(n) for n in range(len(values))]
    return pd.DataFrame(
        {"method": "m", "image": images, "group": groups, "psnr": values, "protocol": "h"}
    )


def test_interval_resamples_patients_not_images():
    """Twenty copies of each patient's image must not narrow the interval."""
    values, groups = np.random.default_rng(0).normal(size=50), np.arange(50)

    once = statistics.mean_intervals(one_method(values, groups)).loc["m"]
    copied = statistics.mean_intervals(one_method(np.tile(values, 20), np.tile(groups, 20)))

    assert copied.loc["m", ["low", "high"]].tolist() == pytest.approx([once.low, once.high])
    assert (once.high - once.low) / 2 == pytest.approx(1.96 * values.std() / 50**0.5, rel=0.15)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_mean_is_that_of_images_and_their_order_does_not_matter(seed):
    """A patient with many images counts for as many."""
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(60), generator.integers(1, 9, 60))
    values = generator.normal(size=len(groups)) + (groups % 7 == 0)
    measured = one_method(values, groups)

    found = statistics.mean_intervals(measured)

    assert found.loc["m", "mean"] == pytest.approx(values.mean())
    assert found.loc["m", "low"] < values.mean() < found.loc["m", "high"]
    mixed = measured.iloc[generator.permutation(len(measured))]
    pd.testing.assert_frame_equal(statistics.mean_intervals(mixed), found)


def test_one_patient_has_a_spread_and_no_interval():
    found = statistics.mean_intervals(one_method([1.0, 2.0, 3.0], "a")).loc["m"]

    assert np.isnan(found[["low", "high"]].astype(float)).all()
    assert (found["mean"], found.spread) == (2, 1)


def trainings(scatter, number, seed=0):
    """One method, trained `number` times; the trainings differ by `scatter`."""
    generator = np.random.default_rng(seed)
    images = generator.normal(size=200)
    shifts = scatter * generator.normal(size=number)
    tables = [one_method(images + s, np.arange(200)).assign(seed=n) for n, s in enumerate(shifts)]
    return pd.concat(tables, ignore_index=True)


def test_scatter_between_trainings_widens_the_interval():
    def width(measured):
        found = statistics.mean_intervals(measured).loc["m"]
        return found.high - found.low

    assert width(trainings(0, 3)) == pytest.approx(width(trainings(0, 1)), rel=0.05)
    assert width(trainings(1, 3)) > 3 * width(trainings(0, 3))


def test_the_interval_of_few_trainings_is_as_wide_as_their_scatter_says():
    """Three trainings: their standard error is s / sqrt(3), with s from n - 1."""
    measured = trainings(5, 3)
    means = measured.groupby("seed")["psnr"].mean()

    resampled = statistics.resampled_means(
        statistics.by_training(measured, "psnr"), statistics._groups(measured)
    )

    patients = measured["psnr"].groupby(measured["seed"]).std().iloc[0] / 200**0.5
    expected = np.hypot(means.std() / 3**0.5, patients)
    assert resampled["m"].std() == pytest.approx(expected, rel=0.05)


def test_a_difference_is_found_where_there_is_one():
    table = statistics.compare_with(rows(shift=0.5), "ours")

    assert table.differs["other"] and not table.differs["third"]
    assert table.difference["other"] == pytest.approx(0.5, abs=0.05)
    assert table.low["other"] < table.difference["other"] < table.high["other"]


def test_a_difference_smaller_than_the_scatter_of_trainings_is_open():
    """Two trainings of `other`, 0.5 above and 0.3 below: patients alone would call it decided."""
    first, second = rows(shift=0.5), rows(shift=0.5)
    lower = second[second["method"] == "other"].assign(seed=1)
    lower["psnr"] -= 0.8
    both = pd.concat([first.assign(seed=0), lower], ignore_index=True)

    alone = statistics.compare_with(first, "ours")
    table = statistics.compare_with(both, "ours")

    assert alone.differs["other"] and not table.differs["other"]
    assert table.difference["other"] == pytest.approx(0.1, abs=0.05)


def test_simultaneous_intervals_miss_in_five_percent_of_studies(monkeypatch):
    """Ten methods that are all alike: one interval each at 95 % would miss in 4 studies of 10."""
    monkeypatch.setattr(statistics, "RESAMPLES", 400)
    generator, studies, missed = np.random.default_rng(0), 300, 0
    groups = pd.Series(np.arange(60))
    for _ in range(studies):
        alike = pd.DataFrame(generator.normal(size=(60, 10)))
        tables = {str(name): alike[[name]] for name in alike}
        observed = pd.Series({name: table.mean().item() for name, table in tables.items()})
        margin = statistics.max_t(statistics.resampled_means(tables, groups), observed)
        missed += (observed.abs() > margin).any()
    assert 0.02 < missed / studies < 0.10


def test_simultaneous_intervals_are_wider_than_one_and_narrower_than_bonferronis():
    alike = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 3)))
    tables = {str(name): alike[[name]] for name in alike}
    resampled = statistics.resampled_means(tables, pd.Series(np.arange(50)))

    margin = statistics.max_t(resampled, alike.mean().set_axis(list(tables))).to_numpy()

    alone, three = stats.norm.ppf([1 - 0.05 / 2, 1 - 0.05 / 6])
    errors = alike.std().to_numpy() / 50**0.5
    assert (margin > 0.9 * alone * errors).all() and (margin < 1.1 * three * errors).all()


def test_a_method_that_equals_the_reference_does_not_differ():
    table = statistics.compare_with(rows().assign(psnr=30.0), "ours")

    assert (table[["difference", "low", "high"]] == 0).all(axis=None)
    assert not table.differs.any()


def test_one_patient_gives_a_spread_of_differences_and_decides_nothing():
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
