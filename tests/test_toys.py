"""What the scripts of the site are given."""

import base64
import io
import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from denoise_lib.plotting.toys import base64_levels, embedded, toy


def figure():
    return plt.subplots(figsize=(1, 1))[0]


def test_a_toy_has_its_still_picture_and_its_data():
    still = figure()

    html = toy("posterior", {"a": [1, None]}, still, 'A "still" picture.')

    data = re.search(r'class="toy-data">(.*)</script>', html)[1]
    assert json.loads(data) == {"a": [1, None]}
    assert 'data-toy="posterior"' in html and "&quot;still&quot;" in html
    source = re.search(r'src="data:image/webp;base64,([^"]+)"', html)
    shown = [int(re.search(rf' {side}="(\d+)"', html)[1]) for side in ("width", "height")]
    with Image.open(io.BytesIO(base64.b64decode(source[1]))) as picture:
        assert picture.size == (2 * shown[0], 2 * shown[1])  # as sharp as a good screen
    assert not plt.fignum_exists(still.number)


def test_no_text_of_the_data_ends_the_script():
    html = toy("posterior", {"a": "</script><b>"}, figure(), "Still.")

    data = re.search(r'class="toy-data">(.*?)</script>', html)[1]
    assert json.loads(data) == {"a": "</script><b>"}


def test_what_no_script_can_read_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        toy("posterior", {"a": float("nan")}, figure(), "Still.")


def test_levels_go_row_by_row():
    image = torch.tensor([[0, 0.5, 1], [2, -1, 0.25]])

    levels = np.frombuffer(base64.b64decode(base64_levels(image)), np.uint8)

    assert levels.tolist() == [0, 128, 255, 255, 0, 64]


def test_a_picture_is_embedded_by_its_kind(tmp_path):
    path = tmp_path / "grey.webp"
    Image.fromarray(np.full((2, 2), 128, np.uint8)).save(path, lossless=True)

    kind, data = embedded(path).split(";base64,")

    assert kind == "data:image/webp" and base64.b64decode(data) == path.read_bytes()
