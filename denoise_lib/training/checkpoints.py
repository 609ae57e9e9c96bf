"""Checkpoints of a training that survive a crash, a full disk and a damaged file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import warnings
from pathlib import Path

import torch

from denoise_lib.checks import UserError

CURRENT, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"


def save(state: dict, folder: Path) -> bool:
    """Write a checkpoint atomically and keep the one before.

    It is written beside the others, flushed to the disk, and only then renamed: a crash at any
    moment leaves a whole checkpoint.

    Parameters
    ----------
    state : dict
        Tensors and plain values.
    folder : pathlib.Path
        Made if it is missing.

    Returns
    -------
    bool
        False, after a warning, when the disk would not take it; the older checkpoints remain.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    temporary = folder / f"{CURRENT}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
            file.flush()
            os.fsync(file.fileno())
        if _content(folder / CURRENT) is not None:  # a damaged one must not replace a good one
            os.replace(folder / CURRENT, folder / PREVIOUS)
        os.replace(temporary, folder / CURRENT)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        warnings.warn(
            f"The checkpoint of step {state['step']} could not be written to {folder} "
            f"({error.strerror}): make room there; the one before is kept.",
            stacklevel=2,
        )
        return False
    return True


def load(folder: Path) -> dict | None:
    """Read the newest whole checkpoint.

    Parameters
    ----------
    folder : pathlib.Path
        Where `save` wrote.

    Returns
    -------
    dict or None
        What was saved, on the CPU; None when there is no checkpoint at all.

    Raises
    ------
    ValueError
        When there are checkpoints but all are damaged, or one is whole but holds what no training
        saves.

    Warns
    -----
    UserWarning
        When the newest is damaged and the one before is used.
    """
    paths = [folder / name for name in (CURRENT, PREVIOUS) if (folder / name).exists()]
    for path in paths:
        if (content := _content(path)) is not None:
            return _unpacked(content, path)
        warnings.warn(f"{path} is damaged: the checkpoint before it is tried.", stacklevel=2)
    if paths:
        raise UserError(f"Every checkpoint in {folder} is damaged: delete them and start anew.")
    return None


def _unpacked(content: bytes, path: Path) -> dict:
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch names neither the file nor all that it may raise
        raise UserError(
            f"{path} holds more than tensors and plain values, and may be malicious: it is not "
            "opened; delete it and start anew."
        ) from error
    if not isinstance(state, dict):
        raise UserError(f"{path} is no checkpoint of a training: delete it and start anew.")
    return state


def _content(path: Path) -> bytes | None:
    """What was saved in a file; None when it is missing, unreadable or damaged."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    digest, content = stored[:32], stored[32:]
    return content if hashlib.sha256(content).digest() == digest else None
