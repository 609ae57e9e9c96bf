"""Noise: right statistics, the same bits for the same key, clear errors."""

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from denoise_lib.noise import (
    CHEST_DRR,
    AdditivePoissonNoise,
    BlindCorrelatedNoise,
    BlindGaussianNoise,
    CorrelatedNoise,
    GaussianNoise,
    MaskingNoise,
    PoissonGaussianNoise,
    SaltPepperNoise,
    SpeckleNoise,
    ToneCurve,
    XRayNoise,
)

MODELS = [
    GaussianNoise(25),
    GaussianNoise(25, clip=True),
    PoissonGaussianNoise(100, 5),
    XRayNoise(500, 1, 0.8, **CHEST_DRR),
    SaltPepperNoise(0.2),
    MaskingNoise(0.3),
    SpeckleNoise(40),
    BlindGaussianNoise(5, 55),
    AdditivePoissonNoise(0.2, 5),
    CorrelatedNoise(25, 1.5),
]
ids = st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=4, unique=True)
sides = st.integers(1, 24)


@pytest.mark.parametrize("noise", MODELS, ids=repr)
@settings(max_examples=20, deadline=None)
@given(ids=ids, height=sides, width=sides, seed=st.integers(0, 9))
def test_noise_of_an_image_does_not_depend_on_batch_or_order(noise, ids, height, width, seed):
    clean = torch.rand(len(ids), 1, height, width)

    together = noise(clean, ids, seed)
    backwards = noise(clean.flip(0), ids[::-1], seed).flip(0)
    alone = torch.cat([noise(clean[i : i + 1], [ids[i]], seed) for i in range(len(ids))])

    assert torch.equal(together, backwards)
    assert torch.equal(together, alone)
    assert together.dtype == torch.float32 and together.shape == clean.shape


@pytest.mark.parametrize("noise", MODELS, ids=repr)
def test_other_ids_and_other_seeds_draw_other_noise(noise):
    clean = torch.full((1, 1, 64, 64), 0.5)

    first = noise(clean, ["a"], 0)

    assert not torch.equal(first, noise(clean, ["b"], 0))
    assert not torch.equal(first, noise(clean, ["a"], 1))


def test_bits_are_the_ones_recorded():
    """The recorded digests come from another run; a change here would void committed results."""
    clean = torch.linspace(0, 1, 64 * 64).reshape(1, 1, 64, 64)

    digests = {
        type(noise).__name__: hashlib.sha256(noise(clean, ["id"], 0).numpy().tobytes()).hexdigest()
        for noise in (
            GaussianNoise(25),
            PoissonGaussianNoise(100),
            XRayNoise(500, 1, 0.8, **CHEST_DRR),
            CorrelatedNoise(25),
            SaltPepperNoise(0.2),
        )
    }

    assert {name: digest[:12] for name, digest in digests.items()} == {
        "GaussianNoise": "f0c8f5f1f761",
        "PoissonGaussianNoise": "dafa5d53efaf",
        "XRayNoise": "5c24ba7916dc",
        "CorrelatedNoise": "f7574ea19b07",
        "SaltPepperNoise": "8bab7bcc50c6",
    }


@pytest.mark.parametrize("width", [0.5, 1.0, 2.0])
def test_correlated_noise_has_its_sigma_and_the_correlation_of_its_blur(width):
    clean = torch.full((1, 1, 400, 400), 0.5)

    field = (CorrelatedNoise(25, width)(clean, ["flat"]) - clean)[0, 0].double()

    # Two Gaussians of that width convolved: a Gaussian of sqrt(2) times the width.
    expected = np.exp(-1 / (4 * width**2))
    assert 255 * field.std().item() == pytest.approx(25, rel=0.03)
    if width >= 1:  # narrower ones are too coarsely sampled for the formula
        neighbours = (field[:, 1:] * field[:, :-1]).mean() / field.var()
        assert neighbours.item() == pytest.approx(expected, abs=0.03)


def test_correlated_noise_keeps_its_sigma_in_the_corner_of_a_small_image():
    clean = torch.full((4000, 1, 1, 3), 0.5)

    field = CorrelatedNoise(25, 4)(clean, [str(n) for n in range(4000)]) - clean

    assert 255 * field[..., 0].std().item() == pytest.approx(25, rel=0.05)


