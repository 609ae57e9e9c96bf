"""Training: patches, a network that learns, an interruption that loses nothing."""

import copy
import os
import re
import signal
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.optimizer import register_optimizer_step_pre_hook

from denoise_lib import methods, metrics
from denoise_lib.evaluation import apply
from denoise_lib.methods import configuration, recipe
from denoise_lib.methods.dncnn import DnCNN
from denoise_lib.methods.registry import Network
from denoise_lib.methods.registry import methods as declared
from denoise_lib.noise import BlindGaussianNoise, GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.recipe import PRESETS, Optimizer
from denoise_lib.training import Recipe, checkpoints, fit, loop
from denoise_lib.training.engine import _moving_average
from denoise_lib.training.loop import LOSSES, optimise
from denoise_lib.training.patches import NoisyPatches, as_bytes, as_floats, sample_patches
from denoise_lib.training.train import train, train_as_chapter


def smooth_images(count: int = 4, side: int = 48) -> torch.Tensor:
    grid = torch.linspace(0, 3, side)
    phases = torch.arange(count)[:, None, None]
    return (0.5 + 0.4 * torch.sin(grid[:, None] + grid[None] + phases))[:, None]


def small_model() -> DnCNN:
    torch.manual_seed(0)
    return methods.create("dncnn", depth=4, features=16)


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 9),
    height=st.integers(8, 30),
    width=st.integers(8, 30),
    side=st.integers(1, 8),
    seed=st.integers(0, 99),
)
def test_patches_are_windows_of_the_images_up_to_flips(count, height, width, side, seed):
    # Every pixel has its own value, so that a patch tells where it was cut.
    images = torch.arange(2.0 * height * width).reshape(2, 1, height, width)

    patches = sample_patches(images, count, side, torch.Generator().manual_seed(seed))

    assert patches.shape == (count, 1, side, side)
    for patch in patches[:, 0].long():
        index, rest = patch // (height * width), patch % (height * width)
        rows, columns = rest // width, rest % width
        assert index.unique().numel() == 1
        assert rows.unique().numel() == columns.unique().numel() == side
        assert rows.max() - rows.min() == columns.max() - columns.min() == side - 1


def test_patches_come_in_all_eight_orientations():
    images = torch.arange(16.0).reshape(1, 1, 4, 4)

    patches = sample_patches(images, 200, 4, torch.Generator().manual_seed(0))

    assert len({tuple(patch.flatten().tolist()) for patch in patches}) == 8


def test_a_patch_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="smaller patch_size"):
        sample_patches(torch.zeros(1, 1, 8, 8), 1, 9, torch.Generator())


@pytest.mark.parametrize("loss", list(LOSSES))
def test_a_trained_network_improves_on_the_noisy_image(loss):
    images, noise = smooth_images(), GaussianNoise(25)
    torch.manual_seed(0)
    model = methods.create("gondara", features=16) if loss == "bce" else small_model()

    curve = fit(
        model,
        NoisyPatches(images, noise),
        Recipe(steps=150, batch_size=8, patch_size=24, learning_rate=5e-3, loss=loss),
        progress=False,
    ).curve

    noisy = noise(images, list("abcd"))
    gain = metrics.psnr(images, apply(model, noisy)) - metrics.psnr(images, noisy)
    assert gain.min() > 3
    assert curve["loss"].iloc[-1] < curve["loss"].iloc[0]
    assert not model.training


def test_batch_norm_has_the_statistics_of_the_averaged_weights():
    """Not those of the weights that were averaged, which are larger: the error multiplies."""
    images, noise = smooth_images(), GaussianNoise(25)
    model, data = small_model(), NoisyPatches(images, noise)
    recipe = Recipe(steps=150, batch_size=8, patch_size=24, learning_rate=1e-2, ema=0.98)
    fit(model, data, recipe, progress=False)
    norms = [each for each in model.modules() if isinstance(each, torch.nn.BatchNorm2d)]
    found = [norm.running_var.clone() for norm in norms]

    generator = torch.Generator().manual_seed(1)
    batches = (data.draw(8, 24, generator)["noisy"] for _ in range(64))
    torch.optim.swa_utils.update_bn(batches, model)

    for norm, before in zip(norms, found, strict=True):
        torch.testing.assert_close(before, norm.running_var, rtol=0.1, atol=1e-6)
        assert (before / norm.running_var).median() == pytest.approx(1, abs=0.02)


