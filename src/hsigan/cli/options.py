"""What every command shares that reads a SCENE: the options, and opening what they name."""

from __future__ import annotations

import glob
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from hsigan.cli.progress import download_progress, watched
from hsigan.errors import InputError, SceneError

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.scene import ReadOptions

_PANEL = "Reading the scene"
_SCENE_SUFFIXES = {
    ".mat", ".hdr", ".tif", ".tiff", ".nc", ".nc4", ".h5", ".hdf5", ".he5", ".zarr"
}  # fmt: skip

SceneArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SCENE",
        help="Scene files, a folder of them, a pattern, or a known scene such as known:salinas-a.",
        show_default=False,
    ),
]


def _option(text: str, metavar: str | None = None) -> Any:
    return typer.Option(metavar=metavar, help=text, rich_help_panel=_PANEL)


@dataclass(frozen=True)
class Reading:
    """The options of the command line that say how a scene is read; see `ReadOptions`."""

    variable: Annotated[
        str | None,
        _option("The array to read where a file holds several.", "NAME"),
    ] = None
    layout: Annotated[
        Literal["hwb", "bhw", "flat"] | None,
        _option("Axes of the array: rows, columns, bands; bands first; or pixels x bands."),
    ] = None
    shape: Annotated[
        str | None,
        _option("Rows and columns (pixels) of a flat array.", "H,W"),
    ] = None
    order: Annotated[
        Literal["C", "F"],
        _option("Pixel order of a flat array: by rows (C) or by columns, as MATLAB does (F)."),
    ] = "C"
    wavelengths: Annotated[
        Path | None,
        _option("Band centres (nm or um), one per band.", "FILE"),
    ] = None
    labels: Annotated[
        list[str] | None,
        _option(
            "Label map, array in a .mat, polygons, or a folder with one file per scene; repeat it "
            "to give each scene its own.",
            "FILE[:NAME]",
        ),
    ] = None
    label_field: Annotated[
        str | None,
        _option(
            "Attribute of the polygons, or column of the table, that names the class.", "FIELD"
        ),
    ] = None
    label_table: Annotated[
        Path | None,
        _option("Table joined to the polygons.", "CSV"),
    ] = None
    label_key: Annotated[
        str | None,
        _option("Field that joins polygons and table.", "FIELD"),
    ] = None

    def to_read_options(self) -> ReadOptions:
        """Return the same as the scene room takes it."""
        from hsigan.scene import ReadOptions

        given = {field.name: getattr(self, field.name) for field in fields(self)}
        labels: list[str] | None = given.pop("labels")
        shape = None if self.shape is None else _parse_shape(self.shape)
        single = labels[0] if labels and len(labels) == 1 else labels or None
        return ReadOptions(**{**given, "labels": single, "shape": shape})