def test_photon_noise_knows_its_level_at_a_brightness():
    noise = PoissonGaussianNoise(50, 5)
    clean = torch.full((1, 1, 300, 300), 0.4)

    assert 255 * (noise(clean, ["flat"]) - clean).std().item() == pytest.approx(
        noise.sigma_at(0.4), rel=0.02
    )


CURVES = st.builds(
    ToneCurve,
    black=st.floats(0, 3),
    white=st.floats(4, 8),
    gamma=st.floats(1, 2),
    slope=st.sampled_from([0.0]) | st.floats(0.5, 4),
)


@settings(max_examples=50, deadline=None)
@given(curve=CURVES)
def test_a_tone_curve_goes_from_black_to_white_and_back(curve):
    attenuation = torch.linspace(curve.black - 3, curve.white + 3, 200, dtype=torch.float64)

    grey = curve.display(attenuation)
    ends = curve.display(torch.tensor([curve.black, curve.white], dtype=torch.float64))

    assert ends.tolist() == pytest.approx([0, 1], abs=1e-12)
    assert (grey.diff() > 0).all() and grey.min() < 0 and grey.max() > 1
    torch.testing.assert_close(curve.attenuation(grey), attenuation)


@settings(max_examples=50, deadline=None)
@given(curve=CURVES, level=st.floats(-0.5, 1.5).filter(lambda x: abs(x) > 0.01))
def test_steepness_is_the_derivative_of_the_tone_curve(curve, level):
    attenuation = curve.attenuation(torch.tensor(level, dtype=torch.float64)).requires_grad_()

    curve.display(attenuation).backward()

    assert attenuation.grad is not None
    found = curve.steepness(torch.tensor(level, dtype=torch.float64))
    assert found.item() == pytest.approx(attenuation.grad.item(), rel=1e-6)


# Two where the counts are enough for the formula behind the whitest grey, one with blur.
XRAYS = [
    XRayNoise(200_000),
    XRayNoise(200_000, 30, **CHEST_DRR),
    XRayNoise(200_000, 10, 1.2, **CHEST_DRR),
]


@pytest.mark.parametrize("draw", ["keyed", "fresh"])
@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("noise", XRAYS, ids=repr)
def test_variance_of_xray_noise_by_grey_level_follows_the_formula(noise, level, draw):
    clean = torch.full((1, 1, 400, 400), level)
    attenuation = noise.black + (noise.white - noise.black) * level
    if noise.slope:  # the curve written out: u by bisection of the logistic, s by the root
        low, high = 0.0, 1.0
        for _ in range(60):
            u = (low + high) / 2
            x = (1 + np.tanh(2.2 * (u - 0.5)) / np.tanh(1.1)) / 2
            low, high = (u, high) if x < level else (low, u)
        attenuation = 4.8 * u ** (1 / 1.4)
    counts = 200_000 * np.exp(-attenuation)
    share = 1.0
    if noise.blur:
        h = np.exp(-(np.arange(-4, 5) ** 2) / (2 * noise.blur**2))
        share = ((h / h.sum()) ** 2).sum() ** 2
    relative = share / counts + noise.electronic**2 / counts**2

    noisy = (
        noise(clean, ["flat"])
        if draw == "keyed"
        else noise.sample(clean, torch.Generator().manual_seed(0))
    )

    error = (noisy - clean).double()
    steepness = noise.tone.steepness(torch.tensor(level, dtype=torch.float64)).item()
    assert noise.sigma_at(level) == pytest.approx(255 * steepness * relative**0.5, rel=1e-6)
    assert 255 * error.std().item() == pytest.approx(noise.sigma_at(level), rel=0.02)
    assert 255 * abs(error.mean().item()) < 0.1 * noise.sigma_at(level)


def test_a_radiograph_is_noisiest_where_it_is_white():
    """In a photograph likewise, but for another reason; a straight curve keeps the two apart."""
    noise = XRayNoise(1000)

    levels = [noise.sigma_at(level) for level in (0, 0.25, 0.5, 0.75, 1)]

    assert levels == sorted(levels)
    # 1 / sqrt(dose) of the attenuation where nothing attenuates, and the root of exp(4.8) more.
    assert levels[0] == pytest.approx(255 / 4.8 / 1000**0.5)
    assert levels[-1] / levels[0] == pytest.approx(np.exp(4.8 / 2))


def test_four_times_the_dose_halves_xray_noise():
    assert XRayNoise(4000).sigma_at(0.5) == pytest.approx(XRayNoise(1000).sigma_at(0.5) / 2)


