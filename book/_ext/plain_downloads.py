"""The download button of a chapter gives its plain copy, as Colab and Binder open it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import tools_on_path  # noqa: F401
from set_repository import ROOT, release


def replace_downloads(app, exception):
    """Put the copies in the places of the notebooks that Sphinx has copied as they are."""
    if exception is not None or app.builder.format != "html":
        return
    from colab_notebooks import copy  # takes a second to import

    url, (version, _) = app.config.html_theme_options["repository_url"], release(ROOT)
    for name in app.env.found_docs:
        pair = Path(app.env.doc2path(name)).resolve()
        if pair.suffix == ".ipynb":
            nbformat.write(copy(pair, url, version), Path(app.outdir, "_sources", f"{name}.ipynb"))


def setup(app):
    """Called by Sphinx."""
    app.connect("build-finished", replace_downloads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
