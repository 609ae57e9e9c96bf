"""The built site in a real browser: what a reader clicks works, and no other host is asked.

Needs a built book and Chromium: `make test-book` takes care of both.
"""

import base64
import io
import json
import re
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from built_site import PAGES, SITE, WIDTHS
from PIL import Image

from denoise_lib import metrics

# Every page once


LOOK = """async () => {
  await window.MathJax?.startup?.promise;
  const formulas = [...document.querySelectorAll(".math")];
  document.documentElement.dataset.theme = "dark";
  const pictures = [...document.querySelectorAll(".bd-content img")];
  return {
    raw: formulas.filter((f) => !f.querySelector("mjx-container")).map((f) => f.textContent),
    wrong: [...document.querySelectorAll("mjx-merror")].map((e) => e.textContent),
    formulas: formulas.length,
    filters: [...new Set(pictures.map((p) => getComputedStyle(p).filter))],
    misshapen: [...document.querySelectorAll("article img")].filter((p) => {
      const [width, height] = ["width", "height"].map((name) => Number(p.getAttribute(name)));
      return !p.src.startsWith("data:") && !p.src.endsWith(".svg")
        && !(Math.abs((p.clientWidth / p.clientHeight) * (height / width) - 1) < 0.05);
    }).map((p) => p.alt),
    overflow: document.documentElement.scrollWidth - innerWidth,
    loading: document.body.innerText.includes("Loading ITables"),
  };
}"""


@pytest.fixture(scope="module")
def visits(browser, address) -> dict[str, dict]:
    """What each page shows, asks for and complains of."""
    context = browser.new_context(viewport={"width": WIDTHS["desktop"], "height": 900})
    page = context.new_page()
    errors, requests = [], []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda r: requests.append(r.url))
    # Whether or not there is a network, another host does not answer.
    context.route(lambda url: not url.startswith((address, "data:")), lambda route: route.abort())
    found = {}
    for name in PAGES:
        errors.clear()
        requests.clear()
        page.goto(f"{address}/{name}")
        found[name] = page.evaluate(LOOK)
        found[name]["errors"] = list(errors)
        found[name]["hosts"] = {urlsplit(url).hostname for url in requests} - {"127.0.0.1", None}
    context.close()
    return found


def only(visits, what) -> dict:
    """The pages that have something of a kind."""
    return {name: visit[what] for name, visit in visits.items() if visit[what]}


def test_no_page_has_an_error_in_the_console(visits):
    assert only(visits, "errors") == {}


def test_no_page_asks_another_host(visits):
    assert only(visits, "hosts") == {}


def test_every_formula_is_set(visits):
    assert sum(visit["formulas"] for visit in visits.values()) > 100
    assert only(visits, "raw") == {}
    assert only(visits, "wrong") == {}


def test_no_page_waits_for_a_table(visits):
    assert only(visits, "loading") == {}


def test_pictures_are_not_filtered_in_the_dark(visits):
    filters = {name: set(visit["filters"]) - {"none"} for name, visit in visits.items()}
    assert {name: found for name, found in filters.items() if found} == {}
    assert any(visit["filters"] for visit in visits.values())


def test_every_picture_says_its_size_and_keeps_its_shape(visits):
    assert only(visits, "misshapen") == {}


def test_no_page_is_wider_than_the_window(visits):
    assert {name: v["overflow"] for name, v in visits.items() if v["overflow"] > 0} == {}


# What a reader does


@pytest.mark.parametrize(("width", "screen"), [(WIDTHS["desktop"], 900), (WIDTHS["phone"], 1100)])
def test_claim_warning_and_picture_stand_on_the_first_screen(open_page, width, screen):
    page = open_page("welcome.html", width)
    parts = [
        page.locator("h1:visible", has_text="lose the nodule"),
        page.get_by_text("Nothing here is meant for diagnosis"),
        toy(page, "nodule").locator("canvas"),
    ]

    boxes = [part.first.bounding_box() for part in parts]

    assert all(box["y"] >= 0 and box["y"] + box["height"] <= screen for box in boxes)


@pytest.mark.parametrize("width", [WIDTHS["phone"], WIDTHS["tablet"]])
def test_the_menu_opens_and_leads_to_another_page(open_page, width):
    page = open_page("welcome.html", width)
    link = page.locator(".bd-links a", has_text="Who got 13 dB").first
    assert not link.is_visible()

    page.locator("button.primary-toggle:visible").click()
    link.click()

    page.wait_for_url("**/quality.html")


def test_the_menu_folds_and_opens_on_a_wide_window(open_page):
    page = open_page("welcome.html")
    link = page.locator(".bd-links a", has_text="Who got 13 dB").first
    button = page.locator("button.primary-toggle:visible")

    button.click()
    link.wait_for(state="hidden")
    button.click()
    link.wait_for(state="visible")
    link.click()

    page.wait_for_url("**/quality.html")


