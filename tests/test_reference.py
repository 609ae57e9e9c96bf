"""The DnCNN authors' weights in our network give the numbers they published."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from denoise_lib import methods
from denoise_lib.data import published
from denoise_lib.evaluation import evaluate
from denoise_lib.methods.authors import load_dncnn
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import store

# PSNR in dB: README of github.com/cszn/DnCNN.
PUBLISHED = {
    ("set12", 15): 32.86,
    ("set12", 25): 30.44,
    ("set12", 50): 27.18,
    ("bsd68", 15): 31.73,
    ("bsd68", 25): 29.23,
    ("bsd68", 50): 26.23,
}


@pytest.fixture(autouse=True)
def fresh():
    """Networks that a test made from made-up files are not kept."""
    load_dncnn.cache_clear()
    yield
    load_dncnn.cache_clear()


def test_committed_parity_table_agrees_with_the_paper():
    table = store.load_side("parity")
    ours = table[table["model"] == "S"].set_index(["dataset", "sigma"])["psnr"]

    assert ours.to_dict() == pytest.approx(PUBLISHED, abs=0.02)


def test_committed_parity_table_is_of_this_protocol():
    table = store.load_side("parity")
    hashes = [
        Protocol(dataset=row.dataset, noise=GaussianNoise(row.sigma)).hash
        for row in table.itertuples()
    ]

    assert list(table["protocol"]) == hashes


@pytest.mark.usefixtures("from_data_folder")
def test_released_weights_give_the_published_psnr_on_set12():
    pytest.importorskip("h5py")

    rows = evaluate(load_dncnn(25), Protocol(dataset="set12"), progress=False)

    assert rows["psnr"].mean() == pytest.approx(PUBLISHED["set12", 25], abs=0.02)


@pytest.mark.usefixtures("from_data_folder")
def test_each_of_the_released_networks_is_the_best_at_its_own_level():
    pytest.importorskip("h5py")
    levels = (15, 25, 50)
    for sigma in levels:
        protocol = Protocol("set12", noise=GaussianNoise(sigma), limit=1)
        scores = {
            level: evaluate(load_dncnn(level), protocol, progress=False)["psnr"].mean()
            for level in levels
        }
        assert max(scores, key=lambda level: scores[level]) == sigma


@pytest.mark.usefixtures("from_data_folder")
def test_released_blind_network_has_20_layers():
    pytest.importorskip("h5py")
    blind = load_dncnn(None)

    assert len(blind.body) + 2 == 20
    assert methods.count_parameters(blind) == 667_073


def matconvnet_file(path: Path, depth: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """A network as MatConvNet stores it: cells of layers, columns first, a last 1 dropped."""
    h5py = pytest.importorskip("h5py")
    random = np.random.default_rng(0)
    widths = [1, *(depth - 1) * [64], 1]
    convolutions = []
    with h5py.File(path, "w") as file:
        cells = []
        for index, (inputs, outputs) in enumerate(pairwise(widths)):
            weight = random.normal(0, 0.05, (outputs, inputs, 3, 3)).astype(np.float32)
            bias = random.normal(0, 0.05, outputs).astype(np.float32)
            convolutions.append((weight, bias))
            layer = file.create_group(f"#refs#/conv{index}")
            # MATLAB's (height, width, in, out) appears in HDF5 with its axes reversed.
            stored = weight.transpose(0, 1, 3, 2)
            parts = stored[0] if outputs == 1 else stored, bias[None]
            references = [
                file.create_dataset(f"#refs#/conv{index}_{part}", data=value).ref
                for part, value in enumerate(parts)
            ]
            layer.create_dataset("weights", data=[[r] for r in references], dtype=h5py.ref_dtype)
            cells.append(layer.ref)
            cells.append(file.create_group(f"#refs#/relu{index}").ref)
        file.create_dataset("net/layers", data=[[c] for c in cells[:-1]], dtype=h5py.ref_dtype)
    return convolutions


def test_a_file_of_merged_convolutions_becomes_the_same_network(tmp_path, monkeypatch):
    """Random, asymmetric kernels: a flip or a transposition would show."""
    convolutions = matconvnet_file(tmp_path / "net.mat", depth=4)
    monkeypatch.setattr(published, "dncnn_file", lambda *arguments: tmp_path / "net.mat")
    noisy = torch.rand(1, 1, 12, 9)

    with torch.no_grad():
        estimate = load_dncnn(25)(noisy)

    maps = noisy
    for index, (weight, bias) in enumerate(convolutions):
        maps = torch.relu(maps) if index else maps
        maps = F.conv2d(maps, torch.from_numpy(weight), torch.from_numpy(bias), padding=1)
    torch.testing.assert_close(estimate, noisy - maps, rtol=1e-4, atol=1e-5)


def test_without_h5py_nothing_is_downloaded(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setattr(published, "dncnn_file", lambda *arguments: pytest.fail("downloaded"))

    with pytest.raises(ModuleNotFoundError, match='pip install "h5py>='):
        load_dncnn(25)


def test_another_level_lists_the_released_ones():
    with pytest.raises(ValueError, match="15, 25, 50, None"):
        load_dncnn(30)


def test_unknown_side_study_lists_the_known_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "folder", lambda: tmp_path)
    (tmp_path / "side").mkdir()
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "side" / "known.csv")

    with pytest.raises(FileNotFoundError, match="known"):
        store.load_side("other")