def test_batch_norm_statistics_fit_the_averaged_weights():
    """The evaluation-mode output must be near the training-mode output on the same images."""
    images, noise = smooth_images(), GaussianNoise(25)
    model = small_model()
    fit(
        model,
        NoisyPatches(images, noise),
        Recipe(steps=150, batch_size=8, patch_size=24),
        progress=False,
    )
    noisy = noise(images, list("abcd"))

    with torch.no_grad():
        evaluation = model.eval()(noisy)
        batch = model.train()(noisy)

    assert (evaluation - batch).std() < 0.2 * (noisy - evaluation).std()


def test_the_curve_has_validation_psnr_where_asked():
    recipe = Recipe(steps=5, batch_size=2, patch_size=24, validate_every=2)
    validation = Protocol(split="val", limit=1)

    curve = fit(
        small_model(),
        NoisyPatches(smooth_images(), GaussianNoise(25)),
        recipe,
        validation,
        progress=False,
    ).curve

    assert list(curve.index) == [2, 4, 5]
    assert curve["psnr"].between(15, 50).all()
    assert np.all(np.diff(curve["seconds"]) > 0)


def test_training_repeats_with_the_same_seed():
    def train(seed):
        model = small_model()
        recipe = Recipe(steps=3, batch_size=2, patch_size=16, seed=seed)
        fit(model, NoisyPatches(smooth_images(), GaussianNoise(25)), recipe, progress=False)
        return model.tail.weight.detach().clone()

    assert torch.equal(train(0), train(0))
    assert not torch.equal(train(0), train(1))


def interrupting(calls: int) -> GaussianNoise:
    """Noise that can be drawn so often only, and then is a Ctrl-C."""
    left = iter(range(calls))

    class Interrupting(GaussianNoise):
        def sample(self, clean, generator=None):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return super().sample(clean, generator)

    return Interrupting(25)


def test_interrupting_keeps_what_was_learned():
    model, before = small_model(), small_model()

    curve = fit(
        model,
        NoisyPatches(smooth_images(), interrupting(12)),
        Recipe(steps=100, batch_size=2, patch_size=16, validate_every=5),
        progress=False,
    ).curve

    assert list(curve.index) == [5, 10]
    assert not torch.equal(model.tail.weight, before.tail.weight)
    assert not model.training


def test_an_interrupt_while_batch_norm_gets_its_statistics_leaves_it_those_it_had():
    torch.manual_seed(0)
    model = methods.create("dncnn", depth=4, features=8)

    fit(
        model,
        NoisyPatches(smooth_images(), interrupting(10)),
        Recipe(steps=10, batch_size=2, patch_size=16),
        progress=False,
    )

    norms = [layer for layer in model.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert norms and all(layer.running_mean.abs().max() > 0 for layer in norms)


def test_what_batch_norm_sees_does_not_change_a_networks_luck():
    def weights(validate_every):
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3, padding=1),
            torch.nn.BatchNorm2d(4),
            torch.nn.Dropout(0.5),
            torch.nn.Conv2d(4, 1, 3, padding=1),
        )
        recipe = Recipe(steps=8, batch_size=2, patch_size=16, validate_every=validate_every)
        data = NoisyPatches(smooth_images(), GaussianNoise(25))

        def draw(generator):
            return data.draw(2, 16, generator)

        def loss(network, batch):
            return (network(batch["noisy"]) - batch["clean"]).square().mean()

        optimise(model, draw, loss, recipe, lambda model: {}, progress=False)
        return model[0].weight

    assert torch.equal(weights(2), weights(8))


def test_interrupting_before_the_first_row_gives_an_empty_curve_with_its_columns():
    class Interrupting(GaussianNoise):
        def sample(self, clean, generator=None):
            raise KeyboardInterrupt

    curve = fit(
        small_model(),
        NoisyPatches(smooth_images(), Interrupting(25)),
        Recipe(steps=5),
        progress=False,
    ).curve

    assert curve.empty
    assert curve.index.name == "step" and list(curve.columns) == ["loss", "psnr", "seconds"]


