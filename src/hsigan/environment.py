"""By which command, on what machine, with which versions, at which commit a result was made."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "hsigan",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "imbalanced-learn",
    "rasterio",
    "constriction",
    "imagecodecs",
)


def describe_environment() -> dict[str, Any]:
    """Return ``command``, ``machine``, ``versions`` and ``commit``, as result files hold them."""
    return {
        "command": current_command(),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gib": _memory_gib(),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": current_commit(),
    }


def current_command() -> str | None:
    """Return what was typed to start this process, without the program's folder; None at a prompt.

    ``python -m hsigan`` and ``torchrun -m hsigan`` are written as ``hsigan``.
    """
    program = Path(sys.argv[0]).name
    if not program or program == "-c":
        return None
    return shlex.join(["hsigan" if program == "__main__.py" else program, *sys.argv[1:]])


def current_commit() -> str | None:
    """Return the commit that hsigan runs from ("+" where files were changed), None if unknown.

    Only a checkout of hsigan itself counts: an installed copy may lie inside somebody else's
    repository.
    """
    here = Path(__file__).resolve()
    root = here.parents[2]
    if not (root / "src" / "hsigan" / here.name).is_file():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return None
    return commit + ("+" if _git(root, "status", "--porcelain", "--", "src") else "")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    for line in text.splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
    return round(pages * size / 2**30, 1)
