import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hsigan.errors import LabelError, SceneError
from hsigan.scene import (
    class_names_of,
    crs_of,
    make_scene,
    transform_of,
    usable_bands,
    valid_mask,
    with_labels,
)

from .scenes import GRID, full_scene, plain_cube


def test_values_are_not_copied_or_converted() -> None:
    cube = plain_cube()
    scene = make_scene(cube)
    assert np.shares_memory(scene["values"].values, cube)
    assert scene["values"].dims == ("y", "x", "band")


def test_ground_coordinates_are_pixel_centres() -> None:
    scene = full_scene()
    assert scene["x"].values[0] == GRID.c + 15
    assert scene["y"].values[1] == GRID.f - 45
    assert transform_of(scene) == GRID
    assert crs_of(scene) == "EPSG:32633"


def test_without_a_transform_coordinates_count_pixels() -> None:
    scene = make_scene(plain_cube())
    assert list(scene["x"].values) == [0, 1, 2, 3, 4]
    assert transform_of(scene) is None
    assert crs_of(scene) is None


def test_a_rotated_grid_survives() -> None:
    grid = Affine.translation(10.0, 20.0) @ Affine.rotation(30)
    assert transform_of(make_scene(plain_cube(), transform=grid)).almost_equals(grid)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 0), (4,), (2, 2, 2, 2)])
def test_not_a_cube(shape: tuple[int, ...]) -> None:
    with pytest.raises(SceneError, match="rows, columns and bands"):
        make_scene(np.zeros(shape))


@pytest.mark.parametrize("dtype", [complex, bool, str])
def test_not_real_numbers(dtype: type) -> None:
    with pytest.raises(SceneError, match="real numbers"):
        make_scene(np.zeros((2, 2, 2), dtype=dtype))


def test_wavelengths_of_another_sensor() -> None:
    with pytest.raises(SceneError, match="4 numbers for 3 bands"):
        make_scene(plain_cube(), wavelengths_nm=[1, 2, 3, 4])


def test_classes_keep_their_ids_and_absent_classes_their_names() -> None:
    scene = with_labels(make_scene(plain_cube(2, 2)), [[0, 14], [1, 14]], {1: "a", 9: "b"})
    assert class_names_of(scene) == {1: "a", 9: "b", 14: "class 14"}
    assert scene["label"].dtype == np.int32


def test_nan_labels_are_no_labels() -> None:
    scene = with_labels(make_scene(plain_cube(1, 2)), [[np.nan, 2.0]])
    assert scene["label"].values.tolist() == [[0, 2]]


@pytest.mark.parametrize("wrong", [-1, 1.5, 2.0**31])
def test_labels_that_are_no_ids_are_named(wrong: float) -> None:
    label = np.zeros((4, 5))
    label[2, 3] = wrong
    with pytest.raises(LabelError, match="row 2, column 3"):
        with_labels(make_scene(plain_cube()), label)


def test_labels_of_another_shape_name_both() -> None:
    with pytest.raises(LabelError, match=r"\(5, 4\).* 4 rows and 5 columns"):
        with_labels(make_scene(plain_cube()), np.zeros((5, 4)))


def test_usable_bands_leave_out_each_kind_of_bad_band() -> None:
    cube = np.random.default_rng(0).random((4, 5, 6)).astype(np.float32)
    cube[:, :, 1] = np.nan
    cube[:, :, 2] = -9999.9
    cube[:, :, 3] = 0.25
    cube[0, 0, 4] = np.inf
    good = np.array([True, True, True, True, True, False])
    scene = make_scene(cube, nodata=-9999.9, good_band=good)
    assert usable_bands(scene).tolist() == [True, False, False, False, True, False]
    expected = np.ones((4, 5), dtype=bool)
    expected[0, 0] = False
    assert np.array_equal(valid_mask(scene), expected)


def test_a_band_constant_but_for_nodata_is_constant() -> None:
    cube = np.ones((3, 3, 2), dtype=np.int16)
    cube[0, 0] = -1
    cube[1, 1, 0] = 5
    assert usable_bands(make_scene(cube, nodata=-1)).tolist() == [True, False]


def test_a_scene_without_a_usable_band_has_no_valid_pixel() -> None:
    assert not valid_mask(make_scene(np.ones((2, 2, 2)))).any()


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=4),
        elements=st.sampled_from([0.0, 1.0, 2.0, -9.0, np.nan, np.inf]),
    )
)
def test_a_valid_pixel_is_data_in_every_usable_band(cube: np.ndarray) -> None:
    scene = make_scene(cube, nodata=-9.0)
    usable, valid = usable_bands(scene), valid_mask(scene)
    spectra = cube[valid][:, usable]
    assert np.isfinite(spectra).all()
    assert (spectra != -9).all()
    known = np.isfinite(cube) & (cube != -9)
    rejected = known[:, :, usable].all(axis=2) & ~valid
    assert not usable.any() or not rejected.any()
