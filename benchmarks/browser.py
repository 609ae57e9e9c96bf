"""Seconds for an image in a browser, by the scripts of the page that denoises, and in Python."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright

sys.path.append(str(Path(__file__).resolve().parent.parent / "tools"))
import build_web

__all__ = ["ISOLATED", "build_web", "in_browser", "threads"]

# With these headers a browser isolates the page, and lets threads share memory.
ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TIME = """async ([side, network]) => {
  const address = new URL("scripts/worker.js", location).href;
  const worker = (window.worker ??= new Worker(address, { type: "module" }));
  const ask = (image) => new Promise((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = ({ data: { result, error, refusal } }) => {
      if (error ?? refusal) reject(new Error(error ?? refusal));
      if (result) resolve(result.seconds);
    };
    worker.postMessage({ id: 1, task: "denoise", image, network, provider: "wasm" });
  });
  const square = (n) => {
    const data = Float32Array.from({ length: n * n }, Math.random);
    return { width: n, height: n, data };
  };
  await ask(square(64));  // the runtime and the network are loaded
  return [crossOriginIsolated ? navigator.hardwareConcurrency : 1, await ask(square(side))];
}"""


class Handler(SimpleHTTPRequestHandler):
    """Serves files, isolated or not, and tells nobody."""

    def __init__(self, *arguments, headers: dict[str, str], **options):
        self.extra = headers
        super().__init__(*arguments, **options)

    def end_headers(self):
        for name, value in self.extra.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format, *args):
        pass


@contextmanager
def served(folder: Path, headers: dict[str, str]) -> Iterator[str]:
    """The address of a folder."""
    handler = partial(Handler, directory=str(folder), headers=headers)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def opened(folder: Path, headers: dict[str, str]) -> Iterator:
    """An empty page of that address in a browser."""
    names = filter(None, (os.environ.get("CHROMIUM"), *BROWSERS))
    path = next(filter(None, map(shutil.which, names)))
    with served(folder, headers) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        page = browser.new_page()
        page.set_default_timeout(0)
        page.goto(address)
        yield page
        browser.close()


@contextmanager
def threads(number: int) -> Iterator[None]:
    """PyTorch with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_browser(
    folder: Path, headers: dict[str, str], network: dict, side: int
) -> tuple[int, float]:
    """How many threads were used, and the seconds."""
    with opened(folder, headers) as page:
        number, seconds = page.evaluate(TIME, [side, network])
    return number, seconds
