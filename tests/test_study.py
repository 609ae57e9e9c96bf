"""The study: methods do what their variants say, what is missing is measured, once."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from denoise_lib import methods, needs
from denoise_lib.data import load_dataset
from denoise_lib.evaluation import METRICS, evaluate
from denoise_lib.inference import denoise
from denoise_lib.methods import anscombe, registry
from denoise_lib.methods.classical import Classical, tuned_parameters
from denoise_lib.metrics import psnr
from denoise_lib.noise import CHEST_DRR, GaussianNoise, XRayNoise
from denoise_lib.protocol import Protocol
from denoise_lib.study import examples, grid, release, run, statistics, store, summary, tuning
from denoise_lib.study import variants as v
from denoise_lib.study.grid import Measurement
from denoise_lib.study.mistakes import MISTAKES
from denoise_lib.training import TrainingRun
from denoise_lib.training.plan import load_plan, planned

NOISY = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
IMAGES = {"chest-drr": 40, "nih-sample": 100, "chest-cr": 1, "bsd68": 68, "set12": 12}
IMAGES["nih-native"] = 12


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of results."""
    monkeypatch.setenv("DENOISE_RESULTS", str(tmp_path))
    return tmp_path


def test_a_method_is_told_what_its_variant_says():
    plain, told = v.make("nlm"), v.make("nlm", v.Told(50))
    image = 0.5 + 0.1 * NOISY  # weak noise: either level finds similar patches

    assert torch.equal(told(image, sigma=10), plain(image, sigma=50))
    assert not torch.equal(told(image, sigma=10), plain(image, sigma=10))


def test_a_network_of_the_study_is_the_released_one():
    expected = methods.load("gondara-nih")(NOISY)

    torch.testing.assert_close(v.make("gondara-nih")(NOISY), expected, atol=1e-5, rtol=0)


def test_tuned_takes_the_other_tuning():
    tuned = registry.get("tv", Classical).load(tuned_parameters("nih-sample")["tv"])
    other = v.make("tv", v.TunedOn("nih-sample"))

    assert torch.equal(other(NOISY, sigma=25), tuned(NOISY, sigma=25))


def test_each_mistake_does_its_damage_and_no_more():
    clean = torch.linspace(0.1, 0.9, 64 * 64).view(1, 1, 64, 64)
    made = {name: mistake(clean + 0.01, clean) for name, mistake in MISTAKES.items()}

    assert (made["offset-0.1"] - clean).mean().item() == pytest.approx(0.1)
    assert (made["offset-0.2"] - clean).mean().item() == pytest.approx(0.2)
    assert (made["rescaled-twice"] * 2 - 1 - clean).abs().max() < 1e-6
    assert made["mean-not-added"].mean().abs() < 1e-6
    assert (made["stretched"].min(), made["stretched"].max()) == (0, 1)
    assert (made["wrapped"] - clean).abs().max() < 0.002  # nothing leaves the range here
    assert MISTAKES["wrapped"](clean, clean + 0.2).min() < 0.01
    assert (made["residual"] - 0.01).abs().max() < 1e-6


def test_a_mistake_is_made_on_the_output():
    plain, wrong = v.make("nlm"), v.make("nlm", v.Mistake("offset-0.1"))

    assert torch.equal(wrong(NOISY, sigma=10), plain(NOISY, sigma=10) + 0.1)


def test_batch_statistics_are_those_of_the_image():
    """With its own statistics, a network does not see that an image is dark."""
    wrong, right = (v.make("dncnn-b-nih", variant) for variant in (v.BatchStatistics(), v.Plain()))

    assert not torch.allclose(wrong(NOISY), right(NOISY), atol=1e-3)
    assert methods.load("dncnn-b-nih").training is False


def test_noise_of_three_channels_is_weaker_in_their_grey():
    clean = torch.full((1, 1, 256, 256), 0.5)
    channels = [grid.MISTAKEN_NOISE(clean, [name]) for name in ("red", "green", "blue")]
    grey = sum(weight * channel for weight, channel in zip(grid.LUMA, channels, strict=True))

    assert 255 * (grey - clean).std().item() == pytest.approx(grid.RGB_NOISE.sigma, rel=0.02)


def run_of(steps: int) -> TrainingRun:
    """A training that was finished."""
    return TrainingRun(pd.DataFrame(), steps, steps, 1.0, "cpu", "fp32")