@settings(max_examples=20, deadline=None)
@given(decay=st.floats(0, 0.999), steps=st.integers(1, 50))
def test_the_moving_average_forgets_the_start(decay, steps):
    """Averaging a constant that differs from the start must converge to it, never pass it."""
    update = _moving_average(decay)
    average, target = [torch.zeros(1)], [torch.ones(1)]

    distances = []
    for step in range(1, steps + 1):
        update(average, target, step)
        distances.append(1 - average[0].item())

    assert all(0 <= d <= 1 for d in distances)
    assert distances == sorted(distances, reverse=True)


def test_patches_that_are_not_flipped_keep_left_and_right_and_their_channels_together():
    ramp = torch.linspace(0, 1, 32).expand(1, 1, 32, 32)
    images = torch.cat([ramp, 1 - ramp], dim=1)

    patches = sample_patches(images, 20, 8, torch.Generator().manual_seed(0), symmetries="none")

    assert (patches[:, 0].diff(dim=-1) > 0).all()
    torch.testing.assert_close(patches[:, 0], 1 - patches[:, 1])


@pytest.mark.parametrize("model", declared(Network))
def test_every_model_has_a_recipe_at_every_budget(model):
    steps = [recipe(model, preset).steps for preset in PRESETS]

    assert model in declared(Network)
    assert steps == sorted(steps)


@pytest.mark.parametrize("model", declared(Network))
def test_every_model_has_a_recipe_and_a_configuration(model):
    assert recipe(model, "full").steps > recipe(model, "smoke").steps
    assert configuration(model, "full") == {}
    small = methods.create(model, **configuration(model, "quick"))
    assert methods.count_parameters(small) <= methods.count_parameters(methods.create(model))


def test_a_configuration_can_be_changed_without_changing_the_next():
    configuration("rdn")["blocks"] = 99

    assert configuration("rdn")["blocks"] == 4


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="smoke, quick, full"):
        recipe("dncnn", "huge")
    with pytest.raises(ValueError, match="vincent, gondara, dncnn, dncnn-b, liu, rdn"):
        recipe("resnet")
    with pytest.raises(ValueError, match="choose one of: vincent"):
        configuration("resnet")
    with pytest.raises(ValueError, match="smoke, quick, full"):
        configuration("rdn", "huge")
    with pytest.raises(ValueError, match="'mse', 'l1' or 'bce'"):
        Recipe(steps=1, loss="huber")


def small_data() -> NoisyPatches:
    return NoisyPatches(smooth_images(), BlindGaussianNoise(0, 55), list("abcd"))


@pytest.mark.parametrize("optimizer", get_args(Optimizer))
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_interrupted_training_resumes_to_the_bit(tmp_path, optimizer, precision):
    recipe = Recipe(
        steps=12, batch_size=4, patch_size=16, optimizer=optimizer, validate_every=5, accumulate=2
    )
    whole, parts = small_model(), small_model()
    options = {"precision": precision, "progress": False}
    expected = fit(whole, small_data(), recipe, **options)

    runs = []
    while not (runs and runs[-1].finished):  # each sitting: a fresh model, and one step
        parts = small_model()
        runs.append(
            fit(
                parts,
                small_data(),
                recipe,
                folder=tmp_path,
                resume=True,
                max_minutes=0 if len(runs) < 6 else None,
                **options,
            )
        )

    assert [run.step for run in runs] == [1, 2, 3, 4, 5, 6, 12]
    assert runs[0].stopped_by == "time" and runs[-1].stopped_by is None
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name
    assert list(runs[-1].curve["loss"]) == list(expected.curve["loss"])
    assert expected.precision == precision


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGINT, "interrupt"),
        (signal.SIGTERM, "termination"),
        (signal.SIGHUP, "hangup"),
    ],
)
def test_a_signal_waits_for_the_step_and_saves(tmp_path, request, number, reason):
    class Signalling(GaussianNoise):
        def sample(self, clean, generator=None):
            Signalling.calls += 1
            if Signalling.calls == 4:
                os.kill(os.getpid(), number)
            return super().sample(clean, generator)

    Signalling.calls = 0
    before = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    outside = signal.signal(number, before)  # where nohup started the tests, a hangup is ignored
    request.addfinalizer(lambda: signal.signal(number, outside))
    data = NoisyPatches(smooth_images(), Signalling(25))
    recipe = Recipe(steps=50, batch_size=2, patch_size=16)

    run = fit(small_model(), data, recipe, folder=tmp_path, progress=False)

    assert (run.step, run.stopped_by) == (4, reason)
    assert checkpoints.load(tmp_path)["step"] == 4
    assert signal.getsignal(number) is before


