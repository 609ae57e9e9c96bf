"""Arguments that cannot be right are refused in one sentence that names them and their range."""

import ast
from functools import partial

import numpy as np
import pytest
import torch

from denoise_lib import methods, metrics
from denoise_lib.checks import UserError, check_weights
from denoise_lib.evaluation import apply, evaluate, summarise
from denoise_lib.inference import denoise
from denoise_lib.methods.arguments import MOST_WEIGHTS
from denoise_lib.noise import (
    CHEST_DRR,
    AdditivePoissonNoise,
    BlindGaussianNoise,
    CorrelatedNoise,
    GaussianNoise,
    PoissonGaussianNoise,
    SaltPepperNoise,
    SpeckleNoise,
    XRayNoise,
    create,
    declared,
)
from denoise_lib.protocol import Protocol
from denoise_lib.recipe import Recipe
from denoise_lib.training import RunOptions, fit
from denoise_lib.training.patches import NoisyPatches, sample_patches
from denoise_lib.training.plan import Plan

NAN, INFINITE = float("nan"), float("inf")
NUMBERS = [NAN, INFINITE, -1, "x", None, [1], True, 2j, 10**400, torch.tensor([1.0, 2.0])]


def image(side: int = 16) -> torch.Tensor:
    return torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))


def tiny() -> torch.nn.Module:
    torch.manual_seed(0)
    return methods.create("dncnn", depth=3, features=4)


def refused(call, said: str) -> None:
    with pytest.raises((UserError, FileNotFoundError)) as caught:
        call()
    message = str(caught.value)
    assert said in message and message.endswith(".") and "\n" not in message


OPTIONAL = ("clip_gradient", "limit", "size", "max_minutes")
FIELDS = [
    (partial(Recipe, steps=2), "steps", "a whole number between 1 and 1,000,000,000"),
    (partial(Recipe, steps=2), "batch_size", "a whole number between 1 and 100,000"),
    (partial(Recipe, steps=2), "patch_size", "a whole number between 1 and 100,000"),
    (partial(Recipe, steps=2), "learning_rate", "a number above 0, up to 100"),
    (partial(Recipe, steps=2), "ema", "a number of at least 0 and below 1"),
    (partial(Recipe, steps=2), "clip_gradient", "a number above 0, up to 1,000,000"),
    (partial(Recipe, steps=2), "validate_every", "a whole number between 1 and"),
    (partial(Recipe, steps=2), "seed", "a whole number between 0 and"),
    (partial(Recipe, steps=2), "matrix_learning_rate", "a number above 0, up to 100"),
    (partial(Recipe, steps=2), "weight_decay", "a number between 0 and 100"),
    (partial(Recipe, steps=2), "warmup", "a number of at least 0 and below 1"),
    (partial(Recipe, steps=2), "accumulate", "a whole number between 1 and 100,000"),
    (RunOptions, "max_minutes", "a number between 0 and 10,000,000"),
    (RunOptions, "checkpoint_minutes", "a number between 0 and 10,000,000"),
    (Protocol, "seed", "a whole number between 0 and"),
    (Protocol, "data_range", "a number above 0, up to 1"),
    (Protocol, "ssim_sigma", "a number between 0.5 and 50"),
    (Protocol, "limit", "a whole number between 1 and"),
    (Protocol, "size", "a whole number between 1 and 16,384"),
]