def test_few_photons_are_shown_too_bright_and_never_as_infinite():
    noise, clean = XRayNoise(500), torch.full((1, 1, 400, 400), 1.0)

    error = noise(clean, ["flat"]) - clean

    counts = 500 * np.exp(-4.8)
    assert torch.isfinite(error).all()
    assert error.mean().item() > 0.5 / counts / 4.8 * 0.9


def test_a_detectors_blur_is_shared_by_neighbours_up_to_the_edge():
    clean = torch.full((4000, 1, 3, 3), 0.5)
    noise = XRayNoise(100_000, 0, 1.5)

    field = noise(clean, [str(n) for n in range(4000)]) - clean

    assert 255 * field[:, 0, 0, 0].std().item() == pytest.approx(noise.sigma_at(0.5), rel=0.05)
    shared = np.corrcoef(field[:, 0, 1, 1], field[:, 0, 1, 2])[0, 1]
    assert shared == pytest.approx(np.exp(-1 / (4 * 1.5**2)), abs=0.05)


def test_counts_and_images_are_two_ways_of_saying_the_same():
    noise = XRayNoise(1000, 1, **CHEST_DRR)
    clean = torch.rand(1, 1, 64, 64)

    counts = noise.counts(noise(clean, ["x"]))

    assert counts.min() >= 0.5 - 1e-3
    torch.testing.assert_close(noise.display(noise.counts(clean)), clean, rtol=0, atol=1e-5)


def test_blind_noise_has_another_level_for_each_image():
    clean = torch.full((400, 1, 32, 32), 0.5)

    noisy = BlindGaussianNoise(10, 50).sample(clean, torch.Generator().manual_seed(0))

    levels = 255 * (noisy - clean).flatten(1).std(dim=1)
    assert levels.min() > 8 and levels.max() < 54
    assert levels.mean().item() == pytest.approx(30, abs=2)
    assert levels.std().item() == pytest.approx(40 / 12**0.5, abs=1.5)


@pytest.mark.parametrize("draw", ["keyed", "fresh"])
@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(
    ("noise", "variance"),
    [
        (GaussianNoise(25), lambda x: (25 / 255) ** 2),
        (PoissonGaussianNoise(50, 0), lambda x: x / 50),
        (PoissonGaussianNoise(200, 10), lambda x: x / 200 + (10 / 255) ** 2),
        (SpeckleNoise(40), lambda x: (x * 40 / 255) ** 2),
    ],
    ids=repr,
)
def test_mean_and_variance_follow_the_model(noise, variance, level, draw):
    clean = torch.full((1, 1, 400, 400), level)

    if draw == "keyed":
        noisy = noise(clean, ["flat"])
    else:
        noisy = noise.sample(clean, torch.Generator().manual_seed(0))

    error = (noisy - clean).double()
    expected = variance(level)
    # Five standard errors of a mean and of a variance over 160,000 pixels.
    assert error.mean().abs() < 5 * (expected / error.numel()) ** 0.5
    assert error.var() == pytest.approx(expected, rel=5 * (3 / error.numel()) ** 0.5)


@settings(max_examples=20, deadline=None)
@given(sigma=st.floats(0.1, 200), factor=st.floats(0.1, 10))
def test_gaussian_noise_scales_with_sigma(sigma, factor):
    clean = torch.zeros(1, 1, 8, 8)

    one, other = (GaussianNoise(s)(clean, ["x"]) for s in (sigma, sigma * factor))

    torch.testing.assert_close(one * factor, other, rtol=1e-4, atol=1e-6)


def test_noise_is_not_clipped_unless_asked_for():
    clean = torch.cat([torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)], dim=2)

    unclipped = GaussianNoise(25)(clean, ["x"])
    clipped = GaussianNoise(25, clip=True)(clean, ["x"])

    assert unclipped.min() < 0 and unclipped.max() > 1
    assert torch.equal(clipped, unclipped.clamp(0, 1))


@pytest.mark.parametrize("draw", ["keyed", "fresh"])
def test_added_counts_brighten_by_p_times_their_mean(draw):
    noise, clean = AdditivePoissonNoise(0.2, 5), torch.full((1, 1, 400, 400), 0.5)

    if draw == "keyed":
        noisy = noise(clean, ["flat"])
    else:
        noisy = noise.sample(clean, torch.Generator().manual_seed(0))

    added = (noisy - clean).double()
    assert added.mean() == pytest.approx(0.2 * 5, abs=0.005)
    assert added.var() == pytest.approx(0.2**2 * 5, rel=0.02)
    torch.testing.assert_close((added / 0.2).round() * 0.2, added, rtol=0, atol=1e-6)