@pytest.mark.parametrize("width", [WIDTHS["phone"], WIDTHS["tablet"]])
def test_the_contents_of_a_page_open(open_page, width):
    page = open_page("quality.html", width)

    page.locator("button.secondary-toggle:visible").click()

    link = page.locator(".page-toc a:visible, nav.page-toc a:visible").first
    link.wait_for(state="visible")
    link.click()
    assert urlsplit(page.url).fragment


def column(page, number: int) -> list[str]:
    """The visible cells of a column of the sortable table."""
    return page.locator(f"table.sortable tbody tr:visible td:nth-child({number})").all_inner_texts()


def test_the_large_table_sorts_at_a_click_and_filters(open_page):
    page = open_page("numbers.html")
    page.locator("summary", has_text="Show all").click()
    names = [name.strip() for name in page.locator("table.sortable th").all_inner_texts()]
    psnr = 1 + [re.sub(r"\W+$", "", name) for name in names].index("PSNR")
    before = column(page, psnr)
    button = page.locator(f"table.sortable th:nth-child({psnr}) button")

    button.click()
    rising = [float(value) for value in column(page, psnr)]
    button.click()
    falling = [float(value) for value in column(page, psnr)]

    assert len(before) > 100
    assert rising == sorted(map(float, before)) != [float(value) for value in before]
    assert falling == rising[::-1]
    page.get_by_label("Filter").fill("nih 50 dncnn")
    rows = page.locator("table.sortable tbody tr:visible").all_inner_texts()
    assert 0 < len(rows) < 20
    assert all("nih" in row and "50" in row and "DnCNN" in row for row in rows)


@pytest.mark.parametrize("name", ["data.html", "notebooks/04_liu2018.html"])
def test_a_picture_is_the_same_in_the_dark(open_page, name):
    page = open_page(name)
    picture = page.locator("article img:visible").first
    picture.scroll_into_view_if_needed()
    picture.evaluate("picture => picture.decode()")
    looks = {}
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        look = Image.open(io.BytesIO(picture.screenshot()))
        # Without its edge, where half a pixel may be the page's.
        looks[theme] = look.crop((2, 2, look.width - 2, look.height - 2))
    assert looks["light"].size == looks["dark"].size
    assert looks["light"].tobytes() == looks["dark"].tobytes()


def test_the_tuning_table_fits_and_is_in_order(open_page):
    page = open_page("classical.html")
    table = page.locator("table", has_text="strength").first
    page.locator("details", has=table).locator("summary").click()
    heads = table.locator("th", has_text="sigma").all_inner_texts()
    levels = [int(re.search(r"\d+", head)[0]) for head in heads]
    assert levels == sorted(levels) and len(levels) > 1
    assert table.evaluate("t => t.scrollWidth - t.parentElement.clientWidth") <= 0


# Things to move

TOYS = [
    ("welcome.html", "nodule"),
    ("welcome.html", "ranking"),
    ("noise.html", "noise"),
    ("quality.html", "damage"),
    ("best.html", "posterior"),
    ("classical.html", "neighbours"),
    ("failures.html", "viewer"),
    ("notebooks/03_dncnn2017.html", "receptive"),
    ("notebooks/04_liu2018.html", "joint"),
    ("notebooks/05_rdn2020.html", "wires"),
]


def toy(page, name: str):
    """The live toy of this name."""
    box = page.locator(f'.toy[data-toy="{name}"]')
    box.locator(".toy-live").wait_for()
    return box


@pytest.mark.parametrize(("name", "kind"), TOYS)
@pytest.mark.parametrize(
    ("width", "theme"),
    [(WIDTHS["phone"], "light"), (WIDTHS["desktop"], "light"), (WIDTHS["desktop"], "dark")],
)
def test_a_toy_is_moved_by_keys(open_page, name, kind, width, theme):
    page = open_page(name, width)
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    box = toy(page, kind)
    told = box.locator(".toy-told")
    assert not box.locator(".toy-still").is_visible()
    before = told.inner_text()

    if box.locator("input[type=range]:visible").count():
        box.locator("input[type=range]:visible").first.focus()
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
    else:
        choice = box.locator("select").first
        choice.select_option(index=(choice.evaluate("e => e.selectedIndex") + 1) % 2)

    if kind != "nodule":  # whose words do not tell where its line is
        page.wait_for_function(
            "([e, text]) => e.innerText !== text", arg=[told.element_handle(), before]
        )
    for canvas in box.locator("canvas").all():
        assert canvas.bounding_box()["width"] > 100
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize(("name", "kind"), TOYS)
def test_without_scripts_a_still_picture_stands_there(open_page, name, kind):
    page = open_page(name, java_script_enabled=False)

    box = page.locator(f'.toy[data-toy="{kind}"]')

    assert box.locator("img.toy-still").is_visible() and box.locator(".toy-live").count() == 0


