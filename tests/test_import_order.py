"""A module imports only from rooms above its own (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

import hsigan

ROOMS = [
    "errors",
    "environment",
    "files",
    "recipe",
    "scene",
    "bitstream",
    "sampling",
    "models",
    "metrics",
    "training",
    "synthesis",
    "classification",
    "codec",
    "evaluation",
    "report",
    "cli",
]
WITHOUT_TORCH = {
    "errors",
    "environment",
    "files",
    "recipe",
    "scene",
    "bitstream",
    "sampling",
    "metrics",
    "report",
}
SOURCE = Path(hsigan.__file__).parent


def _imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "hsigan":
            found |= {f"hsigan.{alias.name}" for alias in node.names if alias.name[0] != "_"}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def _modules() -> list[Path]:
    outside = {SOURCE / "__init__.py", SOURCE / "__main__.py"}
    return sorted(set(SOURCE.rglob("*.py")) - outside)


def _room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_module_imports_only_rooms_above(path: Path) -> None:
    room = _room(path)
    assert room in ROOMS, f"{room} is no room: docs/architecture.md names them"
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    used = {name.split(".")[1] for name in _imported_modules(path) if name.startswith("hsigan.")}
    assert used <= allowed, f"{path} imports from below: {sorted(used - allowed)}"


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_rooms_without_torch_stay_so(path: Path) -> None:
    if _room(path) in WITHOUT_TORCH:
        assert not any(name.split(".")[0] == "torch" for name in _imported_modules(path))
