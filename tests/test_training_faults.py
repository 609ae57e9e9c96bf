"""What goes wrong around a training: other arguments, other processes, signals, disks, kills."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict

import pytest
import torch
import training_faults
from test_training import small_data, small_model, smooth_images

from denoise_lib import methods
from denoise_lib.checks import UserError
from denoise_lib.noise import BlindGaussianNoise, GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.training import Recipe, checkpoints, fit
from denoise_lib.training.interrupt import StopRequest
from denoise_lib.training.keeping import begin
from denoise_lib.training.loop import optimise
from denoise_lib.training.patches import NoisyPatches
from denoise_lib.training.plan import load_plan, planned


def denoising():
    """What `optimise` draws, and its loss."""
    data = small_data()

    def loss(network, batch):
        return (network(batch["noisy"]) - batch["clean"]).square().mean()

    return lambda generator: data.draw(2, 16, generator), loss


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"noise": BlindGaussianNoise(0, 50)}, "noise high was 55.0, is 50.0"),
        ({"noise": GaussianNoise(25)}, "noise type was BlindGaussianNoise, is GaussianNoise"),
        ({"images": smooth_images().flip(-1)}, "training images pixels was"),
        ({"images": smooth_images(3)}, r"training images shape was \[4, 1, 48, 48\], is \[3,"),
        ({"ids": list("abce")}, "training images ids was"),
        ({"recipe": {"seed": 1}}, "recipe seed was 0, is 1"),
        ({"precision": "bf16"}, "precision was fp32, is bf16"),
        ({"model": {"features": 8}}, "network body.0.0 in_channels was 4, is 8"),
        ({"model": {"residual_learning": False}}, "network residual_learning was True, is False"),
        ({"model": {"batch_norm": False}}, "network body.0.1 class was BatchNorm2d, is ReLU"),
        ({"validation": Protocol("chest-drr", "val", limit=1)}, "validation dataset was not there"),
        ({"about": lambda: {"start": "dncnn-warm-nih"}}, "start was not there, is dncnn-warm-nih"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_other_training_is_resumed(tmp_path, change, said):
    def train(noise=None, images=None, ids=None, recipe=None, model=None, **options):
        network = methods.create("dncnn", **{"depth": 4, "features": 4, **(model or {})})
        images = smooth_images() if images is None else images
        ids = list("abcd")[: len(images)] if ids is None else ids
        data = NoisyPatches(images, noise or BlindGaussianNoise(0, 55), ids)
        wanted = Recipe(**{"steps": 2, "batch_size": 2, "patch_size": 16, **(recipe or {})})
        options = {"precision": "fp32", "progress": False, **options}
        return fit(network, data, wanted, folder=tmp_path, **options)

    train(max_minutes=0)
    with pytest.raises(UserError, match=f"is of another training .*{said}.*resume that one"):
        train(resume=True, **change)
    assert train(resume=True).finished


def test_a_checkpoint_without_what_fixes_it_is_of_an_older_version(tmp_path):
    checkpoints.save({"step": 1}, tmp_path)

    with pytest.raises(UserError, match="of an older version .*start anew in another folder"):
        fit(
            small_model(),
            small_data(),
            Recipe(2, patch_size=16),
            folder=tmp_path,
            resume=True,
            progress=False,
        )


def test_one_process_has_a_runs_folder(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from denoise_lib.training.folder import *\n"
        "with claimed(Path(sys.argv[1])): print('has it', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE)
    options = {"folder": tmp_path, "progress": False}
    recipe = Recipe(steps=1, batch_size=2, patch_size=16)
    try:
        assert other.stdout is not None and other.stdout.readline() == b"has it\n"
        with pytest.raises(UserError, match="Another process trains in .*name another folder"):
            fit(small_model(), small_data(), recipe, **options)
    finally:
        other.kill()
        other.communicate()

    assert fit(small_model(), small_data(), recipe, **options).finished  # the dead let go of it


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/below", "null\0"])
def test_a_folder_that_cannot_be_written_is_found_before_the_first_step(tmp_path, place):
    (tmp_path / "file").touch()
    model = small_model()
    before = [value.clone() for value in model.parameters()]

    with pytest.raises(UserError, match="The run's folder .* cannot be written .*name another"):
        recipe = Recipe(steps=1, batch_size=2, patch_size=16)
        fit(model, small_data(), recipe, folder=tmp_path / place, progress=False)

    assert all(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))


class Bursting(GaussianNoise):
    """Noise whose fourth draw is ten signals, as of a hand that stays on Ctrl-C."""

    calls = 0

    def sample(self, clean, generator=None):
        type(self).calls += 1
        if self.calls == 4:
            for _ in range(10):
                os.kill(os.getpid(), signal.SIGINT)
        return super().sample(clean, generator)


def test_a_burst_of_interrupts_saves_what_was_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(Bursting, "calls", 0)
    recipe = Recipe(steps=50, batch_size=2, patch_size=16)

    run = fit(
        small_model(),
        NoisyPatches(smooth_images(), Bursting(25)),
        recipe,
        folder=tmp_path,
        progress=False,
    )

    assert (run.step, run.stopped_by) == (4, "interrupt")
    assert checkpoints.load(tmp_path)["step"] == 4


def test_a_second_interrupt_ends_a_measurement_and_saves_the_step(tmp_path):
    def measure(model):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the measurement went on")

    recipe = Recipe(steps=50, batch_size=2, patch_size=16, validate_every=3)
    run = optimise(small_model(), *denoising(), recipe, measure, folder=tmp_path, progress=False)

    assert (run.step, run.stopped_by) == (3, "interrupt")
    assert checkpoints.load(tmp_path)["step"] == 3


def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest().listening():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    finally:
        signal.signal(signal.SIGHUP, before)


def test_weights_that_a_last_step_made_infinite_are_neither_kept_nor_used(tmp_path):
    def measure(model):
        next(model.parameters()).data.fill_(float("inf"))
        return {}

    options = {"folder": tmp_path, "checkpoint_minutes": 0, "progress": False}
    recipe = Recipe(steps=3, batch_size=2, patch_size=16, validate_every=3)
    with pytest.raises(FloatingPointError, match="weights .* at step 3.*checkpoint, of step 2"):
        optimise(small_model(), *denoising(), recipe, measure, **options)

    assert checkpoints.load(tmp_path)["step"] == 2


def test_a_compiler_that_does_not_work_is_found_before_the_first_step(monkeypatch):
    def broken(function):
        raise RuntimeError("no g++")

    monkeypatch.setattr(torch, "compile", broken)

    with pytest.raises(UserError, match="install a C.. compiler .*train without --compile"):
        recipe = Recipe(steps=1, batch_size=2, patch_size=16)
        fit(small_model(), small_data(), recipe, compile=True, progress=False)


def test_a_killed_training_is_resumed_to_the_bit():
    row = training_faults.killed_trainings(times=4, seed=1)

    assert row.killed > 0 and row.whole == row.times == 4


PLAN = """
name = "tiny"
[model]
name = "dncnn"
depth = 3
features = 4
[data]
dataset = "chest-drr"
[noise]
type = "GaussianNoise"
sigma = 25
[recipe]
steps = 3
"""
VALIDATION = "[validation]\ndataset = 'chest-drr'\n"


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(PLAN)
    return path


def test_a_foreign_file_of_weights_is_not_overwritten(plan, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.safetensors").write_text("precious")

    with pytest.raises(UserError, match="has a model.safetensors that this training did not write"):
        begin(load_plan(plan), plan, tmp_path / "run", resume=False)

    assert not (tmp_path / "run" / "plan.toml").exists()


def test_a_run_goes_on_by_the_plan_of_its_weights(plan, tmp_path):
    folder, what = tmp_path / "run", load_plan(plan)
    begin(what, plan, folder, resume=False)
    (folder / "checkpoint.previous.pt").touch()  # killed between two renames
    with pytest.raises(FileExistsError, match="has a checkpoint: add --resume"):
        begin(what, plan, folder, resume=False)
    begin(what, folder / "plan.toml", folder, resume=True)  # a plan copied onto itself

    card = {"model": "dncnn", "config": what.model.config, "start": None, "layers": None}
    card |= {"noise": what.noise.to_dict(), "recipe": asdict(what.recipe)}
    (folder / "model.safetensors").touch()
    (folder / "config.json").write_text(json.dumps(card))
    begin(what, plan, folder, resume=True)
    (folder / "config.json").write_text(json.dumps(card | {"start": "dncnn-warm-nih"}))
    with pytest.raises(UserError, match="has a training by another plan"):
        begin(what, plan, folder, resume=True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[noise]", VALIDATION + "sigma = 25\nsplit = 'x'\n[noise]", "split is 'x'"),
        ("[noise]", VALIDATION + "sigma = 25\nlimit = 'x'\n[noise]", "limit is 'x'"),
        ("[noise]", VALIDATION + "sigma = nan\n[noise]", "sigma is nan"),
        ("[model]", "[[model]]", "model is .*must be a table"),
        ("sigma = 25", "", "GaussianNoise needs sigma"),
        ("steps = 3", 'steps = "3"', "steps is '3'"),
        ("steps = 3", "steps = 3\nema = nan", "ema is nan"),
        ('"chest-drr"', '"chest-drr"\nsize = 0', "size is 0: must be a whole number"),
        (PLAN, "a = " + 9999 * "[", "it is no TOML"),
    ],
    ids=str,
)
def test_a_plan_that_cannot_be_trained_is_one_sentence_a_field(plan, old, new, said):
    plan.write_text(PLAN.replace(old, new))

    with pytest.raises(UserError, match=f"tiny.toml cannot be used.*{said}"):
        load_plan(plan)


def test_only_a_runs_own_checkpoints_are_resumed(plan, tmp_path):
    folder, what = tmp_path / "run", load_plan(plan)
    (folder / "other").mkdir(parents=True)
    (folder / "other" / "checkpoint.pt").touch()
    begin(what, plan, folder, resume=False)
    with pytest.warns(UserWarning, match="run has no checkpoint: the training starts anew"):
        begin(what, plan, folder, resume=True)

    (folder / "layer1").mkdir()
    (folder / "layer1" / "checkpoint.pt").touch()
    with pytest.raises(FileExistsError, match="has a checkpoint: add --resume"):
        begin(what, plan, folder, resume=False)


def test_a_byte_order_mark_changes_no_plan(plan):
    plain = load_plan(plan)
    plan.write_text(PLAN, "utf-8-sig")

    assert load_plan(plan) == plain


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"chest-drr"', '"folder:nowhere"', r"The plan tiny, \[data\]: There is no folder nowhere"),
        ('name = "dncnn"', 'name = "resnet"', r"The plan tiny, \[model\]: Unknown"),
    ],
)
def test_what_a_plan_asks_for_in_vain_is_named_with_its_table(plan, old, new, message):
    plan.write_text(PLAN.replace(old, new))

    with pytest.raises((UserError, FileNotFoundError), match=message):
        load_plan(plan).train()


def test_a_size_can_be_said_and_none_leaves_a_plan_what_it_was(plan):
    sized = PLAN.replace('"chest-drr"', '"chest-drr"\nsize = 64')
    validation = '[validation]\ndataset = "chest-cr"\nsize = 32\nsigma = 25\n'
    plain = load_plan(plan)
    plan.write_text(sized + validation)
    what = load_plan(plan)

    assert (plain.data.model_dump(), what.data.model_dump()["size"]) == (
        {"dataset": "chest-drr"},
        64,
    )
    assert what.validation is not None and what.validation.protocol().size == 32
    assert planned(what)["training_data"] == {"dataset": "chest-drr", "size": 64}
