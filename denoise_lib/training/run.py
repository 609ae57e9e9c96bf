"""Where and for how long a training runs, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator, model_validator

from denoise_lib.checks import UserError
from denoise_lib.fields import Flag, number, record

Minutes = Annotated[float, number(0, 1e7)]


def _as_path(value: Any) -> Any:
    if value is None or (isinstance(value, str | Path) and str(value)):
        return value if value is None else Path(value)
    raise UserError("must be a path")


@record
class RunOptions:
    """Where and for how long a training runs; nothing here changes what it computes but precision.

    Attributes
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
        When a field is unknown or wrong, or something needs a folder and there is none.
    """

    folder: Annotated[Path | None, BeforeValidator(_as_path)] = None
    resume: Flag = False
    max_minutes: Minutes | None = None
    checkpoint_minutes: Minutes = 5
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    compile: Flag = False
    tensorboard: Flag = False
    progress: Flag = True

    @model_validator(mode="after")
    def _has_a_folder(self) -> RunOptions:
        if self.folder is None and (self.resume or self.tensorboard):
            raise UserError("To resume, or to log for TensorBoard, name the run's folder.")
        return self


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

    def to_the_end(self) -> TrainingRun:
        """Itself, or a KeyboardInterrupt where it was stopped: half a training is no result."""
        if not self.finished or self.stopped_by:
            raise KeyboardInterrupt(f"The training was stopped at step {self.step}.")
        return self
