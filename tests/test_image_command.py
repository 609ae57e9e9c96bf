"""`denoise image`: one file or many, what it refuses, its log, and going on."""

import hashlib
import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from test_dicom import write_dicom
from typer.testing import CliRunner

from denoise_lib import cli
from denoise_lib.batch import way
from denoise_lib.batch.gather import Job, check_targets, gather
from denoise_lib.batch.log import Log, fingerprint
from denoise_lib.batch.way import Denoiser, Way
from denoise_lib.data.images import read_image


def call(*arguments, code=0) -> str:
    result = CliRunner().invoke(cli.app, ["image", *map(os.fspath, map(_text, arguments))])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def _text(argument):
    return argument if isinstance(argument, Path) else str(argument)


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (24, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.linspace(60, 180, size[1])[None].repeat(size[0], 0)
    noise = np.random.default_rng(seed).normal(0, 10, size)
    Image.fromarray((ramp + noise).round().astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize("name", ["scan.png", "scan.tif", "scan.dcm"])
def test_only_what_it_made_itself_is_replaced_without_asking(tmp_path, name):
    source, original = _source(tmp_path / "in", name), _source(tmp_path / "original", name)
    before, target = original.read_bytes(), tmp_path / name

    refused = call(source, original, "--model", "median", "--sigma", 10, code=1)
    assert "is there already" in refused and "--overwrite" in refused
    assert original.read_bytes() == before

    residual, report = tmp_path / "removed.png", tmp_path / "report.html"
    for _ in range(2):  # the second replaces all three of the first
        beside = ("--residual", residual, "--report", report)
        call(source, target, "--model", "median", "--sigma", 10, *beside)
    call(source, original, "--model", "median", "--sigma", 10, "--overwrite")
    assert original.read_bytes() != before


def test_neither_a_users_own_picture_nor_one_of_two_results_is_replaced(tmp_path):
    source, own = picture(tmp_path / "a.png"), tmp_path / "own.png"
    text = PngInfo()
    text.add_text("Description", "Denoised by hand. Not for diagnosis.")
    Image.new("L", (24, 24)).save(own, pnginfo=text)
    results = [tmp_path / "clean" / name for name in ("a.png", "b.png")]
    for target in results:
        call(source, target, "--model", "median")
    before = [path.read_bytes() for path in (own, results[1])]

    assert "did not make it" in call(source, own, "--model", "median", code=1)
    said = call(*results, "--model", "median", code=1)  # as the shell expands clean/*.png

    assert "was denoised before" in said and "add --overwrite" in said
    assert [path.read_bytes() for path in (own, results[1])] == before


def _source(folder: Path, name: str) -> Path:
    path = picture(folder / "a.png", size=(40, 40))
    if name.endswith(".png"):
        return path.rename(folder / name)
    grey = np.asarray(Image.open(path)).astype(np.uint16)
    if name.endswith(".dcm"):
        return write_dicom(folder / name, grey)
    tifffile.imwrite(folder / name, grey, photometric="minisblack")
    return folder / name


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three images, one in a sub-folder; a text, a hidden file, and no image by an image's name."""
    for seed, name in enumerate(("a.png", "b.png", "sub/a.png", ".hidden.png")):
        picture(tmp_path / "in" / name, seed)
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    (tmp_path / "in" / "broken.png").write_text("not an image")
    return tmp_path / "in"


def lines(log: Path) -> list[dict]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def ended(log: Path) -> dict[str, str]:
    return {Path(line["source"]).name: line["status"] for line in lines(log)}


def test_a_folder_keeps_its_shape_and_one_bad_file_does_not_stop_the_rest(folder, tmp_path):
    out = tmp_path / "out"

    said = call(folder, "--out", out, "--model", "median", "--sigma", 10, code=1)

    assert {str(p.relative_to(out)) for p in out.rglob("*.png")} == {"a.png", "b.png", "sub/a.png"}
    assert "3 of 4 files denoised" in said and "notes.txt is no image and left out" in said
    assert f"1 failed: {folder}/broken.png: {folder}/broken.png is not a PNG" in said
    for name in ("a.png", "b.png", "sub/a.png"):  # each from its own source
        alone = tmp_path / "alone" / name
        call(folder / name, alone, "--model", "median", "--sigma", 10)
        assert alone.read_bytes() == (out / name).read_bytes()
    assert ended(out / "denoise.jsonl") == {
        "a.png": "done", "b.png": "done", "broken.png": "failed", "notes.txt": "no image",
    }  # fmt: skip


def test_a_line_of_the_log_says_all_that_made_a_file(folder, tmp_path):
    log = tmp_path / "log.jsonl"

    call(folder / "a.png", "--out", tmp_path / "o", "--model", "gondara-nih", "--log", log)

    (line,) = (line for line in lines(log) if line["status"] == "done")
    assert line["source"] == str(folder / "a.png") and line["target"] == str(tmp_path / "o/a.png")
    assert line["model"] == "gondara-nih" and len(line["weights"]) == 64
    assert line["strength"] == 1 and line["sigma"] is None and line["sigma_from"] == "not used"
    assert line["error"] is None and line["seconds"] > 0 and line["version"]
    content = (folder / "a.png").read_bytes()
    assert line["source_bytes"] == len(content)
    assert line["source_sha256"] == hashlib.sha256(content).hexdigest()


def test_going_on_does_what_is_left_and_nothing_twice(folder, tmp_path):
    out, options = tmp_path / "out", ["--model", "median", "--sigma", 10]
    call(folder, "--out", out, *options, code=1)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    (out / "b.png").unlink()  # lost
    picture(folder / "sub" / "a.png", seed=9)  # another image by this name
    shutil.copy(picture(tmp_path / "whole.png"), folder / "broken.png")  # put right

    refused = call(folder, "--out", out, *options, code=1)
    resumed = call(folder, "--out", out, *options, "--resume")
    again = call(folder, "--out", out, *options, "--resume")

    assert "2 of 4 files are there already" in refused and "--overwrite" in refused
    assert "1 of 4 files are done already" in resumed and "3 of 3 files denoised" in resumed
    assert "4 of 4 files are done already" in again and "0 of 0 files denoised" in again
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert after[out / "a.png"] == before[out / "a.png"]
    assert after[out / "sub" / "a.png"] != before[out / "sub" / "a.png"]


@pytest.mark.parametrize(
    "changed", [["--strength", "0.5"], ["--sigma", "20"], ["--model", "gaussian"], ["--bits", "8"]]
)
def test_going_on_in_another_way_is_refused(folder, tmp_path, changed):
    out, options = tmp_path / "out", ["--model", "median", "--sigma", "10"]
    call(folder / "a.png", "--out", out, *options)
    before = (out / "a.png").read_bytes()

    said = call(folder / "a.png", "--out", out, *options, *changed, "--resume", code=1)

    assert "denoised otherwise (by median, sigma 10.0, strength 1.0)" in said
    assert (out / "a.png").read_bytes() == before
    if "--bits" not in changed:
        call(folder / "a.png", "--out", out, *options, *changed, "--resume", "--overwrite")
        assert (out / "a.png").read_bytes() != before


def test_a_log_cut_off_in_a_line_still_serves(folder, tmp_path):
    out, options = tmp_path / "out", ["--model", "median", "--sigma", 10]
    call(folder / "a.png", folder / "b.png", "--out", out, *options)
    log = out / "denoise.jsonl"
    log.write_bytes(log.read_bytes()[:-40])  # within the last line, of b.png

    resumed = call(folder / "a.png", folder / "b.png", "--out", out, *options, "--resume")

    assert "1 of 2 files are done already" in resumed and "1 of 1 files denoised" in resumed
    whole = [line for line in log.read_text().splitlines() if line.endswith("}")]
    assert [json.loads(line)["status"] for line in whole] == ["started", "done", "started"] + [
        "started",
        "done",
    ]


@pytest.mark.parametrize(
    ("change", "is_finished"),
    [
        (lambda source, target: os.utime(source, (0, 0)), True),  # copied, say
        (lambda source, target: source.write_bytes(b"three"), False),
        (lambda source, target: (source.write_bytes(b"longer"), os.utime(source, (9, 9))), False),
        (lambda source, target: target.write_bytes(b""), False),
        (lambda source, target: target.unlink(), False),
    ],
)
def test_a_file_is_finished_while_source_and_target_are_what_they_were(
    tmp_path, change, is_finished
):
    job, log = Job(tmp_path / "source", tmp_path / "target"), Log(tmp_path / "log")
    job.source.write_bytes(b"first")
    os.utime(job.source, (9, 9))
    job.target.write_bytes(b"image")
    names = {"source": str(job.source), "target": str(job.target)}
    hashed = {"source_sha256": hashlib.sha256(b"first").hexdigest()}
    log.write({**names, **fingerprint(job.source), **hashed, "status": "done", "target_bytes": 5})
    assert log.finished(job)

    change(job.source, job.target)

    assert bool(Log(log.path).finished(job)) == is_finished


def test_a_file_that_the_log_does_not_know_is_not_replaced(folder, tmp_path):
    precious = picture(tmp_path / "out" / "a.png", seed=5)
    before = precious.read_bytes()

    arguments = [folder / "a.png", "--out", tmp_path / "out", "--model", "median", "--sigma", 10]
    said = call(*arguments, "--resume", code=1)

    assert "knows nothing of it" in said and precious.read_bytes() == before
    call(*arguments, "--overwrite")
    assert precious.read_bytes() != before


def test_a_log_that_is_something_else_is_left_alone(folder, tmp_path):
    for text in ("not an image", '{"mine": 1}', '{"source": "mine"}'):
        notes = folder / "notes.txt"
        notes.write_text(text)

        said = call(folder, "--out", tmp_path / "o", "--model", "median", "--log", notes, code=1)

        assert f"{notes} is no log" in said and notes.read_text() == text


def test_ctrl_c_ends_after_the_file_at_work(folder, tmp_path, monkeypatch):
    real, calls = Denoiser.__call__, []

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, *arguments)

    monkeypatch.setattr(Denoiser, "__call__", interrupted)
    out, options = tmp_path / "out", ["--model", "median", "--sigma", 10]

    said = call(folder, "--out", out, *options, code=cli.STOPPED["interrupt"])

    assert "1 of 4 files denoised" in said and "the same command with --resume" in said
    assert [path.name for path in out.glob("*.png")] == ["a.png"]
    monkeypatch.undo()
    assert "1 of 4 files are done already" in call(
        folder, "--out", out, *options, "--resume", code=1
    )


def test_a_second_ctrl_c_does_not_wait(folder, tmp_path, monkeypatch):
    def interrupted(self, *arguments):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("it waited")

    monkeypatch.setattr(Denoiser, "__call__", interrupted)

    arguments = [folder / "a.png", "--out", tmp_path / "out", "--model", "median"]
    said = call(*arguments, code=cli.STOPPED["interrupt"])

    assert "0 of 1 files denoised" in said and not (tmp_path / "out" / "a.png").exists()


def test_one_process_for_a_folder(folder, tmp_path):
    from filelock import FileLock

    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".denoise.lock"):
        said = call(folder, "--out", tmp_path / "out", "--model", "median", code=1)

    assert "Another denoise is at work" in said


