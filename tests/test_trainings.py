"""The trainings that make the networks comparable: equal budgets, recipes that the search found."""

import math

import pytest
import torch

from denoise_lib.study import run, store
from denoise_lib.study.grid import REMEDY
from denoise_lib.study.side import trainings
from denoise_lib.study.side_studies import side_study, temporarily
from denoise_lib.training.plan import load_plan


@pytest.mark.parametrize("share", [*trainings.SHARES, trainings.SEARCH_SHARE])
def test_all_networks_see_as_many_pixels(share):
    pixels = [trainings.plan(network).scaled(share).pixels for network in trainings.NETWORKS]

    assert max(pixels) - min(pixels) < 0.01 * max(pixels)
    assert pixels[0] == pytest.approx(share * 50_000 * 40**2, rel=0.01)


def test_a_share_has_its_part_of_the_steps_and_its_seed():
    plan = trainings.plan("vincent-nih")

    quarter = plan.scaled(1 / 4, seed=2)

    assert (quarter.recipe.steps, quarter.recipe.seed) == (plan.recipe.steps // 4, 2)
    assert quarter.layers is not None and plan.layers is not None
    assert quarter.layers.steps == round(plan.layers.steps / 4) and quarter.layers.seed == 2
    # 256 patches of 12 x 12 in each step of each of the two layers.
    layers = 2 * quarter.layers.steps * 256 * 12**2
    assert quarter.pixels - layers == quarter.recipe.steps * 16 * 40**2


@pytest.mark.parametrize("network", trainings.NETWORKS)
def test_every_plan_is_the_best_that_the_search_has_found(network):
    rows = store.load_side("search")
    rows = rows[(rows["network"] == network) & (rows["share"] == 1)]
    quality = rows.set_index(["optimizer", "loss", "peak"])[["psnr_15", "psnr_25", "psnr_50"]]
    quality = quality.mean(axis=1)

    recipe = trainings.plan(network).recipe

    muon = recipe.optimizer == "muon"
    peak = recipe.matrix_learning_rate if muon else recipe.learning_rate
    assert quality.idxmax() == (recipe.optimizer, recipe.loss, peak)


@pytest.mark.parametrize("network", trainings.NETWORKS)
def test_no_plan_has_a_peak_at_the_end_of_what_was_tried(network):
    recipe = trainings.plan(network).recipe
    muon = recipe.optimizer == "muon"
    rows = store.load_side("search")
    long = rows["share"] >= trainings.LONGER_SHARE  # what suits a short training is larger
    mine = (rows["network"] == network) & (rows["optimizer"] == recipe.optimizer)
    tried = rows.loc[mine & long, "peak"]

    assert tried.min() < (recipe.matrix_learning_rate if muon else recipe.learning_rate)
    assert tried.max() > (recipe.matrix_learning_rate if muon else recipe.learning_rate)


def test_the_remedy_is_trained_like_the_network_it_is_compared_with():
    remedy, white = load_plan(REMEDY), trainings.plan("rdn-nih")

    assert (remedy.recipe, remedy.model, remedy.data) == (white.recipe, white.model, white.data)
    assert remedy.noise.to_dict()["type"] == "BlindCorrelatedNoise"


def test_only_some_rows_of_a_side_study_are_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("DENOISE_RESULTS", str(tmp_path))
    with temporarily():

        @side_study("Which?", seed=(0, 1), name=("a", "b"))
        def chosen(seed, name):
            return {"value": 1}

        run.run_side("chosen", only={"seed": "1"})

        assert store.load_side("chosen")["seed"].tolist() == [1, 1]
        with pytest.raises(ValueError, match="column of the key 'size'"):
            run.run_side("chosen", only={"size": "1"})


def test_a_gpu_s_time_is_not_told_as_that_of_a_core(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    of_a_processor = trainings.core_minutes(90)
    monkeypatch.setattr(trainings, "training_device", lambda: torch.device("cuda"))

    assert of_a_processor == 3
    assert math.isnan(trainings.core_minutes(90))