def test_weak_noise_is_trained_gently_and_no_other(monkeypatch):
    rates = {}

    def fit(model, patches, recipe, validation, about):
        rates[patches.noise] = recipe.learning_rate
        return run_of(steps=recipe.steps)

    monkeypatch.setattr("denoise_lib.training.train.fit", fit)
    for name in ("gaussian-5", grid.doses()[0], "gaussian-25"):
        v.trained.__wrapped__("dncnn", v.study_noises()[name])

    usual = methods.recipe("dncnn", "quick").learning_rate
    assert list(rates.values()) == [v.GENTLE_RATE, v.GENTLE_RATE, usual]
    assert usual > v.GENTLE_RATE


def test_whole_image_layers_return_images():
    network = v.whole_image.__wrapped__(GaussianNoise(20), "smoke")

    assert network(torch.rand(1, 1, 256, 256)).shape == (1, 1, 256, 256)


def test_unknown_names_are_listed():
    with pytest.raises(ValueError, match="rdn-nih"):
        v.make("nobody")
    with pytest.raises(ValueError, match="main"):
        grid.measurements("nothing")


@pytest.mark.parametrize(
    ("method", "variant", "message"),
    [
        ("nlm", v.Anscombe(), "give its dose"),
        ("dncnn-b-nih", v.TunedOn("nih-sample"), "choose a classical method"),
        ("nlm", v.TunedOn("nothing"), "choose one of: chest-drr, nih-sample"),
        ("nlm", v.WholeImage(), "given to vincent"),
        ("dncnn", v.Plain(), "give the noise"),
    ],
)
def test_variants_that_make_no_sense_are_refused(method, variant, message):
    with pytest.raises(ValueError, match=message):
        v.make(method, variant)


def test_the_authors_networks_have_their_levels():
    with pytest.raises(ValueError, match="15, 25, 50, not 25.9"):
        v.make("dncnn-authors")(NOISY, sigma=25.9)


def test_the_doses_have_the_mean_power_of_gaussian_noise():
    split = load_dataset("chest-drr").test[:8]
    images = split.images()

    for dose, sigma in zip(grid.doses(), (10, 25, 50), strict=True):
        error = v.study_noises()[dose](images, split.ids) - images
        assert 255 * (error**2).mean().sqrt().item() == pytest.approx(sigma, rel=0.05)


def test_a_stabilised_method_beats_one_that_is_told_the_middle_level():
    noise = XRayNoise(270, 1, **CHEST_DRR)
    protocol = Protocol(noise=noise, limit=2)
    told = v.make("nlm", grid.middle_level(noise))

    plain = evaluate(told, protocol, progress=False)
    transformed = evaluate(v.make("nlm", v.Anscombe(), noise), protocol, progress=False)

    assert transformed["psnr"].mean() > plain["psnr"].mean() + 0.5


def test_at_few_photons_the_transform_must_come_before_the_logarithm():
    noise = v.study_noises()[grid.doses()[-1]]
    assert isinstance(noise, XRayNoise)
    clean = load_dataset("chest-drr").test[0].image[None]
    generator = torch.Generator().manual_seed(0)
    quanta = torch.poisson(noise.counts(clean), generator)
    counts = quanta + noise.electronic * torch.randn(clean.shape, generator=generator)
    image = noise.display(counts)
    black, white = anscombe.forward(
        noise.counts(torch.tensor([0.0, 1.0])), noise.electronic
    ).tolist()
    plain = v.make("nlm")

    before = (anscombe.forward(counts, noise.electronic) - black) / (white - black)
    before = plain(before, sigma=255 / (black - white)) * (white - black) + black
    before = noise.display(anscombe.inverse(before, noise.electronic))
    after = v.make("nlm", v.Anscombe(), noise)(image)
    told = v.make("nlm", grid.middle_level(noise))(image)

    assert psnr(clean, after)[0] < psnr(clean, told)[0] < psnr(clean, before)[0]


@pytest.mark.parametrize("part", grid.PARTS)
def test_the_committed_rows_have_every_measurement(part):
    names = list(grid.measurements(part)[0].key)
    rows = store.scores().read().groupby(names).size()
    for each in grid.measurements(part):
        found = rows.get(tuple(each.key.values()), 0)
        assert found >= min(each.protocol.limit or 1000, IMAGES[each.protocol.dataset]), each


def test_no_committed_row_is_of_older_code_or_weights():
    assert run.stale() == []


