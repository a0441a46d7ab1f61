"""Scenes out to files: ENVI, GeoTIFF, netCDF, Zarr; whole files or none."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import xarray as xr
from rasterio.errors import RasterioError

from hsigan.errors import SceneError
from hsigan.files import check_folder
from hsigan.scene.labelled_arrays import is_zarr
from hsigan.scene.labels import sibling_labels
from hsigan.scene.options import PathLike
from hsigan.scene.raster import quiet_gdal
from hsigan.scene.write_arrays import write_netcdf, write_zarr
from hsigan.scene.write_raster import write_envi, write_geotiff

Format = Literal["envi", "geotiff", "netcdf", "zarr"]
Interleave = Literal["bsq", "bil", "bip"]

_FORMAT_OF_SUFFIX: dict[str, Format] = {
    ".hdr": "envi", ".img": "envi", ".dat": "envi", ".bsq": "envi", ".bil": "envi", ".bip": "envi",
    ".tif": "geotiff", ".tiff": "geotiff",
    ".nc": "netcdf", ".nc4": "netcdf",
    ".zarr": "zarr",
}  # fmt: skip


def write_scene(
    scene: xr.Dataset,
    path: PathLike,
    format: Format | None = None,
    *,
    interleave: Interleave | None = None,
) -> Path:
    """Write a scene so that `open_scene` gives it back.

    Values keep their numeric type; CRS, transform, wavelengths, widths, band flags, nodata, scale,
    labels and class names are kept in each format. Labels lie inside netCDF and Zarr; beside a
    GeoTIFF as ``NAME_labels.tif`` with a colour table and the classes' names, beside ENVI as the
    classification ``NAME_labels.img``, where `open_scene` finds them again.

    Parameters
    ----------
    scene : xarray.Dataset
        A scene as ``docs/architecture.md`` defines it.
    path : path
        Where to; of an ENVI pair the header or the data file (.img where only .hdr is named).
        Existing files of that name are replaced.
    format : {"envi", "geotiff", "netcdf", "zarr"}, optional
        By default what the file's suffix says.
    interleave : {"bsq", "bil", "bip"}, optional
        Order of an ENVI file; by default what the suffix says, else bsq.

    Returns
    -------
    Path
        The file to open.

    Raises
    ------
    SceneError
        If the format is unknown or cannot hold the numeric type, or the disk is full or read-only;
        then nothing is left half-written and what was there before is still there.
    """
    target, kind = check_scene_path(
        path, format, interleave=interleave, has_labels="label" in scene
    )
    with _staged(target) as folder:
        staged = folder / target.name
        if kind == "envi":
            of_suffix = target.suffix.lower().lstrip(".")
            write_envi(scene, staged, interleave or _interleave_of(of_suffix))
        elif kind == "geotiff":
            write_geotiff(scene, staged)
        elif kind == "netcdf":
            write_netcdf(scene, staged)
        else:
            write_zarr(scene, staged)
    return target


def check_scene_path(
    path: PathLike,
    format: Format | None = None,
    *,
    interleave: Interleave | None = None,
    has_labels: bool = False,
) -> tuple[Path, Format]:
    """Return the file and the format that `write_scene` would write, before there is a scene.

    Parameters
    ----------
    path, format, interleave : as `write_scene` takes them
    has_labels : whether the scene will have labels

    Raises
    ------
    SceneError
        The format is unknown, or such a scene cannot be written there.
    """
    target = Path(path)
    kind = format or _FORMAT_OF_SUFFIX.get(target.suffix.lower())
    if kind not in ("envi", "geotiff", "netcdf", "zarr"):
        raise SceneError(
            f"{target.name}: the format must be envi, geotiff, netcdf or zarr, or the suffix "
            f".img, .tif, .nc or .zarr. Got {format or target.suffix!r} instead."
        )
    if interleave not in (None, "bsq", "bil", "bip"):
        raise SceneError(f"interleave must be bsq, bil or bip. Got {interleave!r} instead.")
    if kind == "envi" and target.suffix.lower() == ".hdr":
        target = target.with_suffix(f".{interleave}" if interleave else ".img")
    _check_target(target, kind, has_labels)
    return target, kind


def _interleave_of(suffix: str) -> str:
    return suffix if suffix in ("bil", "bip") else "bsq"


def _check_target(target: Path, kind: Format, has_labels: bool) -> None:
    if not target.parent.is_dir():
        raise SceneError(f"{target!s} cannot be written: there is no such folder; make it first.")
    if target.is_dir() and not (kind == "zarr" and is_zarr(target)):
        raise SceneError(f"{target!s} is a folder that is not a Zarr store: choose another name.")
    if kind == "zarr" and target.is_file():
        raise SceneError(f"{target!s} is a file, a Zarr store is a folder: choose another name.")
    old = sibling_labels(target)
    if old is not None and not has_labels and kind in ("geotiff", "envi"):
        raise SceneError(
            f"{old.name} lies beside {target.name} and would be read as the labels of this scene, "
            f"which has none: move it, or choose another name."
        )
    try:
        check_folder(target.parent)
    except OSError as error:
        raise _unwritten(target, error) from error


@contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """Yield a folder beside the target whose content is moved into place once it is complete."""
    folder: Path | None = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        with quiet_gdal(), warnings.catch_warnings():
            # Zarr and netCDF warn of types that other programs may not know.
            warnings.simplefilter("ignore")
            yield folder
        # Headers last: without its header a new data file is not yet a scene.
        for part in sorted(folder.iterdir(), key=lambda p: (p.suffix == ".hdr", p.name)):
            _move(part, target.parent / part.name)
    except (OSError, RasterioError, SystemError) as error:  # the last is GDAL's, on a full disk
        raise _unwritten(target, error) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _unwritten(target: Path, error: Exception) -> SceneError:
    reason = getattr(error, "strerror", None) or str(error.__cause__ or error)
    return SceneError(
        f"{target!s} could not be written ({' '.join(reason.split())[:160]}): nothing was left "
        f"half-written; free space or choose another folder."
    )


def _move(part: Path, place: Path) -> None:
    if not part.is_dir() or not place.exists():
        part.replace(place)
        # What GDAL once noted beside the file of that name was about another content.
        if not part.with_name(f"{part.name}.aux.xml").is_file():
            place.with_name(f"{place.name}.aux.xml").unlink(missing_ok=True)
        return
    # A folder cannot be replaced in one step: the old one waits among the temporary files.
    old = part.with_name(f"{part.name}.old")
    place.replace(old)
    try:
        part.replace(place)
    except OSError:
        old.replace(place)
        raise
