"""The study: its methods do what their names say, its runner measures what is missing, once."""

import dataclasses

import numpy as np
import pytest
import run_study
import summarise_study
import torch

from denoise_lib import baselines, pretrained, results, study
from denoise_lib.evaluation import evaluate
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
    assert (made["rescaled-twice"] * 2 - 1 - clean).abs().max() < 1e-6
    assert made["mean-not-added"].mean().abs() < 1e-6
    assert (made["stretched"].min(), made["stretched"].max()) == (0, 1)
    assert (made["wrapped"] - clean).abs().max() < 0.002  # nothing leaves the range here
    assert study.MISTAKES["wrapped"](clean, clean + 0.2).min() < 0.01
    assert (made["residual"] - 0.01).abs().max() < 1e-6


def test_batch_statistics_make_an_image_depend_on_others():
    model = study.create("dncnn-nih", "batch-statistics")
    other = torch.cat([NOISY, NOISY / 2])

    assert not torch.allclose(model(NOISY)[0], model(other)[0], atol=1e-3)


def test_unknown_names_are_listed():
    with pytest.raises(ValueError, match="rdn-nih"):
        study.create("nobody")
    with pytest.raises(ValueError, match="anscombe"):
        study.create("nlm", "upside-down")
    with pytest.raises(ValueError, match="main"):
        study.cells("nothing")


def test_a_stabilised_method_beats_the_plain_one_on_photon_noise():
    noise = PoissonGaussianNoise(25, 3)
    protocol = Protocol(noise=noise, limit=2)

    plain = evaluate(study.create("nlm"), protocol, progress=False)
    transformed = evaluate(study.create("nlm", "anscombe", noise), protocol, progress=False)

    assert transformed["psnr"].mean() > plain["psnr"].mean()


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


def test_the_committed_tables_are_those_of_the_rows():
    table = results.load_summary()
    drawn = summarise_study.summary(summarise_study.main_rows("chest-drr", 25)).set_index("method")
    committed = table[(table.dataset == "chest-drr") & (table.sigma == 25)].set_index("method")

    columns = ["psnr", "psnr_low", "psnr_high", "ssim", "mse"]
    np.testing.assert_allclose(drawn[columns], committed.loc[drawn.index, columns], rtol=1e-4)


def test_every_method_has_a_row_in_every_table():
    table = results.load_summary()
    for dataset in study.DATASETS:
        for sigma in study.SIGMAS:
            found = set(table[(table.dataset == dataset) & (table.sigma == sigma)].method)
            expected = set(study.METHODS)
            if sigma not in study.AUTHORS_SIGMAS:
                expected -= {study.AUTHORS}
            assert found == expected, (dataset, sigma)


def test_cells_are_known_by_what_they_measure():
    protocol = Protocol()
    same = Cell("nlm", dataclasses.replace(protocol))

    assert Cell("nlm", protocol) == same and hash(Cell("nlm", protocol)) == hash(same)
