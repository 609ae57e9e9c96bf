"""Trained networks: what is saved is loaded, and a wrong card or file is refused."""

import json

import pytest
import torch

from denoise_lib import methods
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import evaluate
from denoise_lib.methods import released
from denoise_lib.methods.dncnn import DnCNN
from denoise_lib.methods.released import load_card, load_trained, save_trained
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol

MEGABYTE = 1024**2


def small_model() -> DnCNN:
    torch.manual_seed(0)
    model = methods.create("dncnn", depth=4, features=8)
    torch.nn.init.normal_(model.tail.weight, std=0.05)
    model.body[0][1].running_var.fill_(0.123456789)
    return model.eval()


def save(folder, **card):
    return save_trained(small_model(), folder, "dncnn", {"depth": 4, "features": 8}, **card)


def test_what_is_saved_is_loaded_to_half_precision(tmp_path):
    image = torch.rand(1, 1, 16, 16)

    loaded = load_trained(save(tmp_path, hours=2))

    with torch.no_grad():
        difference = (loaded(image) - small_model()(image)).abs().max()
    assert 0 < difference < 0.02
    assert not loaded.training
    assert load_card(tmp_path)["hours"] == 2


def test_batch_norm_is_kept_in_full(tmp_path):
    loaded = load_trained(save(tmp_path)).body[0][1]

    assert torch.equal(loaded.running_var, small_model().body[0][1].running_var)


def test_an_altered_file_is_refused(tmp_path):
    path = save(tmp_path) / released.WEIGHTS
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(ValueError, match="not the file its card describes"):
        load_trained(tmp_path)


@pytest.mark.parametrize(
    "change", [{"config": {"depth": 5, "features": 8}}, {"config": {}}, {"model": "rdn"}]
)
def test_a_card_of_another_architecture_is_refused(tmp_path, change):
    path = save(tmp_path) / released.CARD
    card = json.loads(path.read_text())
    config = change.get("config", {"blocks": 1, "layers": 1})
    path.write_text(json.dumps(card | change | {"config": config}))

    with pytest.raises(ValueError, match="the weights are of another architecture"):
        load_trained(tmp_path)


def test_an_unknown_name_lists_the_released_ones():
    with pytest.raises(FileNotFoundError, match="or one of .*dncnn"):
        load_trained("resnet")


@pytest.mark.parametrize("name", released.available())
def test_a_released_network_has_a_whole_card_and_denoises(name):
    card = load_card(name)
    protocol = Protocol(noise=GaussianNoise(25), limit=2)

    rows = evaluate(load_trained(name), protocol, name, progress=False)

    needed = (
        "training_data",
        "noise",
        "recipe",
        "commit",
        "machine",
        "hours",
        "command",
        "results",
    )
    assert not [entry for entry in needed if entry not in card]
    assert card["command"] == f"denoise train {name}" and "dirty" not in card["commit"]
    assert all({"psnr", "psnr_ci", "ssim", "protocol"} <= set(row) for row in card["results"])
    assert rows["psnr"].min() > 28  # the noisy image has 20 dB


def test_the_released_networks_are_small_together():
    files = [path for path in released.RELEASED.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 40 * MEGABYTE


@pytest.mark.parametrize("name", released.available())
def test_no_released_network_has_seen_a_test_patient(name):
    card = load_card(name)
    dataset = load_dataset(card["training_data"]["dataset"], download=())

    assert card["training_data"]["split"] == "train"
    assert card["training_data"]["groups"] == len(dataset.train.groups)
    assert not dataset.train.groups & dataset.test.groups
