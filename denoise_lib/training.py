"""Training: a model and clean images in, trained weights and a learning curve out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel
from tqdm.auto import tqdm

from denoise_lib.checks import check_clean
from denoise_lib.evaluation import evaluate
from denoise_lib.noise import Noise
from denoise_lib.protocol import Protocol

LOSSES = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    # The output of a sigmoid against a target in [0, 1], pixel by pixel.
    "bce": F.binary_cross_entropy,
}


EMPTY_CURVE = ("step", "loss", "psnr", "seconds")


@dataclass(frozen=True)
class Recipe:
    """How long and with what a model is trained.

    Parameters
    ----------
    steps : int
        Optimiser steps.
    batch_size : int
        Patches per step.
    patch_size : int
        Side of a square patch in pixels.
    learning_rate : float
        Peak of the one-cycle schedule of Adam: warm-up over a tenth of the steps, then a cosine.
    loss : str
        "mse", "l1" or "bce".
    ema : float
        Decay of the moving average of the weights, which is what `fit` leaves in the model.
    clip_gradient : float
        Largest norm of the gradient.
    validate_every : int
        Steps between two points of the learning curve.
    seed : int
        Seeds the patches and the noise.
    flip : bool
        Flip and transpose patches at random.
    """

    steps: int
    batch_size: int = 16
    patch_size: int = 40
    learning_rate: float = 1e-3
    loss: str = "mse"
    ema: float = 0.99
    clip_gradient: float = 1.0
    validate_every: int = 50
    seed: int = 0
    flip: bool = True

    def __post_init__(self):
        if self.loss not in LOSSES:
            raise ValueError(f"Unknown loss {self.loss!r}; choose one of: {', '.join(LOSSES)}.")


def sample_patches(
    images: torch.Tensor,
    count: int,
    patch_size: int,
    generator: torch.Generator,
    flip: bool = True,
) -> torch.Tensor:
    """Random square patches, by default flipped and transposed at random.

    Parameters
    ----------
    images : torch.Tensor
        Shape (N, C, H, W), on the generator's device; channels (an image and its masks, say) are
        cut alike.
    count : int
        Number of patches.
    patch_size : int
        Side in pixels, at most min(H, W).
    generator : torch.Generator
        Source of the randomness.
    flip : bool
        Without it, left stays left and up stays up: for a task that has to know where the heart is.

    Returns
    -------
    torch.Tensor
        Shape (count, C, patch_size, patch_size).

    Raises
    ------
    ValueError
        When a patch does not fit into an image.
    """
    number, channels, height, width = images.shape
    if patch_size > min(height, width):
        raise ValueError(
            f"Patches of {patch_size} pixels do not fit into images of {height} x {width}: "
            "choose a smaller patch_size."
        )

    def draw(high: int) -> torch.Tensor:
        return torch.randint(high, (count, 1, 1, 1), generator=generator, device=images.device)

    offsets = torch.arange(patch_size, device=images.device)
    rows = draw(height - patch_size + 1) + offsets[:, None]
    columns = draw(width - patch_size + 1) + offsets
    channel = torch.arange(channels, device=images.device)[:, None, None]
    patches = images[draw(number), channel, rows, columns]
    if not flip:
        return patches
    patches = torch.where(draw(2) == 1, patches.flip(-1), patches)
    patches = torch.where(draw(2) == 1, patches.flip(-2), patches)
    return torch.where(draw(2) == 1, patches.mT, patches)


def fit(
    model: torch.nn.Module,
    images: torch.Tensor,
    noise: Noise,
    recipe: Recipe,
    validation: Protocol | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train a denoiser on fresh noise, in place.

    Every step draws new patches and new noise, so no noisy image is seen twice. Interrupting
    (Ctrl-C, or the notebook's stop button) ends the training early and keeps what was learned.

    Parameters
    ----------
    model : torch.nn.Module
        ``model(noisy) -> image``. Ends up on the accelerator, in evaluation mode, with averaged
        weights.
    images : torch.Tensor
        Clean training images, float32, shape (N, 1, H, W), in [0, 1].
    noise : Noise
        Drawn anew for every patch.
    recipe : Recipe
        Steps, batch, patch, learning rate, loss.
    validation : Protocol, optional
        Measured every `recipe.validate_every` steps, on the averaged weights.
    progress : bool
        Show a progress bar.

    Returns
    -------
    pandas.DataFrame
        The learning curve, indexed by step: `loss` (mean since the last row), `psnr` (dB, NaN
        without `validation`) and `seconds` since the start.

    Raises
    ------
    TypeError, ValueError
        When the images are not a batch of grey images in [0, 1], or the patches do not fit.
    """
    check_clean(images)
    images = images.to(training_device())
    loss_function = LOSSES[recipe.loss]

    def batch_loss(run, generator):
        clean = sample_patches(images, recipe.batch_size, recipe.patch_size, generator, recipe.flip)
        return loss_function(run(model, noise.sample(clean, generator)), clean)

    return optimise(model, batch_loss, recipe, denoising_quality(validation), progress)


