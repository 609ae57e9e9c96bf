"""Links and buttons that need the repository's address, with a placeholder and with an address."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("sphinx", reason="the extra 'book' is not installed")
import repository_links
from docutils import nodes
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
PLACEHOLDER, KNOWN = "https://github.com/OWNER/book", "https://github.com/me/book"
PAGE = """# A page

{{source}}`methods.load`, [the licence]({0}/blob/main/LICENSE), [elsewhere](https://a.org).

```bash
git clone {0}
```
"""


def build(folder: Path, url: str) -> nodes.document:
    """A page as it is written for a repository."""
    (folder / "index.md").write_text(PAGE.format(url))
    written, warnings = [], io.StringIO()
    app = Sphinx(
        folder, None, folder / "_build", folder / "_build", "html",
        confoverrides={
            "extensions": ["myst_nb", "source_role", "repository_links"],
            "nb_execution_mode": "off",
            "html_theme": "sphinx_book_theme",
            "html_theme_options": {"repository_url": url, "repository_branch": "main"},
        },
        status=None, warning=warnings,
    )  # fmt: skip
    app.connect("doctree-resolved", lambda app, tree, name: written.append(tree), priority=900)
    app.build()
    assert "ERROR" not in warnings.getvalue()
    return written[0]


def targets(page: nodes.document) -> list[str]:
    return [link["refuri"] for link in page.findall(nodes.reference)]


def test_links_lead_to_a_repository_with_an_address(tmp_path):
    page = build(tmp_path, KNOWN)

    code, licence, elsewhere = targets(page)
    assert code.startswith(f"{KNOWN}/blob/main/denoise_lib/methods/__init__.py#L")
    assert licence == f"{KNOWN}/blob/main/LICENSE" and elsewhere == "https://a.org"
    assert f"git clone {KNOWN}" in page.astext()


def test_no_link_and_no_code_leads_to_the_placeholder(tmp_path):
    page = build(tmp_path, PLACEHOLDER)

    assert targets(page) == ["https://a.org"]
    assert "methods.load, the licence, elsewhere" in page.astext()
    code, licence = page.findall(nodes.abbreviation)
    assert code["explanation"].startswith("denoise_lib/methods/__init__.py#L")
    assert licence["explanation"] == "LICENSE"
    html = (tmp_path / "_build" / "index.html").read_text()
    assert "ADDRESS-OF-THE-REPOSITORY" in html and "OWNER" not in html
    assert '<div class="highlight-bash' in html


def app_for(url: str) -> SimpleNamespace:
    options = {"repository_url": url, "repository_branch": "main"}
    places = {"noise": "noise.md", "notebooks/03_dncnn2017": "notebooks/03_dncnn2017.ipynb"}
    return SimpleNamespace(
        config=SimpleNamespace(html_theme_options=options),
        env=SimpleNamespace(doc2path=lambda name: ROOT / "book" / places[name]),
    )


def buttons(url: str, page: str) -> dict[str, list[dict]]:
    """What the theme adds to a page's header, repaired; by the label of its group."""

    def link(text, target, label=None):
        return {"type": "link", "text": text, "url": target, "label": label, "icon": "an icon"}

    launch = [link(name, f"{url}/whatever") for name in ("Binder", "Colab")]
    source = [
        link("Repository", url, "source-repository-button"),
        link("Suggest edit", f"{url}/edit/main/{page}.md", "source-edit-button"),
        link("Open issue", f"{url}/issues/new?title=x", "source-issues-button"),
    ]
    groups = {"launch-buttons": launch, "source-buttons": source}
    header = [{"type": "group", "label": name, "buttons": each} for name, each in groups.items()]
    header.append({"type": "javascript", "javascript": "print()", "label": "print"})
    context = {"header_buttons": header}
    repository_links.repair_buttons(app_for(url), page, "page.html", context, None)
    assert context["header_buttons"] is header and header[-1]["javascript"] == "print()"
    return {group["label"]: group.get("buttons") for group in header}


def test_a_chapter_opens_as_its_clean_copy_and_its_script_is_edited():
    found = buttons(KNOWN, "notebooks/03_dncnn2017")

    binder, colab = (button["url"] for button in found["launch-buttons"])
    assert colab.endswith("/github/me/book/blob/colab/03_dncnn2017.ipynb")
    assert binder.endswith("/v2/gh/me/book/colab?urlpath=lab/tree/03_dncnn2017.ipynb")
    repository, edit, issue = (button["url"] for button in found["source-buttons"])
    assert repository == KNOWN
    assert issue == f"{KNOWN}/issues/new?template=claim.yml&page=notebooks/03_dncnn2017"
    assert edit == f"{KNOWN}/edit/main/notebooks/03_dncnn2017.py"


def test_a_page_of_prose_has_no_copy_to_open_and_its_markdown_is_edited():
    found = buttons(KNOWN, "noise")

    assert "launch-buttons" not in found
    assert found["source-buttons"][1]["url"] == f"{KNOWN}/edit/main/book/noise.md"


def test_without_an_address_every_button_says_so_and_leads_nowhere():
    found = buttons(PLACEHOLDER, "notebooks/03_dncnn2017")

    for button in [*found["launch-buttons"], *found["source-buttons"]]:
        assert "url" not in button and button["javascript"] == ""
        assert button["text"].endswith(": no public address yet")
        assert button["tooltip"] == repository_links.NOT_YET
