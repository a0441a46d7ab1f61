"""Every command that writes says so with the same words."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from hsigan import cli

_READS_ONLY = {"inspect", "scene info", "scene list", "scene fetch", "verify"}


def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    for key, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name}{key} ")
        else:
            yield f"{name}{key}", command


COMMANDS = dict(commands(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - _READS_ONLY))
def test_every_command_that_writes_takes_o_and_out(name: str) -> None:
    assert [p.opts for p in COMMANDS[name].params if "--out" in p.opts] == [["-o", "--out"]]


@pytest.mark.parametrize("word", ["-o", "--out", "--output"])
def test_output_is_understood_too(
    word: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made.nc"
    size = ["--height", "9", "--width", "8", "--bands", "5", "--classes", "2"]
    monkeypatch.setattr(sys, "argv", ["hsigan", "scene", "simulate", word, str(path), *size])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    assert path.is_file()
