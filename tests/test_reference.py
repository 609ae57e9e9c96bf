"""The DnCNN authors' weights in our network give the numbers they published."""

import os
from pathlib import Path

import pandas as pd
import pytest

from denoise_lib import models, reference, results
from denoise_lib.evaluation import evaluate
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol

# PSNR in dB: README of github.com/cszn/DnCNN.
PUBLISHED = {
    ("set12", 15): 32.86,
    ("set12", 25): 30.44,
    ("set12", 50): 27.18,
    ("bsd68", 15): 31.73,
    ("bsd68", 25): 29.23,
    ("bsd68", 50): 26.23,
}
needs_data = pytest.mark.skipif(
    not (Path(os.environ.get("DENOISE_DATA", "/nowhere")) / "reference").is_dir(),
    reason="DENOISE_DATA does not name a folder with the released weights",
)


def test_committed_parity_table_agrees_with_the_paper():
    table = results.load_ablation("parity")
    ours = table[table["model"] == "S"].set_index(["dataset", "sigma"])["psnr"]

    assert ours.to_dict() == pytest.approx(PUBLISHED, abs=0.02)


def test_committed_parity_table_is_of_this_protocol():
    table = results.load_ablation("parity")
    hashes = [
        Protocol(dataset=row.dataset, noise=GaussianNoise(row.sigma)).hash
        for row in table.itertuples()
    ]

    assert list(table["protocol"]) == hashes


@needs_data
@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_released_weights_give_the_published_psnr_on_set12(sigma):
    pytest.importorskip("h5py")
    protocol = Protocol(dataset="set12", noise=GaussianNoise(sigma))

    rows = evaluate(reference.load_dncnn(sigma), protocol, progress=False)

    assert rows["psnr"].mean() == pytest.approx(PUBLISHED["set12", sigma], abs=0.02)


@needs_data
def test_released_blind_network_has_20_layers():
    pytest.importorskip("h5py")
    blind = reference.load_dncnn(None)

    assert len(blind.body) + 2 == 20
    assert models.count_parameters(blind) == 667_073


def test_another_level_lists_the_released_ones():
    with pytest.raises(ValueError, match="15, 25, 50, None"):
        reference.load_dncnn(30)


def test_unknown_side_study_lists_the_known_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "folder", lambda: tmp_path)
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "ablation_known.csv")

    with pytest.raises(FileNotFoundError, match="known"):
        results.load_ablation("other")
