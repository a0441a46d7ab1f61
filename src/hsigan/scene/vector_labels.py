"""Labels drawn as polygons (.shp, .gpkg, GeoJSON), burnt into the grid of a scene.

The class of a polygon is an attribute of the file, or a column of a CSV table that is joined to it
by a key. Ids depend on the file (or the table, where there is one) and never on the scene, so that
several scenes labelled from it agree: whole numbers keep their value, names are sorted and counted
from 1.

A pixel belongs to a polygon when its centre lies inside. Where polygons overlap the smallest one
wins, so that a small crown drawn inside a large one is not lost; among equal areas the higher
class id wins.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio.features
import rasterio.warp
import shapely
import xarray as xr
from numpy.typing import NDArray
from pyogrio.errors import DataSourceError
from rasterio.crs import CRS
from rasterio.transform import Affine, array_bounds

from hsigan.errors import LabelError
from hsigan.scene.dataset import crs_of, transform_of, with_labels
from hsigan.scene.label_table import display_name, polygon_classes
from hsigan.scene.options import ReadOptions

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class LabelledPolygons:
    """Polygons with a class each.

    Attributes
    ----------
    geometries
        (P,) shapely geometries in the file's CRS, as object array.
    ids
        (P,) class ids, all above 0.
    class_names
        The classes that occur in the file, id -> name.
    crs
        The file's CRS, or None where it has none.
    name
        File name, for messages.
    """

    geometries: NDArray[np.object_]
    ids: NDArray[np.int64]
    class_names: dict[int, str]
    crs: CRS | None
    name: str


def rasterise_labels(scene: xr.Dataset, options: ReadOptions) -> xr.Dataset:
    """Label a scene from polygons.

    Parameters
    ----------
    scene
        A georeferenced scene.
    options
        ``labels`` names the vector file; ``label_field``, ``label_table`` and ``label_key`` say
        where the class of a polygon stands.

    Returns
    -------
    The scene with a label map; its classes are those of the whole file, so a scene may carry
    classes that do not occur in it.

    Raises
    ------
    LabelError
        When the file, the table or the fields cannot be used, or the polygons lie elsewhere.
    """
    if not isinstance(options.labels, str | Path):
        raise LabelError("rasterise_labels needs one vector file as labels.")
    polygons = read_polygons(Path(options.labels), options)
    label = burn_polygons(scene, polygons)
    return with_labels(scene, label, polygons.class_names)


def read_polygons(path: Path, options: ReadOptions) -> LabelledPolygons:
    """Read polygons and their classes; see `rasterise_labels` for options and errors."""
    meta, wkb, fields = _read_vector(path)
    classes = polygon_classes(path.name, fields, options)
    keep = np.array(
        [
            text is not None and shape is not None and classes.ids[text] > 0
            for text, shape in zip(classes.per_polygon, wkb, strict=True)
        ],
        dtype=bool,
    )
    if not keep.any():
        raise LabelError(
            f"{path.name}: none of its {len(wkb)} polygons has a class: check the label field, "
            "and with a table the key."
        )
    texts = [text for text in classes.per_polygon if text is not None]
    names = {classes.ids[text]: display_name(text) for text in texts}
    ids = [
        classes.ids[text or ""]
        for text, kept in zip(classes.per_polygon, keep, strict=True)
        if kept
    ]
    return LabelledPolygons(
        geometries=shapely.from_wkb(wkb[keep]),
        ids=np.array(ids, dtype=np.int64),
        class_names={key: names[key] for key in sorted(set(ids))},
        crs=None if meta["crs"] is None else CRS.from_user_input(meta["crs"]),
        name=path.name,
    )


def burn_polygons(scene: xr.Dataset, polygons: LabelledPolygons) -> NDArray[np.int32]:
    """Burn polygons into the grid of a scene.

    Returns
    -------
    (H, W) int32 label map, 0 where no polygon covers the centre of the pixel.

    Raises
    ------
    LabelError
        When scene or file lacks its place on the ground, or they do not meet.
    """
    grid = transform_of(scene)
    if grid is None:
        raise LabelError(
            f"{scene.attrs['name']} has no georeference, so the polygons of {polygons.name} cannot "
            "be laid on it: give labels as a raster."
        )
    height, width = scene["values"].shape[:2]
    geometries = _in_crs_of(scene, polygons)
    _check_they_meet(scene, polygons, geometries, array_bounds(height, width, grid))
    drawn = _drawing_order(geometries, polygons.ids)
    shapes = [(geometries[i], int(polygons.ids[i])) for i in drawn if not geometries[i].is_empty]
    burnt = rasterio.features.rasterize(
        shapes, out_shape=(height, width), transform=_affine(grid), fill=0, dtype="int32"
    )
    return np.asarray(burnt, dtype=np.int32)


def _affine(grid: Any) -> Affine:
    return Affine(*tuple(grid)[:6])


def _drawing_order(geometries: NDArray[np.object_], ids: NDArray[np.int64]) -> NDArray[np.intp]:
    """Order polygons from the one drawn first, the largest, to the one that stays on top."""
    areas = shapely.area(geometries)
    return np.lexsort((ids, -areas))


def _in_crs_of(scene: xr.Dataset, polygons: LabelledPolygons) -> NDArray[np.object_]:
    target, name = crs_of(scene), scene.attrs["name"]
    if target == polygons.crs:
        return polygons.geometries
    if polygons.crs is None:
        raise LabelError(
            f"{polygons.name} does not say its coordinate system (for a shapefile, the .prj file "
            f"is missing): add it, it need not be that of {name}."
        )
    if target is None:
        raise LabelError(
            f"{name} does not say its coordinate system, so the polygons of {polygons.name} cannot "
            "be laid on it: add the system to the scene, or give labels as a raster."
        )
    source = polygons.crs

    def _moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = rasterio.warp.transform(source, target, points[:, 0], points[:, 1])
        return np.column_stack(columns[:2])

    return np.asarray(shapely.transform(polygons.geometries, _moved), dtype=object)


def _check_they_meet(
    scene: xr.Dataset, polygons: LabelledPolygons, geometries: NDArray[np.object_], extent: Bounds
) -> None:
    """Refuse polygons of another place; a tile just beside the outermost polygon is no mistake."""
    left, bottom, right, top = shapely.total_bounds(geometries)
    gap = max(left - extent[2], extent[0] - right, bottom - extent[3], extent[1] - top)
    if gap > max(right - left, top - bottom) + max(extent[2] - extent[0], extent[3] - extent[1]):
        found = ", ".join(f"{v:.6g}" for v in (left, bottom, right, top))
        wanted = ", ".join(f"{v:.6g}" for v in extent)
        raise LabelError(
            f"the polygons of {polygons.name} ({found}) lie outside the scene "
            f"{scene.attrs['name']} ({wanted}; left, bottom, right, top): give the file that "
            "belongs to the scene."
        )


def _read_vector(
    path: Path,
) -> tuple[dict[str, Any], NDArray[np.object_], dict[str, NDArray[Any]]]:
    """Return metadata, geometries as WKB (P,), and attributes by field name (P,)."""
    try:
        meta, _, geometries, columns = pyogrio.raw.read(path, force_2d=True)
    except (DataSourceError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise LabelError(f"{path.name} cannot be read as polygons: {reason}") from error
    if geometries is None or len(geometries) == 0:
        raise LabelError(f"{path.name} holds no polygons.")
    return dict(meta), geometries, dict(zip(meta["fields"], columns, strict=True))
