"""The drawings of the networks."""

import re
from xml.etree import ElementTree

import pytest
from torch import nn

from denoise_lib import methods
from denoise_lib.drawings import DRAWINGS, draw
from denoise_lib.drawings.svg import WIDTH, Panel

LETTER_WIDTH = 0.55  # of a letter's height, at most, in the fonts of the theme


def elements(name):
    return list(ElementTree.fromstring(draw(name)._repr_html_()).iter())


def labels(name):
    return ["".join(each.itertext()) for each in elements(name) if each.tag == "text"]


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_panel_is_well_formed_and_says_what_it_shows(name):
    panels = [each for each in elements(name) if each.tag == "svg"]

    assert panels
    assert all(len(panel.get("aria-label", "").split()) > 10 for panel in panels)


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_words_leave_the_panel(name):
    for each in elements(name):
        if each.tag != "text" or "transform" in each.attrib:
            continue
        x = float(each.attrib["x"])
        width = len("".join(each.itertext())) * float(each.attrib["font-size"]) * LETTER_WIDTH
        start = {"start": x, "middle": x - width / 2, "end": x - width}[each.attrib["text-anchor"]]
        assert start >= 0 and start + width <= WIDTH, "".join(each.itertext())


def test_gondaras_drawing_has_the_layers_of_the_network():
    modules = list(methods.create("gondara").modules())
    drawn = labels("gondara")

    for kind, word in ((nn.Conv2d, r"conv\b"), (nn.MaxPool2d, "pool"), (nn.Upsample, "up")):
        assert sum(isinstance(module, kind) for module in modules) == sum(
            re.match(word, text) is not None for text in drawn
        )


def test_what_is_not_drawn_is_refused_by_name():
    with pytest.raises(ValueError, match="gondara"):
        draw("resnet")


def test_marks_become_letters_and_indices():
    panel = Panel("*F*_{0}", "A test.")
    panel.signal("a < *b*_{d−1} + c_d")

    svg = ElementTree.fromstring(panel.svg())

    assert ["".join(text.itertext()) for text in svg.iter("text")] == ["F0", "a < bd−1 + c_d"]
    assert "_{" not in panel.svg() and "*" not in panel.svg()
