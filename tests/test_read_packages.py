"""Every image file inside installed packages is read right, or refused in a sentence."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import read_packages
import tifffile

from denoise_lib.formats import kinds


@pytest.fixture(scope="module")
def rows():
    return list(read_packages.rows())


def test_nothing_is_wrong_and_nothing_breaks(rows):
    assert [row for row in rows if row.outcome in ("wrong", "traceback")] == []


def test_enough_is_read(rows):
    counts = Counter((row.kind, row.outcome) for row in rows)

    assert counts[kinds.PNG, "right"] >= 22
    assert counts[kinds.JPEG, "right"] >= 3
    assert counts[kinds.TIFF, "right"] >= 2
    assert counts[kinds.DICOM, "right"] >= 87


def test_who_is_refused_is_told_which_file(rows):
    for row in rows:
        if row.outcome == "refused":
            assert row.file.split("/")[-1] in row.words and row.words.endswith(".")


def test_a_wrong_reading_would_be_seen(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.uint16([[0, 9, 65535]]), photometric="minisblack")
    read = read_packages.read_picture
    assert read_packages.outcome(path, kinds.TIFF)[0] == "right"

    for wrong in (lambda x: 1 - x, lambda x: x.flip(-1), lambda x: x / 2, lambda x: x[..., :2]):
        monkeypatch.setattr(
            read_packages,
            "read_picture",
            lambda path, wrong=wrong: replace(read(path), frames=wrong(read(path).frames)),
        )
        assert read_packages.outcome(path, kinds.TIFF)[0] == "wrong"


def test_a_negative_is_no_scale():
    ramp = np.linspace(0, 1, 9)[None, None]

    assert abs(read_packages.scaled(ramp, 4000 * ramp - 7)).max() < 1e-6
    assert abs(read_packages.scaled(ramp, -4000 * ramp)).max() == 1
    assert abs(read_packages.scaled(ramp**2, 4000 * ramp)).max() > 0.1
