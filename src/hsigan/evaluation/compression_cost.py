"""What a piece of work costs: seconds, and memory at its peak."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PROCESS = Path("/proc/self")
_KIB_PER_MIB = 1024


@dataclass
class Cost:
    """Wall-clock seconds, and how far the process' memory rose above where it stood.

    ``memory_mib`` is None where the system does not tell (it is Linux that does).
    """

    seconds: float = float("nan")
    memory_mib: float | None = None


@contextmanager
def measured() -> Iterator[Cost]:
    """Yield a `Cost` that is filled in when the block ends."""
    cost = Cost()
    before = _resident_kib() if _forget_peak() else None
    started = time.perf_counter()
    yield cost
    cost.seconds = time.perf_counter() - started
    peak = _peak_kib()
    if before is not None and peak is not None:
        cost.memory_mib = max(peak - before, 0) / _KIB_PER_MIB


def _forget_peak() -> bool:
    """Let the system count the peak anew (proc(5), clear_refs), and say whether it does."""
    try:
        (_PROCESS / "clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _resident_kib() -> int | None:
    return _status("VmRSS:")


def _peak_kib() -> int | None:
    return _status("VmHWM:")


def _status(key: str) -> int | None:
    try:
        lines = (_PROCESS / "status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(key)]
    return int(found[0]) if found else None
