"""What `denoise train` keeps in a run's folder besides checkpoints: the plan, then the weights."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import torch

from denoise_lib.checks import UserError, check_weights
from denoise_lib.files import replacing
from denoise_lib.methods.released import CARD, PLAN, WEIGHTS, save_trained
from denoise_lib.training.checkpoints import CURRENT, PREVIOUS
from denoise_lib.training.plan import FROM_ELSEWHERE, Plan, describe, load_plan, planned
from denoise_lib.training.run import TrainingRun


def begin(plan: Plan, source: Path, folder: Path, resume: bool) -> None:
    """Copy the plan into the run's folder; refuse a folder that is another training's.

    Parameters
    ----------
    plan : Plan
        What is to be trained.
    source : pathlib.Path
        Its file, which may be the one in the folder.
    folder : pathlib.Path
        Of the run.
    resume : bool
        Whether the training may go on from a checkpoint there.

    Raises
    ------
    FileExistsError
        When there is a checkpoint, and it is not to be resumed.
    ValueError
        When the folder has a training by another plan, or weights that this one did not write.

    Warns
    -----
    UserWarning
        When there is no checkpoint to resume.
    """
    kept, started = folder / PLAN, _has_checkpoint(folder)
    if started and not resume:
        raise FileExistsError(f"{folder} has a checkpoint: add --resume, or name another --folder.")
    changed = kept.exists() and load_plan(kept) != plan
    if started and (changed or not _may_be_of(plan, folder / CARD)):
        raise UserError(f"{folder} has a training by another plan: name another --folder.")
    if (folder / WEIGHTS).exists() and not started:
        raise UserError(
            f"{folder} has a {WEIGHTS} that this training did not write: name another --folder."
        )
    if resume and not started:
        warnings.warn(f"{folder} has no checkpoint: the training starts anew.", stacklevel=2)
    if not (kept.exists() and kept.samefile(source)):
        with replacing(kept) as temporary:
            shutil.copyfile(source, temporary)


def _has_checkpoint(folder: Path) -> bool:
    """Whether a training began there: other folders in it may be those of other runs."""
    places = [folder, *folder.glob("layer*")]
    return any((place / name).exists() for place in places for name in (CURRENT, PREVIOUS))


def _may_be_of(plan: Plan, card: Path) -> bool:
    """Whether a card says that a plan made its weights; without one, none are written yet."""
    if not card.exists():
        return True
    try:
        written = json.loads(card.read_text("utf-8"))
    except ValueError:
        return False
    wanted = json.loads(json.dumps(planned(plan)))
    names = ["model", "config", *(name for name in wanted if name not in FROM_ELSEWHERE)]
    return isinstance(written, dict) and all(written.get(n) == wanted[n] for n in names)


def keep(model: torch.nn.Module, plan: Plan, run: TrainingRun, folder: Path) -> None:
    """Write the weights and their card.

    Parameters
    ----------
    model : torch.nn.Module
        As the training left it.
    plan : Plan
        What was trained.
    run : TrainingRun
        How it went.
    folder : pathlib.Path
        Of the run.

    Raises
    ------
    ValueError
        When a weight is not finite: nothing is written.
    """
    check_weights(model, f"The weights of {plan.name}")
    save_trained(model, folder, plan.model.name, plan.model.config, **describe(plan, run))
