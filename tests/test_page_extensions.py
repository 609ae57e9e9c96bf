"""What the book's extensions make of a page: its tables, pictures, head, footer and index."""

import io
import os
import subprocess
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import nbformat
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sphinx", reason="the extra 'book' is not installed")
import execute_notebooks
import index_terms
import page_dates
import page_details
import page_head
import site_address
import site_files
import table_style
from bs4 import BeautifulSoup
from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx

INTERVAL = "+0.82 (+0.72 to +0.93)"


def table(frame: pd.DataFrame) -> BeautifulSoup:
    html = f"<style scoped>th {{}}</style>{frame.to_html()}"
    return BeautifulSoup(table_style.restyled(html), "html.parser")


# Tables


def test_a_table_of_pandas_becomes_one_of_the_theme():
    soup = table(pd.DataFrame({"psnr": [30.1]}, index=["BM3D"]))

    assert soup.style is None and not soup.table.has_attr("border")
    assert soup.table["class"] == ["dataframe", "table"]
    assert soup.table.parent["class"] == ["pst-scrollable-table-container"]
    corner, column = soup.thead.find_all(["td", "th"])
    assert corner.name == "td" and (column.name, column["scope"]) == ("th", "col")
    assert soup.tbody.th["scope"] == "row"


def test_the_name_of_the_rows_names_is_no_line_of_its_own():
    frame = pd.DataFrame({"psnr": [30.1]}, index=pd.Index(["BM3D"], name="method"))

    (row,) = table(frame).thead.find_all("tr")

    assert [head.get_text() for head in row.find_all("th")] == ["method", "psnr"]


def test_heads_in_two_lines_stay_in_two():
    columns = pd.MultiIndex.from_product([["white", "shared"], ["psnr", "ssim"]])
    soup = table(pd.DataFrame([[1, 2, 3, 4]], index=["BM3D"], columns=columns))

    assert len(soup.thead.find_all("tr")) == 2
    assert soup.find("th", string="white")["scope"] == "colgroup"


def test_a_line_breaks_around_its_bracket_and_a_long_text_anywhere():
    long = "random weights, then photographs, then radiographs"
    soup = table(pd.DataFrame({"gain": [INTERVAL], "start": [long], "n": ["12"]}))

    gain, start, n = soup.find_all("td")[1:]

    assert [part.get_text() for part in gain.find_all("span")] == INTERVAL.split(" ", 1)
    assert " ".join(gain.get_text().split()) == INTERVAL
    assert set(start["class"]) == {"long", "words"} and not n.has_attr("class")


def test_a_table_is_wide_when_its_parts_do_not_fit_the_column():
    def width(columns: int) -> int:
        frame = pd.DataFrame([[INTERVAL] * columns], index=["DnCNN-B (authors)"])
        return table_style.least_width(table(frame).table)

    assert width(2) < table_style.COLUMN < width(6)


def test_a_sortable_table_keeps_the_box_that_it_has():
    html = '<div class="sortable-scroll"><table class="sortable"><tr><td>1</td></tr></table></div>'

    soup = BeautifulSoup(table_style.restyled(html), "html.parser")

    assert soup.table.parent["class"] == ["sortable-scroll"]


# Pictures


def noise(mode: str) -> bytes:
    channels = () if mode == "L" else (3,)
    levels = np.random.default_rng(0).integers(0, 256, (90, 120, *channels), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).convert("RGBA").save(file, format="PNG", dpi=(200, 200))
    return file.getvalue()


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_smaller_picture_is_shown_as_large_as_before(tmp_path, mode):
    file = tmp_path / "noise.png"
    file.write_bytes(noise(mode))
    assert page_details.shown_size(file) == (60, 45)

    small = execute_notebooks.smaller(file.read_bytes())

    assert len(small) < 0.6 * file.stat().st_size
    file.write_bytes(small)
    assert page_details.shown_size(file) == (60, 45)