@pytest.mark.parametrize("value", NUMBERS, ids=str)
@pytest.mark.parametrize(("make", "name", "range_"), FIELDS, ids=[field[1] for field in FIELDS])
def test_a_number_of_a_recipe_a_run_or_a_protocol_is_in_its_range(make, name, range_, value):
    if value is None and name in OPTIONAL:
        assert getattr(make(**{name: None}), name) is None
        return
    refused(lambda: make(**{name: value}), f"must be {range_}")
    refused(lambda: make(**{name: value}), f"{name} is ")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Recipe(1.5), "steps is 1.5: must be a whole number between 1"),
        (lambda: Recipe(2, ema=1), "ema is 1: must be"),
        (lambda: Recipe(2, clip_gradient=0), "clip_gradient is 0: must be a number above 0"),
        (lambda: Recipe(2, learning_rate=1e30), "learning_rate is 1e+30: must be"),
        (lambda: Recipe(2, loss="mae"), "loss is 'mae': must be 'mse', 'l1' or 'bce'."),
        (lambda: Recipe(2, foo=1), "foo is not known: remove it or mend its name (steps, "),
        (lambda: Recipe(), "steps is missing: add it."),
        (lambda: Recipe(*range(16)), "Recipe has 15 fields, not 16."),
        (lambda: Recipe("x" * 1000), "x...: must be"),
        (lambda: RunOptions(folder=5), "folder is 5: must be a path."),
        (lambda: RunOptions(folder=""), "folder is '': must be a path."),
        (lambda: RunOptions(compile="no"), "compile is 'no': must be true or false."),
        (lambda: RunOptions(resume=1), "resume is 1: must be true or false."),
        (lambda: Protocol(dataset=5), "dataset is 5: must be text."),
        (lambda: Protocol(split="nope"), "split is 'nope': must be 'train', 'val' or 'test'."),
        (lambda: Protocol(noise=25), "noise is 25: must be a noise model, GaussianNoise(25) say."),
        (lambda: Protocol(noise=None), "noise is None: must be a noise model"),
        (lambda: Protocol(data_range=255), "data_range is 255: must be a number above 0, up to 1"),
    ],
)
def test_a_field_is_refused_by_name(make, said):
    refused(make, said)


def test_numbers_of_other_kinds_are_taken_as_pythons_own():
    recipe = Recipe(np.int64(5), ema=np.float32(0.5), seed=3.0, warmup=torch.tensor(0.25))

    assert (recipe.steps, recipe.ema, recipe.seed, recipe.warmup) == (5, 0.5, 3, 0.25)
    assert [type(v) for v in (recipe.steps, recipe.ema, recipe.seed)] == [int, float, int]


@pytest.mark.parametrize(
    ("protocol", "hash_"),
    [
        (Protocol(), "77485a0225"),
        (Protocol(seed=0.0, data_range=1, ssim_sigma=np.float64(1.5)), "77485a0225"),
        (Protocol(noise=GaussianNoise(25.0, clip=np.False_), limit=3), "77485a0225"),
        (Protocol("nih-sample", noise=GaussianNoise(75)), "4b9fb39c99"),
        (Protocol("chest-cr", noise=GaussianNoise(5)), "d99eb6d21d"),
        (Protocol(noise=CorrelatedNoise(25)), "7b61310b16"),
        (Protocol(noise=SaltPepperNoise(0.1)), "c2e9fb9f54"),
        (Protocol(noise=SpeckleNoise(50)), "ac2fb76690"),
        (Protocol(noise=XRayNoise(1400, 1, **CHEST_DRR)), "08a599e691"),
    ],
)
def test_a_protocol_has_the_hash_of_its_rows_however_its_numbers_are_written(protocol, hash_):
    assert protocol.hash == hash_


@pytest.mark.parametrize("value", NUMBERS, ids=str)
@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k, d in declared().items() for n in d.trial], ids=str
)
def test_a_number_of_a_noise_is_in_its_range(kind, name, value):
    parameters = {**declared()[kind].trial, name: value}

    refused(lambda: create(kind, **parameters), f"{name} must be a number between ")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: GaussianNoise(25, clip="no"), "clip must be True or False, not 'no'."),
        (lambda: GaussianNoise(1e9), "sigma must be a number between 0 and 2,550"),
        (lambda: PoissonGaussianNoise(1e30), "photons must be a number between 0.001 and 10,000,"),
        (lambda: CorrelatedNoise(25, 1e9), "width must be a number between 0.001 and 100"),
        (lambda: AdditivePoissonNoise(0.2, 1e30), "rate must be a number between 0 and 10,000"),
        (lambda: BlindGaussianNoise(9, 8), "high must be a number between 9 and 2,550, not 8."),
        (lambda: create("GaussianNoise"), "GaussianNoise needs sigma"),
        (lambda: create(["x"]), "Unknown noise ['x']; choose one of: GaussianNoise"),
        (lambda: GaussianNoise(25)(image()[:0], []), "hold no pixel: give at least one image"),
        (lambda: GaussianNoise(25)(image().to("meta"), ["a"]), "on the device 'meta'"),
        (lambda: GaussianNoise(25)(image().to_sparse(), ["a"]), "convert with .to_dense()"),
        (lambda: GaussianNoise(25)(image(), None), "Give one id per image in a list"),
        (lambda: GaussianNoise(25)(image(), "a"), "Give one id per image in a list"),
        (lambda: GaussianNoise(25)(image(), ["a\udcff"]), "must be Unicode text, not 'a\\udcff'."),
        (lambda: GaussianNoise(25)(image(), [5]), "must be Unicode text, not 5."),
        (lambda: GaussianNoise(25)(image(), ["a"], NAN), "seed must be a whole number"),
        (lambda: GaussianNoise(25).sample(NAN * image()), "contain NaN or infinity"),
    ],
)
def test_what_noise_cannot_do_is_said(make, said):
    refused(make, said)


