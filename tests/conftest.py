"""What several test modules share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The published data sets: $DENOISE_DATA, or a `shared/data` folder beside the checkout."""
    folder = Path(os.environ.get("DENOISE_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "chest_xray").is_dir():
        pytest.skip("needs the published data: set DENOISE_DATA to their folder")
    return folder


@pytest.fixture
def from_data_folder(data_folder, monkeypatch) -> Path:
    """Loaders read from the data folder during this test."""
    monkeypatch.setenv("DENOISE_DATA", str(data_folder))
    return data_folder