def test_committed_rows_name_a_commit():
    rows = store.load(variant=None)

    assert not rows["commit"].str.contains("dirty|unknown").any()


def test_one_measurement_has_one_key_however_its_protocol_is_limited():
    whole, few = (Measurement("nlm", Protocol(limit=limit)) for limit in (None, 2))

    assert whole.key == few.key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Measurement("tv", Protocol()), Measurement("tv", Protocol(), v.TunedOn("nih-sample"))),
        (Measurement("nlm", Protocol()), Measurement("tv", Protocol())),
        (Measurement("dncnn-b-nih", Protocol()), Measurement("rdn-nih", Protocol())),
        (
            Measurement("dncnn", Protocol(), v.TrainedOn("correlated")),
            Measurement("dncnn", Protocol(), v.TrainedOn("speckle")),
        ),
    ],
)
def test_other_code_weights_parameters_or_training_have_another_fingerprint(one, other):
    assert one.key["fingerprint"] != other.key["fingerprint"]


def test_retrained_weights_make_old_rows_stale(folder, monkeypatch):
    measurement = Measurement("gondara-nih", Protocol(limit=1))
    run.measure(measurement)
    card = {**methods.released.load_card("gondara-nih"), "sha256": "other"}
    before = run.missing([measurement])
    monkeypatch.setattr("denoise_lib.methods.released.load_card", lambda name: card)

    retrained = Measurement("gondara-nih", Protocol(limit=1))

    assert before == {}
    assert run.missing([retrained]) == {retrained: measurement.protocol.items().ids}


def test_only_what_is_missing_is_measured(folder):
    protocol = Protocol(limit=2, noise=GaussianNoise(20))
    noisy, median = (Measurement(name, protocol) for name in ("noisy", "median"))
    ids = protocol.items().ids
    run.measure(noisy, ids[:1])
    half = run.missing([noisy, median, median])
    run.measure(noisy)

    whole = run.missing([noisy, median])

    assert half == {noisy: ids[1:], median: ids}
    assert whole == {median: ids}


def test_several_processes_measure(folder):
    protocol = Protocol(limit=2, noise=GaussianNoise(20))
    wanted = [Measurement(name, protocol, v.Told(25)) for name in ("median", "gaussian")]

    assert run.run_scores(wanted, jobs=2) == 2
    assert run.run_scores(wanted, jobs=2) == 0

    rows = store.load(protocol, v.Told(25))
    expected = evaluate(v.make("median", v.Told(25)), protocol, progress=False)
    np.testing.assert_allclose(rows[rows.method == "median"].psnr, expected["psnr"], atol=1e-4)
    assert sorted(rows["method"]) == ["gaussian"] * 2 + ["median"] * 2


def test_what_needs_other_data_is_left_out(monkeypatch):
    monkeypatch.delenv("DENOISE_DATA", raising=False)

    assert Measurement("nlm", Protocol()).can_run()
    assert not Measurement("nlm", Protocol("nih-sample")).can_run()
    assert not Measurement("dncnn-b-authors", Protocol()).can_run()
    assert Measurement("nlm", Protocol("nih-sample")).can_run(download=True)


def test_a_data_folder_without_the_data_is_not_enough(monkeypatch, tmp_path):
    monkeypatch.setenv("DENOISE_DATA", str(tmp_path))
    measurement = Measurement("nlm", Protocol("nih-sample"))
    before = measurement.can_run()

    (tmp_path / "chest_xray").mkdir()

    assert not before and measurement.can_run()


def test_what_needs_a_package_is_left_out(monkeypatch):
    monkeypatch.setattr(needs.importlib.util, "find_spec", lambda name: None)

    assert not Measurement("bm3d", Protocol()).can_run(download=True)
    assert Measurement("tv", Protocol()).can_run()


def test_a_sample_has_every_kind_once():
    wanted = [each for part in grid.PARTS for each in grid.measurements(part)]

    chosen = run.sample(wanted, trainings=True)

    assert {each.method for each in chosen} == {each.method for each in wanted}
    kinds = {type(each.variant) for each in wanted}
    assert {type(each.variant) for each in chosen} == kinds and len(kinds) == 9
    assert len(chosen) < len(wanted) / 8
    assert not any(run.is_trained_here(each) for each in run.sample(wanted))