def test_a_loss_that_is_not_finite_names_step_images_and_checkpoint(tmp_path):
    class Breaking(GaussianNoise):
        calls = 0

        def sample(self, clean, generator=None):
            Breaking.calls += 1
            return super().sample(clean, generator) / (0 if Breaking.calls == 6 else 1)

    data = NoisyPatches(smooth_images(1), Breaking(25), ["left-lung"])
    recipe = Recipe(steps=9, batch_size=2, patch_size=16)

    with pytest.raises(
        FloatingPointError, match=r"step 6 \(images left-lung\).*good checkpoint, of step 5"
    ):
        fit(small_model(), data, recipe, folder=tmp_path, checkpoint_minutes=0, progress=False)


def test_another_recipe_is_not_resumed(tmp_path):
    recipe = Recipe(steps=3, batch_size=2, patch_size=16)
    fit(small_model(), small_data(), recipe, folder=tmp_path, progress=False)

    with pytest.raises(
        ValueError, match="of another training .recipe steps was 3, is 4.: resume that one"
    ):
        fit(
            small_model(),
            small_data(),
            replace(recipe, steps=4),
            folder=tmp_path,
            resume=True,
            progress=False,
        )


def test_the_log_and_tensorboard_have_the_curve(tmp_path):
    recipe = Recipe(steps=4, batch_size=2, patch_size=16, validate_every=2)

    run = fit(
        small_model(), small_data(), recipe, folder=tmp_path, tensorboard=True, progress=False
    )

    log = pd.read_csv(tmp_path / "log.csv", index_col="step")
    assert list(log.index) == [2, 4]
    np.testing.assert_allclose(log["loss"], run.curve["loss"])
    assert list(tmp_path.rglob("events.out.tfevents*"))


def test_the_bar_says_where_and_how_it_computes(capsys):
    recipe = Recipe(steps=2, batch_size=2, patch_size=16)

    fit(small_model(), small_data(), recipe, precision="fp32")

    shown = "".join(capsys.readouterr())
    assert re.search(r"[\d,]+ weights on \w+, fp32", shown)
    assert "patches/s=" in shown and "loss=" in shown


def test_a_long_training_says_how_long_it_takes_here(capsys, monkeypatch):
    clock = iter(range(0, 10**6, 80))  # ten seconds a step
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    recipe = Recipe(steps=29, batch_size=2, patch_size=16)

    fit(small_model(), small_data(), recipe, precision="fp32")

    assert "About 3 minutes on this machine." in "".join(capsys.readouterr())
    assert loop.forecast(5400) == "About 2 hours on this machine."
    assert loop.forecast(80) == "About 80 seconds on this machine."


def test_a_notebook_shows_a_recipe_as_a_table():
    shown = Recipe(steps=1200, loss="l1", optimizer="muon")._repr_html_()

    assert "1,200" in shown and "mean absolute error" in shown
    assert "Muon, rate up to 0.02; else Adam, rate up to 0.001" in shown


def test_accumulating_is_the_same_as_a_large_batch_without_batch_norm():
    def train(accumulate):
        torch.manual_seed(0)
        model = methods.create("rdn", blocks=1, layers=2, growth=4, features=4)
        recipe = Recipe(steps=5, batch_size=8, patch_size=16, accumulate=accumulate)
        return fit(model, small_data(), recipe, precision="fp32", progress=False).curve["loss"]

    np.testing.assert_allclose(train(4), train(1), rtol=1e-5)


def test_a_batch_that_cannot_be_shared_out_is_refused():
    with pytest.raises(ValueError, match="choose a multiple of 3"):
        fit(small_model(), small_data(), Recipe(steps=1, batch_size=4, accumulate=3))


