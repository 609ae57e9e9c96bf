"""The protocol's hash, rows of `evaluate`, and tables that refuse to mix protocols."""

import dataclasses
import time

import numpy as np
import pandas as pd
import pytest
import torch

from denoise_lib import metrics
from denoise_lib.evaluation import apply, compare, evaluate, score, summarise
from denoise_lib.noise import GaussianNoise, PoissonGaussianNoise
from denoise_lib.protocol import Protocol

SMALL = Protocol(limit=3)


def identity(noisy, sigma=None):
    return noisy


class BatchNorm(torch.nn.Module):
    """In training mode its output depends on the batch, in evaluation mode it is the identity."""

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(1, eps=1e-30)

    def forward(self, noisy, sigma=None):
        return self.norm(noisy)


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "chest-cr"},
        {"split": "val"},
        {"noise": GaussianNoise(26)},
        {"noise": GaussianNoise(25, clip=True)},
        {"noise": PoissonGaussianNoise(25)},
        {"seed": 1},
        {"data_range": 0.5},
        {"ssim_sigma": 2.0},
    ],
    ids=str,
)
def test_any_change_of_the_protocol_changes_its_hash(change):
    assert dataclasses.replace(Protocol(), **change).hash != Protocol().hash


def test_equal_protocols_have_equal_hashes_and_cannot_be_changed():
    assert Protocol(noise=GaussianNoise(25)).hash == Protocol(noise=GaussianNoise(25.0)).hash
    with pytest.raises(dataclasses.FrozenInstanceError):
        Protocol().seed = 1


def test_evaluate_gives_one_row_per_image_with_the_right_numbers():
    rows = evaluate(identity, SMALL, progress=False)

    items = SMALL.items()
    item = items[1]
    noisy = SMALL.noise(item.image[None], [item.id], SMALL.seed)
    assert list(rows["image"]) == items.ids
    assert rows["psnr"][1] == metrics.psnr(item.image[None], noisy)[0]
    assert rows["ssim"][1] == metrics.ssim(item.image[None], noisy)[0]
    assert rows["mse"][1] == pytest.approx(10 ** (-rows["psnr"][1] / 10))
    assert set(rows["protocol"]) == {SMALL.hash} and set(rows["method"]) == {"identity"}
    assert (rows["seconds"] > 0).all()


def test_all_methods_see_the_same_noise():
    seen = []

    def spy(noisy, sigma=None):
        seen.append((noisy.clone(), sigma))
        return noisy

    compare({"one": spy, "two": spy}, SMALL, progress=False)

    assert len(seen) == 6
    for (first, _), (second, _) in zip(seen[:3], seen[3:], strict=True):
        assert torch.equal(first, second)
    assert {sigma for _, sigma in seen} == {25.0}


def test_networks_are_applied_in_evaluation_mode_and_left_as_they_were():
    network = BatchNorm().train()
    noisy = torch.rand(2, 1, 8, 8)

    estimate = apply(network, noisy)

    assert torch.equal(estimate, noisy)
    assert network.training
    assert network.norm.num_batches_tracked == 0


def test_a_denoiser_that_changes_the_shape_is_refused():
    with pytest.raises(ValueError, match="input's shape"):
        apply(lambda noisy, sigma=None: noisy[..., 1:], torch.rand(1, 1, 8, 8))


def test_an_empty_split_is_refused():
    with pytest.raises(ValueError, match="use another split"):
        evaluate(identity, Protocol(dataset="chest-cr", split="train"), progress=False)


def test_summary_averages_psnrs_and_its_interval_counts_patients():
    rows = pd.DataFrame(
        {
            "method": "m",
            "image": list("abcd"),
            "group": ["p", "p", "q", "r"],
            "psnr": [30.0, 32.0, 33.0, 35.0],
            "ssim": 0.5,
            "mse": 0.1,
            "seconds": 1.0,
            "protocol": "h",
        }
    )

    summary = summarise(rows).loc["m"]

    assert summary["psnr"] == pytest.approx(32.5)
    # Patients' means are 31, 33, 35: standard deviation 2, t(0.975, 2) = 4.3027.
    assert summary["psnr_ci"] == pytest.approx(4.3027 * 2 / np.sqrt(3), rel=1e-4)
    assert summary["images"] == 4


def test_a_table_refuses_to_mix_protocols_and_to_count_an_image_twice():
    one = evaluate(identity, SMALL, progress=False)
    other = evaluate(identity, dataclasses.replace(SMALL, seed=1), progress=False)

    with pytest.raises(ValueError, match="2 protocols"):
        summarise(pd.concat([one, other]))
    with pytest.raises(ValueError, match="same image twice"):
        summarise(pd.concat([one, one]))


def test_the_protocols_seed_draws_the_noise():
    protocol = dataclasses.replace(SMALL, seed=3)

    rows = evaluate(identity, protocol, progress=False)

    item = protocol.items()[0]
    noisy = protocol.noise(item.image[None], [item.id], 3)
    assert rows["mse"].iloc[0] == pytest.approx(metrics.mse(item.image[None], noisy).item())
    assert not np.allclose(rows["mse"], evaluate(identity, SMALL, progress=False)["mse"], rtol=1e-6)


def test_the_protocols_window_and_range_are_those_of_the_scores():
    protocol = Protocol(ssim_sigma=0.8, data_range=0.7)
    clean = 0.7 * torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    estimate = (clean + 0.1 * torch.randn(clean.shape)).clamp(0, 1)

    found = score(clean, estimate, protocol)

    assert found == {
        "psnr": metrics.psnr(clean, estimate, 0.7).item(),
        "ssim": metrics.ssim(clean, estimate, 0.7, window_sigma=0.8).item(),
        "mse": metrics.mse(clean, estimate, 0.7).item(),
    }
    assert found["ssim"] != metrics.ssim(clean, estimate, 0.7).item()


def test_seconds_are_those_of_the_denoiser_alone():
    def slow(noisy, sigma=None):
        time.sleep(0.02)
        return noisy

    start = time.perf_counter()
    rows = compare({"slow": slow, "fast": identity}, SMALL, progress=False)
    elapsed = time.perf_counter() - start

    seconds = rows.groupby("method")["seconds"].sum()
    assert 3 * 0.02 <= seconds["slow"] <= elapsed
    assert 0 < seconds["fast"] < elapsed - 3 * 0.02
    assert list(rows.index) == list(range(6))


def test_the_best_method_stands_first():
    summary = summarise(compare({"worse": lambda y, sigma: y + 0.2, "better": identity}, SMALL))

    assert list(summary.index) == ["better", "worse"]