def test_a_grey_picture_keeps_every_level_when_it_is_packed():
    png = noise("L")
    assert np.array_equal(
        np.asarray(opened(execute_notebooks.smaller(png))), np.asarray(opened(png).convert("L"))
    )


def test_a_chapters_picture_says_how_large_it_is_shown():
    data = {"image/png": execute_notebooks.base64.b64encode(noise("RGB")).decode()}
    output = nbformat.v4.new_output("display_data", data)

    execute_notebooks.pack_picture(output)

    assert output.metadata["image/png"] == {"width": 60, "height": 45}


def test_a_heavy_picture_of_a_page_is_packed_once(tmp_path, monkeypatch):
    monkeypatch.setattr(page_details, "HEAVY", 10_000)
    file = tmp_path / "noise.png"
    file.write_bytes(noise("RGB"))
    page_details.keep_small(file)
    once = file.read_bytes()
    assert opened(once).mode == "P"

    page_details.keep_small(file)

    assert file.read_bytes() == once


def test_a_drawing_is_as_large_as_its_points_say(tmp_path):
    file = tmp_path / "house.svg"
    file.write_text('<svg xmlns:x="y" width="360pt" height="72pt" viewBox="0 0 5 1"></svg>')
    assert page_details.shown_size(file) == (500, 100)


# Head, footer and other files


@pytest.mark.parametrize(
    ("repository", "address"),
    [
        ("https://github.com/OWNER/denoise-book", ""),
        ("https://github.com/Someone/denoise-book", "https://someone.github.io/denoise-book/"),
    ],
)
def test_the_sites_address_follows_from_the_repositorys(monkeypatch, repository, address):
    monkeypatch.setattr(site_address, "address", lambda root: repository)
    config = SimpleNamespace(html_baseurl="")
    site_address.set_base(None, config)
    assert config.html_baseurl == address


def test_the_address_of_the_configuration_counts_more(monkeypatch):
    monkeypatch.setattr(site_address, "address", lambda root: "https://github.com/some/book")
    config = SimpleNamespace(html_baseurl="https://book.org/")
    site_address.set_base(None, config)
    assert config.html_baseurl == "https://book.org/"


def test_a_description_ends_behind_a_sentence_or_a_word():
    sentence = "A claim of some words stands here. "
    assert page_head.shortened(sentence) == sentence
    assert page_head.shortened(9 * sentence) == (5 * sentence).strip()
    words = page_head.shortened(50 * "words, ")
    assert words.endswith("words…") and len(words) <= page_head.LONGEST


def test_a_description_is_the_first_paragraph_without_its_footnotes():
    parts = nodes.Text("Read this "), nodes.footnote_reference("", "1"), nodes.Text(".")
    page = nodes.section(
        "",
        nodes.container("", nodes.paragraph("", "An output.")),
        nodes.paragraph("", "", nodes.emphasis("", "A paper."), nodes.footnote_reference("", "1")),
        nodes.paragraph("", "", *parts),
        nodes.paragraph("", "Not this."),
    )
    assert page_head.describe(page) == "Read this."


def test_a_card_has_addresses_only_where_the_sites_is_known():
    def tags(base: str) -> dict[str, str]:
        config = SimpleNamespace(html_title="The book", html_baseurl=base)
        return page_head.card_tags("A page", "What it says.", config, None)

    assert not any("://" in text for text in tags("").values())
    assert tags("https://book.org/")["og:image"] == "https://book.org/_static/card.png"
    assert tags("https://book.org/")["twitter:card"] == "summary_large_image"


def test_the_card_is_as_large_as_messengers_want_it(tmp_path):
    page_head.draw_card(tmp_path / "card.png", "The book", "A claim")
    with Image.open(tmp_path / "card.png") as card:
        assert card.size == page_head.CARD_SIZE
        assert len(np.unique(np.asarray(card.convert("L")))) > 50  # a radiograph


