"""The model observers against what is known of it, and nodules where they belong."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from denoise_lib.data import load_dataset
from denoise_lib.study.side.detection import DRAWS
from denoise_lib.tasks import observer


def outputs(separation, count=400, seed=0):
    """Independent channel outputs with a given distance between the classes."""
    generator = np.random.default_rng(seed)
    present, absent = generator.normal(size=(2, count, 4))
    present[:, 0] += separation
    return present, absent, np.arange(count) // 4


def test_a_nodule_has_its_contrast_and_its_diameter():
    shape = observer.nodule(diameter=9, contrast=0.2, size=33)

    assert shape[16, 16].item() == pytest.approx(0.2)
    assert shape[16, 16 + 5] == 0 and shape[16, 16 + 4] > 0
    # Integral of (1 - r^2/R^2)^1.5 over the disc: pi R^2 / 2.5.
    assert shape.sum().item() == pytest.approx(0.2 * np.pi * 4.5**2 / 2.5, rel=0.02)


def test_places_are_allowed_and_apart():
    item = load_dataset("chest-drr").test[0]
    allowed = observer.aerated(item.image, item.mask[0], 16)

    found = observer.places(allowed, 6, 48, seed=1)

    assert len(found) >= 4 and found == observer.places(allowed, 6, 48, seed=1)
    assert all(allowed[row, column] for row, column in found)
    gaps = [np.hypot(*np.subtract(a, b)) for a in found for b in found if a != b]
    assert min(gaps) >= 48


def test_the_studys_nodules_take_turns_and_every_draw_has_its_own_places():
    item = load_dataset("chest-drr").test[0]

    where, sizes, signals = observer.study_nodules(item.image, item.mask[0], 0)

    assert sizes[:2] == list(observer.NODULES) and len(where) == len(sizes) == len(signals)
    assert [s.max().item() for s in signals[:2]] == pytest.approx(
        list(observer.NODULES.values()), rel=0.06
    )
    assert observer.study_nodules(item.image, item.mask[0], 0, draw=1)[0] != where
    assert observer.study_nodules(item.image, item.mask[0], 1)[0] != where


@pytest.mark.parametrize("draw", DRAWS)
def test_every_nodule_of_every_draw_lies_in_aerated_lung(draw):
    for number, item in enumerate(load_dataset("chest-drr").test):
        lungs, image = item.mask[0], item.image
        for (row, column), _, signal in zip(
            *observer.study_nodules(image, lungs, number, draw), strict=True
        ):
            covered = signal > 0
            assert observer.region(lungs, row, column, observer.REGION)[covered].all()
            clean = observer.region(image, row, column, observer.REGION)[0]
            assert (clean[covered] < observer.AERATED).all()


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 20), st.integers(0, 2**20))
def test_aerated_is_where_all_of_a_nodule_is_dark_and_in_the_lungs(diameter, seed):
    generator = torch.Generator().manual_seed(seed)
    image, lungs = torch.zeros(1, 64, 64), torch.ones(64, 64, dtype=torch.bool)
    image[0, *torch.randint(64, (2, 3), generator=generator)] = 0.9
    lungs[tuple(torch.randint(64, (2, 3), generator=generator))] = False

    allowed = observer.aerated(image, lungs, diameter)

    bad = torch.nonzero((image[0] >= observer.AERATED) | ~lungs)
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    nearest = ((rows[..., None] - bad[:, 0]) ** 2 + (columns[..., None] - bad[:, 1]) ** 2).amin(-1)
    middle = (slice(10, -10), slice(10, -10))
    assert torch.equal(allowed[middle], (nearest > (diameter / 2) ** 2)[middle])
    assert not allowed[0].any()  # it would not lie in the image


def test_no_room_is_said():
    with pytest.raises(ValueError, match="choose a smaller size"):
        observer.places(torch.zeros(64, 64, dtype=torch.bool), 3, 16, seed=0)


def test_inserting_leaves_the_image_as_it_was_and_stays_in_range():
    image = torch.full((1, 64, 64), 0.95)

    result = observer.insert(image, [(32, 32)], [observer.nodule(8, 0.2, 16)])

    assert image.max() == pytest.approx(0.95) and result.max() == 1
    assert result[0, 32 - 8 : 32 + 8, 32 - 8 : 32 + 8].sum() > image[0, :16, :16].sum()


def test_channels_are_round_band_passes_without_a_mean():
    matrix = observer.channels(48)

    assert np.abs(matrix.sum(axis=0)).max() < 1e-6
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=0), 1)
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(48)] * 2)).ravel()
    centres = [
        (np.abs(np.fft.fft2(channel.reshape(48, 48))).ravel() * frequency).sum()
        / np.abs(np.fft.fft2(channel.reshape(48, 48))).sum()
        for channel in matrix.T
    ]
    assert np.all(np.diff(centres) > 0)


@pytest.mark.parametrize("separation", [0.0, 0.7, 2.0])
def test_auc_is_that_of_two_normal_distributions(separation):
    present, absent, image = outputs(separation, count=4000)

    scores = observer.decisions(present, absent, image)

    if separation:
        expected = stats.norm.cdf(separation / 2**0.5)
        assert observer.auc(scores) == pytest.approx(expected, abs=0.02)
    else:
        assert observer.auc(scores) == pytest.approx(0.5, abs=0.03)


def test_auc_counts_pairs_of_different_regions():
    # 3 against 2, and 1 against 0; not 3 against 0, nor 1 against 2.
    assert observer.auc(np.array([[3.0, 1.0], [0.0, 2.0]])) == 1
    assert observer.auc(np.array([[3.0, 1.0, 1.0], [0.0, 2.0, 1.0]])) == pytest.approx(4.5 / 6)
    assert observer.auc(np.array([[1.0, 1.0], [1.0, 1.0]])) == 0.5


def test_what_a_region_shares_with_itself_does_not_raise_the_auc():
    """Anatomy that both versions of a region have: twins would nearly always be told apart."""
    generator = np.random.default_rng(0)
    anatomy = generator.normal(size=(300, 30))

    aucs = [observer.auc(np.stack([row + 0.1, row])) for row in anatomy]

    assert np.mean(aucs) == pytest.approx(stats.norm.cdf(0.1 / 2**0.5), abs=0.002)


def test_regions_never_judge_their_own_image():
    """Noise alone, many channels, few regions: a template tried on its training data would win."""
    generator = np.random.default_rng(0)
    aucs = []
    for _ in range(20):
        present, absent = generator.normal(size=(2, 60, 20))
        aucs.append(observer.auc(observer.decisions(present, absent, np.arange(60) // 3)))

    assert np.mean(aucs) == pytest.approx(0.5, abs=0.06)


def test_interval_holds_the_auc_and_a_method_does_not_differ_from_itself():
    present, absent, image = outputs(1.0)
    samples = observer.auc_samples(present, absent, image)

    low, high = observer.interval(samples)

    assert low < observer.auc(observer.decisions(present, absent, image)) < high
    same = observer.auc_samples(present.copy(), absent.copy(), image)
    assert observer.interval(samples - same) == (0, 0)


def test_interval_resamples_images_not_regions():
    """Twenty copies of each image's region must not narrow the interval."""
    present, absent, image = outputs(1.0, count=100)
    image = np.arange(100)

    once = observer.interval(observer.auc_samples(present, absent, image))
    copied = observer.interval(
        observer.auc_samples(*(np.repeat(x, 20, axis=0) for x in (present, absent, image)))
    )

    assert copied[1] - copied[0] == pytest.approx(once[1] - once[0], rel=0.1)


