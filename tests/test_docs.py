"""The examples of README, guide and docstrings run; the commands they show exist."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from typer.main import get_command

import hsigan
from hsigan.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_examples_of_the_page_run(page: Path) -> None:
    failures, _ = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert failures == 0


def _modules_with_examples() -> list[str]:
    found = pkgutil.walk_packages(hsigan.__path__, "hsigan.")
    names = [module.name for module in found if not module.name.endswith("__main__")]
    sources = {name: importlib.util.find_spec(name) for name in names}
    return [
        name
        for name, spec in sources.items()
        if spec and spec.origin and ">>> " in Path(spec.origin).read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("name", _modules_with_examples())
def test_examples_of_docstrings_run(name: str) -> None:
    failures, tried = doctest.testmod(importlib.import_module(name))
    assert failures == 0
    assert tried > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_and_options_shown_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"^ *hsigan ([a-z].*)$", text, flags=re.MULTILINE):
        words = line.split("#")[0].split()
        command = get_command(app)
        while words and hasattr(command, "commands") and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        assert not hasattr(command, "commands"), f"{page.name}: there is no command hsigan {line}"
        known = {name for option in command.params for name in option.opts}
        shown = {word.split("=")[0] for word in words if word.startswith("-")}
        assert shown <= known, f"{page.name}: hsigan {line} shows {sorted(shown - known)}"