@pytest.mark.parametrize(
    "noise",
    [
        PoissonGaussianNoise(1e7, 2550),
        AdditivePoissonNoise(10, 1e4),
        XRayNoise(1e7, 1e7, 100, 0, 100, 20, 20),
        XRayNoise(1, 1e7, slope=20),
    ],
)
def test_the_largest_numbers_that_a_noise_takes_give_finite_pixels(noise):
    assert torch.isfinite(noise(image(4), ["a"])).all()
    assert torch.isfinite(noise.sample(image(4))).all()


def test_noise_of_seed_1_is_that_of_seed_one_point_nought():
    noise = GaussianNoise(25)

    assert torch.equal(noise(image(), ["a"], 1.0), noise(image(), ["a"], 1))


@pytest.mark.parametrize(
    ("name", "config", "said"),
    [
        ("dncnn", "depth='17'", "dncnn: depth must be a whole number between 1 and 10,000"),
        ("dncnn", "depth=10**7", "dncnn: depth must be a whole number between 1 and 10,000"),
        ("dncnn", "depth=True", "dncnn: depth must be a whole number"),
        ("dncnn", "features=0", "dncnn: features must be a whole number"),
        ("dncnn", "features=-1", "dncnn: features must be a whole number"),
        ("dncnn", "features=10**9", "dncnn: features must be a whole number"),
        ("dncnn", "features=10**4", "dncnn would have more than 200,000,000 weights"),
        ("dncnn", "depth=1", "DnCNN needs a depth of at least 2"),
        ("dncnn", "batch_norm='no'", "dncnn: batch_norm must be True or False"),
        ("dncnn", "depht=5", "dncnn has no argument 'depht', but: depth, features"),
        ("dncnn", "__class__=5", "dncnn has no argument '__class__'"),
        ("rdn", "blocks=10**4, layers=10**4", "rdn would have more than"),
        ("vincent", "hidden=5", "vincent: hidden must be a list of whole numbers, not 5"),
        ("vincent", "hidden='12'", "vincent: hidden must be a list of whole numbers"),
        ("vincent", "hidden=[0]", "vincent: hidden must be a whole number between 1 and"),
        ("vincent", "patch_size=10**4", "vincent would have more than"),
        ("vincent", "decoder='relu'", "Unknown decoder 'relu'; choose one of"),
        ("vincent", "decoder=5", "vincent: decoder must be text, not 5"),
    ],
)
def test_an_argument_of_a_network_is_refused_before_memory_is_taken(name, config, said):
    refused(lambda: eval(f"create({config})", {"create": partial(methods.create, name)}), said)


