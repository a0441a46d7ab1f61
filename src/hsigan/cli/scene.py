"""`hsigan scene`: what is in a file, known scenes, simulated ones, any format to any other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hsigan.cli.options import Reading, SceneArgument, open_inputs, refuse_to_replace, takes_reading
from hsigan.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

app = typer.Typer(
    name="scene",
    help="Look at scenes, fetch, simulate and convert them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

FormatOption = Annotated[
    Literal["envi", "geotiff", "netcdf", "zarr"] | None,
    typer.Option("--format", help="Format to write; by default what the suffix says."),
]
_SUFFIX_OF = {"envi": ".img", "geotiff": ".tif", "netcdf": ".nc", "zarr": ".zarr"}


@app.command()
@takes_reading
def info(scene: SceneArgument, *, reading: Reading) -> None:
    """Show what is in a scene: size, bands, unusable bands and why, georeference, classes.

    Example: hsigan scene info scene.mat --labels scene_gt.mat
    """
    from hsigan.cli.scene_tables import show_scenes
    from hsigan.scene.describe import describe_scene

    show_scenes([describe_scene(opened) for opened in open_inputs(scene, reading)])


@app.command("list")
def list_known() -> None:
    """List the public scenes that hsigan knows, and which of them lie on this machine.

    Example: hsigan scene list
    """
    from hsigan.cli.scene_tables import show_known_scenes

    show_known_scenes()


@app.command()
def fetch(
    name: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Keys that `hsigan scene list` shows.")
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Where to keep it; by default the user's cache."),
    ] = None,
) -> None:
    """Find known scenes on disk (HSIGAN_DATA), else download them, and verify them.

    An interrupted download goes on where it stopped.

    Example: hsigan scene fetch pavia-university
    """
    from hsigan.cli.progress import download_progress
    from hsigan.scene import fetch_scene

    for each in name:
        with download_progress() as report:
            fetched = fetch_scene(each, to, report)
        typer.echo(f"{fetched.scene.key}: {fetched.image}")
        typer.echo(f"{fetched.scene.key}: {fetched.labels} (labels)")


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="File to write.")],
    height: Annotated[int, typer.Option(help="Rows (pixels).")] = 100,
    width: Annotated[int, typer.Option(help="Columns (pixels).")] = 100,
    bands: Annotated[int, typer.Option(help="Number of bands, 400-2500 nm.")] = 120,
    classes: Annotated[int, typer.Option(help="Number of classes.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same scene.")] = 0,
    drift: Annotated[
        float,
        typer.Option(help="Change of illumination from left to right (share, -1 to 1)."),
    ] = 0.0,
    snr: Annotated[float, typer.Option(help="Signal-to-noise ratio of the best band.")] = 150.0,
) -> None:
    """Simulate a labelled scene with CRS, wavelengths and class names.

    Example: hsigan scene simulate -o fields.tif --classes 8 --seed 1
    """
    from hsigan.scene import simulate_scene, write_scene

    scene = simulate_scene(height, width, bands, classes, seed, drift=drift, snr=snr)
    typer.echo(write_scene(scene, output))


@app.command()
@takes_reading
def convert(
    scene: SceneArgument,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--out", metavar="PATH", help="File to write; for several scenes a folder."
        ),
    ],
    format: FormatOption = None,
    interleave: Annotated[
        Literal["bsq", "bil", "bip"] | None, typer.Option(help="Order of an ENVI file.")
    ] = None,
    mosaic: Annotated[
        bool, typer.Option("--mosaic", help="Join tiles of one grid into one scene.")
    ] = False,
    reading: Reading,
) -> None:
    """Write a scene, with its labels, in another format: ENVI, GeoTIFF, netCDF or Zarr.

    Example: hsigan scene convert cube.mat --labels cube_gt.mat -o cube.tif
    """
    from hsigan.scene import mosaic as join
    from hsigan.scene import write_scene

    refuse_to_replace([output], scene)
    scenes = open_inputs(scene, reading)
    if mosaic:
        scenes = [join(scenes, name=output.stem)]
    targets = [output] if len(scenes) == 1 else _targets_in_folder(scenes, output, format)
    for opened, target in zip(scenes, targets, strict=True):
        typer.echo(write_scene(opened, target, format, interleave=interleave))


def _targets_in_folder(scenes: list[xr.Dataset], folder: Path, format: str | None) -> list[Path]:
    """Name one file per scene after the scene."""
    if format is None:
        raise InputError(
            f"{len(scenes)} scenes make {len(scenes)} files: say --format, and -o names their "
            "folder; or join them with --mosaic."
        )
    names = [str(scene.attrs["name"]) for scene in scenes]
    if len(set(names)) < len(names):
        raise InputError("two of the scenes have the same name: convert them one at a time.")
    folder.mkdir(parents=True, exist_ok=True)
    return [folder / f"{name}{_SUFFIX_OF[format]}" for name in names]
