import numpy as np
import pytest
import xarray as xr
from affine import Affine

from hsigan.errors import SceneError
from hsigan.scene import (
    class_names_of,
    crs_of,
    make_scene,
    mosaic,
    transform_of,
    valid_mask,
)

from .scenes import GRID, full_scene


def cut(scene: xr.Dataset, rows: slice, columns: slice) -> xr.Dataset:
    """A tile of a scene, made from arrays as a reader would."""
    transform = GRID @ Affine.translation(columns.start, rows.start)
    names = class_names_of(scene)
    return make_scene(
        scene["values"].values[rows, columns],
        label=scene["label"].values[rows, columns],
        class_names=names,
        nodata=scene["values"].attrs["nodata"],
        wavelengths_nm=scene["wavelength_nm"].values,
        crs=crs_of(scene),
        transform=transform,
        name=f"tile_{rows.start}_{columns.start}",
    )


def test_tiles_in_any_order_make_the_scene_again() -> None:
    scene = full_scene()
    halves = [(slice(2, 5), slice(0, 7)), (slice(0, 2), slice(3, 7)), (slice(0, 2), slice(0, 3))]
    whole = mosaic([cut(scene, rows, columns) for rows, columns in halves])
    assert np.array_equal(whole["values"].values, scene["values"].values)
    assert np.array_equal(whole["label"].values, scene["label"].values)
    assert transform_of(whole) == GRID
    assert crs_of(whole) == crs_of(scene)
    assert class_names_of(whole) == class_names_of(scene)
    assert np.array_equal(whole["x"].values, scene["x"].values)


def test_gaps_are_nodata_and_unlabelled() -> None:
    scene = full_scene()
    tiles = [
        cut(scene, slice(0, 2), slice(0, 2)),
        cut(scene, slice(3, 5), slice(5, 7)),
    ]
    whole = mosaic(tiles)
    assert whole["values"].shape == (5, 7, 6)
    gap = np.ones((5, 7), dtype=bool)
    gap[:2, :2] = gap[3:, 5:] = False
    assert (whole["values"].values[gap] == 101).all()
    assert not whole["label"].values[gap].any()


@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
def test_gaps_without_a_nodata_value_find_a_free_one(dtype: str) -> None:
    cube = np.random.default_rng(0).integers(0, 100, (2, 2, 3)).astype(dtype)
    tiles = [make_scene(cube, transform=GRID @ Affine.translation(5 * i, 0)) for i in range(2)]
    whole = mosaic(tiles)
    assert whole["values"].dtype == dtype
    assert valid_mask(whole).tolist() == [[True] * 2 + [False] * 3 + [True] * 2] * 2


def test_the_first_tile_with_data_wins_where_tiles_overlap() -> None:
    first = np.full((1, 2, 2), 5, dtype=np.int16)
    first[0, 1] = -1
    second = np.full((1, 2, 2), 7, dtype=np.int16)
    whole = mosaic([make_scene(cube, nodata=-1, transform=GRID) for cube in (first, second)])
    assert whole["values"].values[0, :, 0].tolist() == [5, 7]


def test_tiles_that_are_not_of_one_grid() -> None:
    cube = np.ones((2, 2, 2), dtype=np.int16)
    base = make_scene(cube, crs="EPSG:32633", transform=GRID, name="base")

    def against(said: str, **facts: object) -> None:
        given = {"crs": "EPSG:32633", "transform": GRID, "name": "other", **facts}
        with pytest.raises(SceneError, match=said):
            mosaic([base, make_scene(given.pop("values", cube), **given)])

    against("off by 0.5 pixels", transform=GRID @ Affine.translation(0.5, 0))
    against("do not lie on one grid", transform=GRID @ Affine.scale(2))
    against("different coordinate systems", crs="EPSG:32617")
    against("has no georeference", transform=None)
    against("int16 and float32", values=cube.astype(np.float32))
    against("2 and 3 bands", values=np.ones((2, 2, 3), dtype=np.int16))
    against("different nodata values", nodata=-1)
    with pytest.raises(SceneError, match="one tile or more"):
        mosaic([])