def test_a_network_is_made_as_if_its_arguments_had_not_been_tried():
    torch.manual_seed(5)
    through = methods.create("dncnn", depth=4.0, features=4)
    torch.manual_seed(5)
    directly = type(through)(depth=4, features=4)

    pairs = zip(through.state_dict().values(), directly.state_dict().values(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    assert methods.count_parameters(methods.create("rdn")) < MOST_WEIGHTS / 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image": image().to_sparse()}, "convert with .to_dense()"),
        ({"image": image()[0].to_sparse()}, "convert with .to_dense()"),
        ({"image": image()[0, 0].to_sparse_csr()}, "convert with .to_dense()"),
        ({"image": image()[:0]}, "hold no pixel: give at least one image"),
        ({"image": 255 * image()}, "divide 8-bit images by 255, 16-bit images by 65535"),
        ({"image": 65535 * image()}, "black must be 0 and white 1"),
        ({"image": image() - 5}, "black must be 0 and white 1"),
        ({"tile": "256"}, "must be a whole number of at least 1, not '256'"),
        ({"tile": 10.5}, "must be a whole number of at least 1, not 10.5"),
        ({"tile": NAN}, "must be a whole number of at least 1, not nan"),
        ({"sigma": "x"}, "sigma must be a number between 0 and 2,550, not 'x'"),
        ({"sigma": NAN}, "sigma must be a number"),
        ({"sigma": INFINITE}, "sigma must be a number"),
        ({"sigma": -5}, "sigma must be a number"),
        ({"self_ensemble": "no"}, "self_ensemble must be True or False"),
        ({"model": None}, "None is no denoiser: load one with methods.load"),
        ({"model": "dncnn-nih"}, "'dncnn-nih' is no denoiser"),
        ({"model": torch.nn.Identity}, "is no denoiser"),
        ({"model": tiny().double()}, "convert with model.float()"),
        ({"model": torch.nn.Identity()}, "The denoiser Identity takes no sigma"),
        ({"model": torch.nn.Conv2d(3, 3, 3)}, "The denoiser Conv2d takes no sigma"),
        ({"model": lambda noisy: noisy}, "takes no sigma"),
        ({"model": lambda noisy, sigma: None}, "returned NoneType: it must return a tensor"),
        ({"model": lambda noisy, sigma: [noisy]}, "returned list"),
        ({"model": lambda noisy, sigma: NAN * noisy}, "returned NaN or infinity"),
        ({"model": lambda noisy, sigma: torch.cat([noisy, noisy])}, "not (2, 1, 16, 16)"),
    ],
)
def test_what_cannot_be_denoised_or_denoise_is_refused(change, said):
    refused(lambda: denoise(**{"image": image(), "model": tiny(), **change}), said)


@pytest.mark.parametrize("sigma", [0, 75, 200])
def test_noise_may_leave_the_range(sigma):
    noisy = GaussianNoise(sigma)(image(64), ["a"])

    assert torch.equal(denoise(noisy, lambda noisy, sigma=None: noisy), noisy)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: evaluate(None, Protocol(limit=1)), "None is no denoiser"),
        (lambda: evaluate("bm3d", Protocol(limit=1)), "'bm3d' is no denoiser"),
        (lambda: evaluate(tiny(), None), "Images are measured under a Protocol, not None"),
        (lambda: apply(lambda noisy, sigma: None, image()), "returned NoneType"),
        (lambda: apply(lambda noisy, sigma: NAN * noisy, image()), "returned NaN or infinity"),
        (lambda: apply(tiny(), image(), sigma=NAN), "sigma must be a number"),
        (lambda: summarise({}), "These are no rows of `evaluate`: {}."),
        (lambda: metrics.psnr(image()[..., :0], image()[..., :0]), "hold no pixel"),
        (lambda: metrics.psnr(255 * image(), image()), "must lie in [0, 1], the data range"),
        (lambda: metrics.psnr(image(), image(), -1), "data_range must be a number"),
        (lambda: metrics.psnr(image(), image(), 0), "data_range must be a number"),
        (lambda: metrics.mse(image(), image(), NAN), "data_range must be a number"),
        (lambda: metrics.ssim(image(), image(), 1, 0), "window_sigma must be a number between"),
        (lambda: methods.get("tv").load({}), "tv was not tuned at any noise level"),
        (lambda: methods.load("tv")(image(), sigma="x"), "sigma must be a number"),
        (lambda: methods.load("tv")(image()[:0]), "hold no pixel"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, said):
    refused(call, said)


