"""The page that denoises, used as a reader uses it, against the library.

Needs a built book and Chromium: `make test-book` takes care of both.
"""

import base64
import io
import re
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import build_web
import numpy as np
import pytest
from built_site import SITE, WIDTHS, QuietHandler, browser_path, heard
from PIL import Image
from playwright.sync_api import expect
from test_web import dicom, grey

from denoise_lib import methods
from denoise_lib.data.images import read_image
from denoise_lib.inference import denoise

PAGE = "try.html"
LIMIT = 6e6  # bytes until the first image is denoised
SLOW = 120_000  # milliseconds, on a busy machine
TITLES = {each["name"]: each["title"] for each in build_web.described()}


def told(page, text: str):
    """Wait until the page says so, and does nothing more."""
    expect(page.locator(".try-told")).to_contain_text(text, timeout=SLOW)


def at_rest(page):
    """Wait until the last request is done: no hand rests, nothing is computed."""
    page.wait_for_timeout(200)
    expect(page.locator(".try-live")).to_have_attribute("aria-busy", "false", timeout=SLOW)
    page.wait_for_timeout(200)


def start(page):
    """Press the only button that counts, and wait for the first denoised image."""
    page.get_by_role("button", name="Denoise a radiograph").click()
    told(page, "Done in")


def press(page, name: str):
    page.get_by_role("button", name=name, exact=True).click()


def drop(page, path: Path):
    """Let a file fall on the page."""
    page.locator(".try-live").evaluate(
        """(box, [name, text]) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], name));
          const usual = { bubbles: true, cancelable: true };
          box.dispatchEvent(new DragEvent("drop", { dataTransfer, ...usual }));
        }""",
        [path.name, base64.b64encode(path.read_bytes()).decode()],
    )
    told(page, "stays on this machine")


def run(page, network: str):
    """Denoise what is there by a network."""
    page.get_by_role("combobox", name="network").select_option(network)
    at_rest(page)
    press(page, "Denoise")  # at once the page says that it loads
    told(page, "Done in")
    at_rest(page)


def saved(page) -> np.ndarray:
    """The image that the page gives to download, in [0, 1]."""
    with page.expect_download() as waiting:
        press(page, "Download, 16-bit PNG")
    values = np.array(Image.open(io.BytesIO(Path(waiting.value.path()).read_bytes())))
    assert values.dtype in (np.uint16, np.int32)
    return values / 65535


def noisy_file(folder: Path, height: int, width: int) -> Path:
    """A 16-bit picture, nowhere black or white, whose estimates need no clipping."""
    rows, columns = np.mgrid[:height, :width]
    waves = 0.5 + 0.2 * np.sin(rows / 9) * np.cos(columns / 14)
    values = waves + 0.06 * np.random.default_rng(0).standard_normal((height, width))
    path = folder / f"noisy-{height}.png"
    Image.fromarray((65535 * values.clip(0, 1)).round().astype(np.uint16)).save(path)
    return path


def by_library(path: Path, network: str) -> np.ndarray:
    estimate = denoise(read_image(path), methods.load(network), precision="fp32")
    return estimate.clamp(0, 1)[0].numpy()


def test_nothing_is_loaded_before_the_reader_asks_and_little_then(open_page):
    page = open_page(PAGE)
    asked = []
    page.context.on("response", lambda response: asked.append(response))
    page.reload()
    page.wait_for_load_state("networkidle")
    assert not [r.url for r in asked if "/models/" in r.url or r.url.endswith((".gz", "worker.js"))]
    asked.clear()

    start(page)

    sizes = {response.url: len(response.body()) for response in asked if response.ok}
    assert any("models/liu-nih" in url for url in sizes)
    assert 3e6 < sum(sizes.values()) < LIMIT


def test_no_request_leaves_the_origin_and_none_carries_the_image(open_page, address, tmp_path):
    page = open_page(PAGE)
    requests = []
    page.context.on("request", lambda request: requests.append(request))

    start(page)
    drop(page, noisy_file(tmp_path, 61, 83))
    run(page, "gondara-nih")

    assert len(requests) > 4
    for request in requests:
        assert request.url.startswith((address, f"blob:{address}")), request.url
        assert request.method == "GET" and request.post_data is None


