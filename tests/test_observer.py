"""The model observer against what is known of it, and nodules where they belong."""

import numpy as np
import pytest
import torch
from scipy import stats

from denoise_lib.data import load_dataset
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


def test_places_are_in_the_lungs_and_apart():
    mask = load_dataset("chest-drr").test[0].mask[0]

    found = observer.places(mask, 6, 48, seed=1)

    assert len(found) >= 4 and found == observer.places(mask, 6, 48, seed=1)
    assert all(mask[row, column] for row, column in found)
    gaps = [np.hypot(*np.subtract(a, b)) for a in found for b in found if a != b]
    assert min(gaps) >= 48


def test_the_studys_nodules_take_turns():
    mask = load_dataset("chest-drr").test[0].mask[0]

    where, sizes, signals = observer.study_nodules(mask, 0)

    assert sizes[:2] == list(observer.NODULES) and len(where) == len(sizes) == len(signals)
    assert [s.max().item() for s in signals[:2]] == pytest.approx(
        list(observer.NODULES.values()), rel=0.06
    )


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
    scores = observer.decisions(*outputs(1.0))
    image = outputs(1.0)[2]

    low, high = observer.auc_interval(scores, image)

    assert low < observer.auc(scores) < high
    assert observer.auc_interval(scores, image, minus=scores) == (0, 0)


def test_interval_resamples_images_not_regions():
    """Twenty copies of each image's region must not narrow the interval."""
    scores, image = observer.decisions(*outputs(1.0, count=100)), np.arange(100)

    once = observer.auc_interval(scores, image)
    copied = observer.auc_interval(np.repeat(scores, 20, axis=1), np.repeat(image, 20))

    assert copied[1] - copied[0] == pytest.approx(once[1] - once[0], rel=0.1)


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


def test_a_nodule_lies_well_inside_the_lungs():
    lungs = torch.zeros(100, 100, dtype=torch.bool)
    lungs[20:80, 20:80] = True

    for seed in range(8):
        for row, column in observer.places(lungs, 4, 16, seed):
            assert 24 <= row < 76 and 24 <= column < 76
