"""Which code made a number, and on which machine."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from denoise_lib.device import machine

_CHECKOUT = Path(__file__).parent.parent
# What makes numbers. New weights and cards are results themselves.
_CODE = (
    "denoise_lib",
    ":!denoise_lib/methods/weights/*/*.json",
    ":!denoise_lib/methods/weights/*/*.safetensors",
    ":!denoise_lib/methods/tuned/*.json",
)


def provenance() -> dict[str, str]:
    """The commit and the machine, as they stand in every committed row."""
    return {"commit": _commit(), "machine": machine()}


@cache
def _commit() -> str:
    """The commit, with "-dirty" where code was changed; "unknown" outside a checkout.

    As it was when first asked for: a commit made while a process runs is not the one it runs.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(_CHECKOUT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=all", "--", *_CODE)
        return git("rev-parse", "--short=10", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
