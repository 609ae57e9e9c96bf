"""The state of a training: what one step does, and what a checkpoint saves."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pandas as pd
import torch
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, update_bn

from denoise_lib.checks import UserError, check_weights
from denoise_lib.device import has_fast_bf16
from denoise_lib.files import replacing
from denoise_lib.recipe import Recipe
from denoise_lib.training import checkpoints, fixed
from denoise_lib.training.optimizers import create_optimizers
from denoise_lib.training.processes import same_on_all, synchronised_batch_norm
from denoise_lib.training.run import RunOptions, TrainingRun

if TYPE_CHECKING:  # a second to import, and nobody who only reads a recipe needs it
    from accelerate import Accelerator

Batch = dict[str, torch.Tensor]
Apply = Callable[[torch.Tensor], torch.Tensor]
Loss = Callable[[Apply, Batch], torch.Tensor]
Draw = Callable[[torch.Generator], Batch]
Measure = Callable[[torch.nn.Module], Mapping[str, float]]
About = Callable[[], Mapping[str, Any]]
Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]

EMPTY_CURVE = ("step", "loss", "psnr", "seconds")


class Engine:
    """The state of a training: what a checkpoint saves, and one step of it.

    Parameters
    ----------
    model : torch.nn.Module
        Trained in place.
    recipe : Recipe
        What a step does, and how many there are.
    options : RunOptions
        Where and for how long it runs.
    about : callable, optional
        ``about() -> mapping``: what else fixes the training, for a checkpoint. Plain values.

    Raises
    ------
    ValueError
        When the model cannot be trained or compiled, or the batch cannot be shared out evenly.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        recipe: Recipe,
        options: RunOptions,
        about: About | None = None,
    ):
        check_trainable(model)
        self.model, self.recipe, self.options = model, recipe, options
        self.accelerator = _accelerator(recipe, options)
        self.device = self.accelerator.device
        wanted = options.precision
        fast = has_fast_bf16(self.device) if wanted == "auto" else wanted == "bf16"
        self.precision = "bf16" if fast else "fp32"
        self._check_shares()
        self._fixed = self._what_is_fixed(about)
        model.train()
        # PyTorch's stubs leave memory_format out.
        model.to(self.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        model.zero_grad()
        self.average = AveragedModel(
            model, multi_avg_fn=_moving_average(recipe.ema), use_buffers=True
        )
        synchronised_batch_norm(model, self.accelerator.num_processes > 1)
        self.network = self.accelerator.prepare_model(model)
        if options.compile:
            check_compiler(self.device)
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
        self._first_step, self._calibrated = 0, (0, 0)
        if options.tensorboard:
            self.accelerator.init_trackers("tensorboard")

    def _check_shares(self) -> None:
        shares = self.accelerator.num_processes * self.recipe.accumulate
        if self.recipe.batch_size % shares:
            raise UserError(
                f"A batch of {self.recipe.batch_size} cannot be shared by "
                f"{self.accelerator.num_processes} processes in {self.recipe.accumulate} parts "
                f"each: choose a multiple of {shares}."
            )

    def _what_is_fixed(self, about: About | None) -> dict[str, Any]:
        if self.options.folder is None:  # no checkpoint will ask, and to hash images takes a while
            return {}
        return {
            "recipe": asdict(self.recipe),
            "precision": self.precision,
            **fixed.of_network(self.model),
            **(about() if about is not None else {}),
        }

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

    def run(self, inputs: torch.Tensor) -> torch.Tensor:
        """The network's output in float32, computed in the chosen precision.

        Autocast is ours: accelerate allows one precision per process, and a session may train in
        both. bfloat16 needs none of what accelerate adds to it for float16.

        Parameters
        ----------
        inputs : torch.Tensor
            What the network takes.

        Returns
        -------
        torch.Tensor
            Float32, on the engine's device.
        """
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            return self.network(inputs).float()

    def update(self, step: int, batch: Batch, loss: Loss, names: list[str] | None) -> None:
        """Take one optimiser step, on this process's share of the batch.

        Parameters
        ----------
        step : int
            Its number, from 1 on.
        batch : dict of str to torch.Tensor
            Of all processes together: `recipe.batch_size` rows in each tensor.
        loss : callable
            As for `optimise`.
        names : list of str or None
            As for `optimise`.

        Raises
        ------
        FloatingPointError
            When the gradient is not finite; the step is not taken.
        """
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

    def _check_gradient(self, step: int, batch: Batch, names: list[str] | None) -> None:
        """Clip the gradient if the recipe says so; refuse one that is not finite.

        It is that of all processes and parts: a loss that is not finite in one shows in all, and
        they stop together, before the step is taken.
        """
        limit = self.recipe.clip_gradient
        norm = self.accelerator.clip_grad_norm_(
            self.model.parameters(), math.inf if limit is None else limit
        )
        if norm is not None and not torch.isfinite(norm):  # None: on TPUs only
            self._refuse(step, batch, names)

    def _share(self, batch: Batch, part: int) -> Batch:
        """Rows of the batch. All processes draw the whole of it, which costs little and makes the
        training the same for any number of them."""
        count = self.recipe.batch_size
        rows = count // (self.accelerator.num_processes * self.recipe.accumulate)
        first = rows * (self.accelerator.process_index * self.recipe.accumulate + part)
        return {name: values[first : first + rows] for name, values in batch.items()}

    def _refuse(self, step: int, batch: Batch, names: list[str] | None) -> NoReturn:
        images = ""
        if "image" in batch:
            numbers = batch["image"].unique().tolist()
            images = " (images " + ", ".join(names[n] if names else str(n) for n in numbers) + ")"
        raise FloatingPointError(
            f"The loss or its gradient is no longer finite at step {step}{images}: lower the "
            f"learning rate; {self._kept}."
        )

    @property
    def _kept(self) -> str:
        if self.saved_step is None:
            return "nothing was saved"
        return f"the last good checkpoint, of step {self.saved_step}, is in {self.options.folder}"

    def _check_weights(self) -> None:
        """Refuse to keep weights that a last step made infinite: no loss has seen them."""
        try:
            check_weights(self.average, "The averaged weights")
            check_weights(self.model, "The weights")
        except UserError as error:
            raise FloatingPointError(
                f"The weights are no longer finite at step {self.step}: lower the learning rate; "
                f"{self._kept}."
            ) from error

    def calibrate(self, draw: Draw, loss: Loss, patches: int) -> None:
        """Give the averaged network batch-norm statistics of its own.

        An average of weights is a little smaller than what it averages, and so are its maps: the
        statistics collected in the training would be a few percent too large in every layer, and
        a deep network multiplies that.

        Parameters
        ----------
        draw, loss : callable
            As for `optimise`; drawn from a generator that the training does not use.
        patches : int
            How many the network sees, but no more than the training has seen.
        """
        batch = self.recipe.batch_size
        wanted = (self.step, min(self.step, math.ceil(patches / batch)))
        if self._calibrated == wanted:
            return
        generator = torch.Generator(self.device).manual_seed(self.recipe.seed)
        batches = (draw(generator) for _ in range(wanted[1]))
        network = self.average.module
        before = {name: value.clone() for name, value in network.named_buffers()}
        try:
            with (
                torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"),
                torch.random.fork_rng(self._generated_on()),  # dropout draws from it
            ):
                update_bn(batches, _Scored(network, loss))
        except BaseException:  # an interrupt: it has begun by forgetting all statistics
            for name, value in network.named_buffers():
                value.copy_(before[name])
            raise
        self._calibrated = wanted

    def _generated_on(self) -> list[torch.device]:
        """The devices beside the processor whose global generators a training may use."""
        return [] if self.device.type == "cpu" else [self.device]

    def log(self, measure: Measure | None) -> None:
        """Add a row to the curve, to `log.csv` and to TensorBoard.

        Parameters
        ----------
        measure : callable or None
            ``measure(averaged_model) -> {name: value}``.
        """
        mean = torch.tensor(self.losses, device=self.device).mean()
        loss = cast(torch.Tensor, self.accelerator.reduce(mean, "mean")).item()
        measured = {} if measure is None else measure(self.average.module)
        row = {"loss": loss, **{name: float(value) for name, value in measured.items()}}
        self.rows.append({"step": self.step, **row, "seconds": self.seconds})
        self.losses = []
        if self.options.tensorboard:
            self.accelerator.log(row, step=self.step)
        if self.options.folder and self.accelerator.is_main_process:
            self._write_log(self.options.folder / "log.csv")

    def _write_log(self, path: Path) -> None:
        try:
            with replacing(path) as temporary:
                pd.DataFrame(self.rows).to_csv(temporary, index=False)
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
        """Save everything that the next step depends on.

        Raises
        ------
        FloatingPointError
            When the weights are not finite; the checkpoint before is kept.
        """
        self._check_weights()
        self._saved = time.perf_counter()
        if self.options.folder is None:
            return
        if self.accelerator.num_processes > 1 and self.losses:
            losses = torch.tensor(self.losses, device=self.device)
            shared = cast(torch.Tensor, self.accelerator.reduce(losses, "mean"))
            self.losses = shared.tolist()
        if self.accelerator.is_main_process and checkpoints.save(
            self._state(), self.options.folder
        ):
            self.saved_step = self.step
        self.accelerator.wait_for_everyone()

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "seconds": self.seconds,
            "fixed": self._fixed,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedules": [schedule.state_dict() for schedule in self.schedules],
            "generator": self.generator.get_state(),
            "rows": self.rows,
            "losses": self.losses,
        }

    def restore(self) -> None:
        """Go on from the checkpoint in the run's folder, if there is one.

        Raises
        ------
        ValueError
            When the checkpoint is of another training; names what differs.
        """
        # Only the first process reads: the others may be machines without that disk.
        main = self.accelerator.is_main_process
        folder = self.options.folder
        box = [checkpoints.load(folder) if main and folder is not None else None]
        if self.accelerator.num_processes > 1:
            from accelerate.utils import broadcast_object_list

            broadcast_object_list(box)
        (state,) = box
        if state is None:
            return
        if "fixed" not in state:
            raise UserError(
                f"The checkpoint in {folder} is of an older version of this library, which did not "
                "say what fixes it: start anew in another folder."
            )
        if changed := fixed.differences(state["fixed"], self._fixed):
            raise UserError(
                f"The checkpoint in {folder} is of another training ({changed}): resume that one, "
                "or name another folder."
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
        """Put the averaged weights into the model.

        Parameters
        ----------
        stopped_by : str or None
            "interrupt", "termination", "hangup", "time" or None.

        Returns
        -------
        TrainingRun
            What the training did.

        Raises
        ------
        FloatingPointError
            When the weights are not finite.
        """
        seconds = self.seconds
        self._check_weights()
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


def check_trainable(model: Any) -> None:
    """Refuse what has no weights that a training can change.

    Parameters
    ----------
    model : object
        Should be a network.

    Raises
    ------
    ValueError
        When it is no module, has no weights, all are frozen, or one is not finite.
    """
    if not isinstance(model, torch.nn.Module):
        raise UserError(
            f"A {type(model).__name__} cannot be trained: give a torch.nn.Module, "
            "methods.create('dncnn') say."
        )
    weights = list(model.parameters())
    if not weights:
        raise UserError(f"{type(model).__name__} has no weights, so there is nothing to train.")
    if not any(weight.requires_grad for weight in weights):
        raise UserError("All weights of the model are frozen: free them, model.requires_grad_().")
    check_weights(model, "The weights at the start")


def check_compiler(device: torch.device) -> None:
    """Refuse to compile where the compiler behind `torch.compile` does not work.

    It would say so in the first step only, in many lines.

    Parameters
    ----------
    device : torch.device
        Of the training.

    Raises
    ------
    ValueError
        When a sum of two numbers cannot be compiled.
    """
    try:
        torch.compile(lambda x: x + 1)(torch.ones(8, device=device))
    except Exception as error:  # whatever the compiler says
        raise UserError(
            "torch.compile does not work here: install a C++ compiler (apt install g++, say), or "
            "train without --compile."
        ) from error


class _Scored(torch.nn.Module):
    """A network behind its loss: what `update_bn` calls on each batch."""

    def __init__(self, network: torch.nn.Module, loss: Loss):
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.loss(lambda inputs: self.network(inputs).float(), batch)


def _accelerator(recipe: Recipe, options: RunOptions) -> Accelerator:
    from accelerate import Accelerator

    logger = {"log_with": "tensorboard", "project_dir": options.folder}
    return Accelerator(
        mixed_precision="no",
        gradient_accumulation_steps=recipe.accumulate,
        **(logger if options.tensorboard else {}),
    )


# Written out: torch.optim.swa_utils has no average whose memory grows.
def _moving_average(decay: float) -> Callable[[Tensors, Tensors, torch.Tensor | int], None]:
    """Exponential moving average whose memory grows with the steps taken, up to `decay`.

    A constant decay would keep the random initial weights in the average for 1 / (1 - decay)
    steps, a large part of a short training.
    """

    @torch.no_grad()
    def update(averages: Tensors, currents: Tensors, steps: torch.Tensor | int) -> None:
        weight = min(decay, (1 + float(steps)) / (10 + float(steps)))
        for average, current in zip(averages, currents, strict=True):
            if average.is_floating_point():
                average.lerp_(current, 1 - weight)
            else:  # batch norm's counter of batches
                average.copy_(current)

    return update
