"""A patch is what the naive cut of its scene is, whatever its side, border, gaps and batch."""

import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from hsigan.errors import InputError, SceneError
from hsigan.sampling import PatchView, centres_of, cut_patches, gather_pixels, row_patches
from hsigan.scene import make_scene

seeds = st.integers(0, 2**32 - 1)


def _scene(rng: np.random.Generator, height: int, width: int, **facts: Any) -> xr.Dataset:
    return make_scene(rng.normal(size=(height, width, 3)).astype(np.float32), **facts)


def _naive(values: np.ndarray, row: int, column: int, patch_px: int) -> np.ndarray:
    """Cut one patch, (B, P, P), pixel by pixel; beyond the border by the mirror's own law."""
    height, width = values.shape[:2]
    patch = np.empty((values.shape[2], patch_px, patch_px), dtype=np.float32)
    for i in range(patch_px):
        for j in range(patch_px):
            r, c = row - patch_px // 2 + i, column - patch_px // 2 + j
            r, c = r % (2 * height), c % (2 * width)
            patch[:, i, j] = values[min(r, 2 * height - 1 - r), min(c, 2 * width - 1 - c)]
    return patch


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(1, 6), st.integers(1, 6), seeds)
def test_patches_are_the_naive_cut_mirrored_at_the_border(
    patch_px: int, height: int, width: int, seed: int
) -> None:
    """Even and odd sides, and scenes smaller than the patch, several times over."""
    rng = np.random.default_rng(seed)
    scenes = [_scene(rng, height, width), _scene(rng, width + 1, height + 2)]
    table = gather_pixels(scenes, "all")
    view = cut_patches(scenes, table, patch_px)
    assert view.shape == (len(table), len(table.band_indices), patch_px, patch_px)
    patches = view[:]
    assert patches.dtype == view.dtype == np.float32
    for n, patch in enumerate(patches):
        values = scenes[table.scene_index[n]]["values"].values[..., table.band_indices]
        np.testing.assert_array_equal(
            patch, _naive(values, table.row[n], table.column[n], patch_px)
        )


def test_a_neighbour_beyond_float32_is_refused() -> None:
    values = np.random.default_rng(0).normal(size=(6, 6, 3))
    values[0, 0, 1] = 1e300
    scene = make_scene(values)
    inside = np.zeros((6, 6), dtype=bool)
    inside[1, 1] = True
    table = gather_pixels([scene], [inside])
    with pytest.raises(SceneError, match="32-bit"):
        cut_patches([scene], table, 3)
    with pytest.raises(SceneError, match="32-bit"):
        row_patches(scene, table.band_indices, (0, 2), 3)
    empty = make_scene(np.full((6, 6, 3), np.nan))
    patches, valid = row_patches(empty, table.band_indices, (0, 2), 3)
    assert len(patches) == valid.sum() == 0


