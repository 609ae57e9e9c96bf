"""Links and buttons that need the repository's address, which may not be known yet.

While pyproject.toml has a placeholder for it, a link is text, a button says why it does nothing,
and no code to copy names an account that anybody could open. Once the address is known they work: a
chapter opens as its clean copy in Colab or Binder, and the edit button finds the file to edit.
"""

from __future__ import annotations

import re
from pathlib import Path

import tools_on_path  # noqa: F401
from docutils import nodes
from set_repository import is_known, launches, slug

ROOT = Path(__file__).resolve().parents[2]
# What source_role writes in front of a path; which address it stands for is known when pages are
# written, so that a new one needs no page to be read again.
SCHEME = "repository:"
NOT_YET = "This works once the book's repository has a public address."
DOUBTS = "claim.yml"  # a form in .github/ISSUE_TEMPLATE, with a field for the page
IN_CODE = "ADDRESS-OF-THE-REPOSITORY"


def address(app) -> str:
    """The address that the book is built with."""
    return app.config.html_theme_options["repository_url"].rstrip("/")


def branch(app) -> str:
    """The branch that links and the edit button lead to."""
    return app.config.html_theme_options.get("repository_branch") or "main"


def resolve_links(app, doctree, docname):
    """Lead links to the repository, or make them text; keep the placeholder out of code."""
    url = address(app)
    for link in list(doctree.findall(nodes.reference)):
        target = link.get("refuri", "")
        if target.startswith(SCHEME):
            target = f"{url}/blob/{branch(app)}/{target.removeprefix(SCHEME)}"
            link["refuri"] = target
        if target.startswith(url) and not is_known(url):
            link.replace_self(as_text(link, re.sub(r".*/(blob|tree)/[^/]+/", "", target)))
    if not is_known(url):
        for block in list(doctree.findall(nodes.literal_block)):
            without_placeholder(block, url)


def as_text(link: nodes.reference, path: str) -> nodes.abbreviation:
    """The words of a link; where they would have led stands in their tooltip."""
    return nodes.abbreviation("", "", *link.children, explanation=path)


def without_placeholder(block: nodes.literal_block, url: str):
    """Put words for the address into code that shows it."""
    if url in block.astext():
        code = block.astext().replace(url, IN_CODE)
        block.rawsource = code  # where it differs from the text, Sphinx highlights nothing
        block.children = [nodes.Text(code)]
        block.children[0].parent = block


def repair_buttons(app, pagename, templatename, context, doctree):
    """Make each button of a page's header lead where it should, or say that it cannot yet."""
    buttons = []
    for button in context.get("header_buttons", []):
        if button.get("label") == "launch-buttons":
            button["buttons"] = launch_buttons(app, pagename, button["buttons"])
        if button.get("buttons") != []:
            buttons.append(button)
    for button in [each for group in buttons for each in group.get("buttons", [group])]:
        if button.get("label") == "source-edit-button":
            button["url"] = edit_url(app, pagename)
        if button.get("label") == "source-issues-button":
            button["url"] = f"{address(app)}/issues/new?template={DOUBTS}&page={pagename}"
    if not is_known(address(app)):
        buttons = [said(button, address(app)) for button in buttons]
    # The same list is the theme's own.
    context.get("header_buttons", [])[:] = buttons


def launch_buttons(app, pagename: str, buttons: list[dict]) -> list[dict]:
    """Colab and Binder open a chapter's clean copy; no other page has one."""
    if Path(app.env.doc2path(pagename)).suffix != ".ipynb":
        return []
    links = launches(address(app), Path(pagename).name)
    return [{**button, "url": links[button["text"]]} for button in buttons]


def edit_url(app, pagename: str) -> str:
    """Where the file that people edit is edited: of a chapter, the script."""
    file = Path(app.env.doc2path(pagename)).resolve()
    script = file.with_suffix(".py")
    if file.suffix == ".ipynb" and script.exists():
        file = script
    return f"{address(app)}/edit/{branch(app)}/{file.relative_to(ROOT).as_posix()}"


def said(button: dict, url: str) -> dict:
    """A button, or a group of them, of which none leads to the placeholder."""
    if "buttons" in button:
        return {**button, "buttons": [said(each, url) for each in button["buttons"]]}
    if not needs_address(button.get("url", ""), url):
        return button
    # The theme has no disabled button: this one runs no script when pressed.
    kept = {key: value for key, value in button.items() if key in ("icon", "label")}
    text = f"{button['text']}: no public address yet"
    return {**kept, "type": "javascript", "javascript": "", "text": text, "tooltip": NOT_YET}


def needs_address(link: str, url: str) -> bool:
    """Whether a link leads to the repository, or names it to Colab or Binder."""
    return slug(url) in link


def setup(app):
    """Called by Sphinx."""
    app.connect("doctree-resolved", resolve_links)
    # After the theme's, which add the buttons at 501.
    app.connect("html-page-context", repair_buttons, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
