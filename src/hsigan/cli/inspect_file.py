"""`hsigan inspect` and `hsigan verify`: what is in compressed files, and whether they are whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hsigan.cli.decompress import FileArgument
from hsigan.errors import HsiganError


def inspect_command(
    file: FileArgument,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as JSON, for other programs.")
    ] = False,
) -> None:
    """Show what is in a compressed file: size, codec and model, chunks, rates, metadata.

    Example: hsigan inspect scene.hsc
    """
    from hsigan.codec.scene_file import inspect_file

    facts = inspect_file(file)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for line in _lines(file, facts):
        typer.echo(line)


def _lines(file: Path, facts: dict[str, Any]) -> list[str]:
    codec = dict(facts["codec"])
    model = "none" if facts["model"] is None else facts["model"]
    embedded = " (in the file)" if facts["model_embedded"] else ""
    about = ", ".join(
        f"{key} {_short(value)}" for key, value in codec.items() if key not in _NOT_ABOUT
    )
    trained = [
        f"{label:<9} {_names(codec[key])}" for key, label in _SCENES.items() if codec.get(key)
    ]
    chunks = [
        f"  {kind:<9} {each['count']:>6} chunk{'s' if each['count'] > 1 else ' '} "
        f"{each['bytes']:>12} bytes"
        for kind, each in facts["chunks"].items()
    ]
    return [
        f"{file}: {facts['bytes']} bytes",
        f"scene     {facts['height']} rows x {facts['width']} columns x {facts['bands']} bands, "
        f"{facts['dtype']}, nodata {_short(facts['nodata'])}",
        f"codec     {codec['name']}{f': {about}' if about else ''}",
        f"model     {model}{embedded}",
        *trained,
        f"tiles     {facts['tile_px']} px",
        "chunks",
        *chunks,
        f"  {'header, table':<13} {'':>9} {facts['overhead_bytes']:>12} bytes",
        f"rate      {facts['bpp']:.6g} bpp, {facts['bpppc']:.6g} bpppc, "
        f"{facts['ratio']:.2f} times smaller than {facts['source_bits']} bit",
        f"metadata  {', '.join(facts['metadata']) or 'none'}",
    ]


_SCENES = {"trained_on": "learned", "companions": "with", "repaired_on": "repairs"}
"""How the scenes that a model has seen are introduced."""
_NOT_ABOUT = {"name", "codec", "tile_px", "settings", "arguments", *_SCENES}
_MOST_NAMES = 6


def _names(scenes: Sequence[str]) -> str:
    more = len(scenes) - _MOST_NAMES
    return ", ".join(scenes[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _short(value: Any) -> str:
    text = "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def verify_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Compressed scenes, or folders of them.")
    ],
    decode: Annotated[
        bool, typer.Option("--decode", help="Decode every tile too, which needs the models.")
    ] = False,
) -> None:
    """Check compressed files: checksums and structure. All are checked, one line each.

    Exit status 2 when one of them is damaged.

    Example: hsigan verify archive/*.hsc
    """
    from hsigan.codec.scene_file import verify_file

    damaged = 0
    for path in _files(files):
        try:
            verify_file(path, decode)
        except HsiganError as error:
            damaged += 1
            typer.echo(f"{path}: DAMAGED: {' '.join(str(error).split())}")
        except OSError as error:
            damaged += 1
            typer.echo(f"{path}: UNREADABLE: {error.strerror or error}")
        else:
            typer.echo(f"{path}: whole")
    if damaged:
        raise typer.Exit(2)


def _files(paths: list[Path]) -> list[Path]:
    from hsigan.cli.compress import SUFFIX
    from hsigan.errors import InputError

    found = []
    for path in paths:
        inside = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"the folder {path} holds no compressed scene ({SUFFIX}).")
        found += inside
    return found
