"""The benchmarks measure what they say; no time is asserted."""

import importlib.util
import json

import pytest
import rivals
import run_benchmarks
import torch

from denoise_lib import methods
from denoise_lib.backends import choice, onnx_runtime


def test_candidates_take_turns_and_the_median_counts():
    order, values = [], {"a": iter([3.0, 1.0, 2.0]), "b": iter([9.0, 9.0, 0.0])}

    def candidate(name):
        def measure():
            order.append(name)
            return next(values[name])

        return measure

    found = run_benchmarks.in_turns({name: candidate(name) for name in "ab"}, rounds=3)

    assert order == list("ababab")
    assert found == {"a": 2.0, "b": 9.0}


def test_the_arithmetic_of_dncnn_is_counted_from_its_convolutions():
    first, middle, last = 1 * 64 * 9, 15 * 64 * 64 * 9, 64 * 1 * 9

    counted = run_benchmarks.DNCNN_MACS

    assert counted == first + middle + last


def test_both_ways_of_measuring_memory_run_in_a_process_of_their_own():
    ballast = torch.ones(2**28)  # a parent of a gigabyte, whose peak must not count as the child's

    plain, ours = (run_benchmarks.peak_memory(way, 512) for way in ("plain", "ours"))

    # 64 maps of 512 x 512 in float32, at least one of them, and no more than ten.
    assert 64 < plain < 640
    assert 0 < ours < plain < ballast.nbytes / 2**20


def test_a_processor_has_a_row_of_its_own_and_keeps_the_others(tmp_path, monkeypatch):
    torch.manual_seed(0)
    path = tmp_path / "benchmarks.json"
    path.write_text(json.dumps({"by_processor": {"processors": {"another": {"networks": {}}}}}))
    model = methods.create("gondara", features=4).eval()
    monkeypatch.setattr(run_benchmarks, "PATH", path)
    monkeypatch.setattr(run_benchmarks, "ONE_OF_EACH", ("gondara-nih",))
    monkeypatch.setattr(run_benchmarks.methods, "load", lambda name: model)
    monkeypatch.setattr(run_benchmarks, "processor", lambda: "this one")
    monkeypatch.setattr(onnx_runtime, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(choice, "cache_folder", lambda: tmp_path)
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")

    rows = run_benchmarks.by_processor()["processors"]

    assert set(rows) == {"another", f"this one, {torch.get_num_threads()} threads"}
    row = rows[f"this one, {torch.get_num_threads()} threads"]
    assert row["limits"] == {"ATEN_CPU_CAPABILITY": "avx2"}
    found = row["networks"]["gondara-nih"]
    assert {way.split(",")[0] for way in found["microseconds"]} == {"torch", "onnxruntime"}
    assert all(value > 0 for value in found["microseconds"].values())
    assert found["microseconds"][found["fastest"]] == min(found["microseconds"].values())
    assert found["chosen"]["tile"] in (256, 512) and "measured" in found["chosen"]["why"]


def test_the_usual_loop_trains():
    assert rivals.plain_training(torch.rand(2, 1, 16, 16), 2, 8, 25) > 0


def test_the_rival_is_as_large_as_ours():
    if importlib.util.find_spec("deepinv") is None:
        pytest.skip("deepinv is installed by `make bench` only")
    rival, ours = rivals.deepinv_dncnn(), methods.create("dncnn")

    def weights(model):
        return sum(p.numel() for p in model.parameters() if p.ndim == 4)

    assert weights(rival) == weights(ours)
    assert rivals.deepinv_training(torch.rand(2, 1, 16, 16), 2, 8, 25) > 0
