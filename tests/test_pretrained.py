"""Trained networks: what is saved is loaded, and a wrong card or file is refused."""

import hashlib
import io
import json
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch

from denoise_lib import methods
from denoise_lib.checks import UserError
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
    with pytest.raises(FileNotFoundError, match="one of .*dncnn.* ./mine"):
        load_trained("resnet")


def test_a_folder_never_stands_in_for_a_released_network(tmp_path, monkeypatch):
    save(tmp_path / "dncnn-b-nih")
    monkeypatch.chdir(tmp_path)

    assert load_card("dncnn-b-nih")["name"] == "dncnn-b-nih"
    assert len(methods.load("dncnn-b-nih").state_dict()) > len(small_model().state_dict())
    for path in ("./dncnn-b-nih", str(tmp_path / "dncnn-b-nih"), Path("dncnn-b-nih")):
        assert len(methods.load(path).state_dict()) == len(small_model().state_dict())
    with pytest.raises(FileNotFoundError, match="a folder as a path, ./mine"):
        load_trained("mine")


@pytest.mark.parametrize("source", ["n" * 5000, "./" + "n" * 5000, "../no", "./a\0b"])
def test_a_name_that_cannot_be_is_refused_in_a_short_sentence(source):
    with pytest.raises(FileNotFoundError) as caught:
        load_trained(source)

    assert len(str(caught.value)) < 600 and "\n" not in str(caught.value)


@pytest.mark.parametrize("source", [5, None, b"dncnn"])
def test_what_is_no_name_is_refused(source):
    with pytest.raises(UserError, match="names no network"):
        load_trained(source)


@pytest.mark.parametrize(
    "content",
    [
        b"{no json",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"[]",
        b"5",
        b'{"model": "dncnn", "config": {}}',
        b'{"model": "dncnn", "config": [], "sha256": "0"}',
        b'{"model": 5, "config": {}, "sha256": "0"}',
        b" " * 2_000_000,
    ],
)
def test_a_damaged_card_is_refused_by_its_name(tmp_path, content):
    (save(tmp_path) / released.CARD).write_bytes(content)

    with pytest.raises(UserError, match="config.json .*the card that came with the weights"):
        load_trained(tmp_path)


def rewrite(folder: Path, content: bytes | None = None, **change) -> None:
    """Other weights, or another card, with the hash of the weights that are there."""
    if content is not None:
        (folder / released.WEIGHTS).write_bytes(content)
    card = json.loads((folder / released.CARD).read_text())
    change["sha256"] = hashlib.sha256((folder / released.WEIGHTS).read_bytes()).hexdigest()
    (folder / released.CARD).write_text(json.dumps(card | change))


def damaged_weights() -> dict[str, bytes]:
    archive = io.BytesIO()  # as TorchScript is too
    torch.save({"a": torch.zeros(3)}, archive)
    declared = b'{"a": {"dtype": "F32", "shape": [1000000000], "data_offsets": [0, 4000000000]}}'
    return {
        "pickle": pickle.dumps({"a": 1}),
        "zip": archive.getvalue(),
        "empty": b"",
        "huge header": (2**62).to_bytes(8, "little") + b"{}",
        "more declared than there is": len(declared).to_bytes(8, "little") + declared,
    }


@pytest.mark.parametrize("kind", damaged_weights())
def test_damaged_weights_are_refused_by_their_name(tmp_path, kind):
    rewrite(save(tmp_path), damaged_weights()[kind])

    with pytest.raises(UserError, match="model.safetensors is no safetensors file"):
        load_trained(tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"depth": 10**9, "features": 8}, "a size of 1e\\+09"),
        ({"depth": 4, "features": 10**6}, "a size of 1e\\+06"),
        ({"depth": 4, "features": float("nan")}, "a size of nan"),
        ({"depth": 4, "features": 8, "__class__": "x"}, "cannot be made"),
        ({"depth": "4", "features": 8}, "cannot be made"),
        ({"depth": -4, "features": 8}, "config.json"),
    ],
)
def test_a_card_cannot_ask_for_more_than_the_weights(tmp_path, config, message):
    rewrite(save(tmp_path), config=config)

    with pytest.raises(UserError, match=message):
        load_trained(tmp_path)


def test_the_hash_is_checked_before_the_card_is_obeyed(tmp_path):
    folder = save(tmp_path)
    rewrite(folder, config={"depth": 10**9})
    with (folder / released.WEIGHTS).open("ab") as file:
        file.write(b"!")

    with pytest.raises(UserError, match="not the file its card describes"):
        load_trained(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_neither_saved_nor_loaded(tmp_path, value):
    model = small_model()
    model.tail.weight.data[0, 0, 0, 0] = value
    config = {"depth": 4, "features": 8}

    with pytest.raises(UserError, match="NaN or infinity in tail.weight"):
        save_trained(model, tmp_path / "new", "dncnn", config)
    assert not (tmp_path / "new").exists()

    save(tmp_path)
    state = {k: v for k, v in model.state_dict().items() if v.is_floating_point()}
    rewrite(tmp_path, safetensors.torch.save(state))
    with pytest.raises(UserError, match="model.safetensors has NaN or infinity in tail.weight"):
        load_trained(tmp_path)


def test_weights_beyond_half_precision_are_kept_in_full(tmp_path):
    model = small_model()
    model.tail.weight.data.fill_(1e6 + 1 / 16)

    loaded = load_trained(save_trained(model, tmp_path, "dncnn", {"depth": 4, "features": 8}))

    assert torch.equal(loaded.tail.weight, model.tail.weight)


@pytest.mark.parametrize(
    ("arguments", "card", "message"),
    [
        (("nope",), {}, "Unknown network"),
        (("dncnn", {"depth": 5, "features": 8}), {}, "another architecture"),
        (("dncnn", {"depth": 4, "features": 8}), {"sha256": "0"}, "sha256 of its own"),
    ],
)
def test_what_could_not_be_loaded_again_is_not_saved(tmp_path, arguments, card, message):
    with pytest.raises(UserError, match=message):
        save_trained(small_model(), tmp_path / "new", *arguments, **card)

    assert not (tmp_path / "new").exists()


def test_a_place_that_cannot_hold_a_folder_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(UserError, match="file is a file: name a folder"):
        save(tmp_path / "file")
    with pytest.raises(UserError, match="file/below cannot be written"):
        save(tmp_path / "file" / "below")


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
