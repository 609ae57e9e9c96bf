"""Training: a model and noisy patches in, trained weights and a learning curve out.

`fit` is for denoising, `optimise` the loop beneath it, for any loss. Device, mixed precision,
gradient accumulation and several processes are accelerate's: a script that calls `fit` runs on
one processor, or by `accelerate launch` on the GPUs of several machines.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch
import torch.nn.functional as F
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast_object_list
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel
from tqdm.auto import tqdm

from denoise_lib import checkpoints
from denoise_lib.distributed import same_on_all, synchronised_batch_norm
from denoise_lib.evaluation import evaluate
from denoise_lib.optimizers import OPTIMIZERS, create_optimizers
from denoise_lib.patches import NoisyPatches, check_symmetries
from denoise_lib.protocol import Protocol

LOSSES = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    # The output of a sigmoid against a target in [0, 1], pixel by pixel.
    "bce": F.binary_cross_entropy,
}
PRECISIONS = ("auto", "bf16", "fp32")
EMPTY_CURVE = ("step", "loss", "psnr", "seconds")


@dataclass(frozen=True)
class Recipe:
    """How long and with what a model is trained.

    Parameters
    ----------
    steps : int
        Optimiser steps.
    batch_size : int
        Patches per step, on all processes together.
    patch_size : int
        Side of a square patch in pixels.
    learning_rate : float
        Peak of Adam's schedule: warm-up, then a cosine down to zero.
    loss : str
        "mse", "l1" or "bce".
    ema : float
        Decay of the moving average of the weights, which is what `fit` leaves in the model.
    clip_gradient : float or None
        Largest norm of the gradient; None does not clip.
    validate_every : int
        Steps between two points of the learning curve.
    seed : int
        Seeds the patches and the noise.
    symmetries : str
        "all" (flip and transpose patches at random), "mirror" (left and right) or "none".
    optimizer : str
        "adam"; or "muon", which is Adam but for the convolutions (`denoise_lib.optimizers`).
    matrix_learning_rate : float
        Peak of Muon's schedule.
    weight_decay : float
        Muon's; keeps the weights of a network without batch norm from growing.
    warmup : float
        Fraction of the steps in which the learning rates rise.
    accumulate : int
        Parts into which a batch is cut where it does not fit into memory. Batch norm sees a part.

    Raises
    ------
    ValueError
        When a name is unknown or a count is below 1.
    """

    steps: int
    batch_size: int = 16
    patch_size: int = 40
    learning_rate: float = 1e-3
    loss: str = "mse"
    ema: float = 0.99
    clip_gradient: float | None = None
    validate_every: int = 50
    seed: int = 0
    symmetries: str = "all"
    optimizer: str = "adam"
    matrix_learning_rate: float = 0.02
    weight_decay: float = 0.0
    warmup: float = 0.1
    accumulate: int = 1

    def __post_init__(self):
        if self.loss not in LOSSES:
            raise ValueError(f"Unknown loss {self.loss!r}; choose one of: {', '.join(LOSSES)}.")
        if self.optimizer not in OPTIMIZERS:
            known = ", ".join(OPTIMIZERS)
            raise ValueError(f"Unknown optimizer {self.optimizer!r}; choose one of: {known}.")
        check_symmetries(self.symmetries)
        for name in ("steps", "batch_size", "patch_size", "validate_every", "accumulate"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup is a fraction of the steps below 1, not {self.warmup}.")


@dataclass(frozen=True)
class RunOptions:
    """Where and for how long a training runs; nothing here changes what it computes but precision.

    Parameters
    ----------
    folder : pathlib.Path, optional
        For checkpoints and `log.csv`. Without it, an interrupted training cannot be resumed.
    resume : bool
        Go on from the checkpoint in `folder`; on a processor of the same kind, to the bit.
    max_minutes : float, optional
        Save and stop after this time. The schedule is planned in steps: resumed, it ends as it
        would have without the pause.
    checkpoint_minutes : float
        Time between two checkpoints.
    precision : str
        "bf16", "fp32", or "auto": bf16 where the hardware multiplies it natively.
    compile : bool
        Compile the model first (`torch.compile`); about a minute, worth it in a long training.
    tensorboard : bool
        Write what `log.csv` has to `folder` for TensorBoard too.
    progress : bool
        Show a progress bar.

    Raises
    ------
    ValueError
        When the precision is unknown, or something needs a folder and there is none.
    """

    folder: Path | None = None
    resume: bool = False
    max_minutes: float | None = None
    checkpoint_minutes: float = 5
    precision: str = "auto"
    compile: bool = False
    tensorboard: bool = False
    progress: bool = True

    def __post_init__(self):
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ValueError(f"Unknown precision {self.precision!r}; choose one of: {known}.")
        if self.folder is None and (self.resume or self.tensorboard):
            raise ValueError("To resume, or to log for TensorBoard, name the run's folder.")
        if self.folder is not None:
            object.__setattr__(self, "folder", Path(self.folder))


@dataclass(frozen=True)
class TrainingRun:
    """What a training did. The model itself was trained in place.

    Attributes
    ----------
    curve : pandas.DataFrame
        Indexed by step: `loss` (mean since the last row), what was measured (`psnr` in dB), and
        `seconds` since the start, pauses left out.
    step, steps : int
        Where it stopped, and where it was to end.
    seconds : float
        Duration of all sittings.
    device, precision : str
        Where it ran, and "bf16" or "fp32".
    stopped_by : str or None
        "interrupt" or "termination", even if it came in the last step; "time"; or None.
    """

    curve: pd.DataFrame
    step: int
    steps: int
    seconds: float
    device: str
    precision: str
    stopped_by: str | None = None

    @property
    def finished(self) -> bool:
        """Whether all steps were done."""
        return self.step == self.steps


def fit(
    model: torch.nn.Module,
    data: NoisyPatches,
    recipe: Recipe,
    validation: Protocol | None = None,
    **options,
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
        With the learning curve; its `psnr` is NaN without `validation`.

    Raises
    ------
    ValueError
        When the patches do not fit, or the batch cannot be shared out evenly.
    FloatingPointError
        When the loss is not finite; names the step, the images and the last checkpoint.
    """
    loss_function = LOSSES[recipe.loss]

    def draw(generator):
        return data.draw(recipe.batch_size, recipe.patch_size, generator, recipe.symmetries)

    def loss(run, batch):
        return loss_function(run(model, batch["noisy"]), batch["clean"])

    return optimise(
        model, draw, loss, recipe, denoising_quality(validation), names=data.ids, **options
    )


