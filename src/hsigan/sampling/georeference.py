"""The pixel grid that georeferenced scenes share, from their transforms."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds

from hsigan.errors import SceneError
from hsigan.sampling.grid import GridPosition
from hsigan.scene import crs_of, transform_of

_SAME_PX = 0.01
"""Pixels by which a position may differ from a whole number and still count as whole."""
_NEIGHBOURHOOD_PX = 64
"""Scenes in two grids that come closer than this could violate a guard unseen."""


def common_grid(scenes: Sequence[xr.Dataset]) -> tuple[GridPosition, ...]:
    """Find where scenes lie beside each other.

    Scenes with the same CRS and pixel size share a grid. Scenes without a georeference are
    infinitely far from all others.

    Parameters
    ----------
    scenes : sequence of xarray.Dataset

    Returns
    -------
    tuple of GridPosition
        One per scene, relative to the first scene of its grid.

    Raises
    ------
    SceneError
        When two scenes lie on the same ground, or within 64 pixels, in grids of different CRS,
        pixel size or orientation: distances between their pixels are then not whole pixels.
    """
    founders: list[int] = []
    positions: list[GridPosition] = []
    for index, scene in enumerate(scenes):
        group = next((g for g, f in enumerate(founders) if _same_grid(scenes[f], scene)), None)
        if group is None:
            founders.append(index)
            group = len(founders) - 1
        row, column = _offset(scenes[founders[group]], scene)
        positions.append(GridPosition(group, row, column))
    _refuse_neighbours(scenes, positions)
    return tuple(positions)


def _same_grid(first: xr.Dataset, second: xr.Dataset) -> bool:
    one, other = transform_of(first), transform_of(second)
    if one is None or other is None:
        return False
    reach = max(second.sizes["y"], second.sizes["x"])
    step = np.linalg.solve(_matrix(one), _matrix(other))[:2, :2]
    same_steps = bool(np.abs(step - np.eye(2)).max() * reach < _SAME_PX)
    return same_steps and crs_of(first) == crs_of(second)


def _matrix(transform: Affine) -> NDArray[np.float64]:
    """Return (3, 3): pixel corners (column, row, 1) to ground coordinates (x, y, 1)."""
    t = transform
    return np.array([[t.a, t.b, t.c], [t.d, t.e, t.f], [0.0, 0.0, 1.0]])


def _offset(first: xr.Dataset, scene: xr.Dataset) -> tuple[float, float]:
    one, other = transform_of(first), transform_of(scene)
    if one is None or other is None:
        return 0.0, 0.0
    column, row = np.linalg.solve(_matrix(one), [other.c, other.f, 1.0])[:2].tolist()
    return _whole_if_close(row), _whole_if_close(column)


def _whole_if_close(position: float) -> float:
    nearest = round(position)
    return float(nearest) if abs(position - nearest) < _SAME_PX else position


def _refuse_neighbours(scenes: Sequence[xr.Dataset], positions: Sequence[GridPosition]) -> None:
    if len({position.group for position in positions}) < 2:
        return  # One grid needs no ground coordinates: Samson's, for one, have an impossible CRS.
    boxes = [_geographic_box(scene) for scene in scenes]
    for first, one in enumerate(boxes):
        for second in range(first):
            other = boxes[second]
            same = positions[first].group == positions[second].group
            # Without a CRS, coordinates cannot be compared with those of a scene that has one.
            comparable = (crs_of(scenes[first]) is None) == (crs_of(scenes[second]) is None)
            if same or not comparable or one is None or other is None:
                continue
            if bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all()):
                names = [scenes[index].attrs.get("name", index) for index in (second, first)]
                raise SceneError(
                    f"The scenes {names[0]} and {names[1]} lie beside each other in two different "
                    "pixel grids (CRS, pixel size or orientation differ), so no guard can be kept "
                    "between them: resample them to one grid first."
                )


def _geographic_box(scene: xr.Dataset) -> NDArray[np.float64] | None:
    """Return (west, south, east, north) with a margin, in degrees where there is a CRS."""
    transform = transform_of(scene)
    if transform is None:
        return None
    far = _NEIGHBOURHOOD_PX
    height, width = scene.sizes["y"] + far, scene.sizes["x"] + far
    corners = np.array([(x, y, 1.0) for x in (-far, width) for y in (-far, height)])
    x, y, _ = _matrix(transform) @ corners.T
    box = (float(x.min()), float(y.min()), float(x.max()), float(y.max()))
    crs = crs_of(scene)
    if crs is None:
        return np.array(box)
    try:
        return np.array(transform_bounds(crs, CRS.from_epsg(4326), *box))
    except RasterioError as error:
        raise SceneError(
            f"The CRS of {scene.attrs.get('name', 'a scene')} cannot be compared with others "
            f"({error}): resample the scenes to one grid, or split them one by one."
        ) from error
