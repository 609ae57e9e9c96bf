"""Several processes train as one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from denoise_lib import methods
from denoise_lib.training import checkpoints
from denoise_lib.training.processes import SynchronisedBatchNorm2d, synchronised_batch_norm

SCRIPT = Path(__file__).parent / "train_in_processes.py"


def launch(processes: int, *arguments: str) -> dict:
    command = [sys.executable]
    if processes > 1:
        # accelerate starts several processes for "GPUs"; ACCELERATE_USE_CPU makes them processor
        # cores, which talk by gloo.
        command += ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes"]
        command += [str(processes), "--num_machines", "1", "--mixed_precision", "no"]
        command += ["--dynamo_backend", "no", "--main_process_port", "0"]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [*command, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=180,  # processes that lose each other wait for ever
    )
    assert run.returncode == 0, run.stderr[-2000:]
    (line,) = [line for line in run.stdout.splitlines() if "RESULT" in line]
    return json.loads(line.split("RESULT")[1])


@pytest.mark.parametrize(
    ("name", "optimizer", "sittings"), [("rdn", "adam", 2), ("dncnn", "muon", 1)]
)
def test_two_processes_follow_the_loss_of_one(tmp_path, name, optimizer, sittings):
    """Also where they stop and go on from the checkpoint that the first of them reads."""
    one = launch(1, name, optimizer, str(tmp_path / "one"), "1")
    two = launch(2, name, optimizer, str(tmp_path / "two"), str(sittings))

    np.testing.assert_allclose(two["loss"], one["loss"], atol=1e-5, rtol=0)
    np.testing.assert_allclose(two["norm"], one["norm"], rtol=1e-4)
    assert one["loss"][-1] != one["loss"][0]
    assert checkpoints.load(tmp_path / "two")["step"] == 10


def test_switching_batch_norms_keeps_names_and_values():
    model = methods.create("dncnn", depth=4, features=4)
    before = list(model.state_dict())

    synchronised_batch_norm(model, True)
    kinds = {type(m) for m in model.modules() if isinstance(m, nn.BatchNorm2d)}
    synchronised_batch_norm(model, False)

    assert kinds == {SynchronisedBatchNorm2d}
    assert list(model.state_dict()) == before
    assert SynchronisedBatchNorm2d not in {type(m) for m in model.modules()}
