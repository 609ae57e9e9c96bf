"""The training loop: `fit` for denoising, `optimise` beneath it for any loss.

Device, gradient accumulation and several processes are accelerate's: a script that calls `fit`
runs on one processor, or by `accelerate launch` on the GPUs of several machines.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from denoise_lib.evaluation import evaluate
from denoise_lib.protocol import Protocol
from denoise_lib.recipe import Recipe
from denoise_lib.training.engine import Apply, Batch, Draw, Engine, Loss, Measure
from denoise_lib.training.interrupt import StopRequest
from denoise_lib.training.patches import NoisyPatches
from denoise_lib.training.processes import same_on_all
from denoise_lib.training.run import RunOptions, TrainingRun

# Patches for the statistics of batch norm: for a point of the learning curve, and in the end.
ROUGHLY, FULLY = 64, 512
# The steps that a forecast of the time is made from; those before them set things up.
SETTLED, TIMED = 3, 8

LOSSES = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    # The output of a sigmoid against a target in [0, 1], pixel by pixel.
    "bce": F.binary_cross_entropy,
}


def fit(
    model: torch.nn.Module,
    data: NoisyPatches,
    recipe: Recipe,
    validation: Protocol | None = None,
    **options: Any,
) -> TrainingRun:
    """Train a denoiser on fresh noise, in place.

    Every step draws new patches and new noise, so no noisy image is seen twice. Ctrl-C, the
    notebook's stop button or SIGTERM ends the training after the step that is under way, saves a
    checkpoint where there is a folder, and keeps what was learned.

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
    **options
        Fields of `RunOptions`: `folder`, `resume`, `max_minutes`, `progress` and so on.

    Returns
    -------
    TrainingRun
        With the learning curve, which has `psnr` where there is a `validation`.

    Raises
    ------
    ValueError
        When the patches do not fit, or the batch cannot be shared out evenly.
    FloatingPointError
        When the loss is not finite; names the step, the images and the last checkpoint.
    """
    loss_function = LOSSES[recipe.loss]

    def draw(generator: torch.Generator) -> Batch:
        return data.draw(recipe.batch_size, recipe.patch_size, generator, recipe.symmetries)

    def loss(network: Apply, batch: Batch) -> torch.Tensor:
        return loss_function(network(batch["noisy"]), batch["clean"])

    return optimise(
        model, draw, loss, recipe, denoising_quality(validation), names=data.ids, **options
    )


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
    engine = Engine(model, recipe, chosen)
    if chosen.resume:
        engine.restore()
    stop = StopRequest(chosen.max_minutes)
    settled, settled_at = engine.step + SETTLED, 0.0
    steps = range(engine.step + 1, recipe.steps + 1)
    hidden = not (chosen.progress and engine.accelerator.is_main_process)
    bar = tqdm(
        steps, desc="training", initial=engine.step, total=recipe.steps, disable=hidden, unit="step"
    )
    if not hidden:
        bar.write(engine.description)
    try:
        with stop.listening():
            for step in bar:
                batch = draw(engine.generator)
                engine.update(step, batch, loss, names)
                if step == settled:
                    settled_at = time.monotonic()
                elif step == settled + TIMED and not hidden:
                    pace = (time.monotonic() - settled_at) / TIMED
                    bar.write(forecast(pace * (recipe.steps - step)))
                if step % recipe.validate_every == 0 or step == recipe.steps:
                    if measure is not None:
                        engine.calibrate(draw, loss, ROUGHLY if step < recipe.steps else FULLY)
                    engine.log(measure)
                bar.set_postfix(engine.progress(), refresh=False)
                if same_on_all(stop.reason, engine.accelerator):
                    stop.reason = stop.reason or "interrupt"  # another process was asked
                    break
                engine.checkpoint_when_due()
            engine.checkpoint()
    except KeyboardInterrupt:  # a second Ctrl-C, or one outside the main thread
        stop.reason = "interrupt"
    if engine.step < recipe.steps and not hidden:
        saved = engine.saved_step is not None
        kept = f"resume from {chosen.folder}" if saved else "the model keeps its weights"
        bar.write(f"Stopped at step {engine.step} of {recipe.steps}: {kept}.")
    with suppress(KeyboardInterrupt):  # in a hurry: the statistics of fewer patches serve too
        engine.calibrate(draw, loss, FULLY)
    return engine.finish(stop.reason)