def test_a_sample_of_the_committed_rows_comes_out_again():
    chosen = [
        Measurement(method, Protocol(noise=GaussianNoise(sigma)))
        for method in ("tv", "vincent-nih")
        for sigma in (5, 75)
    ]

    assert run.check(chosen) == (4, pytest.approx(0, abs=1e-3))


def test_a_wrong_committed_row_is_found(monkeypatch):
    rows = store.load(Protocol())
    monkeypatch.setattr(store, "load", lambda *_: rows.assign(psnr=rows["psnr"] + 0.03))

    with pytest.raises(ValueError, match="measure it anew"):
        run.check([Measurement("tv", Protocol())])


def committed(name, dataset, sigma, **where):
    """Rows of a committed table."""
    table = store.load_summary(name)
    for column, value in {"dataset": dataset, "sigma": sigma, **where}.items():
        table = table[table[column] == value]
    return table.set_index("method").sort_index()


@pytest.mark.parametrize("dataset", grid.datasets())
@pytest.mark.parametrize("sigma", grid.SIGMAS)
def test_the_committed_means_are_those_of_the_rows(dataset, sigma):
    means = summary.main_rows(dataset, sigma).groupby("method")[list(METRICS)].mean()

    found = committed("summary", dataset, sigma)

    np.testing.assert_allclose(found[list(METRICS)], means, rtol=1e-5)
    assert set(found.protocol) == {Protocol(dataset, noise=GaussianNoise(sigma)).hash}


@pytest.mark.parametrize("dataset", ["nih-sample", "chest-drr"])
def test_the_committed_intervals_and_tests_are_those_of_the_rows(dataset):
    rows = summary.main_rows(dataset, 25)
    low_high = ["psnr_low", "psnr_high"]
    means = summary.summary(rows).set_index("method").sort_index()
    differences = statistics.compare_with(rows, grid.COMPARED_WITH)

    found = committed("differences", dataset, 25, metric="psnr")

    np.testing.assert_allclose(
        committed("summary", dataset, 25)[low_high], means[low_high], rtol=1e-5
    )
    columns = ["difference", "spread", "low", "high"]
    np.testing.assert_allclose(found[columns], differences[columns].sort_index(), rtol=1e-5)


def test_incomplete_methods_are_left_out_and_named(monkeypatch, capsys):
    rows = store.load(Protocol())
    some = rows[(rows.method != "tv") | (rows.image != rows.image.min())]
    monkeypatch.setattr(store, "load", lambda *_, **__: some)

    found = summary.main_rows("chest-drr", 25)

    assert "tv" not in set(found.method) and "bm3d" in set(found.method)
    assert "lacks rows of tv" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("dataset", "tuning"),
    [("chest-drr", "chest-drr"), ("nih-native", "nih-sample"), ("chest-cr", "nih-sample")],
)
def test_a_classical_method_has_the_parameters_that_suit_the_images(dataset, tuning):
    tuned = Measurement("tv", Protocol(dataset))
    plain = Measurement("tv", Protocol(dataset), v.TunedOn(tuning))
    told = Measurement("tv", Protocol(dataset), v.Told(15))

    assert tuned.key["variant"] == "" and tuned.applied == plain.variant
    assert tuned.key["fingerprint"] == plain.key["fingerprint"]
    assert told.applied == told.variant
    assert Measurement("noisy", Protocol(dataset)).applied == v.Plain()


def trainings_table(psnr, share=1.0):
    """Full trainings of a network, by seed."""
    rows = [
        {"network": "gondara-nih", "share": share, "seed": seed, "fingerprint": "f"}
        | {"psnr_15": value, "psnr_25": value, "psnr_50": value}
        for seed, value in psnr.items()
    ]
    store.side_table("trainings", ("network", "share", "seed")).add(pd.DataFrame(rows))


def test_the_other_trainings_are_those_that_were_not_released(folder):
    trainings_table({0: 30.0, 1: 31.0, 2: 29.0})
    trainings_table({3: 40.0}, share=0.25)
    mine = methods.released.load_card("gondara-nih")["recipe"]["seed"]

    assert grid.other_seeds("gondara-nih") == tuple(sorted({0, 1, 2} - {mine}))
    assert grid.other_seeds("rdn-nih") == ()


