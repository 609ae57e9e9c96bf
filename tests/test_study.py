"""The study: its methods do what their names say, its runner measures what is missing, once."""

import numpy as np
import pytest
import run_study
import summarise_study
import torch

from denoise_lib import baselines, pretrained, results, statistics, study
from denoise_lib.evaluation import METRICS, evaluate
from denoise_lib.noise import GaussianNoise, PoissonGaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import Cell

NOISY = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def test_a_method_is_told_what_its_variant_says():
    plain, told = study.create("nlm"), study.create("nlm", "told:50")

    assert torch.equal(told(NOISY, sigma=10), plain(NOISY, sigma=50))
    assert not torch.equal(told(NOISY, sigma=10), plain(NOISY, sigma=10))


def test_a_network_of_the_study_is_the_released_one():
    expected = pretrained.load_pretrained("gondara-nih")(NOISY)

    torch.testing.assert_close(study.create("gondara-nih")(NOISY), expected, atol=1e-5, rtol=0)


def test_tuned_takes_the_other_tuning():
    tuned = baselines.create("tv", baselines.tuned_parameters("nih-sample")["tv"])

    assert torch.equal(
        study.create("tv", "tuned:nih-sample")(NOISY, sigma=25), tuned(NOISY, sigma=25)
    )


def test_each_mistake_does_its_damage_and_no_more():
    clean = torch.linspace(0.1, 0.9, 64 * 64).view(1, 1, 64, 64)
    made = {name: mistake(clean + 0.01, clean) for name, mistake in study.MISTAKES.items()}

    assert (made["offset-0.1"] - clean).mean().item() == pytest.approx(0.1)
    assert (made["offset-0.2"] - clean).mean().item() == pytest.approx(0.2)
    assert (made["rescaled-twice"] * 2 - 1 - clean).abs().max() < 1e-6
    assert made["mean-not-added"].mean().abs() < 1e-6
    assert (made["stretched"].min(), made["stretched"].max()) == (0, 1)
    assert (made["wrapped"] - clean).abs().max() < 0.002  # nothing leaves the range here
    assert study.MISTAKES["wrapped"](clean, clean + 0.2).min() < 0.01
    assert (made["residual"] - 0.01).abs().max() < 1e-6


def test_batch_statistics_are_those_of_the_image():
    """With its own statistics, a network does not see that an image is dark."""
    wrong, right = (study.create("dncnn-nih", v) for v in ("batch-statistics", ""))

    assert not torch.allclose(wrong(NOISY), right(NOISY), atol=1e-3)
    assert pretrained.load_pretrained("dncnn-nih").training is False


def test_noise_of_three_channels_is_weaker_in_their_grey():
    clean = torch.full((1, 1, 256, 256), 0.5)
    channels = [study.MISTAKEN_NOISE(clean, [name]) for name in ("red", "green", "blue")]
    grey = sum(weight * channel for weight, channel in zip(study.LUMA, channels, strict=True))

    assert 255 * (grey - clean).std().item() == pytest.approx(study.RGB_NOISE.sigma, rel=0.02)


def test_weak_noise_is_trained_gently_and_no_other(monkeypatch):
    rates = {}
    monkeypatch.setattr(
        study, "fit", lambda _, patches, budget: rates.update({patches.noise: budget.learning_rate})
    )
    for name in ("gaussian-5", "poisson-400", "gaussian-25"):
        study.trained.__wrapped__("dncnn", study.NOISES[name])

    usual = study.recipe("dncnn", "quick").learning_rate
    assert list(rates.values()) == [study.GENTLE_RATE, study.GENTLE_RATE, usual]
    assert usual > study.GENTLE_RATE


def test_whole_image_layers_return_images():
    network = study._whole_image.__wrapped__(GaussianNoise(20), "smoke")

    assert network(torch.rand(1, 1, 256, 256)).shape == (1, 1, 256, 256)


def test_unknown_names_are_listed():
    with pytest.raises(ValueError, match="rdn-nih"):
        study.create("nobody")
    with pytest.raises(ValueError, match="main"):
        study.cells("nothing")