def denoising_quality(validation: Protocol | None) -> Callable[[torch.nn.Module], dict]:
    """What `fit` measures while it trains: the mean PSNR, NaN without a protocol."""

    def measure(model: torch.nn.Module) -> dict[str, float]:
        if validation is None:
            return {"psnr": float("nan")}
        return {"psnr": evaluate(model, validation, progress=False)["psnr"].mean()}

    return measure


def optimise(
    model: torch.nn.Module,
    draw: Callable[[torch.Generator], dict[str, torch.Tensor]],
    loss: Callable,
    recipe: Recipe,
    measure: Callable[[torch.nn.Module], dict] = lambda model: {},
    names: list[str] | None = None,
    **options,
) -> TrainingRun:
    """The training loop itself, for any loss; `fit` is the one for denoising.

    Parameters
    ----------
    model : torch.nn.Module
        Trained in place; gets the averaged weights in the end.
    draw : callable
        ``draw(generator) -> batch``: `recipe.batch_size` rows in each tensor of the dictionary.
    loss : callable
        ``loss(run, batch) -> scalar``, a mean over the rows of the batch. ``run(network, inputs)``
        is the network's output in float32, computed in half precision where that is faster.
    recipe : Recipe
        Steps, learning rate, averaging.
    measure : callable
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
    options = RunOptions(**options)
    engine = _Engine(model, recipe, options)
    if options.resume:
        engine.restore()
    stop = StopRequest(options.max_minutes)
    steps = range(engine.step + 1, recipe.steps + 1)
    hidden = not (options.progress and engine.accelerator.is_main_process)
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
                if step % recipe.validate_every == 0 or step == recipe.steps:
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
        kept = f"resume from {options.folder}" if saved else "the model keeps its weights"
        bar.write(f"Stopped at step {engine.step} of {recipe.steps}: {kept}.")
    return engine.finish(stop.reason)


class StopRequest:
    """Why a training should end before its last step, checked after every step.

    Parameters
    ----------
    max_minutes : float, optional
        Allowed time from now on.
    """

    SIGNALS = {signal.SIGINT: "interrupt", signal.SIGTERM: "termination"}

    def __init__(self, max_minutes: float | None = None):
        self._signal: str | None = None
        self._deadline = time.monotonic() + 60 * max_minutes if max_minutes is not None else None

    @property
    def reason(self) -> str | None:
        """ "interrupt", "termination", "time" or None."""
        if self._signal is None and self._deadline and time.monotonic() > self._deadline:
            return "time"
        return self._signal

    @reason.setter
    def reason(self, value: str) -> None:
        self._signal = value

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM wait for the end of the step; a second one does not wait."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread gets signals
            return
        before = {number: signal.getsignal(number) for number in self.SIGNALS}

        def request(number, frame):
            self._signal = self.SIGNALS[signal.Signals(number)]
            for each, handler in before.items():
                signal.signal(each, handler)

        for number in self.SIGNALS:
            signal.signal(number, request)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Engine:
    """The state of a training: what a checkpoint saves, and one step of it."""

    def __init__(self, model: torch.nn.Module, recipe: Recipe, options: RunOptions):
        self.model, self.recipe, self.options = model, recipe, options
        logger = {"log_with": "tensorboard", "project_dir": options.folder}
        self.accelerator = _accelerator(
            options.precision, recipe.accumulate, **(logger if options.tensorboard else {})
        )
        self.precision = "bf16" if self.accelerator.mixed_precision == "bf16" else "fp32"
        self.device = self.accelerator.device
        self._check_shares()
        model.train().to(self.device, memory_format=torch.channels_last)
        model.zero_grad()
        self.average = AveragedModel(
            model, multi_avg_fn=_moving_average(recipe.ema), use_buffers=True
        )
        synchronised_batch_norm(model, self.accelerator.num_processes > 1)
        self.network = model
        if self.accelerator.num_processes > 1:
            self.network = self.accelerator.prepare_model(model)
        if options.compile:
            self.network = torch.compile(self.network)
        optimizers = create_optimizers(
            model,
            recipe.optimizer,
            recipe.learning_rate,
            recipe.matrix_learning_rate,
            recipe.weight_decay,
        )
        self.optimizers = [self.accelerator.prepare_optimizer(o) for o in optimizers]
        self.schedules = [self._schedule(optimizer) for optimizer in optimizers]
        self.generator = torch.Generator(self.device).manual_seed(recipe.seed)
        self.step, self.rows, self.losses, self._seconds = 0, [], [], 0.0
        self._start = self._saved = time.perf_counter()
        self.saved_step: int | None = None
        self._first_step = 0
        if options.tensorboard:
            self.accelerator.init_trackers("tensorboard")

    def _check_shares(self) -> None:
        shares = self.accelerator.num_processes * self.recipe.accumulate
        if self.recipe.batch_size % shares:
            raise ValueError(
                f"A batch of {self.recipe.batch_size} cannot be shared by "
                f"{self.accelerator.num_processes} processes in {self.recipe.accumulate} parts "
                f"each: choose a multiple of {shares}."
            )

    def _schedule(self, optimizer: torch.optim.Optimizer) -> OneCycleLR:
        warmup = self.recipe.warmup
        if warmup * self.recipe.steps == 1:
            warmup *= 1 + 1e-6  # OneCycleLR divides by a rise of exactly one step, less one
        return OneCycleLR(
            optimizer,
            [group["lr"] for group in optimizer.param_groups],
            total_steps=self.recipe.steps,
            pct_start=warmup,
            cycle_momentum=False,
        )

    @property
    def description(self) -> str:
        """One line about where and how it computes."""
        count = sum(parameter.numel() for parameter in self.model.parameters())
        many = self.accelerator.num_processes
        processes = f", {many} processes" if many > 1 else ""
        return f"{count:,} weights on {self.device.type}{processes}, {self.precision}"

    @property
    def seconds(self) -> float:
        """Duration of the training up to now, earlier sittings included."""
        return self._seconds + time.perf_counter() - self._start

    def run(self, network: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor:
        """The output in float32, computed in the chosen precision."""
        if network is self.model:
            network = self.network
        with self.accelerator.autocast():
            return network(inputs).float()

    def update(self, step: int, batch: dict, loss: Callable, names: list[str] | None) -> None:
        """One optimiser step on this process's share of the batch."""
        total = 0.0
        for part in range(self.recipe.accumulate):
            share = self._share(batch, part)
            with self.accelerator.accumulate(self.network):
                value = loss(self.run, share)
                self.accelerator.backward(value)
                if self.accelerator.sync_gradients:
                    self._check_gradient(step, batch, names)
                for optimizer in self.optimizers:
                    optimizer.step()
                    optimizer.zero_grad()
            total += value.item() / self.recipe.accumulate
        for schedule in self.schedules:
            schedule.step()
        self.average.update_parameters(self.model)
        self.losses.append(total)
        self.step = step

    def _check_gradient(self, step: int, batch: dict, names: list[str] | None) -> None:
        """Clip the gradient if the recipe says so; refuse one that is not finite.

        It is that of all processes and parts: a loss that is not finite in one shows in all, and
        they stop together, before the step is taken.
        """
        limit = self.recipe.clip_gradient
        norm = self.accelerator.clip_grad_norm_(
            self.model.parameters(), math.inf if limit is None else limit
        )
        if not torch.isfinite(norm):
            self._refuse(step, batch, names)

    def _share(self, batch: dict[str, torch.Tensor], part: int) -> dict[str, torch.Tensor]:
        """Rows of the batch. All processes draw the whole of it, which costs little and makes the
        training the same for any number of them."""
        count = self.recipe.batch_size
        rows = count // (self.accelerator.num_processes * self.recipe.accumulate)
        first = rows * (self.accelerator.process_index * self.recipe.accumulate + part)
        return {name: values[first : first + rows] for name, values in batch.items()}

    def _refuse(self, step: int, batch: dict, names: list[str] | None) -> None:
        images = ""
        if "image" in batch:
            numbers = batch["image"].unique().tolist()
            images = " (images " + ", ".join(names[n] if names else str(n) for n in numbers) + ")"
        kept = "nothing was saved"
        if self.saved_step is not None:
            kept = (
                f"the last good checkpoint, of step {self.saved_step}, is in {self.options.folder}"
            )
        raise FloatingPointError(
            f"The loss or its gradient is no longer finite at step {step}{images}: lower the "
            f"learning rate; {kept}."
        )

    def log(self, measure: Callable) -> None:
        """Add a row to the curve, to `log.csv` and to TensorBoard."""
        mean = torch.tensor(self.losses, device=self.device).mean()
        loss = self.accelerator.reduce(mean, "mean").item()
        measured = measure(self.average.module)
        row = {"loss": loss, **{name: float(value) for name, value in measured.items()}}
        self.rows.append({"step": self.step, **row, "seconds": self.seconds})
        self.losses = []
        if self.options.tensorboard:
            self.accelerator.log(row, step=self.step)
        if self.options.folder and self.accelerator.is_main_process:
            self._write_log(self.options.folder / "log.csv")

    def _write_log(self, path: Path) -> None:
        temporary = path.with_suffix(".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            pd.DataFrame(self.rows).to_csv(temporary, index=False)
            os.replace(temporary, path)
        except OSError as error:
            warnings.warn(
                f"{path} could not be written ({error.strerror}): make room; the training goes on.",
                stacklevel=2,
            )

    def progress(self) -> dict[str, str]:
        """What stands behind the progress bar."""
        values = dict(self.rows[-1]) if self.rows else {}
        if self.losses:
            values["loss"] = sum(self.losses) / len(self.losses)
        known = {k: v for k, v in values.items() if k not in ("step", "seconds")}
        shown = {k: f"{v:.4g}" for k, v in known.items() if not math.isnan(v)}
        return {"patches/s": f"{self._rate():.1f}", **shown}

    def _rate(self) -> float:
        elapsed = time.perf_counter() - self._start
        return (self.step - self._first_step) * self.recipe.batch_size / max(elapsed, 1e-9)

    def checkpoint_when_due(self) -> None:
        """Save when the last checkpoint is old enough."""
        due = time.perf_counter() - self._saved > 60 * self.options.checkpoint_minutes
        if same_on_all(due, self.accelerator):
            self.checkpoint()

    def checkpoint(self) -> None:
        """Save everything that the next step depends on."""
        self._saved = time.perf_counter()
        if self.options.folder is None:
            return
        if self.accelerator.num_processes > 1 and self.losses:
            losses = torch.tensor(self.losses, device=self.device)
            self.losses = self.accelerator.reduce(losses, "mean").tolist()
        if self.accelerator.is_main_process and checkpoints.save(
            self._state(), self.options.folder
        ):
            self.saved_step = self.step
        self.accelerator.wait_for_everyone()

    def _state(self) -> dict:
        return {
            "step": self.step,
            "seconds": self.seconds,
            "recipe": asdict(self.recipe),
            "precision": self.precision,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedules": [schedule.state_dict() for schedule in self.schedules],
            "generator": self.generator.get_state(),
            "rows": self.rows,
            "losses": self.losses,
        }

    def restore(self) -> None:
        """Go on from the checkpoint in the run's folder, if there is one."""
        # Only the first process reads: the others may be machines without that disk.
        main = self.accelerator.is_main_process
        box = [checkpoints.load(self.options.folder) if main else None]
        if self.accelerator.num_processes > 1:
            broadcast_object_list(box)
        (state,) = box
        if state is None:
            return
        before = {**state["recipe"], "precision": state["precision"]}
        now = {**asdict(self.recipe), "precision": self.precision}
        changed = [name for name in now if before.get(name) != now[name]]
        if changed:
            differences = ", ".join(f"{n} was {before.get(n)}, is {now[n]}" for n in changed)
            raise ValueError(
                f"The checkpoint in {self.options.folder} is of another recipe ({differences}): "
                "resume with that one, or name another folder."
            )
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        for schedule, saved in zip(self.schedules, state["schedules"], strict=True):
            schedule.load_state_dict(saved)
        self.generator.set_state(state["generator"])
        self.step = self._first_step = self.saved_step = state["step"]
        self.rows, self.losses, self._seconds = state["rows"], state["losses"], state["seconds"]

    def finish(self, stopped_by: str | None) -> TrainingRun:
        """Put the averaged weights into the model."""
        seconds = self.seconds
        synchronised_batch_norm(self.model, False)
        self.accelerator.unwrap_model(self.network, keep_fp32_wrapper=False)
        self.model.load_state_dict(self.average.module.state_dict())
        self.model.eval()
        for tracker in self.accelerator.trackers:
            tracker.finish()
        # Columns even for a training that was stopped before its first row.
        curve = pd.DataFrame(self.rows or {name: [] for name in EMPTY_CURVE}).set_index("step")
        finished = self.step == self.recipe.steps
        return TrainingRun(
            curve=curve,
            step=self.step,
            steps=self.recipe.steps,
            seconds=seconds,
            device=self.device.type,
            precision=self.precision,
            stopped_by=None if finished and stopped_by == "time" else stopped_by,
        )


def _accelerator(precision: str = "auto", accumulate: int = 1, **options) -> Accelerator:
    fast = has_fast_bf16(PartialState().device) if precision == "auto" else precision == "bf16"
    mixed = "bf16" if fast else "no"
    if AcceleratorState._shared_state and AcceleratorState().mixed_precision != mixed:
        # accelerate allows one precision per process; a session may train in both.
        AcceleratorState._reset_state()
    return Accelerator(mixed_precision=mixed, gradient_accumulation_steps=accumulate, **options)


def has_fast_bf16(device: torch.device | None = None) -> bool:
    """Whether a device, by default `training_device()`, multiplies bfloat16 natively.

    GPUs since 2020 do, and processors with AMX or AVX512-BF16.
    """
    if (device or PartialState().device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    processor = torch.cpu.get_capabilities()
    return processor.get("amx_bf16", False) or processor.get("avx512_bf16", False)


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
