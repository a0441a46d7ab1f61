"""Tiles of one grid put together into one scene."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine

from hsigan.errors import SceneError
from hsigan.scene.dataset import crs_of, is_data, make_scene, transform_of
from hsigan.scene.grid import place_in_grid
from hsigan.scene.read import check_same_bands, common_class_names

Window = tuple[slice, slice]

# How far a tile may lie off the common grid, in pixels.
_GRID_TOLERANCE_PX = 0.01


def mosaic(scenes: Sequence[xr.Dataset], name: str = "mosaic") -> xr.Dataset:
    """Put tiles of one grid into one scene; gaps between them are nodata and unlabelled.

    Parameters
    ----------
    scenes : sequence of xarray.Dataset
        Georeferenced tiles of the same CRS, pixel size, bands and type. Where tiles overlap, the
        first one that holds data is kept.
    name : str
        What to call the result.

    Returns
    -------
    xarray.Dataset
        One scene that covers all tiles, with the classes of all.

    Raises
    ------
    SceneError
        If the tiles are not of one grid, or there are gaps and no number is left for "no data".
    LabelError
        If two tiles name one class in two ways.
    """
    if not scenes:
        raise SceneError("a mosaic needs one tile or more: name the tiles.")
    origin, places = _places(scenes)
    height = max(row + scene.sizes["y"] for (row, _), scene in zip(places, scenes, strict=True))
    width = max(col + scene.sizes["x"] for (_, col), scene in zip(places, scenes, strict=True))
    windows = [
        (slice(row, row + scene.sizes["y"]), slice(column, column + scene.sizes["x"]))
        for (row, column), scene in zip(places, scenes, strict=True)
    ]
    values, nodata = _laid_values(scenes, windows, height, width)
    first = scenes[0]
    transform = transform_of(first)
    if transform is not None:
        transform = _shifted(transform, *origin)
    return make_scene(
        values,
        label=_laid_labels(scenes, windows, height, width),
        class_names=common_class_names(scenes),
        wavelengths_nm=_coordinate(first, "wavelength_nm"),
        fwhm_nm=_coordinate(first, "fwhm_nm"),
        good_band=_coordinate(first, "good_band"),
        nodata=nodata,
        units=first["values"].attrs.get("units"),
        scale=first["values"].attrs.get("scale"),
        crs=crs_of(first),
        transform=transform,
        name=name,
        source=[file for scene in scenes for file in scene.attrs["source"]],
    )


def _laid_values(
    scenes: Sequence[xr.Dataset], windows: Sequence[Window], height: int, width: int
) -> tuple[npt.NDArray[Any], float | None]:
    covered = np.zeros((height, width), dtype=np.bool_)
    for window in windows:
        covered[window] = True
    nodata = _common_nodata(scenes, bool(covered.all()))
    shape = (height, width, scenes[0].sizes["band"])
    values = np.zeros(shape, dtype=scenes[0]["values"].dtype)
    if nodata is not None:
        values[...] = nodata
    # Backwards, so that the first tile has the last word.
    for window, scene in reversed(list(zip(windows, scenes, strict=True))):
        tile = scene["values"].values
        has_data = np.any(is_data(tile, scene), axis=2, keepdims=True)
        np.copyto(values[window], tile, where=has_data)
    return values, nodata


def _laid_labels(
    scenes: Sequence[xr.Dataset], windows: Sequence[Window], height: int, width: int
) -> npt.NDArray[np.int32] | None:
    if not any("label" in scene for scene in scenes):
        return None
    label = np.zeros((height, width), dtype=np.int32)
    for window, scene in reversed(list(zip(windows, scenes, strict=True))):
        if "label" in scene:
            np.copyto(label[window], scene["label"].values, where=scene["label"].values > 0)
    return label


def _shifted(grid: Affine, rows: int, columns: int) -> Affine:
    """Return the same grid with its origin moved by whole pixels."""
    x = grid.c + columns * grid.a + rows * grid.b
    y = grid.f + columns * grid.d + rows * grid.e
    return Affine(grid.a, grid.b, x, grid.d, grid.e, y)


def _coordinate(scene: xr.Dataset, key: str) -> npt.NDArray[Any] | None:
    return scene.coords[key].values if key in scene.coords else None


def _places(scenes: Sequence[xr.Dataset]) -> tuple[tuple[int, int], list[tuple[int, int]]]:
    """Return the first tile's offset to the mosaic's origin, and (row, column) of every tile."""
    first = scenes[0]
    reference = transform_of(first)
    if len(scenes) > 1 and any(transform_of(scene) is None for scene in scenes):
        lost = next(s.attrs["name"] for s in scenes if transform_of(s) is None)
        raise SceneError(f"{lost} has no georeference, so its place in the mosaic is unknown.")
    offsets = [_offset(first, reference, scene) for scene in scenes]
    top, left = min(row for row, _ in offsets), min(column for _, column in offsets)
    return (top, left), [(row - top, column - left) for row, column in offsets]


def _offset(first: xr.Dataset, reference: Affine | None, scene: xr.Dataset) -> tuple[int, int]:
    check_same_bands(first, scene)
    names = f"{first.attrs['name']} and {scene.attrs['name']}"
    own = transform_of(scene)
    if scene["values"].dtype != first["values"].dtype:
        raise SceneError(
            f"{names} hold {first['values'].dtype} and {scene['values'].dtype}: convert one."
        )
    if reference is None or own is None:
        return 0, 0
    if crs_of(scene) != crs_of(first):
        raise SceneError(f"{names} have different coordinate systems: reproject one of them.")
    row, column, off_px = place_in_grid(reference, own, scene.sizes["y"], scene.sizes["x"])
    if off_px > _GRID_TOLERANCE_PX:
        raise SceneError(
            f"{names} do not lie on one grid (off by {off_px:.3g} pixels): resample one of them."
        )
    return row, column


def _common_nodata(scenes: Sequence[xr.Dataset], is_full: bool) -> float | None:
    """Return the tiles' nodata value; where they have none and leave gaps, a free extreme."""
    found = {scene["values"].attrs.get("nodata") for scene in scenes}
    if len(found) > 1:
        raise SceneError(
            f"the tiles have different nodata values ({', '.join(sorted(map(str, found)))}): "
            f"convert them to one."
        )
    known = found.pop()
    if known is not None or is_full:
        return known
    dtype = scenes[0]["values"].dtype
    if dtype.kind == "f":
        return float("nan")
    limits = np.iinfo(dtype)
    for candidate in (limits.min, limits.max):
        is_free = all((scene["values"].values != candidate).all() for scene in scenes)
        if candidate != 0 and int(float(candidate)) == candidate and is_free:
            return float(candidate)
    raise SceneError(f"the tiles leave gaps and use every extreme of {dtype}: give them a nodata.")
