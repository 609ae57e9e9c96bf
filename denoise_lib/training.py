"""Training: a model and clean images in, trained weights and a learning curve out."""

from __future__ import annotations

import time
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

    def __post_init__(self):
        if self.loss not in LOSSES:
            raise ValueError(f"Unknown loss {self.loss!r}; choose one of: {', '.join(LOSSES)}.")


def sample_patches(
    images: torch.Tensor, count: int, patch_size: int, generator: torch.Generator
) -> torch.Tensor:
    """Random square patches, each flipped and transposed at random.

    Parameters
    ----------
    images : torch.Tensor
        Shape (N, 1, H, W), on the generator's device.
    count : int
        Number of patches.
    patch_size : int
        Side in pixels, at most min(H, W).
    generator : torch.Generator
        Source of the randomness.

    Returns
    -------
    torch.Tensor
        Shape (count, 1, patch_size, patch_size).

    Raises
    ------
    ValueError
        When a patch does not fit into an image.
    """
    number, _, height, width = images.shape
    if patch_size > min(height, width):
        raise ValueError(
            f"Patches of {patch_size} pixels do not fit into images of {height} x {width}: "
            "choose a smaller patch_size."
        )

    def draw(high: int) -> torch.Tensor:
        return torch.randint(high, (count, 1, 1), generator=generator, device=images.device)

    offsets = torch.arange(patch_size, device=images.device)
    rows = draw(height - patch_size + 1) + offsets[None, :, None]
    columns = draw(width - patch_size + 1) + offsets[None, None, :]
    patches = images[draw(number), 0, rows, columns]
    patches = torch.where(draw(2) == 1, patches.flip(-1), patches)
    patches = torch.where(draw(2) == 1, patches.flip(-2), patches)
    return torch.where(draw(2) == 1, patches.mT, patches)[:, None]


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
    images = images.to(accelerator.device)
    generator = torch.Generator(accelerator.device).manual_seed(recipe.seed)
    loss_function = LOSSES[recipe.loss]

    curve, losses, start = [], [], time.perf_counter()
    bar = tqdm(range(1, recipe.steps + 1), desc="training", disable=not progress)
    try:
        for step in bar:
            clean = sample_patches(images, recipe.batch_size, recipe.patch_size, generator)
            noisy = noise.sample(clean, generator)
            with accelerator.autocast():
                estimate = model(noisy)
            loss = loss_function(estimate.float(), clean)
            optimizer.zero_grad()
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), recipe.clip_gradient)
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            losses.append(loss.detach())
            if step % recipe.validate_every == 0 or step == recipe.steps:
                curve.append(_measure(step, losses, average.module, validation, start))
                bar.set_postfix({name: f"{value:.4g}" for name, value in curve[-1].items()})
                losses = []
    except KeyboardInterrupt:
        bar.write(f"Stopped at step {bar.n} of {recipe.steps}; the model keeps what it learned.")
    model.load_state_dict(average.module.state_dict())
    model.eval()
    return pd.DataFrame(curve, columns=["step", "loss", "psnr", "seconds"]).set_index("step")


def _measure(step, losses, model, validation, start) -> dict[str, float]:
    scores = None if validation is None else evaluate(model, validation, progress=False)
    return {
        "step": step,
        "loss": torch.stack(losses).mean().item(),
        "psnr": float("nan") if scores is None else scores["psnr"].mean(),
        "seconds": time.perf_counter() - start,
    }


def _accelerator() -> Accelerator:
    """Half precision where the hardware multiplies bfloat16 natively, single elsewhere."""
    if torch.cuda.is_available():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        processor = torch.cpu.get_capabilities()
        native = processor.get("amx_bf16", False) or processor.get("avx512_bf16", False)
    return Accelerator(mixed_precision="bf16" if native else "no")


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
