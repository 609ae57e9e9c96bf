"""One file adds a network, a baseline, a noise, a data set or a side study: CONTRIBUTING's."""

import importlib.util
import re
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from denoise_lib import cli, data, evaluation, methods, noise, plotting
from denoise_lib.data import registry as data_registry
from denoise_lib.methods import registry
from denoise_lib.methods.classical import Classical
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import grid, run, side_studies, store, tuning
from denoise_lib.study.variants import TrainedOn, study_noises
from denoise_lib.training.train import train_as_chapter

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = Path(__file__).parent / "examples"


@pytest.fixture
def add():
    """Import an example; what it declares is forgotten afterwards."""

    def load(name: str):
        spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(__import__("sys").modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    with ExitStack() as stack:
        for rooms in (registry, data_registry, noise, side_studies):
            stack.enter_context(rooms.temporarily())
        monkeypatch = stack.enter_context(pytest.MonkeyPatch.context())
        yield load


def listed(*command: str) -> str:
    return CliRunner().invoke(cli.app, list(command)).output


def test_a_network(add):
    add("network")

    model = methods.create("single")
    trained = train_as_chapter(
        "single", torch.rand(2, 1, 48, 48), GaussianNoise(25), "smoke", patch_size=32
    )

    assert methods.count_parameters(model) == registry.get("single").parameters
    assert evaluation.apply(trained, torch.rand(1, 1, 9, 11)).shape == (1, 1, 9, 11)
    assert plotting.label("single") == "One convolution"
    assert "single" in listed("models")


def test_a_baseline(add, tmp_path, monkeypatch):
    add("baseline")
    method = registry.get("shrink", Classical)
    with pytest.raises(ValueError, match="run `denoise study tune shrink`"):
        methods.load("shrink")
    monkeypatch.setattr(tuning, "tuning_file", lambda dataset: tmp_path / "tuned.json")
    monkeypatch.setattr(
        "denoise_lib.methods.classical.tuning_file", lambda dataset: tmp_path / "tuned.json"
    )

    tuning.tune(method, "chest-drr", grid.SIGMAS, images=1)

    noisy = torch.rand(1, 1, 8, 8)
    assert methods.load("shrink")(noisy, sigma=25).std() < noisy.std()
    assert plotting.colour_and_marker("shrink") == ("#882255", "2")
    assert "shrink" in listed("models")
    for part in ("main", "tuning", "noises", "told"):
        assert "shrink" in {each.method for each in grid.measurements(part)}, part


def test_a_noise(add):
    add("noise")
    clean = torch.full((1, 1, 64, 64), 0.5)

    made = noise.create("UniformNoise", amplitude=0.1)

    assert torch.equal(made(clean, ["a"]), made(clean, ["a"]))
    assert made(clean, ["a"]).std().item() == pytest.approx(0.1 / 3**0.5, rel=0.05)
    assert "UniformNoise" in noise.declared()
    assert study_noises()["uniform"] == made
    wanted = {str(each.variant) for each in grid.measurements("matrix")}
    assert str(TrainedOn("uniform", "nih-sample", 1)) in wanted


def test_a_data_set(add):
    add("dataset")

    ramps = data.load_dataset("ramps")

    assert (ramps.train.ids, ramps.val.ids, ramps.test.ids) == (["ramp-1"], ["ramp-2"], ["ramp-3"])
    assert "ramps" in listed("data", "list")
    rows = evaluation.evaluate(methods.load("noisy"), Protocol("ramps"), progress=False)
    assert rows["psnr"].between(19, 22).all()
    with pytest.raises(ValueError, match="ramps"):
        data.load_dataset("moon")


def test_a_side_study(add, tmp_path, monkeypatch):
    monkeypatch.setenv("DENOISE_RESULTS", str(tmp_path))
    add("side_study")

    run.run_side("misled")

    table = store.load_side("misled")
    assert len(table) == 4 and table["psnr"].between(15, 40).all()
    assert "misled" in listed("study", "list")


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_contributing_shows_the_example_that_is_tested(example):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)

    assert example.read_text() in blocks


def test_a_name_cannot_be_taken_twice(add):
    add("network")

    with pytest.raises(ValueError, match="already: give the new one a name"):
        add("network")
