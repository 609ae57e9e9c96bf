"""How noisy is an image: the estimators, the traces of a file's history, and the advice."""

import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.restoration import estimate_sigma as by_scikit_image
from typer.testing import CliRunner

from denoise_lib import cli
from denoise_lib.data import load_dataset
from denoise_lib.estimation import advice, blocks, describe, estimate_sigma, level, traces
from denoise_lib.estimation.estimate import TELLING
from denoise_lib.noise import (
    CHEST_DRR,
    CorrelatedNoise,
    GaussianNoise,
    PoissonGaussianNoise,
    SaltPepperNoise,
    XRayNoise,
)
from denoise_lib.protocol import Protocol
from denoise_lib.study import grid, store
from denoise_lib.study.variants import study_noises

ITEM = load_dataset("chest-drr").test[0]


def noisy(noise) -> torch.Tensor:
    return noise(ITEM.image[None], [ITEM.id])[0]


def eight_bits(image: torch.Tensor) -> Image.Image:
    return Image.fromarray((255 * image[0].clamp(0, 1)).round().to(torch.uint8).numpy())


def grey(image: Image.Image) -> np.ndarray:
    return np.asarray(image) / np.float32(255)


@pytest.mark.parametrize("sigma", [5, 10, 25, 50, 75])
def test_white_noise_is_measured_to_three_per_cent(sigma):
    found = describe(noisy(GaussianNoise(sigma)))

    for estimate in (found.sigma, found.by_wavelet, found.by_patches):
        assert estimate == pytest.approx(sigma, rel=0.03)
    assert found.whiteness == pytest.approx((-0.5, -0.5), abs=0.03)
    assert found.growth == "constant" and found.correlation_length == 0


@pytest.mark.parametrize("width", [0.5, 1])
def test_shared_noise_is_seen_by_the_cells_alone(width):
    found = describe(noisy(CorrelatedNoise(25, width)))

    assert found.sigma == found.by_cells == pytest.approx(25, rel=0.05)
    assert found.correlation_length == pytest.approx(2 * width, rel=0.1)
    assert found.by_wavelet < 20 and found.by_patches < 23
    assert found.kind == "shared by neighbours"


def test_the_wavelet_estimator_is_that_of_scikit_image():
    image = noisy(GaussianNoise(15))

    ours = level.wavelet(blocks.sample(image))

    assert ours == pytest.approx(255 * by_scikit_image(image[0].double().numpy()), rel=0.02)


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_a_flat_image_has_no_noise(value):
    image = torch.full((1, 64, 64), value)

    assert estimate_sigma(image) == 0.0
    assert "no noise that can be measured" in describe(image).advice


@pytest.mark.parametrize("border", [0.0, 0.3, 1.0])
def test_a_border_changes_nothing(border):
    inside = noisy(GaussianNoise(15))
    framed = torch.full((1, 600, 700), border)
    framed[:, 100:356, 200:456] = inside

    assert estimate_sigma(framed) == pytest.approx(estimate_sigma(inside), rel=0.03)


@settings(max_examples=10, deadline=None)
@given(contrast=st.floats(0.3, 1), sigma=st.floats(5, 40))
def test_sigma_scales_with_the_contrast(contrast, sigma):
    image = noisy(GaussianNoise(sigma)).clamp(0.01, 0.99)  # nothing at an end of the range

    scaled = estimate_sigma(0.005 + contrast * image)

    assert scaled == pytest.approx(contrast * estimate_sigma(image), rel=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 100), (7, 7), (15, 400)])
def test_too_small_an_image_is_refused_in_a_sentence(shape):
    with pytest.raises(ValueError, match=f"{shape[0]} x {shape[1]} pixels: .* 16 x 16"):
        describe(torch.rand(1, *shape))


