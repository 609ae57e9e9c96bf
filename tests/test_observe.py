"""The page where the reader is the observer, played to its end.

Needs a built book and Chromium: `make test-book` takes care of both.
"""

import json
import re

import numpy as np
import pytest
from built_site import WIDTHS
from PIL import Image
from playwright.sync_api import expect

from denoise_lib.study import forced_choice, store
from denoise_lib.tasks import observer

PAGE, TRIALS = "observe.html", 20


def regions() -> np.ndarray:
    """Levels of all regions: (pairs, columns, with and without, size, size)."""
    levels = np.array(Image.open(store.folder() / "images" / "regions.webp").convert("L"))
    size, columns = observer.REGION, len(forced_choice.COLUMNS)
    grid = levels.reshape(-1, size, columns, 2, size)
    return grid.transpose(0, 2, 3, 1, 4)


def seen(page) -> list[np.ndarray]:
    """The two regions that the page shows."""
    read = """canvas => [...canvas.getContext("2d")
      .getImageData(0, 0, canvas.width, canvas.height).data].filter((_, i) => i % 4 === 0)"""
    canvases = page.locator(".try-choice canvas").all()
    size = observer.REGION
    return [np.array(canvas.evaluate(read)).reshape(size, size) for canvas in canvases]


def what(region: np.ndarray) -> tuple[int, str, int]:
    """Which region this is: its pair, its column, and whether it is without the nodule."""
    distance = np.abs(regions() - region.astype(int)).max((-2, -1))
    pair, column, absent = np.unravel_index(distance.argmin(), distance.shape)
    assert distance.min() <= 1
    return int(pair), forced_choice.COLUMNS[column], int(absent)


def begin(page):
    page.get_by_role("button", name="Show me").click()
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".try-told")).to_contain_text("Pair 1 of 20")


def play(page, choose) -> list[tuple[int, str]]:
    """Answer all pairs by keys, as `choose(absent)` says: `absent` is 1 where the left region is
    the one without. Returns what was shown."""
    shown = []
    for number in range(TRIALS):
        expect(page.locator(".try-told")).to_contain_text(f"Pair {number + 1} of")
        (pair, method, absent), (other, same, opposite) = map(what, seen(page))
        assert (pair, method, absent) == (other, same, 1 - opposite)
        shown.append((pair, method))
        page.keyboard.press("ArrowRight" if choose(absent) else "ArrowLeft")
    expect(page.locator(".try-told")).to_contain_text("You found")
    return shown


@pytest.mark.parametrize("width", [WIDTHS["phone"], WIDTHS["desktop"]])
def test_who_sees_every_nodule_scores_all_and_stands_beside_the_model_observers(open_page, width):
    page = open_page(PAGE, width)
    begin(page)

    shown = play(page, lambda absent: absent == 1)

    assert "You found 20 of 20: 100 % (84 % to 100 %)" in page.locator(".try-told").inner_text()
    pairs, methods = zip(*shown, strict=True)
    assert len(set(pairs)) == TRIALS
    counts = {method: methods.count(method) for method in forced_choice.COLUMNS[1:]}
    assert set(counts.values()) == {TRIALS // 4}
    detection = store.load_side("detection")
    rows = detection[(detection["sigma"] == 15) & (detection["diameter"] == 8)]
    text = page.locator(".try-table").inner_text()
    for who in ("hotelling", "eye"):
        for auc in rows[(rows["observer"] == who) & rows["method"].isin(counts)]["auc"]:
            assert f"{round(100 * auc)} %" in text
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_who_is_always_wrong_finds_none_and_another_seed_adds_other_pairs(open_page):
    page = open_page(PAGE)
    begin(page)

    first = play(page, lambda absent: absent == 0)
    told = page.locator(".try-told").inner_text()
    page.get_by_role("button", name="20 more, with seed 2").click()
    second = play(page, lambda absent: absent == 1)

    assert "You found 0 of 20" in told
    assert "You found 20 of 40" in page.locator(".try-told").inner_text()
    assert first != second


def test_the_same_seed_asks_the_same(open_page):
    rounds = []
    for _ in range(2):
        page = open_page(PAGE)
        begin(page)
        rounds.append(play(page, lambda absent: True))
    assert rounds[0] == rounds[1]


def test_a_region_is_chosen_by_a_click_and_the_results_can_be_copied(open_page, address):
    page = open_page(PAGE)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    begin(page)

    for _ in range(TRIALS):
        page.get_by_role("button", name="The nodule is in the left region").click()
    page.get_by_role("button", name="Copy the results").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert len(lines) == 5
    assert sum(int(line.split("\t")[2]) for line in lines[1:]) == TRIALS
    found = int(re.search(r"You found (\d+)", page.locator(".try-told").inner_text())[1])
    assert sum(int(line.split("\t")[1]) for line in lines[1:]) == found


def test_regions_are_in_the_lung_and_differ_by_the_nodule_alone():
    data = json.loads((store.folder() / "images" / "made_from.json").read_text())
    assert "regions.webp" in data
    clean = regions()[:, 0].astype(float)
    low, high = forced_choice.SHOWN
    middle = slice(observer.REGION // 2 - 4, observer.REGION // 2 + 5)
    levels = low + (high - low) * clean[..., middle, middle] / 255
    # Without the nodule all of its place is darker than middle grey.
    assert (levels[:, 1] < observer.AERATED + 0.01).all()
