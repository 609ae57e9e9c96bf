"""A row names its commit, and says where the code was not that of the commit."""

import subprocess

import pytest

from denoise_lib import provenance


@pytest.fixture
def commit(tmp_path, monkeypatch):
    """What is said of a checkout with one module and one network's card."""
    monkeypatch.setattr(provenance, "_CHECKOUT", tmp_path)

    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True)

    for file in ("denoise_lib/noise.py", "denoise_lib/methods/weights/net/config.json", "README"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("1")
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    return provenance._commit.__wrapped__


def test_a_clean_checkout_is_its_commit(commit):
    assert len(commit()) == 10 and commit().isalnum()


@pytest.mark.parametrize(
    ("file", "dirty"),
    [
        ("denoise_lib/noise.py", True),
        ("denoise_lib/new.py", True),
        ("denoise_lib/methods/weights/net/config.json", False),  # a result
        ("README", False),
    ],
)
def test_changed_code_makes_it_dirty(commit, tmp_path, file, dirty):
    (tmp_path / file).write_text("2")

    assert commit().endswith("-dirty") is dirty


def test_outside_a_checkout_it_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "_CHECKOUT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert provenance._commit.__wrapped__() == "unknown"