def takes_reading(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Reading`; it receives them as its parameter ``reading``.

    ::

        @app.command()
        @takes_reading
        def info(scene: SceneArgument, *, reading: Reading) -> None: ...
    """
    own_hints = get_type_hints(command, include_extras=True)
    hints = get_type_hints(Reading, include_extras=True)
    own = [
        parameter.replace(annotation=own_hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(command).parameters.values()
        if parameter.name != "reading"
    ]
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(Reading)
    ]

    def with_reading(**given: Any) -> None:
        reading = Reading(**{field.name: given.pop(field.name) for field in fields(Reading)})
        command(**given, reading=reading)

    with_reading.__name__ = command.__name__
    with_reading.__doc__ = command.__doc__
    with_reading.__annotations__ = {p.name: p.annotation for p in (*own, *shared)}
    with_reading.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    return with_reading


def open_inputs(
    scenes: Sequence[str], reading: Reading | None = None, lazy: bool = False
) -> list[xr.Dataset]:
    """Open what a command was given, with a progress bar where it takes a while.

    Parameters
    ----------
    scenes
        Each is a file, a folder of scene files, a pattern, ``known:NAME`` or the key of a known
        scene where no file has that name. Files of a folder or pattern come in natural order
        (2 before 10).
    reading
        The shared options.
    lazy
        Whether images stay on disk until rows of them are asked for.

    Returns
    -------
    One scene per file, or the known scene; all with the same bands and classes.

    Raises
    ------
    HsiganError
        When something cannot be found or read; the message names it.
    """
    if not scenes:
        raise SceneError("no scene was given: name one file or more.")
    known = [_known_name(name) for name in scenes]
    options = replace((reading or Reading()).to_read_options(), lazy=lazy)
    if any(known):
        if len(scenes) > 1:
            raise SceneError("a known scene is opened alone: give it without other scenes.")
        return [_open_known(str(known[0]), options)]

    from hsigan.scene import open_scenes

    paths = _without_label_maps([path for name in scenes for path in expand_scene(name)])
    with watched(paths, "reading") as watched_paths:
        return open_scenes(watched_paths, options)


def refuse_to_replace(outputs: Sequence[Path | None], scenes: Sequence[str]) -> None:
    """Refuse to write results over the very files that a command reads.

    Raises
    ------
    InputError
        When an output is one of the scenes.
    """
    inputs = {
        path.resolve() for name in scenes if not _known_name(name) for path in expand_scene(name)
    }
    for output in outputs:
        if output is not None and output.resolve() in inputs:
            raise InputError(f"{output} is the scene itself: choose another name for the output.")


def expand_scene(name: str) -> list[Path]:
    """Return the scene files that a name on the command line stands for.

    Raises
    ------
    SceneError
        When a folder or pattern holds no scene.
    """
    if not name.strip():
        raise SceneError("the name of a scene is empty: name a file, a folder or a known scene.")
    path = Path(name)
    if path.is_dir() and path.suffix.lower() != ".zarr":
        found = [file for file in path.iterdir() if _looks_like_scene(file)]
        if not found:
            raise SceneError(
                f"the folder {name} holds no scene ({', '.join(sorted(_SCENE_SUFFIXES))}): name "
                "the files."
            )
    elif not path.exists() and glob.has_magic(name):
        # Path.glob refuses absolute patterns.
        found = [Path(file) for file in glob.glob(name)]  # noqa: PTH207
        if not found:
            raise SceneError(f"no file matches {name}: correct the pattern.")
    else:
        return [path]
    return sorted(found, key=_natural)


def expand_inputs(scenes: Sequence[str]) -> list[str]:
    """Return what several names stand for, one by one: scene files, and known scenes by name.

    Raises
    ------
    SceneError
        When a folder or pattern holds no scene.
    """
    known = [name for name in scenes if _known_name(name)]
    files = [path for name in scenes if name not in known for path in expand_scene(name)]
    return known + [str(path) for path in _without_label_maps(files)]


def _looks_like_scene(path: Path) -> bool:
    return path.suffix.lower() in _SCENE_SUFFIXES


def _without_label_maps(paths: list[Path]) -> list[Path]:
    """Leave out the label maps that `write_scene` put beside scenes, which patterns catch too."""
    scenes = {path.with_suffix("") for path in paths}
    return [
        path
        for path in paths
        if not path.stem.endswith("_labels")
        or path.with_name(path.stem.removesuffix("_labels")) not in scenes
    ]


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort numbers in names as numbers."""
    pieces = re.split(r"(\d+)", str(path))
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]


def _parse_shape(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d+)\s*[,x]\s*(\d+)\s*", text)
    if match is None:
        raise InputError(f"--shape must be H,W such as 83,86. Got {text!r} instead.")
    return int(match[1]), int(match[2])


def _known_name(name: str) -> str | None:
    if name.startswith("known:"):
        return name.removeprefix("known:")
    if Path(name).exists() or Path(name).suffix or "/" in name or glob.has_magic(name):
        return None
    from hsigan.scene import KNOWN_SCENES

    return name if name.lower().replace("_", "-") in KNOWN_SCENES else None


def _open_known(name: str, options: ReadOptions) -> xr.Dataset:
    from hsigan.scene import fetch_scene, open_known_scene, open_scene

    with download_progress() as report:
        if options.labels is None:
            return open_known_scene(name, progress=report)
        fetched = fetch_scene(name, progress=report)
    return open_scene(fetched.image, options, variable=fetched.scene.image.variable)