def test_links_of_the_page_not_found_start_at_the_sites_top():
    page = (
        '<html data-content_root="./"><a href="#main"><a href="data.html"><img src="_static/a.svg">'
    )
    page += '<a href="https://other.org/x">'

    anchored = site_files.anchored(page, "/book/")

    assert 'data-content_root="/book/"' in anchored and 'href="#main"' in anchored
    assert 'href="/book/data.html"' in anchored and 'src="/book/_static/a.svg"' in anchored
    assert 'href="https://other.org/x"' in anchored


def test_the_list_for_search_engines_has_each_page_with_its_day():
    xml = site_files.sitemap({"https://book.org/a.html?x&y": "2030-01-02"})
    (url,) = ElementTree.fromstring(xml)
    assert [part.text for part in url] == ["https://book.org/a.html?x&y", "2030-01-02"]


@pytest.fixture
def history(tmp_path, monkeypatch) -> Path:
    """A repository of two commits, each of a file; one of the files has been changed since."""
    monkeypatch.setattr(page_dates, "ROOT", tmp_path)
    for name, day in (("old.md", "2030-01-02"), ("new.md", "2030-03-04")):
        (tmp_path / name).write_text("Text.")
        git(tmp_path, day, "init", "--quiet")
        git(tmp_path, day, "add", name)
        git(tmp_path, day, "commit", "--quiet", "--message", name)
    (tmp_path / "new.md").write_text("Other text.")
    os.utime(tmp_path / "new.md", (0, 0))
    return tmp_path


def git(folder: Path, day: str, *arguments: str) -> None:
    dates = {f"GIT_{who}_DATE": f"{day}T12:00:00Z" for who in ("AUTHOR", "COMMITTER")}
    person = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *person, *arguments]
    subprocess.run(command, check=True, env={**os.environ, **dates})


def test_a_page_is_as_old_as_its_last_commit_or_else_as_its_file(history):
    commits = page_dates.last_commits()
    day, commit = page_dates.changed_at(history / "old.md", commits)
    assert day == date(2030, 1, 2) and len(commit) >= 7
    assert page_dates.changed_at(history / "new.md", commits) == (date(1970, 1, 1), "")


def test_without_git_a_page_is_as_old_as_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(page_dates, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text("Text.")
    os.utime(tmp_path / "page.md", (0, 0))
    assert page_dates.last_commits() == {}
    assert page_dates.changed_at(tmp_path / "page.md", {}) == (date(1970, 1, 1), "")


def test_only_pages_whose_footer_changed_are_written_again(history, monkeypatch):
    monkeypatch.setattr(page_dates, "versions", lambda: "Results 1.")
    env = SimpleNamespace(found_docs={"old", "new"}, doc2path=lambda name: history / f"{name}.md")
    assert set(page_dates.date_pages(None, env)) == {"old", "new"}
    os.utime(history / "new.md", (90_000, 90_000))

    assert page_dates.date_pages(None, env) == ["new"]
    assert env.footers["new"] == ("2 January 1970", "Results 1.")


# The index


def build(folder: Path, listed: str) -> tuple[dict, str]:
    """Entries and warnings of a book of one page."""
    text = "Noise\n=====\n\nA dose.\n\nWhat counts\n-----------\n\nThe *photon* counts."
    (folder / "index.rst").write_text(text)
    (folder / index_terms.LIST).write_text(listed)
    warnings = io.StringIO()
    app = Sphinx(
        folder, None, folder / "_build", folder / "_build", "dummy",
        confoverrides={"extensions": ["index_terms"]}, status=None, warning=warnings,
    )  # fmt: skip
    app.build()
    entries = app.env.domaindata["index"]["entries"]["index"]
    return {entry[1]: entry[2] for entry in entries}, warnings.getvalue()


def test_an_entry_leads_to_its_words_and_one_without_words_is_named(tmp_path):
    listed = "index:\n  light: the photon\n  counting: what counts\n  gone: electrons\n"

    entries, warnings = build(tmp_path, listed)

    assert entries["counting"] == "what-counts" and set(entries) == {"light", "counting"}
    assert '"electrons", for the entry "gone"' in warnings
