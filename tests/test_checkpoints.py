"""Checkpoints: whole or not at all, the one before when the newest is damaged."""

import errno
import hashlib
import io
import os
from pathlib import Path

import pytest
import torch

from denoise_lib.checks import UserError
from denoise_lib.training import checkpoints


def state(step: int) -> dict:
    return {"step": step, "weights": torch.full((3,), float(step)), "rows": [{"loss": 0.5}]}


def test_what_is_saved_is_loaded(tmp_path):
    assert checkpoints.save(state(7), tmp_path / "new" / "folder")

    loaded = checkpoints.load(tmp_path / "new" / "folder")

    assert loaded["step"] == 7 and loaded["rows"] == [{"loss": 0.5}]
    assert torch.equal(loaded["weights"], torch.full((3,), 7.0))


def test_no_checkpoint_is_none(tmp_path):
    assert checkpoints.load(tmp_path) is None


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, damage):
    checkpoints.save(state(1), tmp_path)
    checkpoints.save(state(2), tmp_path)
    path = tmp_path / checkpoints.CURRENT
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes({"cut": content[:-9], "flip": content, "empty": b""}[damage])

    with pytest.warns(UserWarning, match="is damaged: the checkpoint before it is tried"):
        loaded = checkpoints.load(tmp_path)

    assert loaded["step"] == 1


def test_two_damaged_checkpoints_are_an_error_that_says_what_to_do(tmp_path):
    for name in (checkpoints.CURRENT, checkpoints.PREVIOUS):
        (tmp_path / name).write_bytes(b"nothing")

    with (
        pytest.warns(UserWarning, match="damaged"),
        pytest.raises(ValueError, match="delete them and start anew"),
    ):
        checkpoints.load(tmp_path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_keeps_the_older_checkpoint(tmp_path, monkeypatch, call):
    checkpoints.save(state(1), tmp_path)

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.warns(UserWarning, match="step 2 could not be written .*No space.*make room"):
        written = checkpoints.save(state(2), tmp_path)
    monkeypatch.undo()

    assert not written
    assert checkpoints.load(tmp_path)["step"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [checkpoints.CURRENT]


def test_a_crash_between_the_two_renames_leaves_a_checkpoint(tmp_path, monkeypatch):
    checkpoints.save(state(1), tmp_path)
    replace, calls = os.replace, []

    def crash(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(state(2), tmp_path)

    assert checkpoints.load(tmp_path)["step"] == 1


def test_a_damaged_checkpoint_never_replaces_the_good_one_before_it(tmp_path):
    checkpoints.save(state(1), tmp_path)
    checkpoints.save(state(2), tmp_path)
    (tmp_path / checkpoints.CURRENT).write_bytes(b"damaged")

    checkpoints.save(state(3), tmp_path)
    (tmp_path / checkpoints.CURRENT).unlink()

    assert checkpoints.load(tmp_path)["step"] == 1


class Malicious:
    """What would write a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("what", ["malicious", "list", "no pickle"])
def test_what_no_training_saved_is_not_opened(tmp_path, what):
    touched, buffer = tmp_path / "touched", io.BytesIO()
    torch.save({"step": Malicious(touched)} if what == "malicious" else [1], buffer)
    content = b"x" if what == "no pickle" else buffer.getvalue()
    digest = hashlib.sha256(content).digest()
    (tmp_path / checkpoints.CURRENT).write_bytes(digest + content)

    with pytest.raises(UserError, match="checkpoint.pt .*delete it and start anew"):
        checkpoints.load(tmp_path)

    assert not touched.exists()