def test_a_mistake_of_ours_costs_one_file(folder, tmp_path, monkeypatch):
    real = way.denoise
    monkeypatch.setattr(
        way, "denoise", lambda y, *a, **k: 1 / 0 if y.mean() == first else real(y, *a, **k)
    )
    first = read_image(folder / "a.png").mean()
    out = tmp_path / "out"

    sources = [folder / "a.png", folder / "b.png"]
    said = call(*sources, "--out", out, "--model", "median", "--sigma", 10, code=1)

    assert "1 of 2 files denoised" in said and "A mistake of denoise_lib: ZeroDivisionError" in said
    assert any("Traceback" in line.get("traceback", "") for line in lines(out / "denoise.jsonl"))


# What is written where


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("a.png", "a.png"),
        ("a.TIFF", "a.TIFF"),
        ("a.jpg", "a.png"),
        ("a.dicom", "a.dcm"),
        ("1.2.840.10008", "1.2.840.10008.dcm"),
        ("a.v2.tif", "a.v2.tif"),
    ],
)
def test_a_target_is_of_the_kind_of_its_source(tmp_path, name, target):
    content = bytes(128) + b"DICM" if name == "1.2.840.10008" else b""
    (tmp_path / name).write_bytes(content)

    (job,) = gather([tmp_path / name], tmp_path / "out").jobs

    assert job.target == tmp_path / "out" / target
    assert gather([tmp_path / name], Path("o"), ".tif").jobs[0].target.suffix == ".tif"