@pytest.mark.parametrize(("name", "kind"), TOYS)
def test_a_toy_works_from_a_file(browser, name, kind):
    page = browser.new_page()
    page.goto((SITE / name).as_uri())
    toy(page, kind)
    page.close()


def test_every_control_of_a_toy_has_a_name(open_page):
    for name in sorted({name for name, _ in TOYS}):
        page = open_page(name)
        controls = page.locator(".toy-live :is(input, select, button)")
        page.locator(".toy-live").first.wait_for()
        for control in controls.all():
            named = "e => Boolean(e.labels?.length || e.ariaLabel || e.tagName === 'BUTTON')"
            assert control.evaluate(named)


def test_the_best_guess_is_the_posterior_mean(open_page):
    box = toy(open_page("best.html"), "posterior")
    parts = json.loads(box.locator(".toy-data").text_content())["priors"]["air, tissue and bone"]

    guess = int(re.search(r"Best guess: (\d+)", box.locator(".toy-told").inner_text())[1])

    x = np.linspace(-50, 350, 4001)
    prior = sum(
        p["share"] / p["width"] * np.exp(-((x - p["mean"]) ** 2) / (2 * p["width"] ** 2))
        for p in parts
    )
    posterior = prior * np.exp(-((150 - x) ** 2) / (2 * 25**2))
    assert guess == round((x * posterior).sum() / posterior.sum())


def test_the_ssim_of_the_page_is_that_of_the_library(open_page):
    box = toy(open_page("quality.html"), "damage")
    data = json.loads(box.locator(".toy-data").text_content())
    levels = np.frombuffer(base64.b64decode(data["clean"]), np.uint8)
    levels = levels.reshape(data["height"], data["width"])
    top, bottom, left, right = data["hole"]

    caption = box.locator("figcaption", has_text="a hole").inner_text()

    clean = levels / 255
    damaged = clean.copy()
    low, high = 0.0, 1.0  # how much darker: bisect to 30 dB
    for _ in range(40):
        darker = (low + high) / 2
        damaged[top:bottom, left:right] = (clean[top:bottom, left:right] - darker).clip(0)
        mse = ((damaged - clean) ** 2).mean()
        low, high = (darker, high) if mse < 1e-3 else (low, darker)
    pair = (torch.from_numpy(image)[None, None] for image in (clean, damaged))
    expected = metrics.ssim(*pair)[0].item()
    assert "30.0 dB" in caption
    assert float(re.search(r"SSIM ([\d.]+)", caption)[1]) == pytest.approx(expected, abs=0.011)


def test_no_prior_makes_the_best_guess_fail(open_page):
    page = open_page("best.html")
    box = toy(page, "posterior")
    sigma = page.get_by_role("slider", name="noise σ")

    for prior in range(box.locator("option").count()):
        box.locator("select").select_option(index=prior)
        for key in ("Home", "End"):
            sigma.press(key)
            assert "NaN" not in box.locator(".toy-told").inner_text()


def test_the_pixel_of_the_filters_follows_arrow_keys(open_page):
    page = open_page("classical.html")
    box = toy(page, "neighbours")
    before = box.locator(".toy-told").inner_text()

    box.locator("canvas").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")

    assert box.locator(".toy-told").inner_text() != before


def line_at(page) -> int:
    """Where the line of the front page's radiograph is, in per cent."""
    return int(page.locator('.toy[data-toy="nodule"] input[type=range]').input_value())


def point(page, across: float) -> tuple[float, float]:
    """A place on that radiograph."""
    area = page.locator('.toy[data-toy="nodule"] canvas').bounding_box()
    return area["x"] + across * area["width"], area["y"] + area["height"] / 2


def test_the_line_follows_the_mouse(open_page):
    page = open_page("welcome.html")
    toy(page, "nodule").scroll_into_view_if_needed()

    page.mouse.move(*point(page, 0.5))
    page.mouse.down()
    page.mouse.move(*point(page, 0.2), steps=4)
    page.mouse.up()
    page.mouse.move(*point(page, 0.9), steps=4)

    assert line_at(page) == pytest.approx(20, abs=1)


def test_the_line_follows_the_keys_and_says_what_is_shown(open_page):
    page = open_page("welcome.html")
    box = toy(page, "nodule")
    line = box.get_by_role("slider", name="Where the line is")

    line.press("End")
    line.press("ArrowLeft")
    box.locator("select").first.select_option("bm3d")

    page.wait_for_function(
        "line => line.getAttribute('aria-valuetext').startsWith('line at 99 %, BM3D left of it')",
        arg=line.element_handle(),
    )


def test_the_nodules_and_the_error_are_shown_at_a_click(open_page):
    page = open_page("welcome.html")
    box = toy(page, "nodule")
    canvas = box.locator("canvas")
    looks = [canvas.screenshot()]

    for name in ("Show the nodules", "Show the error, × 4"):
        button = box.get_by_role("button", name=name)
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        page.wait_for_timeout(100)
        looks.append(canvas.screenshot())

    assert len(set(looks)) == 3