@pytest.mark.parametrize(
    ("method", "variant"),
    [
        ("nlm", "upside-down"),
        ("nlm", "anscombe"),  # without a dose
        ("nlm", "told:"),
        ("nlm", "residual:typo"),
        ("dncnn-nih", "trained:nothing"),
        ("dncnn-nih", "tuned:nih-sample"),
        ("nlm", "tuned:nothing"),
        ("nlm", "whole-image"),
    ],
)
def test_variants_that_make_no_sense_are_refused(method, variant):
    with pytest.raises(ValueError, match="choose one of: told:S"):
        study.create(method, variant)


def test_a_network_trained_here_needs_its_noise():
    with pytest.raises(ValueError, match="give the noise"):
        study.create("dncnn")


def test_the_authors_networks_have_their_levels():
    with pytest.raises(ValueError, match="15, 25, 50, not 25.9"):
        study.create("dncnn-authors")(NOISY, sigma=25.9)


def test_a_stabilised_method_beats_one_that_is_told_the_middle_level():
    noise = PoissonGaussianNoise(25, 3)
    protocol = Protocol(noise=noise, limit=2)
    told = study.create("nlm", study.middle_level(noise))

    plain = evaluate(told, protocol, progress=False)
    transformed = evaluate(study.create("nlm", "anscombe", noise), protocol, progress=False)

    assert transformed["psnr"].mean() > plain["psnr"].mean() + 0.5


@pytest.mark.parametrize("part", study.PARTS)
def test_the_committed_rows_have_every_cell(part):
    rows = results.load(variant=None).groupby(["method", "variant", "protocol"]).size()
    images = {"chest-drr": 40, "nih-sample": 100, "chest-cr": 1}
    for cell in study.cells(part):
        expected = min(cell.protocol.limit or 1000, images[cell.protocol.dataset])
        assert rows.get((cell.method, cell.variant, cell.protocol.hash), 0) == expected, cell


def test_committed_rows_name_a_commit():
    rows = results.load(variant=None)

    assert not rows["commit"].str.contains("dirty|unknown").any()


def test_only_what_is_missing_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "folder", lambda: tmp_path)
    protocol = Protocol(limit=2, noise=GaussianNoise(20))
    cells = [Cell("noisy", protocol), Cell("median", protocol), Cell("median", protocol)]
    rows = evaluate(study.create("noisy"), protocol, "noisy", progress=False)
    results.save(rows.iloc[:1])
    half = run_study.missing(cells)
    results.save(rows)

    whole = run_study.missing(cells)

    assert set(half) == {(m, "", "chest-drr", 2) for m in ("noisy", "median")}
    assert whole == {("median", "", "chest-drr", 2): [Cell("median", protocol)]}


def test_what_needs_other_data_is_left_out(monkeypatch):
    monkeypatch.delenv("DENOISE_DATA", raising=False)

    assert run_study.can_run(Cell("nlm", Protocol()))
    assert not run_study.can_run(Cell("nlm", Protocol("nih-sample")))
    assert not run_study.can_run(Cell("dncnn-b-authors", Protocol()))
    assert run_study.can_run(Cell("nlm", Protocol("nih-sample")), download=True)


def test_a_data_folder_without_the_data_is_not_enough(monkeypatch, tmp_path):
    monkeypatch.setenv("DENOISE_DATA", str(tmp_path))
    cell = Cell("nlm", Protocol("nih-sample"))
    before = run_study.can_run(cell)

    (tmp_path / "chest_xray").mkdir()

    assert not before and run_study.can_run(cell)


@pytest.mark.parametrize("method", study.METHODS)
@pytest.mark.parametrize("dataset", study.DATASETS)
def test_everything_can_run_where_everything_is_installed(method, dataset):
    for name in run_study.PACKAGES.values():
        pytest.importorskip(name)

    assert run_study.can_run(Cell(method, Protocol(dataset)), download=True)