def test_metrics_of_a_gradient_and_of_255_greys_are_those_of_the_image():
    clean, estimate = image(), 0.9 * image()

    expected = metrics.psnr(clean, estimate)
    assert metrics.psnr(clean.clone().requires_grad_(), estimate) == expected
    assert metrics.psnr(255 * clean, 255 * estimate, 255) == pytest.approx(expected, abs=1e-4)


def test_an_infinite_psnr_is_named_and_left_out_of_the_mean():
    rows = evaluate(lambda noisy, sigma=None: noisy, Protocol(limit=3), "noisy", progress=False)
    rows.loc[1, "psnr"] = np.inf

    with pytest.warns(UserWarning, match="noisy equals the clean image on 1 of 3 images"):
        mean = summarise(rows)["psnr"]["noisy"]

    assert mean == pytest.approx(rows["psnr"][[0, 2]].mean())


def test_one_id_selects_one_image():
    rows = evaluate(
        lambda noisy, sigma=None: noisy, Protocol(), progress=False, only="drr-test-003"
    )

    assert list(rows["image"]) == ["drr-test-003"]


def frozen() -> torch.nn.Module:
    return tiny().requires_grad_(False)


def broken() -> torch.nn.Module:
    model = tiny()
    model.tail.weight.data[0, 0, 0, 0] = NAN
    return model


def patches() -> NoisyPatches:
    return NoisyPatches(image(), GaussianNoise(25))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": lambda noisy: noisy}, "A function cannot be trained: give a torch.nn.Module"),
        ({"model": torch.nn.Identity()}, "Identity has no weights"),
        ({"model": frozen()}, "All weights of the model are frozen"),
        ({"model": broken()}, "The weights at the start have NaN or infinity in tail.weight"),
        ({"data": image()}, "The training data cannot be a Tensor: give NoisyPatches"),
        ({"recipe": 5}, "The recipe cannot be a int: give Recipe"),
        ({"validation": 25}, "under a Protocol, not a int"),
        ({"validation": Protocol("folder:nowhere")}, "There is no folder nowhere"),
        ({"recipe": Recipe(2, loss="bce", patch_size=8)}, 'choose "mse" or "l1"'),
        ({"foo": 1}, "foo is not known: remove it or mend its name (folder, resume"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_first_step(change, said):
    model = change.get("model", tiny())
    arguments = {"model": model, "data": patches(), "recipe": Recipe(2, patch_size=8)}
    before = dict(tiny().named_parameters())

    refused(lambda: fit(**{**arguments, "progress": False, **change}), said)
    if "model" not in change:
        assert all(torch.equal(v, before[n]) for n, v in model.named_parameters())


@pytest.mark.parametrize("images", [image()[:0], NAN * image(), 2 * image()])
def test_patches_are_of_clean_images(images):
    refused(lambda: NoisyPatches(images, GaussianNoise(25)), "lean images")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: NoisyPatches(image(), None), "The noise must be a noise model"),
        (lambda: NoisyPatches([1], GaussianNoise(25)), "The images must be a tensor, not [1]."),
        (lambda: sample_patches(image(), -1, 8, torch.Generator()), "count must be a whole number"),
        (lambda: sample_patches(image(), 1, 0, torch.Generator()), "patch_size must be a whole"),
    ],
)
def test_patches_that_cannot_be_drawn_are_refused(make, said):
    refused(make, said)


def test_weights_that_are_not_finite_are_named():
    check_weights(tiny(), "The weights")
    refused(lambda: check_weights(broken(), "The weights"), "The weights have NaN or infinity in")


@pytest.mark.parametrize(
    "name", ["../../escape", "/x", "", 5, ".", "..", "-x", "a/b", "a\\b", "a\nb", "x" * 101]
)
def test_the_name_of_a_plan_is_that_of_a_folder(name):
    with pytest.raises(ValueError, match="must be the name of a folder"):
        Plan.model_validate({"name": name})


def test_the_snippets_here_are_python():
    """So that a typing error in one is not taken for a refusal."""
    for mark in test_an_argument_of_a_network_is_refused_before_memory_is_taken.pytestmark:
        for _, config, _ in mark.args[1]:
            ast.parse(f"create({config})")
