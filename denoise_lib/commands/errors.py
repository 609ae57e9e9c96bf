"""How a command says what went wrong, and its status when it leaves."""

from __future__ import annotations

from functools import wraps

import typer

FAILED = 1
# By what stopped the work: 128 and the number of the signal.
STOPPED = {"interrupt": 130, "termination": 143, "hangup": 129}


def one_sentence(command):
    """Print an error that the user can put right as its one sentence, and leave with status 1.

    Anything else is our mistake and keeps its traceback.
    """

    @wraps(command)
    def run(*arguments, **options):
        from denoise_lib.checks import UserError
        from denoise_lib.files import said

        try:
            return command(*arguments, **options)
        except (UserError, OSError, ModuleNotFoundError, FloatingPointError, MemoryError) as error:
            typer.echo(f"denoise: {said(error)}", err=True)
            raise typer.Exit(FAILED) from error

    return run
