"""What a method or a data set needs besides the library: a package, or published files."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Needs:
    """A package and a folder of published files, either of which may be empty.

    Attributes
    ----------
    package : str
        Import name of a package that is not among the library's own dependencies.
    extra : str
        The extra of `denoise_lib` that installs it.
    folder : str
        Folder below DENOISE_DATA; without that variable its files are downloaded.
    """

    package: str = ""
    extra: str = ""
    folder: str = ""

    @property
    def installed(self) -> bool:
        """Whether the package can be imported."""
        return not self.package or importlib.util.find_spec(self.package) is not None

    def met(self, download: bool = False) -> bool:
        """Whether everything is here, or may be downloaded.

        Parameters
        ----------
        download : bool
            Whether published files may be downloaded.

        Returns
        -------
        bool
        """
        if not self.installed:
            return False
        data = os.environ.get("DENOISE_DATA")
        return download or not self.folder or bool(data and (Path(data) / self.folder).is_dir())


NOTHING = Needs()
