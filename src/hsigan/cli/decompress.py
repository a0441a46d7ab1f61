"""`hsigan decompress`: a compressed file in, a scene or a window of it out."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from hsigan.errors import InputError

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A compressed scene (.hsc).")]


def decompress_command(
    file: FileArgument,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="SCENE",
            help="Scene to write: .tif, .img (ENVI; also .bsq, .bil, .bip), .nc or .zarr.",
        ),
    ],
    window: Annotated[
        str | None,
        typer.Option(
            metavar="ROW0:ROW1,COL0:COL1",
            help="Only these rows and columns (pixels, the ends not included); only their tiles "
            "are read.",
        ),
    ] = None,
    codec: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|RUN",
            help="The model that the file was written with, where it is not found by itself.",
        ),
    ] = None,
    decoder: Annotated[
        Literal["faithful", "realistic"],
        typer.Option(help="Realistic: a second decoder, tuned adversarially, where there is one."),
    ] = "faithful",
    format: Annotated[
        Literal["envi", "geotiff", "netcdf", "zarr"] | None,
        typer.Option("--format", help="Format to write; by default what the suffix says."),
    ] = None,
    processes: Annotated[
        int, typer.Option(min=0, help="How many tiles at a time; 0 is one per core.")
    ] = 0,
) -> None:
    """Decompress a file into a scene of any format that hsigan writes.

    Example: hsigan decompress scene.hsc -o part.tif --window 0:256,100:300
    """
    from hsigan.cli.evaluate_augmentation import counting
    from hsigan.codec.scene_file import decompress_scene
    from hsigan.codec.zoo import open_codec
    from hsigan.scene import check_scene_path, write_scene

    if output.resolve() == file.resolve():
        raise InputError(f"{output} is the compressed file itself: choose another name.")
    check_scene_path(output, format)  # a wrong name is an error before anything is decoded
    with counting("decompressing", "tiles") as report:
        scene = decompress_scene(
            file,
            None if codec is None else open_codec(codec),
            window=None if window is None else parse_window(window),
            decoder=decoder,
            threads=processes or os.cpu_count() or 1,
            progress=report,
        )
    typer.echo(write_scene(scene, output, format))


def parse_window(text: str) -> tuple[int, int, int, int]:
    """Return first row, end row, first column, end column from ``ROW0:ROW1,COL0:COL1``.

    Raises
    ------
    InputError
        The text has another form.
    """
    match = re.fullmatch(r"\s*(\d+):(\d+)\s*,\s*(\d+):(\d+)\s*", text)
    if match is None:
        raise InputError(f"--window takes ROW0:ROW1,COL0:COL1 such as 0:256,100:300. Got {text!r}.")
    top, bottom, left, right = (int(number) for number in match.groups())
    return top, bottom, left, right