def test_the_observer_learns_anew_in_every_resample():
    """Many channels and few regions: what was learned matters more than what is judged."""
    generator = np.random.default_rng(0)
    present, absent = generator.normal(size=(2, 120, 20))
    present[:, 0] += 1
    image = np.arange(120) // 2
    scores = observer.decisions(present, absent, image)

    learned = observer.interval(observer.auc_samples(present, absent, image))
    as_trained = observer.interval(observer.auc_samples(scores[0], scores[1], image))

    assert learned[1] - learned[0] > 1.1 * (as_trained[1] - as_trained[0])


def test_a_resample_is_what_repeating_the_regions_gives():
    """Against the plain way: copy regions, learn, judge, compare pairs of different regions."""
    present, absent, image = outputs(0.7, count=48)
    counts = observer._resampled(image, seed=0)[0].astype(int)
    assert len(np.unique(counts)) > 2

    sampled = observer.auc_samples(present, absent, image)[0]

    index = np.repeat(np.arange(48), counts)
    scores = observer.decisions(present[index], absent[index], image[index])
    different = index[:, None] != index
    expected = (scores[0][:, None] > scores[1])[different].mean()
    assert sampled == pytest.approx(expected, abs=0.01)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**20))
def test_an_invertible_filter_costs_the_hotelling_observer_nothing(seed):
    """Any mixture of the channels that can be undone: the very same decisions."""
    present, absent, image = outputs(0.7, count=60, seed=seed)
    mixture = np.random.default_rng(seed).normal(size=(4, 4)) + 4 * np.eye(4)

    before = observer.decisions(present, absent, image)
    after = observer.decisions(present @ mixture, absent @ mixture, image)

    np.testing.assert_allclose(after, before, atol=1e-6)


