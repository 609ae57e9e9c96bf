"""Back ends: ONNX Runtime computes what PyTorch does, and the choice between them is kept."""

import json

import pytest
import torch
from torch import nn

from denoise_lib import backends, methods
from denoise_lib.backends import choice, onnx_runtime
from denoise_lib.checks import UserError
from denoise_lib.inference import denoise
from denoise_lib.methods import registry

NETWORKS = registry.methods(registry.Network)
LARGE = (1, 1, 4096, 4096)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no session of another test."""
    for module in (choice, onnx_runtime):
        monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(onnx_runtime, "_sessions", {})
    return tmp_path / "cache"


def network(name="dncnn", **config):
    torch.manual_seed(0)
    made = methods.create(name, **{**NETWORKS[name].tiny, **config}).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn_like(parameter) / len(parameter[0].flatten()) ** 0.5)
    return made


@pytest.fixture
def times(monkeypatch):
    """Without fast bfloat16, and with measurements by a clock that the test sets."""
    measured, asked = {}, []

    def prepared_by(backend, model, precision="auto"):
        return backend

    def microseconds(run, model, tile):
        asked.append((run, tile))
        return measured[run, tile]

    monkeypatch.setattr(choice, "has_fast_bf16", lambda device: False)
    monkeypatch.setattr(choice, "prepared_by", prepared_by)
    monkeypatch.setattr(choice, "microseconds", microseconds)
    measured.update({("torch", 256): 4.0, ("torch", 512): 3.0})
    measured.update({("onnxruntime", 256): 2.0, ("onnxruntime", 512): 1.0})
    return measured, asked


@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_runtime_computes_what_pytorch_does_with_any_network(name):
    model, image = network(name), torch.rand(1, 61, 83)

    ours = denoise(image, model, tile=40, precision="fp32", backend="onnxruntime")

    assert (ours - denoise(image, model, precision="fp32")).abs().max() < 1e-4
    assert ours.shape == image.shape and ours.dtype == torch.float32


def test_an_exported_network_is_made_once_for_all_processes(cache, monkeypatch):
    model, image = network(), torch.rand(1, 30, 40)
    first = denoise(image, model, backend="onnxruntime")
    onnx_runtime._sessions.clear()  # another process
    monkeypatch.setattr(onnx_runtime, "as_onnx", None)

    assert torch.equal(denoise(image, model, backend="onnxruntime"), first)
    (kept,) = (cache / "onnx").iterdir()
    assert kept.suffix == ".onnx"


@pytest.mark.parametrize("broken", ["cut", "another's"])
def test_a_kept_file_that_is_not_the_network_s_is_made_anew(cache, broken):
    model, image = network(), torch.rand(1, 30, 40)
    first = denoise(image, model, backend="onnxruntime")
    (kept,) = (cache / "onnx").iterdir()
    other = network()
    other.tail.weight.data *= 2
    kept.write_bytes(kept.read_bytes()[:500] if broken == "cut" else onnx_runtime.as_onnx(other))
    onnx_runtime._sessions.clear()

    assert torch.equal(denoise(image, model, backend="onnxruntime"), first)


def test_a_cache_that_cannot_be_written_costs_time_only(cache, times):
    cache.write_text("a file where the folder should be")
    model, image = network(), torch.rand(1, 30, 40)

    found = denoise(image, model, precision="fp32", tile=64, backend="torch")

    assert backends.choose(model, LARGE).backend == "onnxruntime"
    run = onnx_runtime.in_onnx_runtime(model)
    assert torch.allclose(run(image[None])[0], found, atol=1e-5)


def test_networks_that_differ_in_anything_have_files_of_their_own():
    plain, other = network(), network()
    other.body[0][0].weight.data[0, 0, 0, 0] += 1e-6

    assert onnx_runtime.digest(plain) == onnx_runtime.digest(network())
    assert onnx_runtime.digest(plain) != onnx_runtime.digest(other)
    assert onnx_runtime.digest(plain.train()) == onnx_runtime.digest(network())
    strides = [onnx_runtime.digest(network("vincent", stride=stride)) for stride in (1, 2)]
    assert strides[0] != strides[1]  # their weights are the same


def test_a_network_that_uses_sigma_is_not_computed_without_it(monkeypatch):
    class Told(type(network())):
        def forward(self, noisy, sigma=None):
            return noisy + (sigma or 0)

    Told.__module__ = "denoise_lib.methods.told"

    with pytest.raises(UserError, match="wrongly: use backend='torch'"):
        onnx_runtime.in_onnx_runtime(Told())


def test_a_function_is_not_for_onnx_runtime():
    with pytest.raises(UserError, match="library's networks only"):
        denoise(torch.rand(1, 8, 8), lambda y, sigma: y, backend="onnxruntime")
    with pytest.raises(UserError, match="auto, torch, onnxruntime"):
        denoise(torch.rand(1, 8, 8), network(), backend="tensorrt")
    with pytest.raises(UserError, match="computes in float32"):
        denoise(torch.rand(1, 8, 8), network(), precision="bf16", backend="onnxruntime")


def test_the_faster_back_end_and_tile_are_measured_once_and_kept(times, cache):
    measured, asked = times

    chosen = backends.choose(network(), LARGE)

    assert (chosen.backend, chosen.tile) == ("onnxruntime", 512)
    assert asked == [("torch", 512), ("onnxruntime", 512), ("onnxruntime", 256)]
    assert "onnxruntime in tiles of 512: 1" in chosen.why
    measured["onnxruntime", 256] = 9.0
    assert backends.choose(network(), LARGE) == chosen and len(asked) == 3
    assert backends.choose(network(), (300, 300)) == chosen  # kept, it serves small ones too
    (kept,) = (cache / "measured").iterdir()
    assert json.loads(kept.read_text())["network"] == "DnCNN"


def test_pytorch_is_chosen_where_it_is_faster_and_the_small_tile_too(times):
    measured, _ = times
    measured.update({("torch", 256): 0.5, ("torch", 512): 0.9})

    chosen = backends.choose(network(), LARGE)

    assert (chosen.backend, chosen.tile) == ("torch", 256)


def test_another_number_of_threads_is_measured_for_itself(times):
    _, asked = times
    backends.choose(network(), LARGE)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        backends.choose(network(), LARGE)
    finally:
        torch.set_num_threads(threads)

    assert len(asked) == 6


@pytest.mark.parametrize("broken", ["", "[]", '{"microseconds": [["torch"]]}'])
def test_a_broken_measurement_is_made_again(times, cache, broken):
    chosen = backends.choose(network(), LARGE)
    (kept,) = (cache / "measured").iterdir()
    kept.write_text(broken)

    assert backends.choose(network(), LARGE) == chosen


@pytest.mark.parametrize(
    ("asked_for", "why"),
    [
        ({"size": (1000, 1000)}, "too small"),
        ({"size": (100, 1, 256, 256)}, "one tile"),
        ({"precision": "fp32"}, "fp32 was asked for"),
        ({"tile": 128}, "tile was asked for"),
        ({"model": lambda y, sigma: y}, "only networks"),
    ],
)
def test_where_nothing_is_measured_pytorch_computes(times, asked_for, why):
    chosen = backends.choose(**{"model": network(), "size": LARGE, **asked_for})

    assert chosen.backend == "torch" and why in chosen.why
    assert not times[1]


def test_fast_bfloat16_is_a_rival_and_no_rule(times, monkeypatch):
    monkeypatch.setattr(choice, "has_fast_bf16", lambda device: True)
    assert backends.choose(network(), LARGE).backend == "onnxruntime"

    monkeypatch.setattr(choice, "_kept", lambda about: None)
    times[0]["torch", 512] = 0.5
    assert backends.choose(network(), LARGE).backend == "torch"


def test_without_onnx_runtime_pytorch_computes_in_silence(times, monkeypatch, recwarn):
    monkeypatch.setattr(onnx_runtime.importlib.util, "find_spec", lambda name: None)

    assert backends.choose(network(), LARGE).backend == "torch"
    assert not recwarn.list


def test_a_back_end_that_fails_is_named_and_left_out(times, monkeypatch):
    def prepared_by(backend, model, precision="auto"):
        if backend == "onnxruntime":
            raise RuntimeError("no such operator")
        return backend

    monkeypatch.setattr(choice, "prepared_by", prepared_by)

    with pytest.warns(UserWarning, match="onnxruntime cannot: no such operator"):
        assert backends.choose(network(), LARGE).backend == "torch"


def test_what_is_chosen_is_what_computes(times, monkeypatch):
    used = []

    def prepared_by(backend, model, precision="auto"):
        used.append(backend)
        return lambda noisy, sigma=None: noisy

    monkeypatch.setattr(choice, "MEASURED_FROM", 1)
    backends.choose(network(), LARGE)
    monkeypatch.setattr(backends, "prepared_by", prepared_by)
    image = torch.rand(1, 300, 300)

    assert torch.equal(denoise(image, network()), image)
    assert used == ["onnxruntime"]


def test_a_real_measurement_times_every_pixel_that_a_tile_gives(monkeypatch):
    monkeypatch.setattr(choice, "TILES", (24, 40))
    monkeypatch.setattr(choice, "has_fast_bf16", lambda device: False)
    sides = []

    class Spy(nn.Module):
        receptive_radius, alignment = 3, 1

        def forward(self, noisy, sigma=None):
            sides.append(noisy.shape[-1])
            return noisy

    chosen = backends.choose(Spy(), LARGE)

    assert chosen.backend == "torch" and chosen.tile in (24, 40)
    assert sides == [24] * choice.ROUNDS + [40] * choice.ROUNDS