def test_fractions_of_corrupted_pixels():
    clean = torch.full((1, 1, 400, 400), 0.5)

    salted = SaltPepperNoise(0.2)(clean, ["x"])
    masked = MaskingNoise(0.3)(clean, ["x"])

    assert (salted == 0).double().mean() == pytest.approx(0.1, abs=0.005)
    assert (salted == 1).double().mean() == pytest.approx(0.1, abs=0.005)
    assert (masked == 0).double().mean() == pytest.approx(0.3, abs=0.006)
    assert set(np.unique(masked)) == {0.0, 0.5}


def test_only_gaussian_noise_has_a_known_sigma():
    assert GaussianNoise(25).known_sigma == CorrelatedNoise(25).known_sigma == 25
    assert all(noise.known_sigma is None for noise in MODELS[2:-1])


@pytest.mark.parametrize(
    ("clean", "error", "words"),
    [
        (torch.zeros(1, 1, 4, 4, dtype=torch.uint8), TypeError, "convert with .float()"),
        (torch.full((1, 1, 4, 4), 2.0), ValueError, "divide 8-bit images by 255"),
        (torch.full((1, 1, 4, 4), float("nan")), ValueError, "NaN"),
        (torch.zeros(1, 3, 4, 4), ValueError, "(N, 1, H, W)"),
        (np.zeros((1, 1, 4, 4)), TypeError, "float tensor"),
    ],
)
def test_bad_images_are_refused_with_advice(clean, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(").replace(")", r"\)")):
        GaussianNoise(25)(clean, ["x"])


@pytest.mark.parametrize("ids", ["x", [], ["a", "b"]])
def test_ids_must_be_one_per_image(ids):
    with pytest.raises(ValueError, match="one id per image"):
        GaussianNoise(25)(torch.zeros(1, 1, 4, 4), ids)


@pytest.mark.parametrize(
    "make",
    [
        lambda: GaussianNoise(-1),
        lambda: GaussianNoise(float("nan")),
        lambda: PoissonGaussianNoise(0),
        lambda: XRayNoise(0),
        lambda: XRayNoise(100, black=2, white=1),
        lambda: SaltPepperNoise(1.5),
        lambda: MaskingNoise(-0.1),
        lambda: SpeckleNoise(float("inf")),
        lambda: AdditivePoissonNoise(0.2, -1),
    ],
)
def test_impossible_parameters_are_refused(make):
    with pytest.raises(ValueError, match="must be a number"):
        make()


def test_speckle_is_gaussian_noise_of_its_sigma_where_the_image_is_white():
    white, grey = torch.ones(1, 1, 8, 8), torch.full((1, 1, 8, 8), 0.5)

    noise = SpeckleNoise(40)(white, ["a"]) - white

    torch.testing.assert_close(noise, GaussianNoise(40)(white, ["a"]) - white)
    torch.testing.assert_close(SpeckleNoise(40)(grey, ["a"]) - grey, noise / 2)


@pytest.mark.parametrize("width", [0, -0.5, float("nan")])
def test_a_width_must_be_positive(width):
    with pytest.raises(ValueError, match="width must be a number between 0.001 and 100"):
        CorrelatedNoise(25, width)


def test_blind_correlated_noise_draws_a_width_for_each_image_and_keeps_sigma():
    flat = torch.full((24, 1, 96, 96), 0.5)
    noise = BlindCorrelatedNoise(25, 25, widest=2)

    added = noise.sample(flat, torch.Generator().manual_seed(0)) - flat

    shared = (added[..., 1:] * added[..., :-1]).mean((1, 2, 3)) / added.square().mean((1, 2, 3))
    down = (added[..., 1:, :] * added[..., :-1, :]).mean((1, 2, 3)) / added.square().mean((1, 2, 3))
    # exp(-1 / (4 w^2)) is the correlation of neighbours: 0.94 for the widest.
    assert shared.min() < 0.2 and 0.85 < shared.max() < 0.96
    torch.testing.assert_close(shared, down, atol=0.1, rtol=0)
    assert 255 * added.std((1, 2, 3)).mean() == pytest.approx(25, rel=0.03)
