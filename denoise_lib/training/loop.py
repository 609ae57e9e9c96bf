"""The training loop: `fit` for denoising, `optimise` beneath it for any loss.

Device, gradient accumulation and several processes are accelerate's: a script that calls `fit`
runs on one processor, or by `accelerate launch` on the GPUs of several machines.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from denoise_lib.checks import UserError
from denoise_lib.evaluation import evaluate
from denoise_lib.protocol import Protocol
from denoise_lib.recipe import Recipe
from denoise_lib.training import fixed
from denoise_lib.training.engine import About, Apply, Batch, Draw, Engine, Loss, Measure
from denoise_lib.training.folder import claimed
from denoise_lib.training.interrupt import StopRequest
from denoise_lib.training.patches import NoisyPatches
from denoise_lib.training.processes import same_on_all
from denoise_lib.training.run import RunOptions, TrainingRun

# Patches for the statistics of batch norm: for a point of the learning curve, and in the end.
ROUGHLY, FULLY = 64, 512
# The steps that a forecast of the time is made from; those before them set things up.
SETTLED, TIMED = 3, 8


def cross_entropy(estimate: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """The output of a sigmoid against a target in [0, 1], pixel by pixel.

    Parameters
    ----------
    estimate, clean : torch.Tensor
        Same shape, in [0, 1].

    Returns
    -------
    torch.Tensor
        The mean: a scalar.

    Raises
    ------
    ValueError
        When the estimate leaves [0, 1].
    """
    if not torch.isfinite(estimate).all():
        return estimate.mean()  # the training says at which step, and what to do
    if estimate.min() < 0 or estimate.max() > 1:
        raise UserError(
            'The loss "bce" is for networks whose output lies in [0, 1], which this one\'s does '
            'not: choose "mse" or "l1".'
        )
    return F.binary_cross_entropy(estimate, clean)


LOSSES = {"mse": F.mse_loss, "l1": F.l1_loss, "bce": cross_entropy}


def fit(
    model: torch.nn.Module,
    data: NoisyPatches,
    recipe: Recipe,
    validation: Protocol | None = None,
    about: About | None = None,
    **options: Any,
) -> TrainingRun:
    """Train a denoiser on fresh noise, in place.

    Every step draws new patches and new noise, so no noisy image is seen twice. Ctrl-C, the
    notebook's stop button, SIGTERM or a closed terminal ends the training after the step that is
    under way, saves a checkpoint where there is a folder, and keeps what was learned. A second
    Ctrl-C ends a measurement too, but never a step or a checkpoint.

    Parameters
    ----------
    model : torch.nn.Module
        ``model(noisy) -> image``. Ends up on the accelerator, in evaluation mode, with averaged
        weights.
    data : NoisyPatches
        Clean training images and the noise.
    recipe : Recipe
        Steps, batch, patch, learning rate, loss.
    validation : Protocol, optional
        Measured every `recipe.validate_every` steps, on the averaged weights.
    about : callable, optional
        ``about() -> mapping``: what else fixes the training; a resumed one must have the same.
    **options
        Fields of `RunOptions`: `folder`, `resume`, `max_minutes`, `progress` and so on.

    Returns
    -------
    TrainingRun
        With the learning curve, which has `psnr` where there is a `validation`.

    Raises
    ------
    ValueError
        When an argument cannot be used, the patches do not fit, the batch cannot be shared out
        evenly, or a checkpoint is of another training: all before the first step.
    FloatingPointError
        When the loss or a weight is not finite; names the step, the images and the last
        checkpoint.
    """
    if not isinstance(data, NoisyPatches):
        raise UserError(
            f"The training data cannot be a {type(data).__name__}: give "
            "NoisyPatches(images, noise)."
        )
    if not isinstance(recipe, Recipe):
        raise UserError(f"The recipe cannot be a {type(recipe).__name__}: give Recipe(steps=500).")
    check_validation(validation)
    loss_function = LOSSES[recipe.loss]

    def all_about() -> dict[str, Any]:
        return {
            "noise": data.noise.to_dict(),
            "training images": fixed.of_images(data.images, data.ids),
            "validation": validation and {**validation.to_dict(), "limit": validation.limit},
            **(about() if about is not None else {}),
        }

    def draw(generator: torch.Generator) -> Batch:
        return data.draw(recipe.batch_size, recipe.patch_size, generator, recipe.symmetries)

    def loss(network: Apply, batch: Batch) -> torch.Tensor:
        return loss_function(network(batch["noisy"]), batch["clean"])

    measure = denoising_quality(validation)
    return optimise(model, draw, loss, recipe, measure, names=data.ids, about=all_about, **options)


def check_validation(validation: Protocol | None) -> None:
    """Refuse a protocol that cannot be measured, before the first step.

    Parameters
    ----------
    validation : Protocol or None
        Its first image is read and scored as it is; None is never measured.

    Raises
    ------
    ValueError, OSError
        When its images cannot be had or are too small for the metrics.
    """
    if validation is None:
        return
    if not isinstance(validation, Protocol):
        raise UserError(
            f"A training is validated under a Protocol, not a {type(validation).__name__}: "
            "give Protocol('chest-drr', 'val')."
        )
    evaluate(lambda noisy, sigma=None: noisy, replace(validation, limit=1), progress=False)


def denoising_quality(validation: Protocol | None) -> Measure | None:
    """What `fit` measures while it trains.

    Parameters
    ----------
    validation : Protocol or None
        What the network is measured under; None: not at all.

    Returns
    -------
    callable or None
        ``measure(model) -> {"psnr": mean in dB}``; None without a protocol.
    """
    if validation is None:
        return None

    def measure(model: torch.nn.Module) -> dict[str, float]:
        return {"psnr": evaluate(model, validation, progress=False)["psnr"].mean()}

    return measure


def forecast(seconds: float) -> str:
    """How long a training still takes, in words.

    Parameters
    ----------
    seconds : float
        By the pace of its first steps.

    Returns
    -------
    str
    """
    for unit, name in ((3600, "hour"), (60, "minute")):
        if seconds >= 1.5 * unit:
            return f"About {seconds / unit:.0f} {name}s on this machine."
    return f"About {max(1, seconds):.0f} seconds on this machine."


def optimise(
    model: torch.nn.Module,
    draw: Draw,
    loss: Loss,
    recipe: Recipe,
    measure: Measure | None = None,
    names: list[str] | None = None,
    about: About | None = None,
    **options: Any,
) -> TrainingRun:
    """The training loop itself, for any loss; `fit` is the one for denoising.

    Parameters
    ----------
    model : torch.nn.Module
        Trained in place; gets the averaged weights in the end.
    draw : callable
        ``draw(generator) -> batch``: `recipe.batch_size` rows in each tensor of the dictionary.
    loss : callable
        ``loss(network, batch) -> scalar``, a mean over the rows of the batch. ``network(inputs)``
        is the model's output in float32, computed in half precision where that is faster.
    recipe : Recipe
        Steps, learning rate, averaging.
    measure : callable, optional
        ``measure(averaged_model) -> {name: value}``, every `recipe.validate_every` steps.
    names : list of str, optional
        Names of what ``batch["image"]`` numbers, for messages.
    about : callable, optional
        As for `fit`: what `draw` draws from, say.
    **options
        Fields of `RunOptions`.

    Returns
    -------
    TrainingRun

    Raises
    ------
    ValueError, FloatingPointError
        As `fit`.
    """
    chosen = RunOptions(**options)
    with claimed(chosen.folder):
        engine = Engine(model, recipe, chosen, about)
        if chosen.resume:
            engine.restore()
        stop = StopRequest(chosen.max_minutes)
        with stop.listening():
            return _train(engine, stop, draw, loss, measure, names)


def _train(
    engine: Engine,
    stop: StopRequest,
    draw: Draw,
    loss: Loss,
    measure: Measure | None,
    names: list[str] | None,
) -> TrainingRun:
    """Take the steps that are left, or until the stop is asked for; then save."""
    recipe, chosen = engine.recipe, engine.options
    settled, settled_at = engine.step + SETTLED, 0.0
    steps = range(engine.step + 1, recipe.steps + 1)
    hidden = not (chosen.progress and engine.accelerator.is_main_process)
    bar = tqdm(
        steps, desc="training", initial=engine.step, total=recipe.steps, disable=hidden, unit="step"
    )
    if not hidden:
        bar.write(engine.description)
    try:
        for step in bar:
            batch = draw(engine.generator)
            engine.update(step, batch, loss, names)
            if step == settled:
                settled_at = time.monotonic()
            elif step == settled + TIMED and not hidden:
                pace = (time.monotonic() - settled_at) / TIMED
                bar.write(forecast(pace * (recipe.steps - step)))
            if step % recipe.validate_every == 0 or step == recipe.steps:
                with stop.breaking_off():
                    if measure is not None:
                        engine.calibrate(draw, loss, ROUGHLY if step < recipe.steps else FULLY)
                    engine.log(measure)
            bar.set_postfix(engine.progress(), refresh=False)
            if same_on_all(stop.reason, engine.accelerator):
                stop.reason = stop.reason or "interrupt"  # another process was asked
                break
            engine.checkpoint_when_due()
        engine.checkpoint()
    except KeyboardInterrupt:  # one outside the main thread
        stop.reason = "interrupt"
    if engine.step < recipe.steps and not hidden:
        saved = engine.saved_step is not None
        kept = f"resume from {chosen.folder}" if saved else "the model keeps its weights"
        bar.write(f"Stopped at step {engine.step} of {recipe.steps}: {kept}.")
    with stop.breaking_off():  # in a hurry: the statistics of fewer patches serve too
        engine.calibrate(draw, loss, FULLY)
    return engine.finish(stop.reason)