def test_options_that_cannot_be_right_are_refused():
    recipe = Recipe(steps=1)
    with pytest.raises(ValueError, match="'auto', 'bf16' or 'fp32'"):
        fit(small_model(), small_data(), recipe, precision="fp8")
    with pytest.raises(ValueError, match="name the run's folder"):
        fit(small_model(), small_data(), recipe, resume=True)
    with pytest.raises(ValueError, match="'adam' or 'muon'"):
        Recipe(steps=1, optimizer="sgd")
    with pytest.raises(ValueError, match="'all', 'mirror' or 'none'"):
        Recipe(steps=1, symmetries="rotations")


def test_eight_bit_images_are_held_as_bytes_and_nothing_else_is_rounded():
    levels = torch.arange(256).float().reshape(1, 1, 16, 16) / 255
    finer = levels * 0.999

    assert NoisyPatches(levels, GaussianNoise(25)).images.dtype == torch.uint8
    assert torch.equal(as_floats(as_bytes(levels)), levels)
    assert torch.equal(as_bytes(finer), finer)
    with pytest.raises(ValueError, match="one id per image"):
        NoisyPatches(levels, GaussianNoise(25), ["a", "b"])


def test_mirrored_patches_are_never_upside_down():
    images = torch.linspace(0, 1, 32)[:, None].expand(1, 1, 32, 32) + torch.linspace(0, 1, 32)

    patches = sample_patches(images, 60, 8, torch.Generator().manual_seed(0), "mirror")

    assert (patches.diff(dim=-2) > 0).all()
    rising = (patches.diff(dim=-1) > 0).flatten(1).all(1)
    assert 10 < rising.sum() < 50


