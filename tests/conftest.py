"""Where the real scenes lie, for tests that use them."""

import os
from pathlib import Path

import pytest

_BESIDE_CHECKOUT = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real scenes, or skip: ``HSIGAN_DATA``, else ``../shared/data``."""
    folder = Path(os.environ.get("HSIGAN_DATA", _BESIDE_CHECKOUT))
    if not (folder / "salinas_a").is_dir():
        pytest.skip(f"no real scenes in {folder}: set HSIGAN_DATA to a folder that holds them")
    return folder
