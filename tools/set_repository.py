"""Write the repository's address and the last release into everything that shows them.

The address stands in pyproject.toml, `Repository` under [project.urls]; the release is the newest
one of CHANGELOG.md; who wrote the book, and what it is, stands in CITATION.cff. Change one of them:

    python tools/set_repository.py              then write it into the files that follow
    python tools/set_repository.py --check-tag v0.2.0 --check-address OWNER/NAME
                                                whether a tag may be published from there
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent

# Badges, buttons, citations, install cells and stored notebooks.
DERIVED = (
    "README.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "_config.yml",
    "book/*.md",
    "notebooks/*",
)
# Whose account is yet to be known; anybody could open one of this name.
PLACEHOLDER = "OWNER"
# The branch of clean copies (tools/colab_notebooks.py), which Colab and Binder open.
COPIES = "colab"
COLAB, BINDER = "https://colab.research.google.com", "https://mybinder.org"
SHOWN_CHAPTER = "03_dncnn2017"
BADGES = re.compile(r"(?s)(<!-- badges -->\n).*?(?=\n<!-- end of badges -->)")
NO_BADGES = "Once the book has a public address, a badge here opens a chapter in Colab or Binder."
RELEASE = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", re.MULTILINE)
# In a script and, with its quotes escaped, in a notebook.
INSTALLED = re.compile(r'(repository, release = \\?"[^"\\]+\\?", \\?")[^"\\]+')


def address(root: Path) -> str:
    """The address that stands in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return project["urls"]["Repository"]


def shown(root: Path) -> str:
    """The address that the book shows at present."""
    return re.search(r"^  url: (\S+)$", (root / "_config.yml").read_text(), re.MULTILINE).group(1)


def slug(url: str) -> str:
    """`OWNER/NAME`, as Colab's links and badges want it."""
    return url.removeprefix("https://github.com/")


def is_known(url: str) -> bool:
    """Whether the address is more than a placeholder."""
    return not slug(url).startswith(f"{PLACEHOLDER}/")


def site(url: str) -> str:
    """Where GitHub Pages shows the book of a repository."""
    owner, name = slug(url).split("/")
    return f"https://{owner.lower() if is_known(url) else owner}.github.io/{name}"


def launches(url: str, chapter: str) -> dict[str, str]:
    """Links that open a chapter's clean copy, by the name of the service."""
    return {
        "Colab": f"{COLAB}/github/{slug(url)}/blob/{COPIES}/{chapter}.ipynb",
        "Binder": f"{BINDER}/v2/gh/{slug(url)}/{COPIES}?urlpath=lab/tree/{chapter}.ipynb",
    }


def wheel(url: str, version: str) -> str:
    """The wheel that the workflow of releases attaches to the release of a version."""
    return f"{url}/releases/download/v{version}/denoise_lib-{version}-py3-none-any.whl"


def release(root: Path) -> tuple[str, str]:
    """Version and date of the newest release that CHANGELOG.md tells of."""
    return RELEASE.search((root / "CHANGELOG.md").read_text()).groups()


def badges(url: str) -> str:
    """README's badges, or the sentence that stands in for them."""
    if not is_known(url):
        return NO_BADGES
    images = {"Colab": f"{COLAB}/assets/colab-badge.svg", "Binder": f"{BINDER}/badge_logo.svg"}
    return "\n".join(
        f"[![Open in {name}]({images[name]})]({link})"
        for name, link in launches(url, SHOWN_CHAPTER).items()
    )


def zenodo(root: Path) -> dict:
    """Zenodo's metadata, from CITATION.cff; address and version it takes from the release."""
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    return {
        "upload_type": "software",
        "title": citation["title"],
        "description": citation["abstract"].strip(),
        "creators": [creator(author) for author in citation["authors"]],
        "license": citation["license"],
        "keywords": citation["keywords"],
        "language": "eng",
    }


def creator(author: dict) -> dict[str, str]:
    """One of Zenodo's creators, from an author of CITATION.cff: a person, or a group."""
    person = [author[key] for key in ("family-names", "given-names") if key in author]
    found = {"name": ", ".join(person) or author["name"]}
    if "affiliation" in author:
        found["affiliation"] = author["affiliation"]
    if "orcid" in author:
        found["orcid"] = author["orcid"].removeprefix("https://orcid.org/")
    return found


def derived_files(root: Path) -> list[Path]:
    """Files in which address or release stand."""
    return [path for pattern in DERIVED for path in sorted(root.glob(pattern)) if path.is_file()]


def updated(text: str, root: Path) -> str:
    """A file's text with today's address and release in the places of those that it shows."""
    old, new = shown(root), address(root)
    version, date = release(root)
    text = text.replace(slug(old), slug(new)).replace(site(old), site(new))
    text = INSTALLED.sub(rf"\g<1>{version}", text)
    text = re.sub(r"(?m)^version: \S+$", f"version: {version}", text)
    text = re.sub(r"(?m)^date-released: \S+$", f"date-released: {date}", text)
    return BADGES.sub(lambda match: match[1] + badges(new), text)


def update(root: Path) -> list[Path]:
    """Bring everything that follows up to date; returns the files that changed."""
    # All texts first: one of these files tells which address was shown.
    texts = {path: updated(path.read_text(), root) for path in derived_files(root)}
    changed = [path for path, text in texts.items() if path.read_text() != text]
    for path in changed:
        path.write_text(texts[path])
    metadata = root / ".zenodo.json"
    text = json.dumps(zenodo(root), indent=2, ensure_ascii=False) + "\n"
    if not metadata.exists() or metadata.read_text() != text:
        metadata.write_text(text)
        changed.append(metadata)
    return changed


def objections(root: Path, tag: str | None, place: str | None) -> list[str]:
    """Why a tag must not be published from a repository, a sentence each."""
    found = []
    version, _ = release(root)
    if tag and tag != f"v{version}":
        found.append(
            f"The tag is {tag} and the newest release in CHANGELOG.md is {version}: "
            "write what is new there and run python tools/set_repository.py before tagging."
        )
    if place and place.lower() != slug(address(root)).lower():
        found.append(
            f"pyproject.toml names {slug(address(root))} and this is {place}: "
            "put the address right there and run python tools/set_repository.py."
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check-tag", metavar="TAG")
    parser.add_argument("--check-address", metavar="OWNER/NAME")
    arguments = parser.parse_args()
    if arguments.check_tag or arguments.check_address:
        sys.exit("\n".join(objections(ROOT, arguments.check_tag, arguments.check_address)) or None)
    for path in update(ROOT):
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