def test_the_best_on_validation_images_is_released(folder, tmp_path, monkeypatch):
    from denoise_lib.study.side import trainings

    monkeypatch.setattr(trainings, "RUNS", tmp_path / "runs")
    trainings_table({0: 30.0, 1: 31.0, 2: 29.0})
    with pytest.raises(FileNotFoundError):
        release.best_run("gondara-nih")
    best = trainings.run_folder("gondara-nih", 1.0, 1)
    methods.released.save_trained(methods.load("gondara-nih"), best, "gondara")

    assert release.best_run("gondara-nih") == best
    with pytest.raises(FileNotFoundError, match="No full training of rdn-nih"):
        release.best_run("rdn-nih")


@pytest.mark.parametrize("name", methods.released.available())
def test_every_released_network_was_trained_by_its_plan(name):
    card, plan = methods.released.load_card(name), load_plan(name)

    assert release.trained_by(card) == release.trained_by(planned(plan))


def test_rows_of_further_trainings_are_told_apart(monkeypatch, capsys):
    rows = store.load(Protocol())
    mine = rows[rows["method"] == "rdn-nih"]
    others = [mine.assign(variant=name) for name in ("seed:1", "seed:7", "told:25")]
    half = mine.iloc[::2].assign(variant="seed:2")
    monkeypatch.setattr(store, "load", lambda *_, **__: pd.concat([rows, *others, half]))
    monkeypatch.setattr(summary, "other_seeds", lambda name: (1, 2) if name == "rdn-nih" else ())

    found = summary.main_rows("chest-drr", 25)

    # Seed 7 is no training that there is, and seed 2 lacks images.
    assert found[found["method"] == "rdn-nih"]["seed"].unique().tolist() == ["", "seed:1"]
    assert summary.summary(found).set_index("method")["trainings"]["rdn-nih"] == 2
    assert "rdn-nih seed:2" in capsys.readouterr().out


def test_a_further_training_is_that_of_its_seed(monkeypatch, tmp_path):
    from denoise_lib.study.side import trainings

    monkeypatch.setattr(trainings, "RUNS", tmp_path)
    again = Measurement("gondara-nih", Protocol(), v.Retrained(1))
    before = again.can_run()
    model = methods.load("gondara-nih")
    folder = trainings.run_folder("gondara-nih", 1.0, 1)
    methods.released.save_trained(model, folder, "gondara")

    noisy = torch.rand(1, 1, 16, 16)

    assert (before, again.can_run()) == (False, True)
    others = (v.Retrained(2), v.Retrained(1, share=4.0))
    for other in (Measurement("gondara-nih", Protocol(), each) for each in others):
        assert again.key["fingerprint"] != other.key["fingerprint"] and not other.can_run()
        assert again.key["variant"] != other.key["variant"]
    expected = denoise(noisy, model, precision="fp32")  # as every number of the study
    torch.testing.assert_close(again.make()(noisy), expected)


def test_every_method_has_a_row_in_every_table():
    table = store.load_summary()
    for dataset in grid.datasets():
        for sigma in grid.SIGMAS:
            found = set(table[(table.dataset == dataset) & (table.sigma == sigma)].method)
            expected = {name for name in grid.compared() if sigma in grid.sigmas(name)}
            assert found == expected, (dataset, sigma)


def test_the_committed_pictures_are_of_today_s_methods():
    listed = json.loads((store.folder() / "images" / "made_from.json").read_text())

    assert listed == {picture.file: picture.source for picture in examples.pictures()}
    assert all((store.folder() / "images" / file).is_file() for file in listed)


def test_pictures_are_drawn_once_and_again_when_they_are_older_than_what_they_show(
    folder, monkeypatch
):
    drawn = []

    def draw(path):
        drawn.append(path)
        path.write_bytes(b"picture")

    def fail(path):
        path.write_bytes(b"half")
        raise FileNotFoundError("no rows")

    pictures = [examples.Picture("a.png", draw, ["1"]), examples.Picture("b.png", fail, [])]
    monkeypatch.setattr(examples, "pictures", lambda: pictures)
    for _ in range(2):
        examples.draw_all()
    pictures[0] = examples.Picture("a.png", draw, ["2"])
    examples.draw_all()
    examples.draw_all(force=True)

    assert len(drawn) == 3
    assert sorted(p.name for p in (folder / "images").iterdir()) == ["a.png", "made_from.json"]
    pictures.pop(0)
    examples.draw_all()
    assert sorted(p.name for p in (folder / "images").iterdir()) == ["made_from.json"]
    assert json.loads((folder / "images" / "made_from.json").read_text()) == {}


