"""The page where the reader is the observer, played to its end.

Needs a built book and Chromium: `make test-book` takes care of both.
"""

import re

import numpy as np
import pytest
from built_site import WIDTHS, heard
from PIL import Image
from playwright.sync_api import expect

from denoise_lib.data import load_dataset
from denoise_lib.study import forced_choice, store
from denoise_lib.tasks import observer

PAGE, TRIALS = "observe.html?seed=1", 20
PAUSE = 300  # milliseconds, in which a second answer is taken for a double click


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
        page.wait_for_timeout(PAUSE)
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


def test_rounds_add_up_without_a_pair_seen_twice_until_none_is_left(open_page):
    page = open_page(PAGE)
    begin(page)

    shown = play(page, lambda absent: absent == 0)
    assert "You found 0 of 20" in page.locator(".try-told").inner_text()
    for seed in range(2, 9):
        more = page.get_by_role("button", name=f"20 more, with seed {seed}")
        if not more.count():
            break
        more.click()
        shown += play(page, lambda absent: absent == 1)

    assert len(shown) >= 80 and len(set(shown)) == len(shown)
    assert f"You found {len(shown) - 20} of {len(shown)}" in page.locator(".try-told").inner_text()
    assert "You have seen the pairs of this page" in page.locator(".try").inner_text()


def test_a_key_that_is_held_answers_once(open_page):
    page = open_page(PAGE)
    begin(page)

    for _ in range(5):
        page.keyboard.down("ArrowLeft")  # the second and later ones are repeats
    page.keyboard.up("ArrowLeft")

    expect(page.locator(".try-told")).to_contain_text("Pair 2 of")


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
        page.wait_for_timeout(PAUSE)
        page.get_by_role("button", name="The nodule is in the left region").click()
    page.get_by_role("button", name="Copy the results").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert len(lines) == 5 and "seeds: 1)" in lines[0]
    assert sum(int(line.split("\t")[2]) for line in lines[1:]) == TRIALS
    found = int(re.search(r"You found (\d+)", page.locator(".try-told").inner_text())[1])
    assert sum(int(line.split("\t")[1]) for line in lines[1:]) == found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_before_and_after_the_round(open_page, theme):
    page = open_page(PAGE, bypass_csp=True)
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    begin(page)
    found = heard(page)

    play(page, lambda absent: True)

    assert found == [] and heard(page) == []


def test_regions_are_in_the_lung_and_have_the_nodule_in_the_middle():
    clean = regions()[:, 0].astype(float)
    low, high = forced_choice.SHOWN
    levels = low + (high - low) * clean / 255
    half = observer.REGION // 2
    middle = slice(half - 4, half + 5)
    # Without the nodule all of its place is darker than middle grey.
    assert (levels[:, 1, middle, middle] < observer.AERATED + 0.01).all()
    # With it, the middle stands out from the ring around it by about its contrast.
    rings = [np.hypot(*np.mgrid[-half:half, -half:half]) < radius for radius in (1.5, 5, 7)]
    inside, ring = rings[0], rings[2] & ~rings[1]
    rise = [(levels[:, i][:, inside].mean(1) - levels[:, i][:, ring].mean(1)) for i in (0, 1)]
    contrast = observer.NODULES[forced_choice.DIAMETER]
    assert np.median(rise[0]) > 0.6 * contrast and abs(np.median(rise[1])) < 0.2 * contrast


def test_a_pair_is_drawn_as_the_study_draws_it():
    number = 3
    item = load_dataset("chest-drr").test[number]
    low, high = forced_choice.SHOWN

    drawn = forced_choice.regions(item, number, ("clean", "noisy", "gaussian"))

    expected = (255 * (drawn - low) / (high - low)).round().clamp(0, 255).numpy()
    size = observer.REGION
    shown = regions()[number, :3].transpose(2, 0, 1, 3).reshape(size, -1)
    assert np.abs(shown - expected).max() <= 1
