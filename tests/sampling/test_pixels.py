"""From scenes and masks to spectra; who may be seen without a label."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine

from hsigan.errors import LabelError, SceneError, SplitError
from hsigan.sampling import (
    SplitOptions,
    common_grid,
    cut_patches,
    gather_pixels,
    gather_unlabelled,
    labels_of,
    split_scenes,
)
from hsigan.sampling.grid import within
from hsigan.scene import make_scene

UTM = "EPSG:32633"


def _scene(
    labels: np.ndarray, *, corner: tuple[float, float] | None = None, **facts: Any
) -> xr.Dataset:
    """Make a scene whose spectra name their pixel: row, column, their sum, and a constant band."""
    row, column = np.indices(labels.shape)
    values = np.stack([row, column, 5 * row + column, np.full(labels.shape, 7)], axis=2)
    if corner is not None:
        facts |= {"crs": UTM, "transform": Affine(30, 0, corner[0], 0, -30, corner[1])}
    return make_scene(values.astype(np.float32), label=labels, **facts)


def test_a_table_holds_each_masked_valid_pixel_once(fields: np.ndarray) -> None:
    scene = _scene(fields, wavelengths_nm=[400, 500, 600, 700], class_names={1: "oak", 9: "elm"})
    scene["values"][4, 5, 2] = np.nan
    mask = np.zeros(fields.shape, dtype=bool)
    mask[4:6, 5:9] = True
    table = gather_pixels([scene], [mask])
    assert len(table) == 7
    assert table.spectra.dtype == np.float32
    np.testing.assert_array_equal(table.spectra[:, 0], table.row)
    np.testing.assert_array_equal(table.spectra[:, 1], table.column)
    np.testing.assert_array_equal(table.labels, fields[table.row, table.column])
    np.testing.assert_array_equal(table.band_indices, [0, 1, 2])
    np.testing.assert_array_equal(table.wavelengths_nm, [400, 500, 600])
    assert {1: "oak", 9: "elm"}.items() <= table.class_names.items()


def test_only_bands_usable_in_every_scene_are_taken(fields: np.ndarray) -> None:
    scenes = [_scene(fields), _scene(fields, good_band=[True, False, True, True])]
    np.testing.assert_array_equal(gather_pixels(scenes, "labelled").band_indices, [0, 2])
    asked = gather_pixels(scenes, "all", band_indices=[2, 0])
    np.testing.assert_array_equal(asked.spectra[:, 1], asked.row)
    assert len(asked) == 2 * fields.size
    np.testing.assert_array_equal(np.unique(asked.scene_index), [0, 1])
    with pytest.raises(SceneError, match="no band 9"):
        gather_pixels(scenes, "all", band_indices=[0, 9])
    only_second = _scene(fields, good_band=[False, True, False, True])
    with pytest.raises(SceneError, match="No band is usable in every scene"):
        gather_pixels([scenes[1], only_second], "all")


def test_bands_keep_the_numbers_of_the_file(fields: np.ndarray) -> None:
    scene = _scene(fields).isel(band=[2, 1])
    table = gather_pixels([scene], "labelled")
    np.testing.assert_array_equal(table.band_indices, [2, 1])
    np.testing.assert_array_equal(table.spectra[:, 1], table.column)
    with pytest.raises(SceneError, match="different bands"):
        gather_pixels([scene, _scene(fields)], "labelled")


def test_masks_of_another_scene_are_refused(fields: np.ndarray) -> None:
    scene = _scene(fields)
    with pytest.raises(SplitError, match="same order"):
        gather_pixels([scene], [np.ones((3, 3), dtype=bool)])
    with pytest.raises(SplitError, match=r"split\.train"):
        gather_pixels([scene], "train")  # type: ignore[arg-type]
    with pytest.raises(SceneError, match="at least one scene"):
        gather_pixels([], "all")


def _places(table: Any, count: int, shape: tuple[int, int]) -> list[np.ndarray]:
    marks = [np.zeros(shape, dtype=bool) for _ in range(count)]
    for index, row, column in zip(table.scene_index, table.row, table.column, strict=True):
        marks[index][row, column] = True
    return marks


def _four_tiles(fields: np.ndarray) -> list[xr.Dataset]:
    return [
        _scene(fields[r : r + 30, c : c + 30], corner=(3e5 + 30 * c, 5e6 - 30 * r))
        for r in (0, 30)
        for c in (0, 30)
    ]


@pytest.mark.parametrize("guard_px", [0, 4])
def test_inductive_pixels_keep_away_from_held_out_ones(fields: np.ndarray, guard_px: int) -> None:
    scenes = _four_tiles(fields)
    options = SplitOptions(
        mode="tiles", train=0.5, guard_px=guard_px, validation=0.0 if guard_px else 0.2
    )
    split = split_scenes(scenes, options)
    table = gather_unlabelled(scenes, split)
    assert not table.labels.any()
    assert table.provenance == {"pixels": "unlabelled", "transductive": False, "guard_px": guard_px}
    held_out = [a | b for a, b in zip(split.validation, split.test, strict=True)]
    near = within(held_out, guard_px, common_grid(scenes))
    seen = _places(table, 4, (30, 30))
    assert sum(mark.sum() for mark in seen) == len(table) > 0
    for mark, close, train in zip(seen, near, split.train, strict=True):
        assert not (mark & (close | train)).any()
        assert (mark | close | train).all()


def test_scattered_validation_pixels_can_leave_nothing(fields: np.ndarray) -> None:
    scenes = _four_tiles(fields)
    split = split_scenes(scenes, SplitOptions(mode="tiles", train=0.5, guard_px=4))
    with pytest.raises(SplitError, match="validate on whole units"):
        gather_unlabelled(scenes, split)


def test_random_splits_show_only_pixels_without_a_label(fields: np.ndarray) -> None:
    scene = _scene(fields)
    split = split_scenes([scene], SplitOptions(train=0.1, classes=(1, 2)))
    table = gather_unlabelled([scene], split)
    np.testing.assert_array_equal(_places(table, 1, fields.shape)[0], fields == 0)


@pytest.mark.parametrize("patch_px", [4, 5])
def test_no_patch_of_an_unlabelled_pixel_holds_a_held_out_one(
    fields: np.ndarray, patch_px: int
) -> None:
    scenes = _four_tiles(fields)
    options = SplitOptions(mode="tiles", train=0.5, train_per_class=10, validation=0.0)
    split = split_scenes(scenes, options)
    for scene, test in zip(scenes, split.test, strict=True):
        scene["values"][..., 0] = test
    table = gather_unlabelled(scenes, split, patch_px=patch_px)
    assert table.provenance["guard_px"] == 2
    assert not cut_patches(scenes, replace(table, band_indices=np.array([0])), patch_px)[:].any()
    one_more = gather_unlabelled(scenes, split, guard_px=1)
    assert len(one_more) > len(table)
    assert len(gather_unlabelled(scenes, split, guard_px=3, patch_px=patch_px)) < len(table)


@pytest.mark.parametrize("transductive", [False, True])
def test_unlabelled_pixels_beyond_the_most_are_drawn(
    fields: np.ndarray, transductive: bool
) -> None:
    scenes = _four_tiles(fields)
    scenes[0]["values"][:10] = np.nan
    split = split_scenes(scenes, SplitOptions(mode="tiles", train=0.5, validation=0.0))
    pool = gather_unlabelled(scenes, split, transductive=transductive)
    places = {tuple(place) for place in np.stack([pool.scene_index, pool.row, pool.column]).T}
    some, same, other = (
        gather_unlabelled(
            scenes, split, transductive=transductive, most=50, rng=np.random.default_rng(seed)
        )
        for seed in (1, 1, 2)
    )
    assert len(some) == 50
    found = {tuple(place) for place in np.stack([some.scene_index, some.row, some.column]).T}
    assert len(found) == 50
    assert found <= places
    np.testing.assert_array_equal(some.spectra, same.spectra)
    assert (some.row != other.row).any()
    everything = gather_unlabelled(scenes, split, transductive=transductive, most=10**6)
    np.testing.assert_array_equal(everything.spectra, pool.spectra)


def test_transductive_pixels_are_all_and_named_so(fields: np.ndarray) -> None:
    scene = _scene(fields)
    table = gather_unlabelled(
        [scene], split_scenes([scene], SplitOptions(train=0.1)), transductive=True
    )
    assert len(table) == fields.size
    assert not table.labels.any()
    assert table.provenance["transductive"] is True


def test_invalid_pixels_are_never_drawn(fields: np.ndarray) -> None:
    scene = _scene(fields, nodata=-1.0)
    blank = np.random.default_rng(0).random(fields.shape) < 0.5
    scene["values"].values[blank] = -1.0
    split = split_scenes([scene], SplitOptions(train_per_class=20))
    drawn = split.train[0] | split.validation[0] | split.test[0]
    np.testing.assert_array_equal(drawn, (fields > 0) & ~blank)
    assert len(gather_pixels([scene], split.train)) == 80


def test_a_value_beyond_float32_is_refused_where_it_is_used() -> None:
    scene = _scene(np.arange(12).reshape(3, 4) % 2 + 1)
    values = scene["values"].values.astype(np.float64)
    values[1, 2, 0] = -1e300
    scene = scene.assign(values=(scene["values"].dims, values))
    with pytest.raises(SceneError, match=r"values of up to 1e\+300.*3.4e\+38"):
        gather_pixels([scene], "all")
    elsewhere = np.ones((3, 4), dtype=bool)
    elsewhere[1, 2] = False
    assert len(gather_pixels([scene], [elsewhere])) == 11


def test_scenes_without_labels_are_refused() -> None:
    scene = make_scene(np.random.default_rng(0).random((4, 4, 3)))
    with pytest.raises(LabelError, match="--labels"):
        labels_of([scene])


def test_touching_tiles_share_a_grid_and_others_do_not(fields: np.ndarray) -> None:
    tiles = _four_tiles(fields)
    assert [(p.group, p.row, p.column) for p in common_grid(tiles)] == [
        (0, 0, 0),
        (0, 0, 30),
        (0, 30, 0),
        (0, 30, 30),
    ]
    plain = [_scene(fields), _scene(fields)]
    assert [place.group for place in common_grid([*plain, *tiles[:1]])] == [0, 1, 2]
    shifted = _scene(fields, corner=(3e5 + 12, 5e6))
    assert common_grid([tiles[0], shifted])[1].column == pytest.approx(0.4)


def test_rotated_grids_are_compared_along_their_own_axes() -> None:
    turned = Affine.translation(3e5, 5e6) @ Affine.rotation(30) @ Affine.scale(4, -4)
    labels = np.ones((6, 6), dtype=int)
    one, other = (
        make_scene(np.ones((6, 6, 2)), label=labels, crs=UTM, transform=transform)
        for transform in (turned, turned @ Affine.translation(-8, 5))
    )
    place = common_grid([one, other])[1]
    assert (place.group, place.row, place.column) == (0, 5, -8)


def test_two_grids_on_the_same_ground_are_refused(fields: np.ndarray) -> None:
    tile = _scene(fields, corner=(3e5, 5e6))
    coarse = make_scene(np.ones((4, 4, 4)), crs=UTM, transform=Affine(60, 0, 3e5, 0, -60, 5e6))
    with pytest.raises(SceneError, match="two different pixel grids"):
        common_grid([tile, coarse])
    far = make_scene(np.ones((4, 4, 4)), crs=UTM, transform=Affine(60, 0, 4e5, 0, -60, 5e6))
    assert [place.group for place in common_grid([tile, far])] == [0, 1]
    other_zone = make_scene(
        np.ones((4, 4, 4)), crs="EPSG:32632", transform=Affine(30, 0, 3e5, 0, -30, 5e6)
    )
    assert [place.group for place in common_grid([tile, other_zone])] == [0, 1]