def test_a_gradient_that_is_not_finite_is_not_taken(tmp_path):
    """Its loss is finite: only the step would spoil the weights, and then the checkpoint."""

    class Spoiled(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            return x

        @staticmethod
        def backward(context, gradient):
            Spoiled.calls += 1
            return gradient * (torch.nan if Spoiled.calls == 3 else 1)

    Spoiled.calls = 0
    model, data = small_model(), small_data()
    recipe = Recipe(steps=5, batch_size=2, patch_size=16)

    with pytest.raises(FloatingPointError, match="gradient .* at step 3 .*checkpoint, of step 2"):
        optimise(
            model,
            lambda generator: data.draw(2, 16, generator),
            lambda network, batch: (Spoiled.apply(network(batch["noisy"])) ** 2).mean(),
            recipe,
            names=data.ids,
            folder=tmp_path,
            checkpoint_minutes=0,
            progress=False,
        )

    assert all(value.isfinite().all() for value in model.state_dict().values())


@pytest.mark.parametrize(("steps", "warmup"), [(10, 0.1), (20, 0.05), (1, 0.1), (5, 0.0)])
def test_short_schedules_work(steps, warmup):
    recipe = Recipe(steps=steps, batch_size=1, patch_size=8, warmup=warmup)

    assert fit(small_model(), small_data(), recipe, progress=False).finished


def test_a_log_that_cannot_be_written_does_not_end_the_training(tmp_path):
    (tmp_path / f".log.{os.getpid()}.part.csv").symlink_to("/dev/full")
    recipe = Recipe(steps=2, batch_size=1, patch_size=8, validate_every=2)

    with pytest.warns(UserWarning, match="log.csv could not be written .No space left"):
        run = fit(small_model(), small_data(), recipe, folder=tmp_path, progress=False)

    assert run.finished and checkpoints.load(tmp_path)["step"] == 2


@pytest.mark.parametrize("name", ["steps", "batch_size", "validate_every", "accumulate"])
def test_counts_are_at_least_one(name):
    with pytest.raises(ValueError, match=f"{name} is 0: must be a whole number between 1 and"):
        Recipe(**{"steps": 1, name: 0})
    with pytest.raises(
        ValueError, match="warmup is 1.0: must be a number of at least 0 and below 1"
    ):
        Recipe(steps=1, warmup=1.0)


@pytest.fixture
def steps():
    """What every optimiser step saw: its learning rate, and the norm of the gradient."""
    seen = []

    def look(optimizer, args, kwargs):
        group = optimizer.param_groups[0]
        gradients = [p.grad.flatten() for p in group["params"] if p.grad is not None]
        if gradients:
            seen.append((group["lr"], torch.cat(gradients).norm().item()))

    hook = register_optimizer_step_pre_hook(look)
    yield seen
    hook.remove()


@pytest.mark.parametrize(("limit", "largest"), [(None, np.inf), (1e-4, 1e-4)])
def test_the_gradient_is_clipped_to_the_recipes_norm(steps, limit, largest):
    recipe = Recipe(steps=5, batch_size=2, patch_size=16, clip_gradient=limit)

    fit(small_model(), small_data(), recipe, progress=False)

    norms = [norm for _, norm in steps]
    assert len(norms) == 5 and max(norms) <= largest * 1.001
    assert limit is not None or min(norms) > 1e-4


def test_the_learning_rate_rises_and_falls_as_a_cosine(steps):
    recipe = Recipe(steps=100, batch_size=2, patch_size=8, learning_rate=0.01, warmup=0.2)

    fit(small_model(), small_data(), recipe, progress=False)

    rates = np.array([rate for rate, _ in steps])
    descent = np.arange(19, 100) - 19  # the peak is step 20, the end step 100
    cosine = 0.01 * (1 + np.cos(np.pi * descent / 80)) / 2
    assert rates.argmax() == 19 and rates[0] < 0.001
    np.testing.assert_allclose(rates[19:], cosine, atol=1e-5)


def test_the_network_is_compiled_if_asked_for(monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda network: compiled.append(network) or network)
    recipe = Recipe(steps=1, batch_size=2, patch_size=8)

    fit(small_model(), small_data(), recipe, compile=False, progress=False)
    assert compiled == []
    model = small_model()
    fit(model, small_data(), recipe, compile=True, progress=False)

    assert compiled[1:] == [model]  # the first is a trial whether compiling works at all


def test_seconds_are_those_of_all_sittings(tmp_path):
    recipe = Recipe(steps=4, batch_size=2, patch_size=8)
    options = {"folder": tmp_path, "progress": False}
    before = time.perf_counter()

    first = fit(small_model(), small_data(), recipe, max_minutes=0, **options)
    pause = time.perf_counter()
    time.sleep(0.2)
    pause = time.perf_counter() - pause
    second = fit(small_model(), small_data(), recipe, resume=True, **options)

    elapsed = time.perf_counter() - before - pause
    assert 0 < first.seconds < second.seconds <= elapsed
    assert list(second.curve["seconds"]) == sorted(second.curve["seconds"])
    assert second.curve["seconds"].iloc[-1] <= second.seconds


def test_a_session_may_train_in_both_precisions():
    recipe = Recipe(steps=1, batch_size=2, patch_size=8)

    found = [
        fit(small_model(), small_data(), recipe, precision=each, progress=False).precision
        for each in ("fp32", "bf16", "fp32")
    ]

    assert found == ["fp32", "bf16", "fp32"]


def test_a_trained_model_is_left_as_an_ordinary_one():
    """accelerate wraps its forward method while it trains."""
    model = small_model()

    fit(model, small_data(), Recipe(steps=1, batch_size=2, patch_size=8), progress=False)

    assert "forward" not in vars(model) and not model.training
    assert torch.equal(copy.deepcopy(model)(NOISY), model(NOISY))


NOISY = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def test_half_a_training_is_no_result(monkeypatch):
    recipe = Recipe(steps=3, batch_size=2, patch_size=8)
    whole = fit(small_model(), small_data(), recipe, progress=False)
    half = fit(small_model(), small_data(), recipe, max_minutes=0, progress=False)
    monkeypatch.setattr("denoise_lib.training.train.fit", lambda *args, **options: half)

    assert whole.to_the_end() is whole
    with pytest.raises(KeyboardInterrupt, match="stopped at step 1"):
        half.to_the_end()
    with pytest.raises(KeyboardInterrupt):
        train_as_chapter("dncnn", smooth_images(), GaussianNoise(25), "smoke")


def test_the_layers_time_counts():
    recipe = Recipe(steps=2, batch_size=2, patch_size=24)
    model = methods.create("vincent", hidden=(8,))

    run = train(model, smooth_images(), GaussianNoise(25), recipe, Recipe(steps=40), progress=False)

    assert run.seconds > run.curve["seconds"].iloc[-1] + 0.01
