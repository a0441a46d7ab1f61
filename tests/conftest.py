"""Where the real scenes lie, for tests that use them."""

import os
import signal
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


@pytest.fixture(scope="session", autouse=True)
def _hear_ctrl_c() -> None:
    """Hear Ctrl-C in tests of it, also where the tests were started in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