def denoising_quality(validation: Protocol | None) -> Callable[[torch.nn.Module], dict]:
    """What `fit` measures while it trains: the mean PSNR, NaN without a protocol."""

    def measure(model: torch.nn.Module) -> dict[str, float]:
        if validation is None:
            return {"psnr": float("nan")}
        return {"psnr": evaluate(model, validation, progress=False)["psnr"].mean()}

    return measure


def optimise(
    model: torch.nn.Module,
    batch_loss: Callable,
    recipe: Recipe,
    measure: Callable[[torch.nn.Module], dict],
    progress: bool = True,
) -> pd.DataFrame:
    """The training loop itself, for any loss; `fit` is the one for denoising.

    Parameters
    ----------
    model : torch.nn.Module
        Trained in place; gets the averaged weights in the end.
    batch_loss : callable
        ``batch_loss(run, generator) -> loss`` draws a batch with the generator and returns its
        loss. ``run(network, inputs)`` is the network's output in float32, computed in half
        precision where that is faster.
    recipe : Recipe
        Steps, learning rate, averaging.
    measure : callable
        ``measure(averaged_model) -> {name: value}``, every `recipe.validate_every` steps.
    progress : bool
        Show a progress bar.

    Returns
    -------
    pandas.DataFrame
        Indexed by step: `loss` (mean since the last row), what `measure` returns, and `seconds`.
    """
    accelerator = _accelerator()
    model.train().to(accelerator.device, memory_format=torch.channels_last)
    average = AveragedModel(model, multi_avg_fn=_moving_average(recipe.ema), use_buffers=True)
    optimizer = accelerator.prepare(torch.optim.Adam(model.parameters(), recipe.learning_rate))
    schedule = OneCycleLR(
        optimizer.optimizer,
        recipe.learning_rate,
        total_steps=recipe.steps,
        pct_start=0.1,
        cycle_momentum=False,
    )
    generator = torch.Generator(accelerator.device).manual_seed(recipe.seed)

    def run(network: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor:
        with accelerator.autocast():
            return network(inputs).float()

    curve, losses, start = [], [], time.perf_counter()
    bar = tqdm(range(1, recipe.steps + 1), desc="training", disable=not progress)
    try:
        for step in bar:
            loss = batch_loss(run, generator)
            optimizer.zero_grad()
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), recipe.clip_gradient)
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            losses.append(loss.detach())
            if step % recipe.validate_every == 0 or step == recipe.steps:
                row = {"loss": torch.stack(losses).mean().item(), **measure(average.module)}
                curve.append({"step": step, **row, "seconds": time.perf_counter() - start})
                known = {name: value for name, value in row.items() if not math.isnan(value)}
                bar.set_postfix({name: f"{value:.4g}" for name, value in known.items()})
                losses = []
    except KeyboardInterrupt:
        bar.write(f"Stopped at step {bar.n} of {recipe.steps}; the model keeps what it learned.")
    model.load_state_dict(average.module.state_dict())
    model.eval()
    # Columns even for a training that was stopped before its first row.
    return pd.DataFrame(curve or {name: [] for name in EMPTY_CURVE}).set_index("step")


def _accelerator() -> Accelerator:
    """Half precision where the hardware multiplies bfloat16 natively, single elsewhere."""
    if torch.cuda.is_available():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        processor = torch.cpu.get_capabilities()
        native = processor.get("amx_bf16", False) or processor.get("avx512_bf16", False)
    return Accelerator(mixed_precision="bf16" if native else "no")


def training_device() -> torch.device:
    """Where `fit` trains: the GPU where there is one."""
    return _accelerator().device


def _moving_average(decay: float):
    """Exponential moving average whose memory grows with the steps taken, up to `decay`.

    A constant decay would keep the random initial weights in the average for 1 / (1 - decay)
    steps, a large part of a short training.
    """

    @torch.no_grad()
    def update(averages, currents, steps):
        weight = min(decay, (1 + float(steps)) / (10 + float(steps)))
        for average, current in zip(averages, currents, strict=True):
            if average.is_floating_point():
                average.lerp_(current, 1 - weight)
            else:  # batch norm's counter of batches
                average.copy_(current)

    return update