def test_the_policy_forbids_other_hosts(open_page):
    page = open_page(PAGE)
    page.wait_for_load_state("networkidle")

    reached = page.evaluate(
        """async () => {
          const picture = new Image();
          const failed = new Promise((done) => { picture.onerror = () => done("forbidden"); });
          const shown = new Promise((done) => { picture.onload = () => done("shown"); });
          const name = "securitypolicyviolation";
          const violated = new Promise((done) => document.addEventListener(
            name, (event) => done(event.effectiveDirective), { once: true }));
          picture.src = "http://127.0.0.1:9/picture.png";
          return [await Promise.race([failed, shown]), await violated,
                  await fetch("http://127.0.0.1:9/").then(() => "fetched", () => "forbidden")];
        }"""
    )

    assert reached == ["forbidden", "img-src", "forbidden"]


def test_each_network_gives_what_the_library_gives(open_page, tmp_path):
    page, path = open_page(PAGE), noisy_file(tmp_path, 61, 83)
    start(page)
    drop(page, path)

    for network in build_web.NETWORKS:
        run(page, network)

        np.testing.assert_allclose(saved(page), by_library(path, network), atol=1e-4)
    table = page.locator(".try-table").inner_text()
    assert all(title in table for title in TITLES.values())


@pytest.mark.parametrize(("height", "width"), [(256, 256), (97, 301), (40, 517)])
def test_every_size_gives_what_the_library_gives(open_page, tmp_path, height, width):
    page, path = open_page(PAGE), noisy_file(tmp_path, height, width)
    start(page)
    drop(page, path)

    run(page, "liu-nih")

    np.testing.assert_allclose(saved(page), by_library(path, "liu-nih"), atol=1e-4)


def files(folder: Path) -> list[Path]:
    """The same kinds of files that the library reads."""
    made = {
        "8.png": Image.fromarray(grey(8)),
        "16.tif": Image.fromarray(grey(16)),
        "photo.jpg": Image.fromarray(grey(8)),
        "colour.jpg": Image.fromarray(np.stack([grey(8), grey(8)[::-1], grey(8)[:, ::-1]], -1)),
    }
    for name, picture in made.items():
        picture.save(folder / name)
    values = (grey(16)[:, :56] >> 4).astype(np.uint16)
    header = {"BitsStored": 12, "WindowCenter": 2000, "WindowWidth": 3000}
    scans = [
        dicom(folder / "scan.dcm", values, **header, PhotometricInterpretation="MONOCHROME1"),
        dicom(folder / "baseline.dcm", grey(8)[:, :56], "JPEGBaseline8Bit"),
    ]
    return [*(folder / name for name in made), *scans]


def test_files_that_are_dropped_are_read_as_the_library_reads_them(open_page, tmp_path):
    page = open_page(PAGE)
    start(page)

    for path in files(tmp_path):
        drop(page, path)
        # What is shown at a share of nothing is the file itself.
        run(page, "gondara-nih")
        page.get_by_role("slider", name="share of the denoised image").press("Home")

        tolerance = 2 / 255 if path.name == "colour.jpg" else 1e-4  # other colour arithmetic
        np.testing.assert_allclose(saved(page), read_image(path)[0].numpy(), atol=tolerance)
        page.get_by_role("slider", name="share of the denoised image").press("End")


def test_a_bad_file_gets_one_sentence_and_the_page_goes_on(open_page, tmp_path):
    page = open_page(PAGE)
    start(page)
    bad = tmp_path / "words.png"
    bad.write_text("no picture")

    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a file of yours").click()
    chooser.value.set_files(bad)

    told(page, "words.png is not a PNG, JPEG, TIFF or DICOM image: convert it to one of these.")
    run(page, "gondara-nih")
    assert "PSNR" in page.locator(".try-table").inner_text()


def test_a_picture_that_is_pasted_before_the_start_starts_the_page(open_page, tmp_path):
    page, path = open_page(PAGE), noisy_file(tmp_path, 40, 61)
    page.evaluate(
        """([name, text]) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([bytes], name));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, cancelable: true }));
        }""",
        [path.name, base64.b64encode(path.read_bytes()).decode()],
    )

    told(page, "Done in")

    np.testing.assert_allclose(saved(page), by_library(path, "liu-nih"), atol=1e-4)


def test_a_run_is_cancelled_and_another_follows(open_page, tmp_path):
    page = open_page(PAGE)
    start(page)
    drop(page, noisy_file(tmp_path, 700, 700))
    page.get_by_role("combobox", name="network").select_option("dncnn-b-nih")
    press(page, "Denoise")
    expect(page.locator(".try progress")).to_be_visible(timeout=SLOW)

    press(page, "Cancel")

    told(page, "Cancelled.")
    assert TITLES["dncnn-b-nih"] not in page.locator(".try-table").inner_text()
    page.get_by_role("combobox", name="radiograph").select_option("3")
    at_rest(page)
    run(page, "gondara-nih")


