"""Label maps kept as rasters: found for a scene, read, and laid on it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine
from rasterio.crs import CRS

from hsigan.errors import LabelError, SceneError
from hsigan.scene.arrays import listed, named
from hsigan.scene.dataset import crs_of, transform_of, with_labels
from hsigan.scene.grid import place_in_grid
from hsigan.scene.matlab import mat_shapes, read_mat
from hsigan.scene.options import ReadOptions
from hsigan.scene.raster import ENVI_SUFFIXES, data_file, opened_raster

VECTOR_SUFFIXES = frozenset({".shp", ".gpkg", ".geojson", ".json", ".fgb"})
# How the writer names ids between the classes, since an ENVI class list has no gaps.
UNUSED_CLASS = "unused"

# How far a label map may lie off the scene's grid, in pixels: some count from pixel centres.
_GRID_TOLERANCE_PX = 0.25


@dataclass(frozen=True)
class LabelMap:
    """Ids (H, W) as stored, the names of classes, and where the map lies, if the file says."""

    ids: npt.NDArray[Any]
    class_names: dict[int, str] = field(default_factory=dict)
    crs: CRS | None = None
    transform: Affine | None = None


def labels_for(scene_path: Path, labels: str | Path) -> tuple[Path, str | None]:
    """Find the label file of one scene.

    Parameters
    ----------
    scene_path : Path
        The scene's file.
    labels : path
        A file, ``FILE:NAME``, or a folder with a file of the scene's name in it.

    Returns
    -------
    tuple of (Path, str or None)
        The file, and the array in it where one was named.

    Raises
    ------
    LabelError
        If there is no such file.
    """
    path = Path(labels)
    if path.is_dir():
        return _in_folder(scene_path, path), None
    if path.exists():
        return path, None
    file, colon, name = str(labels).rpartition(":")
    if colon and Path(file).is_file():
        return Path(file), name
    raise LabelError(f"the label file {labels!s} does not exist: correct the path.")


def _in_folder(scene_path: Path, folder: Path) -> Path:
    same = folder / scene_path.name
    if same.is_file():
        return same
    found = sorted(
        file
        for file in folder.iterdir()
        if file.stem in (scene_path.stem, f"{scene_path.stem}_labels")
        and file.suffix.lower() not in (".hdr", ".xml")
    )
    if len(found) == 1:
        return found[0]
    what = "no file" if not found else f"several files ({', '.join(f.name for f in found)})"
    raise LabelError(
        f"{folder.name} holds {what} named like {scene_path.name}: give each scene one label file "
        f"of its own name."
    )


def sibling_labels(scene_path: Path) -> Path | None:
    """Return the label file that `write_scene` puts beside a GeoTIFF or ENVI scene, if it is there.

    It is called ``NAME_labels.tif`` or ``NAME_labels.img``.
    """
    suffix = scene_path.suffix.lower()
    if suffix in (".tif", ".tiff"):
        label_suffix = ".tif"
    elif suffix in (".hdr", *ENVI_SUFFIXES):
        label_suffix = ".img"
    else:
        return None
    sibling = scene_path.with_name(f"{scene_path.stem}_labels{label_suffix}")
    return sibling if sibling.is_file() else None


def label_scene(
    scene: xr.Dataset,
    path: Path,
    name: str | None,
    options: ReadOptions,
    is_shared: bool = False,
) -> xr.Dataset:
    """Lay a label file on a scene.

    Parameters
    ----------
    scene : xarray.Dataset
        The scene to label.
    path, name : Path, str or None
        The file, and the array in it.
    options : ReadOptions
        What polygons need to know.
    is_shared : bool
        Whether the file is one map for several scenes: then both must be georeferenced, and a
        scene outside the map has no labels.

    Raises
    ------
    LabelError
        If it cannot be read as labels, has another shape, or lies elsewhere, or it is a map and
        options of polygons are given.
    """
    if path.suffix.lower() in VECTOR_SUFFIXES:
        from hsigan.scene.vector_labels import rasterise_labels

        return rasterise_labels(scene, options)
    if options.polygon_options():
        raise LabelError(
            f"{', '.join(options.polygon_options())} tells about polygons, but {path.name} is a "
            "label map: leave it out, or give polygons as labels."
        )
    try:
        label_map = read_label_map(path, name)
    except SceneError as error:
        raise LabelError(f"labels: {error}") from error
    label = _cut_to(scene, label_map, path)
    if is_shared and (label_map.transform is None or transform_of(scene) is None):
        raise LabelError(
            f"{path.name} is one label map for several scenes without a common georeference: give "
            f"one label file per scene."
        )
    if is_shared and label is None:
        label = np.zeros(scene["values"].shape[:2], dtype=np.int32)
    if label is None:
        raise LabelError(
            f"{path.name} lies elsewhere than the scene {scene.attrs['name']}: give its labels."
        )
    _check_fit(scene, label, path)
    return with_labels(scene, label, label_map.class_names)


def _check_fit(scene: xr.Dataset, label: npt.NDArray[Any], path: Path) -> None:
    name = scene.attrs["name"]
    height, width = scene["values"].shape[:2]
    if label.shape != (height, width):
        fits = label.T.shape == (height, width)
        turned = " They fit when turned: is the layout right?" if fits else ""
        raise LabelError(
            f"{path.name} has {label.shape[0]} x {label.shape[1]} labels, the scene {name} has "
            f"{height} x {width} pixels: give the labels of this scene, or the layout in which the "
            f"scene lies.{turned}"
        )


def _cut_to(scene: xr.Dataset, labels: LabelMap, path: Path) -> npt.NDArray[Any] | None:
    """Return the labels of the scene's own pixels, cut where both files say where they lie.

    None where they do not meet.
    """
    grid, crs = transform_of(scene), crs_of(scene)
    if grid is None or labels.transform is None:
        return labels.ids
    height, width = scene["values"].shape[:2]
    row, column, off_px = place_in_grid(grid, labels.transform, *labels.ids.shape)
    is_same_place = (row, column) == (0, 0) and labels.ids.shape == (height, width)
    if crs is not None and labels.crs is not None and crs != labels.crs and not is_same_place:
        raise LabelError(
            f"{path.name} and the scene {scene.attrs['name']} have different coordinate systems: "
            f"reproject the labels to the scene's."
        )
    if off_px > _GRID_TOLERANCE_PX:
        raise LabelError(
            f"{path.name} does not lie on the grid of the scene {scene.attrs['name']} (off by "
            f"{off_px:.3g} pixels): resample the labels to it."
        )
    result = np.zeros((height, width), dtype=labels.ids.dtype)
    rows = slice(max(0, row), max(0, min(height, row + labels.ids.shape[0])))
    columns = slice(max(0, column), max(0, min(width, column + labels.ids.shape[1])))
    part = result[rows, columns]
    if part.size == 0:
        return None
    top, left = max(0, -row), max(0, -column)
    part[...] = labels.ids[top : top + part.shape[0], left : left + part.shape[1]]
    return result


def read_label_map(path: Path, name: str | None = None) -> LabelMap:
    """Read a label map from .mat, .npy or any GDAL raster.

    Parameters
    ----------
    path : Path
        The file.
    name : str, optional
        The array in a .mat file with several.

    Returns
    -------
    LabelMap
        Ids as stored, 0 where the file has nodata.

    Raises
    ------
    SceneError
        If the file cannot be read; a LabelError where it holds no label map, or several.
    """
    suffix = path.suffix.lower()
    if path.stat().st_size == 0:
        raise LabelError(f"{path.name} is empty: give a label map.")
    if suffix == ".mat":
        return LabelMap(_from_mat(path, name))
    if name is not None:
        raise LabelError(f"{path.name} is not a .mat file: leave out the name {name!r}.")
    if suffix == ".npy":
        return LabelMap(_from_npy(path))
    return _from_raster(path)


def _from_mat(path: Path, name: str | None) -> npt.NDArray[Any]:
    shapes = mat_shapes(path)
    maps = {key: shape for key, shape in shapes.items() if len(shape) == 2 and min(shape) > 1}
    if name is not None:
        name = named(shapes, name, path.name)
        if len(shapes[name]) != 2:
            raise LabelError(f"{path.name}: {listed({name: shapes[name]})} is not a label map.")
    elif len(maps) == 1:
        name = next(iter(maps))
    else:
        what = "no label map" if not maps else "several arrays that can be the label map"
        raise LabelError(
            f"{path.name} holds {what}: {listed(maps or shapes)}. Name one: {path.name}:NAME."
        )
    return read_mat(path, name)


def _from_npy(path: Path) -> npt.NDArray[Any]:
    try:
        label = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise LabelError(f"{path.name} cannot be read as .npy: save it again.") from error
    if not isinstance(label, np.ndarray) or label.ndim != 2:
        raise LabelError(f"{path.name} must hold one array of rows and columns.")
    return label


def _from_raster(path: Path) -> LabelMap:
    with opened_raster(data_file(path)) as source:
        if source.count != 1:
            raise LabelError(
                f"{path.name} has {source.count} bands; a label map has one: give a label map."
            )
        label = source.read(1)
        if source.nodata is not None and not (label.dtype.kind == "u" and source.nodata < 0):
            label = np.where(label == source.nodata, 0, label)
        return LabelMap(
            label,
            _raster_class_names(source.tags(1), source.tags(ns="ENVI")),
            source.crs or None,
            None if source.transform.is_identity else source.transform,
        )


def _raster_class_names(band_tags: dict[str, str], header: dict[str, str]) -> dict[int, str]:
    """Read `class_names` of an ENVI header, else the tags that `write_scene` puts in a GeoTIFF."""
    listing = header.get("class_names")
    if listing is not None:
        names: Sequence[str] = [text.strip() for text in listing.strip().strip("{}").split(",")]
        return {
            class_id: text
            for class_id, text in enumerate(names)
            if class_id > 0 and text and text != UNUSED_CLASS
        }
    found = ((re.fullmatch(r"CLASS_NAME_(\d+)", key), text) for key, text in band_tags.items())
    return {int(match[1]): text for match, text in found if match is not None}
