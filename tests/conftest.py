"""What several test modules share."""

import os
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from built_site import MISSING, PAGES, SITE, WIDTHS, QuietHandler, browser_path, give_up

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The published data sets: $DENOISE_DATA, or a `shared/data` folder beside the checkout."""
    folder = Path(os.environ.get("DENOISE_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "chest_xray").is_dir():
        pytest.skip("needs the published data: set DENOISE_DATA to their folder")
    return folder


@pytest.fixture
def from_data_folder(data_folder, monkeypatch) -> Path:
    """Loaders read from the data folder during this test."""
    monkeypatch.setenv("DENOISE_DATA", str(data_folder))
    return data_folder


@pytest.fixture(scope="module")
def browser():
    path = browser_path()
    if path is None:
        give_up(MISSING)
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        give_up("needs Playwright, of the extra 'test': make install")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path)
        yield running
        running.close()


@pytest.fixture(scope="module")
def address():
    assert PAGES, "Build the book first: make book"
    handler = partial(QuietHandler, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def open_page(browser, address):
    """Open a page of the site in a window of some width."""
    contexts = []

    def open_page(name: str, width: int = WIDTHS["desktop"], **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{address}/{name}")
        return page

    yield open_page
    for context in contexts:
        context.close()
