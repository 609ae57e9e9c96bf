"""In the footer of a page: when it was changed last, and which results and data it is made from."""

from __future__ import annotations

import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

from changed_inputs import digest

ROOT = Path(__file__).resolve().parents[2]
# Of what the footer says the version, and where it is.
MADE_FROM = {"Results": ROOT / "results", "data sets": ROOT / "denoise_lib" / "data"}


def git(*arguments: str) -> str:
    """What git says of this repository; nothing where it is none, or git is not there.

    Parameters
    ----------
    *arguments : str
        Of git.

    Returns
    -------
    str
    """
    command = ["git", "-C", str(ROOT), "-c", "core.quotepath=off", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def last_commits() -> dict[str, tuple[str, str]]:
    """The day and the commit that changed each file last.

    Returns
    -------
    dict
        From a path below the repository's top; empty where the history is not here. A file that
        has been changed since is left out.
    """
    if git("rev-parse", "--is-shallow-repository").strip() != "false":
        return {}  # in a shallow clone the only commit seems to have changed all
    found: dict[str, tuple[str, str]] = {}
    for commit in git("log", "--format=%x00%cs %h", "--name-only").split("\0")[1:]:
        head, *names = commit.splitlines()
        day, short = head.split()
        for name in filter(None, names):
            found.setdefault(name, (day, short))
    for changed in git("status", "--porcelain", "--no-renames").splitlines():
        found.pop(changed[3:], None)
    return found


def changed_at(path: Path, commits: dict[str, tuple[str, str]]) -> tuple[date, str]:
    """When a file was changed last.

    Parameters
    ----------
    path : Path
        Of the file.
    commits : dict
        See `last_commits`.

    Returns
    -------
    datetime.date
        Of its commit, or else of the file.
    str
        Its commit; empty where none has its present text.
    """
    path = path.resolve()
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    if name in commits:
        day, short = commits[name]
        return date.fromisoformat(day), short
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date(), ""


def written(day: date) -> str:
    """A day as the book writes it.

    Parameters
    ----------
    day : datetime.date

    Returns
    -------
    str
    """
    return f"{day.day} {day:%B %Y}"


def versions() -> str:
    """One sentence on what the pages are made from, good without git too.

    Returns
    -------
    str
    """
    parts = [f"{name} {digest([folder])[:8]}" for name, folder in MADE_FROM.items()]
    return f"{', '.join(parts)}."


def date_pages(app, env):
    """Note what the footers say; a page whose footer changes is written again, not run again."""
    commits, made_from = last_commits(), versions()
    now = {}
    for name in env.found_docs:
        day, commit = changed_at(Path(env.doc2path(name)), commits)
        now[name] = f"{written(day)}, commit {commit}" if commit else written(day), made_from
    before, env.footers = getattr(env, "footers", {}), now
    return [name for name in now if before.get(name) != now[name]]


def add_footer(app, pagename, templatename, context, doctree):
    """Give the theme what it writes into the footer."""
    if pagename in app.env.footers:
        context["last_updated"], made_from = app.env.footers[pagename]
        context["theme_extra_footer"] = f"{made_from} {context['theme_extra_footer']}"


def setup(app):
    """Called by Sphinx."""
    app.connect("env-updated", date_pages)
    app.connect("html-page-context", add_footer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