def test_the_page_does_not_freeze_while_a_network_works(open_page, tmp_path):
    page = open_page(PAGE)
    start(page)
    page.get_by_role("combobox", name="network").select_option("rdn-nih")
    press(page, "Denoise")

    longest = page.evaluate(
        """() => new Promise((resolve) => {
          const began = performance.now();
          let [last, longest] = [began, 0];
          const look = (now) => {
            longest = Math.max(longest, now - last);
            last = now;
            if (now - began > 1000) resolve(longest); else requestAnimationFrame(look);
          };
          requestAnimationFrame(look);
        })"""
    )

    assert longest < 700
    told(page, "Done in")


def test_it_works_without_a_network_once_it_is_loaded(open_page):
    page = open_page(PAGE)
    start(page)
    before = page.locator(".try-table").inner_text()
    page.context.set_offline(True)

    page.get_by_role("slider", name="σ").press("End")
    at_rest(page)
    assert "Liu" not in page.locator(".try-table").inner_text()
    press(page, "Denoise")
    expect(page.locator(".try-table")).to_contain_text("Liu", timeout=SLOW)

    strong = page.locator(".try-table").inner_text()
    assert strong != before
    # What was not loaded cannot be had, and the page says so and goes on.
    page.get_by_role("combobox", name="network").select_option("rdn-nih")
    press(page, "Denoise")
    told(page, "rdn-nih.onnx.gz did not arrive: check your connection, and press Denoise again.")
    page.context.set_offline(False)
    press(page, "Denoise")
    expect(page.locator(".try-table")).to_contain_text("RDN", timeout=SLOW)


def scores(page, row: str) -> list[float]:
    text = page.locator(".try-table tr", has_text=row).inner_text()
    return [float(value) for value in re.findall(r"\d+\.\d+", text)]


def test_the_page_says_what_became_of_the_noise(open_page):
    page = open_page(PAGE)
    start(page)
    report = page.locator(".try-report")

    assert re.search(r"looks white, with σ ≈ 2[45]\.\d of 255", report.inner_text())
    noisy, denoised = scores(page, "noisy"), scores(page, "Liu")
    assert denoised[0] > noisy[0] + 10 and denoised[1] > noisy[1] + 0.4
    assert report.locator("figure svg path").count() > 3

    page.get_by_role("slider", name="share of the denoised image").press("Home")
    row = page.locator(".try-table tr", has_text="Liu")
    expect(row).to_contain_text(f"{noisy[0]:.2f}{noisy[1]:.3f}")
    assert "removed nothing" in report.inner_text()
    page.get_by_role("slider", name="share of the denoised image").press("End")
    page.get_by_role("combobox", name="noise that is added").select_option("correlated")
    at_rest(page)
    assert "Neighbours share the noise" in report.inner_text()
    run(page, "rdn-correlated")
    assert scores(page, "RDN")[0] > scores(page, "noisy")[0] + 4


def test_an_image_that_changes_under_a_run_leaves_no_old_estimate(open_page):
    page = open_page(PAGE)
    start(page)
    press(page, "Denoise")
    page.get_by_role("combobox", name="radiograph").select_option("17")
    at_rest(page)
    page.wait_for_timeout(5000)

    assert "Liu" not in page.locator(".try-table").inner_text()


def test_a_run_right_after_the_noise_changed_is_of_the_new_noise(open_page):
    page = open_page(PAGE)
    start(page)

    page.get_by_role("slider", name="σ").press("End")
    # Does nothing: there is no image with this noise yet. (Playwright would wait until there is.)
    page.get_by_role("button", name="Denoise", exact=True).evaluate("button => button.click()")
    at_rest(page)
    assert "Liu" not in page.locator(".try-table").inner_text()
    press(page, "Denoise")
    expect(page.locator(".try-table")).to_contain_text("Liu", timeout=SLOW)

    noisy, denoised = scores(page, "noisy"), scores(page, "Liu")
    assert noisy[0] < 13 and denoised[0] < 31


def test_of_two_choices_the_last_counts(open_page, address):
    page = open_page(PAGE)
    start(page)

    def slowly(route):
        page.wait_for_timeout(800)
        route.continue_()

    page.route("**/images/10.png", slowly)
    page.get_by_role("combobox", name="radiograph").select_option("10")
    page.get_by_role("combobox", name="radiograph").select_option("3")
    page.wait_for_timeout(2000)
    at_rest(page)

    assert page.locator(".try-canvas").get_attribute("aria-label").startswith("rendered:")