@settings(max_examples=15, deadline=None)
@given(height=st.integers(16, 70), width=st.integers(16, 300), seed=st.integers(0, 9))
def test_noise_alone_of_any_size_is_measured(height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    image = 0.5 + 0.05 * torch.randn(1, height, width, generator=generator)

    assert estimate_sigma(image) == pytest.approx(255 * 0.05, rel=0.35)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(bad):
    image = torch.rand(1, 64, 64)
    image[0, 3, 3] = bad

    with pytest.raises(ValueError, match="NaN or infinity"):
        estimate_sigma(image)


def test_photon_noise_grows_and_white_noise_does_not():
    photons = describe(noisy(PoissonGaussianNoise(200)))

    assert photons.growth == "grows"
    # Variance 255 * grey / photons: the line goes through zero.
    assert photons.growth_slope == pytest.approx(255 / 200, rel=0.15)
    assert describe(noisy(XRayNoise(270, 1, **CHEST_DRR))).growth == "grows"
    assert describe(noisy(CorrelatedNoise(25, 1))).growth == "constant"


def test_the_spectrum_of_white_noise_is_flat_and_that_of_shared_noise_falls():
    white = np.array(describe(noisy(GaussianNoise(25))).spectrum)
    shared = describe(noisy(CorrelatedNoise(25, 1))).spectrum

    np.testing.assert_allclose(white[2:], 25**2, rtol=0.2)
    assert shared[2] > 10 * shared[-1]


@pytest.mark.parametrize("quality", [50, 75])
def test_blocks_of_jpeg_are_found_even_in_a_cropped_image(quality):
    buffer = io.BytesIO()
    eight_bits(ITEM.image).save(buffer, "JPEG", quality=quality)
    compressed = grey(Image.open(buffer))

    assert traces.blockiness(compressed) > 0.2
    assert traces.blockiness(compressed[3:, 5:]) > 0.2
    assert traces.blockiness(grey(eight_bits(ITEM.image))) == 0
    assert traces.resampling(compressed) is None


@pytest.mark.parametrize("method", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
@pytest.mark.parametrize("factor", [2, 3])
def test_an_enlarged_image_is_found_with_its_factor(method, factor):
    small = eight_bits(ITEM.image)

    large = small.resize((factor * small.width, factor * small.height), method)

    assert traces.resampling(grey(large)) == pytest.approx(factor, rel=0.01)
    assert traces.resampling(grey(small)) is None
    assert traces.blockiness(grey(large)) == 0


def test_clipping_is_counted():
    image = np.full((10, 10), 0.5)
    image[0, 2:7], image[3, 3] = 0, 1

    assert traces.clipping(image) == (0.05, 0.01)
    assert traces.longest_run(image) == 5


def test_depth_is_that_of_the_levels_in_use():
    eight = grey(eight_bits(ITEM.image))

    assert traces.depth(eight).bits == 8 and traces.depth(eight).missing == 0
    assert traces.depth(np.linspace(0, 1, 4096)).bits == 12
    stretched = np.round(np.clip(1.4 * eight - 0.2, 0, 1) * 255) / 255
    assert traces.depth(stretched).missing > 0.2


def test_each_noise_gets_its_advice():
    def said(noise):
        return describe(noisy(noise)).advice

    assert said(GaussianNoise(3)).startswith("Leave it alone")
    assert "bm3d --sigma 10," in said(GaussianNoise(10))
    assert "liu-nih, with --strength 0.4" in said(GaussianNoise(25))
    assert "liu-nih and look twice" in said(GaussianNoise(70))
    assert "rdn-correlated" in said(CorrelatedNoise(25, 1))
    assert "liu-nih" in said(XRayNoise(1400, 1, **CHEST_DRR))
    assert "--model median" in said(SaltPepperNoise(0.1))
    assert describe(ITEM.image).advice.startswith("Leave it alone")


def test_advice_on_white_noise_is_that_of_the_scores():
    means = store.load_summary()
    nih = means[means["dataset"] == "nih-sample"].pivot(
        index="method", columns="sigma", values="psnr"
    )
    ours = nih.loc[list(grid.released())]

    assert min(grid.SIGMAS) == advice.LEAST and max(grid.SIGMAS) < advice.MOST
    assert nih[5].idxmax() == "bm3d" and nih.loc["bm3d", 5] > ours[5].max() + 0.5
    assert abs(nih.loc["liu-nih", advice.TO_BM3D] - nih.loc["bm3d", advice.TO_BM3D]) < 0.2
    assert (ours[[25, 35, 50, 75]].idxmax() == "liu-nih").all()
    assert (nih.loc["liu-nih", 25:] > nih.loc["bm3d", 25:] + 0.3).all()


def test_advice_on_shared_photon_and_spiky_noise_is_that_of_the_scores():
    for width in grid.WIDTHS:
        rows = store.load(Protocol("nih-sample", noise=CorrelatedNoise(25, width)))
        assert rows.groupby("method")["psnr"].mean().idxmax() == grid.REMEDY
    best = {}
    for name, noise in study_noises(in_matrix=True).items():
        rows = store.load(Protocol(noise=noise, limit=grid.FEW), variant=None)
        rows = rows[rows["variant"].fillna("") == ""]
        best[name] = rows.groupby("method")["psnr"].mean().idxmax()
    assert best["xray-1400"] == best["xray-270"] == best["speckle"] == "liu-nih"
    assert best["xray-50"] == best["salt-pepper"] == "median"


def test_the_strength_is_the_largest_that_helps_an_eye_and_costs_an_observer_next_to_nothing():
    rows = store.load_side("blend")

    for method in ("bm3d", "liu-nih"):
        own = rows[rows["method"] == method]
        best = own[own["observer"] == "hotelling"].groupby("alpha")["change"].min()
        eye = own[own["observer"] == "eye"].groupby("alpha")["change_low"].min()
        good = best.index[(best > -0.01) & (eye > 0)]
        assert good.max() == advice.STRENGTH
        assert best[1.0] < -0.08


def test_the_limits_of_the_advice_respect_the_errors_of_the_estimates():
    rows = store.load_side("estimation")
    chosen = (
        rows[rows["estimator"] == "chosen"].set_index(["dataset", "kind", "sigma"]).sort_index()
    )

    for dataset in ("chest-drr", "nih-sample"):
        clean = chosen.loc[dataset, "clean", 0]
        assert clean["left_alone"] == 1 and clean["most"] < advice.LEAST < advice.LEAST_SHARED
        white = chosen.loc[dataset, "white"]
        assert (white["called_white"] == 1).all() and (white["grows"] == 0).all()
        assert (white["bias"].abs() < 0.6).all()  # the radiographs have some noise of their own
        assert (white["most"] / white.index < advice.MOST / 75).loc[[15, 25, 50, 75]].all()
        shared = chosen.loc[dataset, "correlated"]
        assert (shared["called_white"] == 0).all()
        assert (shared["left_alone"].loc[[10, 15, 25, 50]] == 0).all()
        assert (chosen.loc[dataset, "photon"]["grows"].loc[[10, 15, 25]] == 1).all()


def test_inspect_goes_on_after_a_broken_file(tmp_path):
    eight_bits(noisy(GaussianNoise(10, clip=True))).save(tmp_path / "b.png")
    (tmp_path / "a.png").write_bytes(b"\x89PNG and no more")
    (tmp_path / "c.txt").write_text("no image")
    run = CliRunner().invoke

    plain = run(cli.app, ["inspect", str(tmp_path)])
    lines = run(cli.app, ["inspect", "--json", str(tmp_path)])

    assert plain.exit_code == lines.exit_code == 1
    assert "a.png" in plain.output and "256 x 256 pixels, 8 bits" in plain.output
    assert "Use --model bm3d --sigma 10" in plain.output
    broken, right = map(json.loads, lines.stdout.splitlines())
    assert "a.png" in broken["error"] and right["sigma"] == pytest.approx(10, rel=0.05)
    assert f"{tmp_path / 'c.txt'} is no image and left out." in plain.stderr
    assert run(cli.app, ["inspect", str(tmp_path / "b.png")]).exit_code == 0


def test_inspect_can_be_told_the_bits(tmp_path):
    clean = np.tile(np.linspace(0.2, 0.8, 128), (128, 1))
    values = 4095 * (clean + np.random.default_rng(0).normal(0, 25 / 255, clean.shape)).clip(0, 1)
    Image.fromarray(values.round().astype(np.uint16)).save(tmp_path / "twelve.png")

    said = CliRunner().invoke(
        cli.app, ["inspect", "--json", "--bits", "12", str(tmp_path / "twelve.png")]
    )

    assert json.loads(said.stdout)["sigma"] == pytest.approx(25, rel=0.1)


def test_a_large_image_takes_blocks_of_it():
    large = torch.rand(1, 3000, 3000)

    sample = blocks.sample(large)

    assert len(sample.values) == blocks.MOST and sample.usable.all()


@pytest.mark.parametrize("side", [16, 32, 64])
def test_of_a_small_image_no_kind_of_noise_is_claimed(side):
    noise = torch.randn(1, side, side, generator=torch.Generator().manual_seed(0))

    found = describe(0.5 + noise / 10)

    assert "does not tell" in found.kind and found.advice.startswith("Measure a larger part")
    assert found.sigma == pytest.approx(25.5, rel=0.35)


@pytest.mark.parametrize("seed", range(10))
def test_white_noise_is_called_white_from_the_smallest_image_that_tells_on(seed):
    side = TELLING
    noise = torch.randn(1, side, side, generator=torch.Generator().manual_seed(seed))

    assert describe(0.5 + noise / 10).kind == "independent from pixel to pixel"


@pytest.mark.parametrize(
    "image", [None, [[0.5]], "a.png", torch.rand(2, 1, 32, 32), 255 * torch.rand(1, 32, 32)]
)
def test_what_is_no_image_is_refused_in_a_sentence(image):
    with pytest.raises((TypeError, ValueError), match="image (must|has)"):
        describe(image)
