"""Intervals cover what they should, and tests find a difference that is there and no other."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
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


def test_p_is_that_of_patients_means():
    both = rows(shift=0.02)
    wide = both.pivot(index="image", columns="method", values="psnr")
    groups = both.drop_duplicates("image").set_index("image").group[wide.index]
    means = (wide.other - wide.ours).groupby(groups.to_numpy()).mean()

    assert statistics.compare_with(both, "ours").p["other"] == stats.wilcoxon(means).pvalue


def test_incomplete_or_mixed_rows_are_refused():
    with pytest.raises(ValueError, match="choose one of: other, ours, third"):
        statistics.compare_with(rows(), "nobody")
    with pytest.raises(ValueError, match="not measured on the same images"):
        statistics.compare_with(rows().iloc[1:], "ours")
    with pytest.raises(ValueError, match="2 protocols"):
        statistics.compare_with(pd.concat([rows(), rows().assign(protocol="other")]), "ours")


def test_holm_by_hand():
    p = pd.Series({"a": 0.01, "b": 0.04, "c": 0.03, "d": np.nan})

    adjusted = statistics.holm(p)

    assert adjusted[["a", "b", "c"]].tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert np.isnan(adjusted["d"])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_p_and_bonferroni_and_keeps_the_order(values):
    p = pd.Series(values)

    adjusted = statistics.holm(p)

    assert (adjusted >= p).all() and (adjusted <= np.minimum(1, len(p) * p) + 1e-12).all()
    assert (adjusted[p.sort_values().index].diff().dropna() >= 0).all()