@settings(max_examples=30)
@given(st.integers(1, 8), seeds)
def test_the_centre_is_the_pixel(patch_px: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scenes = [_scene(rng, 5, 4), _scene(rng, 3, 7)]
    scenes[1]["values"][1, 2:4] = np.nan
    masks = [rng.random((5, 4)) < 0.7, rng.random((3, 7)) < 0.7]
    masks[0][0, 0] = True
    table = gather_pixels(scenes, masks)
    view = cut_patches(scenes, table, patch_px)
    for given_to in (view, view[:], table.spectra):
        np.testing.assert_array_equal(centres_of(given_to), table.spectra)


@settings(max_examples=30)
@given(st.integers(2, 7), seeds)
def test_a_gap_takes_the_nearest_valid_spectrum(patch_px: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = _scene(rng, 9, 8, nodata=-1.0)
    gaps = rng.random((9, 8)) < 0.5
    gaps[4, 4] = False
    values = scene["values"].values
    # A gap in one band is a gap: half a spectrum is none.
    values[gaps, rng.integers(3, size=gaps.sum())] = rng.choice([np.nan, -1.0], size=gaps.sum())
    table = gather_pixels([scene], "all", band_indices=[0, 1, 2])
    assert len(table) == (~gaps).sum()
    patches = cut_patches([scene], table, patch_px)[:]
    assert np.isfinite(patches).all()
    known = np.argwhere(~gaps)
    for n, patch in enumerate(patches):
        for i, j in np.ndindex(patch_px, patch_px):
            r, c = table.row[n] - patch_px // 2 + i, table.column[n] - patch_px // 2 + j
            if 0 <= r < 9 and 0 <= c < 8:
                gap = cdist([[r, c]], known)[0]
                nearest = values[tuple(known[gap == gap.min()].T)]
                assert (nearest == patch[:, i, j]).all(axis=1).any()


@settings(max_examples=30)
@given(st.integers(1, 9), seeds)
def test_blocks_of_rows_give_the_patches_of_the_whole_scene(patch_px: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = _scene(rng, 23, 6)
    scene["values"].values[rng.random((23, 6)) < 0.6] = np.nan
    scene["values"].values[[0, 11, 22], 3] = 1.0
    table = gather_pixels([scene], "all", band_indices=[2, 0])
    whole = cut_patches([scene], table, patch_px)[:]
    ends = [0, *sorted(rng.integers(0, 23, size=3)), 23]
    blocks = [
        row_patches(scene, table.band_indices, (first, stop), patch_px)
        for first, stop in pairwise(ends)
        if first < stop
    ]
    np.testing.assert_array_equal(np.concatenate([view[:] for view, _ in blocks]), whole)
    valid = np.concatenate([mask for _, mask in blocks])
    np.testing.assert_array_equal(np.argwhere(valid).T, [table.row, table.column])


def test_a_block_of_rows_needs_the_memory_of_its_rows(tmp_path: Path) -> None:
    scene = make_scene(np.memmap(tmp_path / "s", np.int16, "w+", shape=(2000, 400, 40)))
    tracemalloc.start()
    view, _ = row_patches(scene, np.arange(40), (1000, 1010), 9)
    view[:100]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    rows = 10 + 2 * 10  # with what a gap may need on both sides
    assert len(view) == 4000
    assert peak < 3 * rows * 400 * 40 * 4  # 5.8 MB; the scene holds 64 MB, the patches 52 MB


@settings(max_examples=30)
@given(seeds)
def test_any_part_of_a_view_is_that_part_of_its_patches(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scenes = [_scene(rng, 5, 6), _scene(rng, 4, 4)]
    view = cut_patches(scenes, gather_pixels(scenes, "all"), 4)
    patches = view[:]
    numbers = rng.integers(-len(view), len(view), size=7)
    for key in (slice(3, 40, 5), numbers, rng.random(len(view)) < 0.3, slice(0, 0)):
        np.testing.assert_array_equal(view[key], patches[key])
        taken = view.take(key)
        assert isinstance(taken, PatchView)
        assert taken.shape == patches[key].shape
        np.testing.assert_array_equal(taken[:], patches[key])
        np.testing.assert_array_equal(taken.centres(), patches[key][:, :, 2, 2])


def test_a_part_is_a_copy() -> None:
    scene = _scene(np.random.default_rng(0), 4, 4)
    before = scene["values"].values.copy()
    view = cut_patches([scene], gather_pixels([scene], "all"), 3)
    view[:][...] = 0.0
    np.testing.assert_array_equal(view[:][:, :, 1, 1], before.reshape(16, 3))
    np.testing.assert_array_equal(scene["values"].values, before)


def test_a_million_patches_cost_the_scene_and_their_positions() -> None:
    scene = _scene(np.random.default_rng(0), 1000, 1000)
    table = gather_pixels([scene], "all")
    tracemalloc.start()
    view = cut_patches([scene], table, 9)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(view) == 1_000_000
    assert held < 1.1 * (1008 * 1008 * 3 * 4 + 3 * 8 * 1_000_000)  # the patches take 972 MB
    with pytest.raises(TypeError, match=r"X\[i:j\]"):
        np.asarray(view)


def test_no_pixels_are_no_patches() -> None:
    scene = _scene(np.random.default_rng(0), 4, 4)
    nothing = gather_pixels([scene], [np.zeros((4, 4), dtype=bool)])
    assert cut_patches([scene], nothing, 5)[:].shape == (0, 3, 5, 5)
    scene["values"][:2] = np.nan
    view, valid = row_patches(scene, nothing.band_indices, (0, 2), 5)
    assert view[:].shape == (0, 3, 5, 5)
    assert valid.shape == (2, 4)
    assert not valid.any()


def test_what_cannot_be_cut_is_refused() -> None:
    scene = _scene(np.random.default_rng(0), 4, 4)
    table = gather_pixels([scene], "all")
    with pytest.raises(InputError, match=r"at least 1 pixel\. Got 0"):
        cut_patches([scene], table, 0)
    scene["values"][1, 2, 0] = np.nan
    with pytest.raises(SceneError, match="1 pixels of the table have no data in scene"):
        cut_patches([scene], table, 3)
    with pytest.raises(SceneError, match="no band 1"):
        cut_patches([scene.isel(band=[0, 2])], table, 3)
