"""A download ends, whole and checked or with a sentence, and leaves nothing behind."""

import contextlib
import hashlib
import os
import platform
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from download_faults import kill_downloads

from denoise_lib.checks import UserError
from denoise_lib.data import download, load_dataset
from denoise_lib.data.download import PREFIX, fetch, sweep
from denoise_lib.data.recorded import Record
from denoise_lib.files import cache_folder
from denoise_lib.needs import data_folder

GOOD = b"published"
SHA256 = f"sha256:{hashlib.sha256(GOOD).hexdigest()}"
PATIENCE = 8  # seconds that a server may keep anybody


class Handler(BaseHTTPRequestHandler):
    """Answers as the path says."""

    def do_GET(self):
        kind = self.path.strip("/")
        if kind == "headers":
            return self.drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000)
        self.send_response({"absent": 404, "broken": 500}.get(kind, 200))
        if kind == "short":
            self.send_header("Content-Length", "1000")
        self.end_headers()
        if kind == "trickle":
            self.drip(b"x" * 1000)
        elif kind == "silence":
            time.sleep(PATIENCE)
        elif kind == "endless":
            for _ in range(10_000):
                self.wfile.write(bytes(10_000))
        else:
            self.wfile.write({"html": b"<html>"}.get(kind, GOOD))

    def drip(self, content: bytes) -> None:
        end = time.monotonic() + PATIENCE
        for byte in content:
            if time.monotonic() > end:
                return
            self.wfile.write(bytes([byte]))
            time.sleep(0.05)

    def handle(self):
        with contextlib.suppress(OSError):  # whoever asked has gone
            super().handle()

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "SILENCE", 1)
    monkeypatch.setattr(download, "WINDOW", 0.5)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("silence", "fewer than 150000 bytes in 0.5 seconds"),
        ("trickle", "fewer than 150000 bytes in 0.5 seconds"),
        ("headers", "fewer than 150000 bytes in 0.5 seconds"),
        ("endless", "more than 0.1 MB"),
        ("absent", "HTTP 404"),
        ("broken", "HTTP 500"),
        ("html", "its content is not the published one"),
        ("short", "the connection broke"),
    ],
)
def test_a_download_that_fails_ends_soon_and_leaves_nothing(tmp_path, address, kind, reason):
    start = time.monotonic()

    with pytest.raises(ConnectionError) as caught:
        fetch(f"{address}/{kind}", SHA256, tmp_path / "cache" / "file", largest=100_000)

    assert time.monotonic() - start < 3
    assert f"{address}/{kind} ({reason})" in str(caught.value)
    assert f"put the file at {tmp_path / 'cache' / 'file'} by hand" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_silence_alone_ends_a_download(tmp_path, address, monkeypatch):
    monkeypatch.setattr(download, "WINDOW", 60)

    with pytest.raises(ConnectionError, match="silent for|no answer in"):
        fetch(f"{address}/silence", SHA256, tmp_path / "file")


def test_nobody_there_and_a_dead_proxy_are_named(tmp_path, monkeypatch):
    with pytest.raises(ConnectionError, match="no connection"):
        fetch("http://127.0.0.1:9/file", SHA256, tmp_path / "file")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError, match="the proxy does not answer"):
        fetch("http://example.invalid/file", SHA256, tmp_path / "file")


def test_what_arrives_is_finished_and_put_in_its_place(tmp_path, address):
    def finish(path: Path) -> None:
        assert path.read_bytes() == GOOD
        path.write_bytes(b"smaller")

    fetch(f"{address}/good", SHA256, tmp_path / "a" / "file", finish=finish)

    assert (tmp_path / "a" / "file").read_bytes() == b"smaller"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]


def test_killed_downloads_lose_nothing_and_leave_nothing():
    kills = kill_downloads(3)

    assert all(kill.right for kill in kills), kills
    assert any(kill.left for kill in kills), "none was killed at work"


def test_only_what_nobody_works_on_is_swept(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead, alive = ended.pid, os.getpid()
    kept = [f"{PREFIX}{platform.node()}-{alive}-a", f"{PREFIX}elsewhere-{dead}-b", ".other"]
    for name in (*kept, f"{PREFIX}{platform.node()}-{dead}-c", f"{PREFIX}old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").touch()
    os.utime(tmp_path / f"{PREFIX}old", (0, 0))

    sweep(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("DENOISE_DATA", raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    with pytest.raises(UserError, match=r"file/denoise_lib\S* cannot be written .*XDG_CACHE_HOME"):
        load_dataset("set12")


def test_a_home_is_written_as_a_wave(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("DENOISE_DATA", "~/data")
    monkeypatch.setenv("XDG_CACHE_HOME", "~/cache")

    assert data_folder() == tmp_path / "data"
    assert cache_folder() == tmp_path / "cache" / "denoise_lib"


@pytest.mark.parametrize("named", ["nowhere", "file", "~nobodyhere/data"])
def test_a_wrong_data_folder_is_named(tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    monkeypatch.setenv("DENOISE_DATA", named)

    with pytest.raises(UserError, match=named):
        load_dataset("nih-sample")


@pytest.mark.parametrize("splits", [["nope"], ["train", "TEST"], "train"])
def test_a_split_to_download_must_be_one(splits):
    with pytest.raises(UserError, match="Unknown split"):
        load_dataset("nih-sample", download=splits)


def test_a_file_without_a_published_hash_is_known_again(tmp_path):
    (tmp_path / "below").mkdir()
    first, second = tmp_path / "below" / "a b.png", tmp_path / "c.png"
    first.write_bytes(b"one"), second.write_bytes(b"two")
    with pytest.warns(UserWarning, match="No SHA-256 of these files is published"):
        Record(tmp_path / "SUMS", [first])

    again = Record(tmp_path / "SUMS", [])
    again.check(first)
    done = subprocess.run(["sha256sum", "-c", "SUMS"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0
    with pytest.raises(UserError, match="has no SHA-256 of .*c.png"):
        again.check(second)
    first.write_bytes(b"another")
    with pytest.raises(UserError, match="a b.png has changed since"):
        again.check(first)
    (tmp_path / "SUMS").write_text("nothing of the kind")
    with pytest.raises(UserError, match="SUMS is no list of SHA-256"):
        Record(tmp_path / "SUMS", [])
    with pytest.raises(UserError, match="cannot be written"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        Record(tmp_path / "OTHER", [first])


def refuse(*arguments):
    raise PermissionError(13, "Permission denied")
