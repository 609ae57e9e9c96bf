"""Files that an interruption leaves whole, and what is said when the system refuses one."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import faults
import pytest

from denoise_lib import files
from denoise_lib.files import check_writable, printable, remove_stale, replacing, sentence


@pytest.fixture(autouse=True)
def looked_at_again():
    remove_stale.cache_clear()


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half of the ne")
        raise RuntimeError

    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_the_file_and_then_its_name_reach_the_disk(tmp_path, monkeypatch):
    """Else a power cut could leave the new name with nothing behind it."""
    done = []
    real_sync, real_replace = os.fsync, os.replace
    names = lambda handle: Path(os.readlink(f"/proc/self/fd/{handle}"))  # noqa: E731
    monkeypatch.setattr(os, "fsync", lambda f: done.append(names(f)) or real_sync(f))
    monkeypatch.setattr(os, "replace", lambda a, b: done.append("renamed") or real_replace(a, b))

    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")

    assert done == [temporary, "renamed", tmp_path]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EACCES, "permission denied; change its permissions, or choose another folder"),
        (errno.EROFS, "the disk can only be read; choose another folder"),
        (errno.ENOSPC, "no space is left on the disk; free some"),
        (errno.EFBIG, "files may not grow so large here; raise the limit"),
    ],
)
def test_an_error_of_the_system_names_the_file_and_what_to_do(tmp_path, code, words):
    path = tmp_path / "a.txt"

    with pytest.raises(OSError, match=f"{path} cannot be written: {words}") as caught:  # noqa: SIM117
        with replacing(path) as temporary:
            raise OSError(code, os.strerror(code), str(temporary))

    assert "Errno" not in str(caught.value)
    assert isinstance(caught.value, type(OSError(code, "")))  # PermissionError stays one
    assert caught.value.strerror == os.strerror(code)


def test_an_error_about_another_file_is_not_blamed_on_this_one(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "a") as temporary:
        temporary.write_bytes((tmp_path / "missing").read_bytes())

    missing = tmp_path / "missing"
    assert sentence(caught.value) == f"{missing} cannot be used: {files.REASONS[errno.ENOENT]}."


def test_what_is_no_file_is_never_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for path, words in {
        tmp_path / "folder": "is a folder: name a file in it",
        tmp_path / "pipe": "is a device or a pipe",
        tmp_path / "file" / "a": "a file stands where a folder should be",
        tmp_path / ("x" * 256): "the name is too long",
    }.items():
        for refuse in (check_writable, lambda path: replacing(path).__enter__()):
            if len(path.name) > 255 and refuse is not check_writable:
                continue  # its temporary name is short: known when it is renamed
            with pytest.raises(OSError, match=words):
                refuse(path)
    assert (tmp_path / "pipe").is_fifo()


def test_names_as_long_as_the_system_allows(tmp_path):
    path = tmp_path / f"{'é' * 125}.txt"

    with replacing(path) as temporary:
        temporary.write_text("new")

    assert path.read_text() == "new"


def test_only_what_dead_processes_left_is_removed(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    kept = [
        tmp_path / f".a.{os.getpid()}.part.png",  # at work
        tmp_path / ".a.part.png",  # somebody else's
        tmp_path / f".backup.{dead.pid}.part1.rar",
        tmp_path / "a.png",
        tmp_path / f".young.{dead.pid}.part.png",  # another container may be at work
    ]
    stale = tmp_path / f".a.b.{dead.pid}.part.png"
    for path in (*kept, stale):
        path.touch()
        if "young" not in path.name:
            os.utime(path, (time.time() - 60,) * 2)

    with replacing(tmp_path / "new") as temporary:
        temporary.touch()

    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / "new"])


def test_what_a_terminal_cannot_show_is_escaped():
    assert printable("é a\nb") == "é a\nb"
    assert printable("\x1b[31m\udcff\r") == "\\x1b[31m\\xff\\r"


def test_a_disk_that_fills_up_leaves_the_old_file():
    (row,) = faults.run(["full disk"], times=2)

    assert row.whole == row.times == 2 and row.left_over == 0


@pytest.mark.parametrize(("name", "times"), [("writer", 6), ("denoise image", 1)])
def test_a_killed_writer_leaves_the_old_file_or_the_new(name, times):
    (row,) = faults.run([name], times)

    assert row.whole == row.killed == row.times and row.left_over == 0
