"""Which files a batch takes, and which file each becomes; refused before any work is lost."""

from __future__ import annotations

import glob
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from denoise_lib.checks import UserError
from denoise_lib.data.images import SUFFIXES
from denoise_lib.files import check_regular, sentence
from denoise_lib.formats import kinds

# What a file becomes, by how it begins and by its name: a JPEG file, PNG, to lose nothing.
KINDS = {kinds.PNG: ".png", kinds.JPEG: ".png", kinds.TIFF: ".tif", kinds.DICOM: ".dcm"}
FORMATS = {"png": ".png", "tiff": ".tif", "dicom": ".dcm"}  # what a user may ask for instead
SAME_KIND = {".png": ".png", ".tif": ".tif", ".tiff": ".tif", ".dcm": ".dcm", ".dicom": ".dcm"}
LOG = "denoise.jsonl"  # where it lies, the images are ours
NAMED = 5  # files that a sentence names before it counts the rest
INDEX = "DICOMDIR"  # the table of contents of a disk: DICOM without pixels


@dataclass(frozen=True)
class Job:
    """A file to denoise.

    Attributes
    ----------
    source, target : pathlib.Path
        What is read and what is written.
    """

    source: Path
    target: Path


@dataclass
class Found:
    """What there is below the sources that a user named.

    Attributes
    ----------
    jobs : list of Job
        The images, in the order of their names.
    others : list of pathlib.Path
        Files that are no images.
    ours : list of pathlib.Path
        Folders of images that were denoised before: they have a log.
    unread : dict
        From a folder that could not be opened to the sentence that says why.
    """

    jobs: list[Job] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    ours: list[Path] = field(default_factory=list)
    unread: dict[Path, str] = field(default_factory=dict)

    @property
    def left_out(self) -> list[str]:
        """A sentence on what is no image, and one on what was denoised before."""
        said = {"no image": self.others, "of an earlier run": self.ours}
        return [f"{_counted(paths)} {what} and left out." for what, paths in said.items() if paths]


def _counted(paths: list[Path]) -> str:
    names = ", ".join(str(path) for path in paths[:NAMED])
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return f"{names}{more} {'is' if len(paths) == 1 else 'are'}"


def gather(sources: Sequence[str | Path], out: Path, suffix: str | None = None) -> Found:
    """All images among files, below folders and behind patterns, each with its place in a folder.

    Hidden files, and what lies in `out` itself, are left out. Links to folders are followed.

    Parameters
    ----------
    sources : sequence of str or pathlib.Path
        Files, folders and patterns such as ``scans/*.png``.
    out : pathlib.Path
        The folder to write to; a folder's own sub-folders are kept below it.
    suffix : str, optional
        Of every file written; by default that of a file of the same kind.

    Returns
    -------
    Found

    Raises
    ------
    FileNotFoundError
        When a source is not there, or a pattern matches nothing.
    """
    found, taken = Found(), set()
    for root, file, by_name in _files(sources, out.resolve(), found):
        if (place := os.path.realpath(file)) in taken:
            continue  # named twice
        taken.add(place)
        if not by_name and not _is_image(file):
            found.others.append(file)
            continue
        name = _stem(file) + (suffix or expected_suffix(file))
        found.jobs.append(Job(file, out / file.relative_to(root).with_name(name)))
    return found


def _files(
    sources: Sequence[str | Path], out: Path, found: Found
) -> Iterator[tuple[Path, Path, bool]]:
    """The folder whose shape is kept, a file in it, and whether a user gave its very name."""
    for source, by_name in _expanded(sources):
        if source.is_dir():
            yield from ((source, file, False) for file in _walk(source, out, found))
        elif by_name and _is_special(source):
            raise UserError(f"{source} is a device or a pipe: save the image as a file.")
        else:
            yield source.parent, source, by_name


def _expanded(sources: Sequence[str | Path]) -> Iterator[tuple[Path, bool]]:
    """What the sources name, and whether they do so without a pattern."""
    for source in (os.fspath(source) for source in sources):
        if os.path.lexists(source) and source:
            yield Path(source), True
        elif glob.has_magic(source):
            matches = sorted(_matches(source))
            if not matches:
                raise FileNotFoundError(f"No file matches {source}: check the pattern.")
            yield from ((Path(match), False) for match in matches)
        else:
            raise FileNotFoundError(f"There is no file or folder {source!r}: check the path.")


