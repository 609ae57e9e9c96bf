"""The command `denoise`, as a user types it."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch
from PIL import Image
from test_plans import TEXT
from typer.testing import CliRunner

import denoise_lib
from denoise_lib import cli
from denoise_lib.checks import UserError
from denoise_lib.data.images import read_image
from denoise_lib.files import replacing
from denoise_lib.methods import released
from denoise_lib.metrics import psnr
from denoise_lib.noise import GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.tabular import write_csv

NOISY = ["evaluate", "--model", "noisy", "--data", "chest-drr", "--limit", "2"]


def call(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli.app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TEXT)
    return path


def test_train_stops_resumes_and_leaves_a_network_that_can_be_evaluated(plan, tmp_path):
    folder = tmp_path / "run"

    stopped = call("train", plan, "--folder", folder, "--max-minutes", 0)
    refused = call("train", plan, "--folder", folder, code=1)
    trained = call("train", plan, "--folder", folder, "--resume", "--tensorboard")
    out = tmp_path / "tables" / "rows.csv"
    arguments = ["--model", folder, "--model", "median", "--data", "chest-drr", "--limit", 2]
    table = call("evaluate", *arguments, "--sigma", 15, "--sigma", 25, "--out", out)

    assert "Stopped at step 1 of 3" in stopped and "--resume" in stopped
    assert "has a checkpoint: add --resume" in refused
    assert "the weights are in" in trained
    assert released.load_card(folder)["recipe"]["steps"] == 3
    rows = pd.read_csv(out)
    assert len(rows) == 2 * 2 * 2 and set(rows["sigma"]) == {15, 25}
    assert Protocol(noise=GaussianNoise(15), limit=2).hash in table


def test_clipping_is_another_protocol(tmp_path):
    arguments = ["--model", "noisy", "--data", "chest-drr", "--limit", 1]

    plain, clipped = (call("evaluate", *arguments, *more) for more in ([], ["--clip"]))

    for said, noise in ((plain, GaussianNoise(25)), (clipped, GaussianNoise(25, clip=True))):
        assert f"protocol {Protocol(noise=noise, limit=1).hash}" in said


def test_ctrl_c_saves_and_says_how_to_go_on(plan, tmp_path):
    long = tmp_path / "long.toml"
    long.write_text(TEXT.replace("steps = 3", "steps = 100000"))
    command = [sys.executable, "-m", "denoise_lib", "train", str(long), "--folder", str(tmp_path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    while process.poll() is None and "patches/s" not in process.stderr.read(80):
        time.sleep(0.01)

    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)

    assert process.returncode == cli.STOPPED["termination"], errors[-2000:]
    assert "to go on: denoise train" in output
    assert (tmp_path / "checkpoint.pt").exists()


def test_a_finished_training_can_be_resumed_from_its_own_plan(plan, tmp_path):
    folder = tmp_path / "run"
    call("train", plan, "--folder", folder)

    again = call("train", folder / "plan.toml", "--folder", folder, "--resume")

    assert "the weights are in" in again
    assert (folder / "plan.toml").read_text() == plan.read_text()


def test_our_own_mistakes_keep_their_traceback(monkeypatch):
    def broken():
        raise TypeError("one of ours")

    monkeypatch.setattr("denoise_lib.data.available", broken)

    result = CliRunner().invoke(cli.app, ["data", "list"])

    assert isinstance(result.exception, TypeError)


def test_help_does_not_wait_for_pytorch():
    code = "import sys, denoise_lib.cli; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_lists():
    assert "chest-drr" in call("data", "list").split()
    listed = call("models")
    assert all(name in listed for name in ("rdn", "median", *released.available()))
    studied = call("study", "list")
    assert "main" in studied and "detection" in studied


def test_preparing_reads_every_image():
    assert "160 images" in call("data", "prepare", "chest-drr")


def test_preparing_goes_on_after_a_broken_file_and_names_all(tmp_path):
    for name in ("train/a.png", "train/b.png", "val/c.png", "test/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"broken")
    Image.new("L", (20, 20)).save(tmp_path / "val" / "c.png")

    said = call("data", "prepare", f"folder:{tmp_path}", code=1)

    assert all(f"{tmp_path / name} is" in said for name in ("train/a.png", "train/b.png"))
    assert f"{tmp_path / 'test/d.png'} is" in said and "c.png" not in said
    assert "images that cannot be used: 3." in said
    assert "test 1 images of 1 patients" in said


def test_images_of_one_size_are_another_protocol(tmp_path):
    (tmp_path / "test").mkdir()
    for side in (30, 40):
        Image.radial_gradient("L").resize((side, side)).save(tmp_path / "test" / f"{side}.png")
    rows = tmp_path / "rows.csv"

    said = call(*NOISY[:3], "--data", f"folder:{tmp_path}", "--size", 20, "--out", rows)

    protocol = Protocol(f"folder:{tmp_path}", size=20)
    assert protocol.items().images().shape == (2, 1, 20, 20)
    assert protocol.hash in said and protocol.hash != Protocol(f"folder:{tmp_path}").hash
    assert len(pd.read_csv(rows)) == 2
    with pytest.raises(UserError, match=r"size = 256 under \[data\].*--size 256"):
        Protocol(f"folder:{tmp_path}").items().images()


def test_a_cell_is_no_formula_and_a_number_stays_one(tmp_path):
    texts = ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", "plain", "a=1"]
    rows = pd.DataFrame({"image": texts, "psnr": -1.5, "sigma": -2})

    write_csv(rows, tmp_path / "rows.csv")

    read = pd.read_csv(tmp_path / "rows.csv")
    assert list(read["image"].str[:2]) == ["'=", "'+", "'-", "'@", "'\t", "\\r", "pl", "a="]
    assert set(read["psnr"]) == {-1.5} and set(read["sigma"]) == {-2}


def test_what_is_no_ordinary_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    said = call(*NOISY, "--out", pipe, code=1)
    with pytest.raises(OSError, match="pipe is a device or a pipe"), replacing(pipe) as temporary:
        temporary.touch()

    assert f"{pipe} is a device or a pipe" in said and pipe.is_fifo()
    assert ". is a folder: name a file in it." in call(*NOISY, "--out", ".", code=1)


def test_names_that_are_no_utf8_are_measured_and_said(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff/test"
    os.makedirs(folder)
    with open(folder + b"/a\xfe.png", "wb") as file:
        Image.radial_gradient("L").resize((20, 20)).save(file, format="PNG")
    command = [sys.executable, "-m", "denoise_lib", *NOISY[:3], "--data"]
    command += [b"folder:" + os.path.dirname(folder), "--out", str(tmp_path / "rows.csv")]

    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONUTF8": "1"})

    assert done.returncode == 0, done.stderr
    assert b"udcff test, sigma 25" in done.stdout
    assert list(pd.read_csv(tmp_path / "rows.csv")["image"]) == ["test/a\\xfe.png"]


def test_the_version_is_said():
    assert call("--version") == f"denoise {denoise_lib.__version__}"


def test_an_image_file_of_odd_size_is_denoised(tmp_path):
    clean = Protocol().items()[0].image[:, 20:203, 30:241]
    noisy = clean + 0.08 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    source, target = tmp_path / "noisy.png", tmp_path / "out" / "clean.png"
    Image.fromarray((255 * noisy[0].clip(0, 1)).numpy().astype("uint8")).save(source)

    said = call("image", source, target, "--model", "nlm", "--sigma", 20)

    assert "183 x 211 pixels" in said
    result = read_image(target)[None]
    assert psnr(clean[None], result) > psnr(clean[None], read_image(source)[None]) + 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nowhere.toml"], "There is no file nowhere.toml"),
        (["evaluate", "--model", "resnet", "--data", "chest-drr"], "Unknown method 'resnet'"),
        (["evaluate", "--model", "noisy", "--data", "moon"], "Unknown data set 'moon'"),
        (["data", "prepare", "moon"], "Unknown data set 'moon'"),
        (["data", "prepare", "folder:~nobodyhere/x"], "no home of ~nobodyhere"),
        (["data", "prepare", "chest-cr", "--size", 0], "size must be a whole number"),
        ([*NOISY, "--split", "nope"], "split is 'nope': must be 'train', 'val' or 'test'"),
        ([*NOISY, "--split", ""], "split is ''"),
        ([*NOISY, "--split", "name"], "split is 'name'"),
        ([*NOISY, "--size", 64], "no option 'size': leave out size (--size)."),
        ([*NOISY, "--out", "tests"], "tests is a folder: name a file in it"),
        ([*NOISY, "--out", "pyproject.toml/x.csv"], "pyproject.toml/x.csv cannot be written"),
        (["image", "missing.png", "out.png", "--model", "noisy"], "missing.png"),
        (["study", "run", "nothing"], "Unknown part or side study 'nothing'"),
    ],
)
def test_mistakes_are_one_sentence_and_status_one(arguments, message):
    said = call(*arguments, code=1)

    assert said.startswith("denoise: ") and message in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", [[], ["train"], ["evaluate"], ["data", "prepare"], ["image"]])
def test_help_describes_the_options(command):
    said = call(*command, "--help")

    assert "Usage:" in said and "--help" in said


def test_both_names_are_the_same_command():
    for command in ([sys.executable, "-m", "denoise_lib"], ["denoise"]):
        path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
        run = subprocess.run(
            [*command, "data", "list"],
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path},
        )
        assert run.returncode == 0 and "chest-drr" in run.stdout


def test_what_is_brighter_than_white_stays_white(tmp_path, monkeypatch):
    """16 bits that wrap around turn bone black."""
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    ramp = torch.linspace(0, 1, 64).expand(32, 64)
    Image.fromarray((255 * ramp).round().numpy().astype("uint8")).save(source)
    monkeypatch.setattr("denoise_lib.methods.load", lambda name: lambda y, sigma: 1.5 * y - 0.25)

    call("image", source, target, "--model", "bright")

    expected = (1.5 * read_image(source) - 0.25).clamp(0, 1)
    torch.testing.assert_close(read_image(target), expected, atol=1e-4, rtol=0)


def test_the_split_is_the_one_asked_for(tmp_path):
    out = tmp_path / "rows.csv"
    arguments = ["--model", "noisy", "--data", "chest-drr", "--limit", 2, "--out", out]

    call("evaluate", *arguments, "--split", "val")

    rows = pd.read_csv(out)
    assert set(rows["split"]) == {"val"}
    assert list(rows["image"]) == Protocol(split="val", limit=2).items().ids


def test_a_training_goes_on_by_its_own_plan_only(plan, tmp_path):
    folder = tmp_path / "run"
    call("train", plan, "--folder", folder, "--max-minutes", 0)
    plan.write_text(TEXT.replace("high = 55", "high = 10"))

    said = call("train", plan, "--folder", folder, "--resume", code=1)

    assert "has a training by another plan: name another --folder" in said
    assert "high = 55" in (folder / "plan.toml").read_text()


def test_a_network_becomes_an_onnx_file(tmp_path):
    written = call("export", "gondara-nih", tmp_path / "gondara.onnx")
    refused = call("export", "gondara-nih", tmp_path / "gondara.pt", code=1)

    assert "0.3 MB" in written and (tmp_path / "gondara.onnx").stat().st_size > 2e5
    assert "ends in .onnx" in refused and not (tmp_path / "gondara.pt").exists()
