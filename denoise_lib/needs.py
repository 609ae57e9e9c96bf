"""What a method or a data set needs besides the library: a package, or published files."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from denoise_lib.checks import UserError
from denoise_lib.files import expanded


def data_folder() -> Path | None:
    """The folder that DENOISE_DATA names, which has published files; None where it is not set.

    Returns
    -------
    pathlib.Path or None

    Raises
    ------
    ValueError
        When it names no folder.
    """
    named = os.environ.get("DENOISE_DATA")
    if not named:
        return None
    folder = expanded(named)
    if not folder.is_dir():
        raise UserError(
            f"DENOISE_DATA is {named}, where there is no folder: set it to the folder that has "
            "the published files, or unset it to download them."
        )
    return folder


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
        if download or not self.folder:
            return True
        data = data_folder()
        return data is not None and (data / self.folder).is_dir()


NOTHING = Needs()