def _matches(pattern: str) -> Iterator[str]:
    """As `glob.glob`, which follows links in a circle through `**` nearly for ever."""
    parts = Path(pattern).parts
    if "**" not in parts:
        yield from glob.glob(pattern)
        return
    deep = parts.index("**")
    for top in glob.glob(str(Path(*parts[:deep]))):
        if deep + 1 == len(parts):
            yield top  # a folder is searched to the bottom anyway
            continue
        for place, _, _ in _folders(top):
            yield from _matches(os.path.join(glob.escape(place), *parts[deep + 1 :]))


def _walk(folder: Path, out: Path, found: Found) -> Iterator[Path]:
    """The files below a folder, in the order of their names."""

    def refused(error: OSError) -> None:
        found.unread[Path(os.fsdecode(error.filename))] = sentence(error)

    for place, folders, files in _folders(folder, refused):
        if place != os.fspath(folder) and (LOG in files or Path(place).resolve() == out):
            found.ours.append(Path(place))
            folders.clear()
            continue
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(place, name)


def _folders(
    top: str | Path, refused: Callable[[OSError], None] | None = None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk` through links; none that is hidden, and one linked in a circle once."""
    seen = set()
    for place, folders, files in os.walk(top, onerror=refused, followlinks=True):
        if (here := _identity(Path(place))) in seen:
            folders.clear()
            continue
        seen.add(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield place, folders, files


def _is_image(path: Path) -> bool:
    if path.name == INDEX or _is_special(path):
        return False
    return path.suffix.lower() in SUFFIXES or _suffix_by_content(path) is not None


def _is_special(path: Path) -> bool:
    """Whether it is a device or a pipe, which could be read for ever."""
    return path.exists() and not path.is_file()


def _suffix_by_content(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            kind = kinds.kind(file.read(kinds.HEAD))
    except OSError:
        return None  # whoever reads it will say why
    return KINDS[kind] if kind else None


def expected_suffix(path: Path) -> str:
    """Suffix of what a file becomes, told without reading the whole of it.

    Parameters
    ----------
    path : pathlib.Path
        An image.

    Returns
    -------
    str
        The source's own, where it says what the file is.
    """
    own = path.suffix.lower()
    kind = _suffix_by_content(path) or SAME_KIND.get(own) or ".png"
    return path.suffix if kind == SAME_KIND.get(own) and own != ".dicom" else kind


def _stem(path: Path) -> str:
    """A name without its suffix; the numbers of a DICOM name such as 1.2.840 are none."""
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


def same_name(path: Path) -> str:
    """What two names have in common that a disk may take for one: case, and how accents are made.

    Parameters
    ----------
    path : pathlib.Path
        A file to write.

    Returns
    -------
    str
    """
    place = os.path.join(os.path.realpath(path.parent), path.name)
    return unicodedata.normalize("NFC", place).casefold()


def check_targets(jobs: Iterable[Job], beside: Mapping[str, Path] | None = None) -> None:
    """Refuse to write over a source, or two files into one.

    Parameters
    ----------
    jobs : iterable of Job
        The whole batch.
    beside : mapping of str to pathlib.Path
        What else is written, by its option: --log, --report, --residual.

    Raises
    ------
    ValueError, OSError
        When a target is a source, also through a link; when two have one name but for its case;
        when a folder or a device is in its place.
    """
    jobs, options = list(jobs), (beside or {}).items()
    sources = {_identity(job.source): job.source for job in jobs}
    owner: dict[str, str | Path] = {}
    for writer, target in [*((job.source, job.target) for job in jobs), *options]:
        check_regular(target)
        if target.exists() and (precious := sources.get(_identity(target))):
            it = "itself" if target == precious else f"{precious} by another name"
            raise UserError(f"{target} is the source {it}: name another place to write to.")
        key = same_name(target)
        if key in owner:
            both = f"{writer} and {owner[key]} would both become {target}"
            advice = "denoise them into two folders"
            if isinstance(writer, str):
                advice = f"give {writer} another name"
            raise UserError(f"{both}: {advice}.")
        owner[key] = writer


def _identity(path: Path) -> tuple[int, int] | str:
    """What all names of a file share: links and /proc/self/fd lead to the same."""
    try:
        status = path.stat()
    except OSError:
        return os.path.abspath(path)
    return status.st_dev, status.st_ino
