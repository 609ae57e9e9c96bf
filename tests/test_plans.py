"""Training files: what they say is what is trained, and mistakes are named."""

from dataclasses import replace

import pytest
import torch

from denoise_lib import methods
from denoise_lib.methods.released import RELEASED
from denoise_lib.noise import BlindGaussianNoise, GaussianNoise
from denoise_lib.protocol import Protocol
from denoise_lib.training import Recipe, checkpoints
from denoise_lib.training.plan import load_plan
from denoise_lib.training.train import train

TEXT = """
name = "tiny"

[model]
name = "dncnn"
depth = 3
features = 4

[data]
dataset = "chest-drr"

[noise]
type = "BlindGaussianNoise"
low = 0
high = 55

[recipe]
steps = 3
batch_size = 2
patch_size = 16
optimizer = "muon"

[validation]
dataset = "chest-drr"
sigma = 25
limit = 1
"""


@pytest.fixture
def write(tmp_path):
    def to_file(text: str):
        path = tmp_path / "tiny.toml"
        path.write_text(text)
        return path

    return to_file


def test_a_plan_is_what_its_file_says(write):
    plan = load_plan(write(TEXT))

    assert (plan.name, plan.model.name, plan.data.dataset) == ("tiny", "dncnn", "chest-drr")
    assert plan.model.config == {"depth": 3, "features": 4}
    assert plan.noise == BlindGaussianNoise(0, 55)
    assert plan.recipe == Recipe(steps=3, batch_size=2, patch_size=16, optimizer="muon")
    assert plan.validation.protocol() == Protocol(split="val", noise=GaussianNoise(25), limit=1)


def test_a_plan_trains(write, tmp_path):
    model, run = load_plan(write(TEXT)).train(folder=tmp_path, progress=False)

    assert run.finished and not model.training
    assert 10 < run.curve["psnr"].iloc[-1] < 50
    assert checkpoints.load(tmp_path)["step"] == 3


def test_a_stack_is_pretrained_and_resumed_layer_by_layer(write, tmp_path):
    text = TEXT.replace(
        'name = "dncnn"\ndepth = 3\nfeatures = 4', 'name = "vincent"\nhidden = [8, 8]'
    )
    plan = load_plan(write(text + "\n[layers]\nsteps = 2\n"))
    whole, _ = plan.train(progress=False)

    sittings = 0
    while sittings < 9:
        model, run = plan.train(folder=tmp_path, resume=True, max_minutes=0, progress=False)
        sittings += 1
        if run.finished:
            break

    assert sittings == 5  # a sitting ends with the first stage that it leaves unfinished
    for name, value in whole.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name


@pytest.mark.parametrize("name", sorted(p.parent.name for p in RELEASED.glob("*/plan.toml")))
def test_every_plan_of_the_package_is_named_like_its_folder_and_takes_a_step(name):
    plan = load_plan(name)
    model, first = plan.create_model(), replace(plan.recipe, steps=1, batch_size=1)
    before = [value.detach().clone() for value in model.parameters()]

    layers = plan.layers and replace(plan.layers, steps=1)
    run = train(model, torch.rand(2, 1, 64, 64), plan.noise, first, layers, progress=False)

    assert plan.name == name and run.to_the_end().finished
    pairs = list(zip(before, model.parameters(), strict=True))
    assert all(torch.isfinite(after).all() for _, after in pairs)
    assert any(not torch.equal(*pair) for pair in pairs)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "tiny"', "", "name is missing: add it"),
        ("steps = 3", "step = 3", r"\[recipe\] step is not known: remove it or mend its name"),
        ('type = "BlindGaussianNoise"', 'type = "Rain"', "Unknown noise 'Rain'; choose one of"),
        ("low = 0", "lowest = 0", "BlindGaussianNoise has no lowest, but: low, high"),
        ('optimizer = "muon"', 'optimizer = "sgd"', "'sgd': must be 'adam' or 'muon'"),
        ("[data]", "[data", "tiny.toml cannot be used"),
        ("sigma = 25", "noise = 25", r"\[validation\] noise is not known"),
    ],
)
def test_a_mistake_is_named(write, old, new, message):
    with pytest.raises(ValueError, match=message):
        load_plan(write(TEXT.replace(old, new)))


def test_a_missing_file_lists_the_released_ones():
    with pytest.raises(FileNotFoundError, match="name a TOML file, or one of dncnn-"):
        load_plan("nowhere")


def test_a_plan_may_start_from_trained_weights(write):
    text = TEXT.replace(
        'name = "dncnn"\ndepth = 3\nfeatures = 4', 'name = "dncnn"\nstart = "dncnn-warm-nih"'
    )

    model = load_plan(write(text)).create_model()

    trained = methods.load("dncnn-warm-nih").state_dict()
    assert all(torch.equal(value, trained[name]) for name, value in model.state_dict().items())


def test_every_wrong_field_has_its_sentence(write):
    text = TEXT.replace("steps = 3", "steps = 0").replace("sigma = 25", 'sigma = "loud"')

    with pytest.raises(ValueError) as caught:
        load_plan(write(text + "\n[studies]\n"))

    said = str(caught.value)
    assert "[recipe] steps is 0: must be a whole number between 1 and 1,000,000,000." in said
    assert "[validation] sigma is 'loud': must be a number between 0 and 2,550." in said
    assert "studies is not known: remove it or mend its name." in said


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("depth = 3", "depht = 3", "dncnn has no argument 'depht', but: depth, features"),
        ("[data]", "[layers]\nsteps = 2\n\n[data]", "is for a stack of layers, which dncnn is not"),
        ('name = "dncnn"', 'name = "resnet"', "Unknown network 'resnet'"),
    ],
)
def test_a_network_that_does_not_fit_is_named(write, old, new, message):
    with pytest.raises(ValueError, match=message):
        load_plan(write(TEXT.replace(old, new))).create_model()