def regions(method, count=240, size=32, seed=0):
    """White noise with a wide faint nodule and without, by a method."""
    generator = np.random.default_rng(seed)
    signal = observer.nodule(16, 0.3, size)
    absent = generator.normal(size=(2, count, size, size))
    absent[0] += signal.numpy()
    return signal, np.stack([[method(x) for x in kind] for kind in absent])


def test_a_useful_denoiser_helps_the_eye_and_not_the_hotelling_observer():
    """A blur of about the nodule's width: the eye weighs the fine noise less."""
    aucs = {}
    for name, method in {
        "noisy": lambda x: x,
        "blurred": lambda x: ndimage.gaussian_filter(x, 2, mode="wrap"),
    }.items():
        signal, seen = regions(method)
        flat = seen.reshape(2, 240, -1)
        eye = observer.auc(flat @ observer.eye_template(signal))
        channels = flat @ observer.channels(32)
        hotelling = observer.auc(observer.decisions(*channels, np.arange(240)))
        aucs[name] = eye, hotelling

    assert aucs["blurred"][0] > aucs["noisy"][0] + 0.05
    assert abs(aucs["blurred"][1] - aucs["noisy"][1]) < 0.02


def test_the_eye_is_most_sensitive_at_its_peak_and_blind_to_a_constant():
    sensitivity = observer.eye_filter(64, peak=1 / 8)

    assert sensitivity[0, 0] == 0
    assert sensitivity[0].argmax() in (8, 56) and sensitivity.max() == pytest.approx(1)
    assert sensitivity[0, 32] < 0.01
    template = observer.eye_template(observer.nodule(8, 0.1, 48))
    assert template.sum() == pytest.approx(0, abs=1e-9)
    assert template.argmax() == 24 * 48 + 24


def test_observer_looks_at_the_middle_of_the_nodule():
    """Moved by a pixel in any direction, the nodule moves the first channel less."""
    channel = observer.channels(48)[:, 3].reshape(48, 48)
    shape = observer.nodule(8, 1, 48).numpy()

    middle = (channel * shape).sum()

    moved = [(channel * np.roll(shape, by, (0, 1))).sum() for by in [(1, 0), (-1, 0), (0, 1)]]
    assert middle > max(moved)
    assert moved[0] == pytest.approx(moved[1])


def test_too_few_regions_are_refused():
    with pytest.raises(ValueError, match="take more images"):
        observer.decisions(np.ones((4, 6)), np.ones((4, 6)), np.arange(4))
