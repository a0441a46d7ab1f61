"""Partitions of patches: what trains sees no test pixel, and centres are the pixels."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from hsigan.classification import SpectralClassifier
from hsigan.evaluation.augmentation_partition import make_partition
from hsigan.sampling import Split, SplitOptions, split_scenes
from hsigan.sampling.patches import centres_of
from hsigan.scene import simulate_scene

P = 4


@pytest.fixture(scope="module")
def scene() -> xr.Dataset:
    return simulate_scene(height=48, width=48, bands=16, classes=3, seed=4)


@pytest.fixture(scope="module")
def split(scene: xr.Dataset) -> Split:
    options = SplitOptions(
        mode="blocks", train=0.5, block_px=16, guard_px=P // 2, validation=0.0, seed=1
    )
    return split_scenes([scene], options)


def test_centres_of_patches_are_the_pixels(scene: xr.Dataset, split: Split) -> None:
    pixels = make_partition([scene], split, 0)
    patches = make_partition([scene], split, 0, patch_px=P)
    np.testing.assert_array_equal(centres_of(patches.X), pixels.X)
    np.testing.assert_array_equal(centres_of(patches.X_test), pixels.X_test)
    np.testing.assert_array_equal(patches.y_test, pixels.y_test)
    np.testing.assert_array_equal(patches.X_target, pixels.X_target)


def test_no_patch_that_trains_holds_a_test_pixel(scene: xr.Dataset, split: Split) -> None:
    before = make_partition([scene], split, 0, patch_px=P)
    assert len(before.X_unlabelled) > 10
    changed = scene.copy(deep=True)
    values = changed["values"].values
    values[split.test[0]] = values[split.test[0]][::-1] * 1.5
    after = make_partition([changed], split, 0, patch_px=P)
    np.testing.assert_array_equal(after.X, before.X)
    np.testing.assert_array_equal(after.X_unlabelled, before.X_unlabelled)
    assert not np.array_equal(after.X_test[:], before.X_test[:])


def test_pixel_classifiers_see_the_centres_of_patches(scene: xr.Dataset, split: Split) -> None:
    pixels = make_partition([scene], split, 0)
    patches = make_partition([scene], split, 0, patch_px=P)
    on_pixels = SpectralClassifier("lda").fit(pixels.X, pixels.y)
    on_patches = SpectralClassifier("lda").fit(patches.X, patches.y)
    expected = on_pixels.predict_proba(pixels.X_test)
    np.testing.assert_array_equal(on_patches.predict_proba(patches.X_test), expected)


def test_a_split_without_test_pixels_makes_a_partition(scene: xr.Dataset, split: Split) -> None:
    nothing = tuple(np.zeros_like(mask) for mask in split.test)
    data = make_partition([scene], replace(split, test=nothing), 0, patch_px=P)
    assert data.X_test.shape == (0, *data.X.shape[1:])


def test_unlabelled_patches_hold_ten_times_as_many_pixels_at_most(
    scene: xr.Dataset, split: Split
) -> None:
    pixels = make_partition([scene], split, 0, max_unlabelled=20)
    patches = make_partition([scene], split, 0, max_unlabelled=20, patch_px=P)
    assert len(pixels.X_unlabelled) == 20
    assert len(patches.X_unlabelled) == 200 // P**2
