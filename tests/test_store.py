"""The committed tables: rows come back as saved, know what made them, and lose nothing."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from denoise_lib import methods
from denoise_lib.checks import UserError
from denoise_lib.evaluation import evaluate
from denoise_lib.methods.classical import Classical
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import store

SMALL = Protocol(limit=3)
KEY = {"variant": "", "precision": "fp32", "fingerprint": "a"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of results."""
    monkeypatch.setenv("DENOISE_RESULTS", str(tmp_path))
    return tmp_path


def identity(noisy, sigma=None):
    return noisy


def test_results_come_back_as_saved_and_newer_rows_replace_older(folder):
    rows = evaluate(identity, SMALL, name="mine", progress=False)
    other = evaluate(identity, dataclasses.replace(SMALL, seed=1), name="mine", progress=False)

    store.save(rows, **KEY)
    store.save(other, **KEY)
    store.save(rows.assign(psnr=1.0), "quick", **KEY)
    loaded = store.load(SMALL)

    assert list(loaded["psnr"]) == [1.0, 1.0, 1.0]
    assert list(loaded["image"]) == list(rows["image"])
    assert len(store.load()) == 6
    assert {"commit", "machine", "training"} <= set(loaded.columns)


def test_rows_that_are_none_are_refused(folder):
    rows = evaluate(identity, SMALL, name="mine", progress=False)

    for wrong in (pd.DataFrame(), rows[:0]):
        with pytest.raises(UserError, match="no rows to save"):
            store.save(wrong, **KEY)
    with pytest.raises(UserError, match="lack image"):
        store.save(rows.drop(columns="image"), **KEY)
    with pytest.raises(UserError, match="lack variant, precision, fingerprint"):
        store.save(rows)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"garbage", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_damaged_table_is_named_and_kept(folder, content):
    table = folder / "rows.parquet"
    table.write_bytes(content)

    for use in (store.load, lambda: store.save(evaluate(identity, SMALL, "mine", False), **KEY)):
        with pytest.raises(UserError, match="rows.parquet cannot be read"):
            use()
    assert table.read_bytes() == content


@pytest.mark.parametrize("content", [b"\xff\xfe", b'"a\nb,c,d\n'])
def test_a_damaged_side_table_is_named(folder, content):
    (folder / "side").mkdir()
    (folder / "side" / "mine.csv").write_bytes(content)

    with pytest.raises(UserError, match="side/mine.csv cannot be read"):
        store.load_side("mine")


def test_a_place_that_cannot_be_written_is_named(folder, monkeypatch):
    (folder / "file").touch()
    monkeypatch.setenv("DENOISE_RESULTS", str(folder / "file"))

    with pytest.raises(UserError, match="file/rows.parquet cannot be written .*DENOISE_RESULTS"):
        store.save(evaluate(identity, SMALL, "mine", False), **KEY)


def test_a_variant_and_a_part_of_the_images_are_kept_apart(folder):
    ids = SMALL.items().ids
    for part in (ids[:2], ids[2:]):  # as an interrupted run would add them
        store.save(evaluate(identity, SMALL, "mine", False, only=part), **KEY)
    rows = evaluate(identity, SMALL, name="mine", progress=False)
    store.save(rows, **{**KEY, "variant": "told:50"})

    assert list(store.load(SMALL)["image"]) == sorted(ids)
    assert len(store.load(SMALL, "told:50")) == 3
    assert len(store.load(SMALL, None)) == 6
    with pytest.raises(ValueError, match="choose among its ids"):
        evaluate(identity, SMALL, only=["nobody"])


def test_the_same_rows_in_another_order_make_the_same_file(folder):
    rows = evaluate(identity, SMALL, name="mine", progress=False)
    contents = []
    for ordered in (rows, rows[::-1]):
        store.scores().path.unlink(missing_ok=True)
        store.save(ordered, **KEY)
        contents.append(store.scores().path.read_bytes())

    assert contents[0] == contents[1]


def test_two_writers_at_once_lose_no_rows_of_each_other(folder):
    rows = evaluate(identity, SMALL, name="mine", progress=False)
    with ThreadPoolExecutor(2) as pool:
        for number in range(12):
            pool.submit(store.save, rows.assign(method=f"method {number}"), **KEY)

    assert store.load(SMALL).method.nunique() == 12


def test_missing_results_say_how_to_make_them(folder):
    with pytest.raises(FileNotFoundError, match="make study"):
        store.load(SMALL)


def test_baselines_are_measured_where_none_are_committed():
    protocol = Protocol(limit=1, seed=12345)

    rows = store.baselines(protocol)

    assert set(rows["method"]) == set(methods.registry.methods(Classical)) - {"bm3d"}
    assert set(rows["protocol"]) == {protocol.hash}


def test_committed_results_are_those_of_the_protocol():
    """Noise, data and metric today give the numbers in the committed table."""
    committed = store.load(Protocol())
    committed = committed[committed["method"] == "noisy"].set_index("image")

    rows = evaluate(methods.load("noisy"), Protocol(), progress=False).set_index("image")

    np.testing.assert_allclose(rows["psnr"], committed["psnr"][rows.index], atol=1e-3)
    np.testing.assert_allclose(rows["ssim"], committed["ssim"][rows.index], atol=1e-4)


def test_baselines_are_measured_where_only_some_are_committed(folder):
    """Rows of the noisy input alone are no comparison."""
    protocol = Protocol(limit=1, noise=GaussianNoise(20))
    store.save(evaluate(methods.load("noisy"), protocol, "noisy", False), **KEY)

    rows = store.baselines(protocol)

    assert {"noisy", "nlm", "tv"} <= set(rows["method"])


def test_a_limit_does_not_make_other_rows(folder):
    store.save(evaluate(identity, SMALL, "mine", False), **KEY)

    fewer = store.load(dataclasses.replace(SMALL, limit=2))

    assert dataclasses.replace(SMALL, limit=None).hash == SMALL.hash
    assert list(fewer["image"]) == SMALL.items().ids[:2]


def test_another_fingerprint_takes_the_place_of_the_older_row(folder):
    rows = evaluate(identity, SMALL, "mine", False)
    store.save(rows, **KEY)
    store.save(rows.iloc[:1].assign(psnr=1.0), **{**KEY, "fingerprint": "b"})

    loaded = store.load(SMALL).set_index("image")

    assert sorted(loaded["fingerprint"]) == ["a", "a", "b"]
    assert loaded["psnr"][rows["image"].iloc[0]] == 1.0


def test_another_precision_is_another_row(folder):
    rows = evaluate(identity, SMALL, "mine", False)
    store.save(rows, **KEY)
    store.save(rows.assign(psnr=1.0), **{**KEY, "precision": "bf16"})

    assert len(store.scores().read()) == 2 * len(rows)
    assert set(store.load(SMALL)["precision"]) == {"fp32"}  # the better one is shown


def test_fingerprints_stay_text_in_a_csv(folder):
    """12345e6789 is a fingerprint, and infinity as a number."""
    table = store.side_table("fake", ("seed",))
    table.add(pd.DataFrame([{"seed": 0, "fingerprint": "12345e6789"}]), sort=False)

    assert table.lacks([{"seed": 0, "fingerprint": "12345e6789"}]) == []
    assert len(table.lacks([{"seed": 0, "fingerprint": "0"}])) == 1