def test_what_needs_a_package_is_left_out(monkeypatch):
    monkeypatch.setattr(run_study.importlib.util, "find_spec", lambda name: None)

    assert not run_study.can_run(Cell("bm3d", Protocol()), download=True)
    assert run_study.can_run(Cell("tv", Protocol()))


def test_the_notebook_measures_a_cell(tmp_path, monkeypatch):
    """papermill, a process of its own, and rows that come back."""
    monkeypatch.setenv("DENOISE_RESULTS", str(tmp_path))
    protocol = Protocol(limit=2, noise=GaussianNoise(20))

    run_study.run({("median", "told:25", "chest-drr", 2): [Cell("median", protocol, "told:25")]}, 1)

    rows = results.load(protocol, "told:25")
    expected = evaluate(study.create("median", "told:25"), protocol, progress=False)
    np.testing.assert_allclose(rows["psnr"], expected["psnr"], atol=1e-4)
    assert list(rows["method"]) == ["median"] * 2


def test_a_sample_of_the_committed_rows_comes_out_again(capsys):
    cells = [
        Cell(m, Protocol(noise=GaussianNoise(s))) for m in ("tv", "vincent-nih") for s in (5, 75)
    ]

    run_study.check(cells)

    assert "4 rows measured again" in capsys.readouterr().out


def test_a_wrong_committed_row_is_found(monkeypatch):
    rows = results.load(Protocol())
    monkeypatch.setattr(results, "load", lambda *_: rows.assign(psnr=rows["psnr"] + 1))

    with pytest.raises(SystemExit, match="measure it anew"):
        run_study.check([Cell("tv", Protocol())])


def committed(name, dataset, sigma, **where):
    """Rows of a committed table."""
    table = results.load_summary(name)
    for column, value in {"dataset": dataset, "sigma": sigma, **where}.items():
        table = table[table[column] == value]
    return table.set_index("method").sort_index()


@pytest.mark.parametrize("dataset", study.DATASETS)
@pytest.mark.parametrize("sigma", study.SIGMAS)
def test_the_committed_means_are_those_of_the_rows(dataset, sigma):
    means = summarise_study.main_rows(dataset, sigma).groupby("method")[list(METRICS)].mean()

    found = committed("summary", dataset, sigma)

    np.testing.assert_allclose(found[list(METRICS)], means, rtol=1e-5)
    assert set(found.protocol) == {Protocol(dataset, noise=GaussianNoise(sigma)).hash}


@pytest.mark.parametrize("dataset", ["nih-sample", "chest-drr"])
def test_the_committed_intervals_and_tests_are_those_of_the_rows(dataset):
    rows = summarise_study.main_rows(dataset, 25)
    low_high = ["psnr_low", "psnr_high"]
    summary = summarise_study.summary(rows).set_index("method").sort_index()
    differences = statistics.compare_with(rows, study.REFERENCE)

    found = committed("differences", dataset, 25, metric="psnr")

    np.testing.assert_allclose(
        committed("summary", dataset, 25)[low_high], summary[low_high], rtol=1e-5
    )
    columns = ["difference", "low", "high", "p_holm"]
    np.testing.assert_allclose(found[columns], differences[columns].sort_index(), rtol=1e-5)


def test_incomplete_methods_are_left_out_and_named(monkeypatch, capsys):
    rows = results.load(Protocol())
    some = rows[(rows.method != "tv") | (rows.image != rows.image.min())]
    monkeypatch.setattr(results, "load", lambda *_: some)

    found = summarise_study.main_rows("chest-drr", 25)

    assert "tv" not in set(found.method) and "bm3d" in set(found.method)
    assert "lacks rows of tv" in capsys.readouterr().out


def test_every_method_has_a_row_in_every_table():
    table = results.load_summary()
    for dataset in study.DATASETS:
        for sigma in study.SIGMAS:
            found = set(table[(table.dataset == dataset) & (table.sigma == sigma)].method)
            expected = set(study.METHODS)
            if sigma not in study.AUTHORS_SIGMAS:
                expected -= {study.AUTHORS}
            assert found == expected, (dataset, sigma)