def test_what_a_file_is_counts_more_than_its_name(tmp_path):
    shutil.copy(picture(tmp_path / "a.png"), tmp_path / "b.dcm")

    (job,) = gather([tmp_path / "b.dcm"], tmp_path / "out").jobs

    assert job.target.name == "b.png"


@pytest.mark.parametrize(
    ("begin", "name"),
    [(b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "a.dcm"), (b"II+\0", "a.tif"), (b"MM\0+", "a.tif")],
)
def test_a_dicom_file_without_preamble_and_a_bigtiff_need_no_suffix(tmp_path, begin, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(begin)

    for source in (tmp_path / "in", tmp_path / "in" / "a"):
        (job,) = gather([source], tmp_path / "out").jobs
        assert job.target == tmp_path / "out" / name


def test_a_pattern_for_all_depths_passes_circles_once(tmp_path):
    files = [picture(tmp_path / "d" / name) for name in ("a.png", "sub/b.png", "sub/deep/c.png")]
    picture(tmp_path / "d" / ".hidden" / "a.png")
    for number in range(9):  # 9 ** 40 ways to each file, as many links as the system follows
        (tmp_path / "d" / f"here{number}").symlink_to(".")

    for pattern in ("d/**/*.png", "d/**", "**/d/**/*.png"):
        jobs = gather([tmp_path / pattern], tmp_path / "out").jobs
        assert sorted(job.source for job in jobs) == files
    names = [job.source.name for job in gather([tmp_path / "d/**/deep/*"], Path("o")).jobs]
    assert names == ["c.png"]


def test_what_a_dicom_file_cannot_hold_is_told_the_format_that_can(tmp_path):
    grey = np.asarray(Image.open(picture(tmp_path / "a.png")))
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    colour |= {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    colour["PixelData"] = np.stack([grey] * 3, -1).tobytes()
    scan = write_dicom(tmp_path / "x.dcm", grey, **colour)
    batch = (scan, "--out", tmp_path / "o", "--model", "median")

    said = call(*batch, code=1)

    assert "is stored as colour (RGB)" in said and "from it: add --format png." in said
    call(*batch, "--format", "png")
    assert read_image(tmp_path / "o" / "x.png").shape == (1, *grey.shape)


def test_frames_that_a_residual_cannot_hold_are_refused_before_the_work(tmp_path):
    scan, target, residual = tmp_path / "a.tif", tmp_path / "o.tif", tmp_path / "r.png"
    tifffile.imwrite(scan, np.zeros((2, 8, 8), np.uint8), photometric="minisblack")

    said = call(scan, target, "--model", "median", "--residual", residual, code=1)

    assert "r.png cannot hold 2 frames: name a file that ends in .tif." in said
    assert not target.exists() and not residual.exists()


def test_an_options_file_that_is_a_target_is_named_by_its_option(tmp_path):
    source, target = picture(tmp_path / "a.png"), tmp_path / "o" / "a.png"

    one = call(source, target, "--model", "median", "--residual", target, code=1)
    many = call(source, "--out", tmp_path / "o", "--model", "median", "--log", target, code=1)

    assert f"--residual and {source} would both become" in one
    assert "give --residual another name" in one and "give --log another name" in many


def test_patterns_doubles_hidden_files_circles_and_our_own_folders(folder, tmp_path):
    (folder / "circle").symlink_to(folder)
    (folder / "old").mkdir()
    picture(folder / "old" / "x.png")
    (folder / "old" / "denoise.jsonl").touch()
    picture(folder / "out" / "y.png")
    picture(tmp_path / "elsewhere" / "z.png")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.png")
    (folder / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (folder / "gone.png").symlink_to("nothing")  # is named when it cannot be read

    found = gather([folder, folder / "a.png", str(folder / "*.png")], folder / "out")

    names = {str(job.source.relative_to(folder)) for job in found.jobs}
    assert names == {"a.png", "b.png", "broken.png", "gone.png", "linked/z.png", "sub/a.png"}
    assert len(found.jobs) == len(names)
    assert {path.name for path in found.others} == {"notes.txt", "pipe", "pipe.png", "DICOMDIR"}
    assert {path.name for path in found.ours} == {"old", "out"}
    assert gather([folder / ".hidden.png"], tmp_path).jobs  # named itself
    with pytest.raises(ValueError, match="is a device or a pipe"):
        gather([folder / "pipe"], tmp_path)


def test_names_that_are_no_text(folder, tmp_path):
    name = os.fsdecode(b"\xff\n\x1b.png")
    picture(folder / name)

    said = call(folder / name, "--out", tmp_path / "out", "--model", "median", "--sigma", 5)

    assert (tmp_path / "out" / name).is_file() and "\x1b" not in said
    assert Path(lines(tmp_path / "out" / "denoise.jsonl")[-1]["source"]) == folder / name


@pytest.mark.parametrize(
    "names", [("a.png", "a.jpg"), ("A.png", "a.png"), ("é.png", "e\u0301.png")]
)
def test_two_files_are_never_written_into_one(tmp_path, names):
    jobs = [Job(tmp_path / name, tmp_path / "o" / f"{Path(name).stem}.png") for name in names]

    with pytest.raises(ValueError, match="would both become"):
        check_targets(jobs)


def test_folders_with_the_same_names_are_refused_before_the_work(tmp_path):
    for name in ("x/a.png", "y/a.png"):
        picture(tmp_path / name)

    arguments = ["--out", tmp_path / "out", "--model", "median"]
    said = call(tmp_path / "x", tmp_path / "y", *arguments, code=1)

    assert "y/a.png and" in said and "would both become" in said
    assert not (tmp_path / "out").exists()


@given(names=st.lists(st.sampled_from(["a", "A", "b", "ß", "SS"]), min_size=1, max_size=4))
@settings(deadline=None, max_examples=40)
def test_names_collide_where_some_disk_would_take_one_for_the_other(names):
    jobs = [Job(Path(f"in/{i}"), Path("o") / f"{name}.png") for i, name in enumerate(names)]

    if len({name.casefold() for name in names}) == len(names):
        check_targets(jobs)
    else:
        with pytest.raises(ValueError, match="would both become"):
            check_targets(jobs)


# Never the source


def other_names(source: Path):
    source.with_name("hard.png").hardlink_to(source)
    source.with_name("soft.png").symlink_to(source)
    source.with_name("via").symlink_to(source.parent)
    yield source
    yield source.with_name("hard.png")
    yield source.with_name("soft.png")
    yield source.parent / "via" / source.name
    source.with_name("below").mkdir()
    yield source.parent / "below" / ".." / source.name


def test_no_name_of_the_source_is_written_to(tmp_path):
    source = picture(tmp_path / "a.png")
    content = source.read_bytes()

    for target in other_names(source):
        said = call(source, target, "--model", "median", code=1)
        assert "is the source" in said
        assert source.read_bytes() == content and source.stat().st_nlink == 2
    with source.open() as file:
        said = call(source, f"/proc/self/fd/{file.fileno()}", "--model", "median", code=1)
    assert "is the source" in said and source.read_bytes() == content


def test_neither_residual_report_nor_log_nor_another_target_may_be_a_source(folder, tmp_path):
    a, b = folder / "a.png", folder / "b.png"

    for option in ("--residual", "--report"):
        assert "is the source" in call(
            a, tmp_path / "o.png", "--model", "median", option, a, code=1
        )
    assert "is the source" in call(a, b, "--out", folder, "--model", "median", code=1)
    said = call(a, b, "--out", tmp_path / "o", "--model", "median", "--log", b, code=1)
    assert "is the source" in said
    (tmp_path / "o").mkdir(exist_ok=True)
    (tmp_path / "o" / "a.png").symlink_to(b)
    said = call(a, b, "--out", tmp_path / "o", "--model", "median", "--overwrite", code=1)
    assert "is the source" in said and b.read_bytes()


def test_targets_that_can_be_none(tmp_path):
    source = picture(tmp_path / "a.png")
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for target, message in {
        "": "name is empty",
        tmp_path / "folder.png": "is a folder: name a file in it",
        tmp_path / "pipe.png": "is a device or a pipe",
        tmp_path / "file" / "o.png": "cannot be written: a file stands where a folder should be",
        tmp_path / f"{'x' * 300}.png": "the name is too long",
        tmp_path / "o.gif": "name a file that ends in .png",
    }.items():
        assert message in call(source, target, "--model", "median", code=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png"], "Give one SOURCE and one TARGET"),
        (["a.png", "b.png", "c.png"], "or add --out FOLDER"),
        ([".", "o.png"], ". is a folder: add --out FOLDER"),
        (["a.png", "o.png", "--resume"], "--resume is for a batch"),
        (["a.png", "o.png", "--format", "tiff"], "--format is for a batch"),
        (["a.png", "--out", "o", "--residual", "r.png"], "--residual is for one file"),
        (["a.png", "o.png", "--residual", "r.jpg"], "cannot hold 16 bits"),
        (["a.png", "o.png", "--report", "r.png"], "ends in .html"),
        (["a.png", "o.png", "--report", "o.png"], "would both become"),
        (["no*.png", "--out", "o"], "No file matches no*.png"),
        (["nothing", "--out", "o"], "There is no file or folder 'nothing'"),
        (["empty", "--out", "o"], "There is no image in empty"),
        (["a.png", "--out", "a.png"], "The folder a.png cannot be made"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    picture(Path("a.png"))
    Path("empty").mkdir()

    said = call(*arguments, "--model", "median", code=1)

    assert said.startswith("denoise: ") and message in said and "Traceback" not in said
    assert sorted(os.listdir()) == ["a.png", "empty"]


# How


@pytest.mark.parametrize("option", ["sigma", "strength"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "-inf", "256"])
@pytest.mark.parametrize("model", ["median", "gondara-nih"])
def test_numbers_are_refused_by_name_and_range(tmp_path, option, value, model):
    source = picture(tmp_path / "a.png")

    said = call(source, tmp_path / "o.png", "--model", model, f"--{option}={value}", code=1)

    assert f"{option} must be a number between 0 and" in said
    assert not (tmp_path / "o.png").exists()


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_is_the_share_of_what_is_removed_that_goes(tmp_path, strength):
    source = picture(tmp_path / "a.png")
    noisy = read_image(source)
    whole = Denoiser(Way("median", sigma=10))(noisy[None]).frames[0]

    arguments = ["--model", "median", "--sigma", 10, "--strength", strength]
    call(source, tmp_path / "o.png", *arguments)

    expected = noisy - strength * (noisy - whole)
    torch.testing.assert_close(read_image(tmp_path / "o.png"), expected, atol=1e-5, rtol=0)
    assert (whole - noisy).abs().mean() > 0.01


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_the_residual_is_what_was_removed_and_says_its_scale(tmp_path, suffix):
    source, residual = picture(tmp_path / "a.png"), tmp_path / f"r{suffix}"

    arguments = ["--model", "median", "--sigma", 10, "--residual", residual]
    said = call(source, tmp_path / "o.png", *arguments)

    with Image.open(residual) as image:
        values = np.asarray(image).astype(np.float64)
        text = image.info.get("Description") or image.tag_v2[270]
    gain = float(text.split("65535 x ")[1].split(")")[0])
    removed = (read_image(source) - read_image(tmp_path / "o.png"))[0].numpy()
    assert gain > 1 and f"{gain:g} times" in said
    np.testing.assert_allclose((values - 32768) / (65535 * gain), removed, atol=2e-5)


def test_a_method_that_must_be_told_is_told_the_estimate(tmp_path):
    flat = torch.full((1, 1, 64, 64), 0.5)
    noise = torch.randn(flat.shape, generator=torch.Generator().manual_seed(0))
    denoised = Denoiser(Way("gaussian"))(flat + 20 / 255 * noise)

    assert denoised.made.sigma == pytest.approx(20, rel=0.1)
    assert denoised.sigma_from == "estimated"
    assert denoised.notes == (f"sigma {denoised.made.sigma:.1f} estimated from the image.",)
    told = Denoiser(Way("gaussian", sigma=denoised.made.sigma))(flat + 20 / 255 * noise)
    assert torch.equal(denoised.frames, told.frames) and told.notes == ()


def test_a_flat_image_is_left_as_it_is(tmp_path):
    Image.fromarray(np.full((20, 20), 77, np.uint8)).save(tmp_path / "flat.png")

    said = call(tmp_path / "flat.png", tmp_path / "o.png", "--model", "bm3d")

    assert "no noise that can be measured: it is left as it is" in said
    assert torch.equal(read_image(tmp_path / "o.png"), read_image(tmp_path / "flat.png"))


def test_a_network_that_takes_no_sigma_says_so(tmp_path):
    source = picture(tmp_path / "a.png")

    arguments = ["--model", "gondara-nih", "--sigma", 25]
    said = call(source, tmp_path / "o.png", *arguments)

    assert "gondara-nih finds the noise by itself: sigma 25 is unused" in said


def test_the_authors_network_of_the_nearest_level(monkeypatch):
    monkeypatch.setattr(
        "denoise_lib.methods.load", lambda name: lambda y, sigma: y * 0 + sigma / 255
    )
    monkeypatch.setattr(way, "estimate_sigma", lambda image: 33.0)

    denoised = Denoiser(Way("dncnn-authors"))(torch.rand(1, 1, 8, 8))

    assert denoised.made.sigma == 25 and denoised.made.weights.startswith("5a5404c9e3ef14e3")
    assert "sigma 33.0 estimated" in denoised.notes[0] and "25 is the nearest" in denoised.notes[0]


def test_every_frame_is_denoised_by_itself(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "denoise_lib.methods.load", lambda name: lambda y, sigma: seen.append(y.shape) or y / 2
    )
    frames = torch.rand(3, 1, 8, 8)

    denoised = Denoiser(Way("half"))(frames)

    assert seen == [(1, 1, 8, 8)] * 3
    torch.testing.assert_close(denoised.frames, frames / 2)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_written(tmp_path, monkeypatch, value):
    source = picture(tmp_path / "a.png")
    monkeypatch.setattr("denoise_lib.methods.load", lambda name: lambda y, sigma: y * value)

    said = call(source, tmp_path / "o.png", "--model", "broken", code=1)

    assert "NaN or infinity" in said and not (tmp_path / "o.png").exists()


def test_an_image_too_small_for_a_method_is_a_sentence(tmp_path):
    source = picture(tmp_path / "a.png", size=(1, 5))

    said = call(source, tmp_path / "o.png", "--model", "bm3d", "--sigma", 25, code=1)

    assert "bm3d takes images from 9 x 9 pixels on, not 1 x 5: choose another method" in said
    said = call(source, tmp_path / "o.png", "--model", "nlm", "--sigma", 25, code=1)
    assert "nlm cannot denoise 1 x 5 pixels" in said and "try another" in said


def test_a_scan_of_24_bits_can_be_told_so(tmp_path):
    values = np.linspace(0, 2**24 - 1, 24 * 24).astype(np.uint32).reshape(24, 24)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    target = tmp_path / "o.png"

    call(tmp_path / "a.tif", target, "--model", "median", "--bits", 24, "--strength", 0)

    np.testing.assert_allclose(read_image(target)[0], values / (2**24 - 1), atol=1e-5)
    said = call(tmp_path / "a.tif", target, "--model", "median", "--bits", 33, code=1)
    assert "bits must be a whole number between 1 and 32" in said