def test_a_change_of_noise_and_one_of_the_share_both_count(open_page):
    page = open_page(PAGE)
    start(page)
    before = scores(page, "noisy")

    page.get_by_role("slider", name="σ").press("ArrowRight")
    page.get_by_role("slider", name="share of the denoised image").press("ArrowLeft")
    at_rest(page)

    assert scores(page, "noisy") != before


def test_the_words_below_are_about_the_network_that_ran_last(open_page):
    page = open_page(PAGE)
    start(page)
    for network in ("gondara-nih", "vincent-nih", "gondara-nih"):
        run(page, network)
        at_rest(page)

    assert f"What {TITLES['gondara-nih']} removed" in page.locator(".try-report").inner_text()
    page.get_by_role("combobox", name="left").select_option("vincent-nih")
    page.get_by_role("combobox", name="right").select_option("noisy")
    with page.expect_download() as waiting:
        press(page, "Download, 16-bit PNG")
    assert waiting.value.suggested_filename == "nodules-vincent-nih.png"


@pytest.mark.parametrize("width", [WIDTHS["phone"], WIDTHS["desktop"]])
def test_the_page_is_used_by_keys(open_page, width):
    page = open_page(PAGE, width)
    button = page.get_by_role("button", name="Denoise a radiograph")
    button.focus()
    page.keyboard.press("Enter")
    told(page, "Done in")
    canvas = page.locator(".try-canvas")
    looks = [canvas.screenshot()]
    assert page.evaluate("document.activeElement !== document.body")

    page.get_by_role("slider", name="Where the line is").press("Home")
    looks.append(canvas.screenshot())
    page.get_by_role("button", name="4 : 1").press("Enter")
    looks.append(canvas.screenshot())
    canvas.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(100)
    looks.append(canvas.screenshot())
    page.get_by_role("combobox", name="right").select_option(label="removed by Liu's denoiser, × 4")
    page.wait_for_timeout(100)
    looks.append(canvas.screenshot())

    assert len(set(looks)) == len(looks)
    assert "removed by Liu's denoiser" in canvas.get_attribute("aria-label")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    named = "e => Boolean(e.labels?.length || e.ariaLabel || e.textContent.trim())"
    for control in page.locator(".try :is(input, select, button, canvas, progress)").all():
        assert control.evaluate(named)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_once_the_page_works(open_page, theme):
    page = open_page(PAGE, bypass_csp=True)
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    start(page)
    at_rest(page)

    assert heard(page) == []


class Isolated(QuietHandler):
    """A host that lets threads share memory."""

    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


def test_where_the_host_isolates_the_page_it_uses_threads(browser, tmp_path):
    handler, path = partial(Isolated, directory=str(SITE)), noisy_file(tmp_path, 61, 83)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/{PAGE}")
        assert page.evaluate("crossOriginIsolated")
        start(page)
        drop(page, path)
        run(page, "rdn-nih")
        np.testing.assert_allclose(saved(page), by_library(path, "rdn-nih"), atol=1e-4)
        page.close()
        server.shutdown()


@pytest.fixture(scope="module")
def with_card(browser):
    """A browser whose graphics card is a program, or a real one."""
    switches = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
    running = browser.browser_type.launch(
        executable_path=browser_path(), args=[*switches, "--enable-features=Vulkan"]
    )
    yield running
    running.close()


def test_a_graphics_card_gives_what_the_library_gives(with_card, address, tmp_path):
    page, path = with_card.new_page(), noisy_file(tmp_path, 40, 301)
    page.goto(f"{address}/{PAGE}")
    start(page)
    card = page.get_by_role("button", name="Use the graphics card")
    if not card.is_visible():
        pytest.skip("this browser has no WebGPU adapter")
    card.click()
    drop(page, path)

    for network in ("gondara-nih", "rdn-nih"):
        run(page, network)
        assert card.is_visible()  # it goes where the card fails
        np.testing.assert_allclose(saved(page), by_library(path, network), atol=1e-4)


def test_a_page_that_is_opened_as_a_file_says_how_to_serve_it(browser):
    page = browser.new_page()
    page.goto((SITE / PAGE).as_uri())

    text = page.locator(".try").inner_text()

    assert "python -m http.server" in text and "localhost:8000/try.html" in text
    page.close()


def test_without_scripts_the_page_says_so(open_page):
    page = open_page(PAGE, java_script_enabled=False)

    assert "allow scripts" in page.locator(".try").inner_text()