def test_a_picture_of_nothing_shows_what_is_left_of_the_noise(tmp_path):
    from PIL import Image

    for name in ("gaussian", "median"):
        examples.nothing(name, tmp_path / f"{name}.webp")
    left = {p.stem: np.asarray(Image.open(p).convert("L")).std() for p in tmp_path.iterdir()}

    assert 0 < left["gaussian"] < left["median"] < 60


def test_a_jointly_trained_denoiser_is_drawn_with_two_outlines_of_the_heart(tmp_path, monkeypatch):
    from PIL import Image

    clean = torch.rand(112, 112)
    found = torch.zeros(112, 112, dtype=torch.bool)
    found[20:40, 30:60] = True
    monkeypatch.setattr(examples, "_jointly", lambda weight: (clean, clean + weight, found))

    examples.outlined(0, tmp_path / "outlines.webp")
    examples.joint_error(0.1, tmp_path / "error.webp")

    drawn = np.asarray(Image.open(tmp_path / "outlines.webp").convert("RGB")).astype(int)
    zoom = examples.JOINT_ZOOM
    assert drawn.shape == (112 * zoom, 112 * zoom, 3)
    orange = (drawn == [230, 159, 0]).all(-1)
    rows, columns = np.nonzero(orange)
    assert (rows.min(), columns.min()) == (20 * zoom, 30 * zoom)
    assert (rows.max(), columns.max()) == (40 * zoom - 1, 60 * zoom - 1)
    assert (drawn == [86, 180, 233]).all(-1).sum() > 100  # the true outline
    # An error of 0.1, four times as strong, above the middle grey.
    error = np.asarray(Image.open(tmp_path / "error.webp").convert("L"))
    assert abs(int(error[0, 0]) - 255 * 0.9) <= 1


def test_tuning_finds_the_best_point_and_keeps_it(tmp_path, monkeypatch):
    path = tmp_path / "tuned" / "chest-drr.json"
    monkeypatch.setattr(tuning, "tuning_file", lambda dataset: path)
    method = registry.get("gaussian", Classical)

    tuning.tune(method, "chest-drr", [25, 50], images=1)

    found = json.loads(path.read_text())["gaussian"]
    assert set(found) == {"25", "50"}
    assert found["25"]["width"] < found["50"]["width"]
    assert found["25"]["width"] in method.grid["width"]


@pytest.fixture
def trained(tmp_path):
    """The released network gondara-nih as `denoise train` would have left it."""
    source, run_folder = release.RELEASED / "gondara-nih", tmp_path / "run"
    run_folder.mkdir()
    for file in source.iterdir():
        (run_folder / file.name).write_bytes(file.read_bytes())
    return run_folder


def test_a_release_takes_weights_and_card(trained, tmp_path, monkeypatch):
    target = tmp_path / "weights"
    (target / "gondara-nih").mkdir(parents=True)
    monkeypatch.setattr(release, "RELEASED", target)

    release.take_over("gondara-nih", trained)

    for file in (release.WEIGHTS, release.CARD):
        assert (target / "gondara-nih" / file).read_bytes() == (trained / file).read_bytes()


def test_another_plan_or_uncommitted_code_is_no_release(trained):
    path, card = trained / release.CARD, json.loads((trained / release.CARD).read_text())
    path.write_text(json.dumps(card | {"recipe": card["recipe"] | {"batch_size": 7}}))
    with pytest.raises(ValueError, match="trained with another recipe"):
        release.take_over("gondara-nih", trained)
    path.write_text(json.dumps(card | {"commit": "abc-dirty"}))
    with pytest.raises(ValueError, match="commit it and train again"):
        release.take_over("gondara-nih", trained)


def test_a_release_is_measured_and_its_card_has_the_means(folder, monkeypatch):
    kept = {}
    monkeypatch.setattr(release, "TESTS", {"nih-sample": [("chest-drr", 25)]})
    monkeypatch.setattr(release, "update_card", lambda name, results: kept.update({name: results}))
    monkeypatch.setattr(release, "Protocol", partial(Protocol, limit=2))

    (entry,) = release.measure_release("gondara-nih")

    rows = pd.read_parquet(folder / "rows.parquet")
    assert kept == {"gondara-nih": [entry]}
    assert entry["psnr"] == pytest.approx(rows["psnr"].mean(), abs=1e-4)
    assert entry["images"] == 2 and entry["precision"] == "fp32"
