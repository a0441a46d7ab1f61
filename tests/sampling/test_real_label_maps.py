"""Every mode on every real label map, and the figures that others have published."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hsigan.errors import SplitError
from hsigan.sampling import (
    Split,
    SplitOptions,
    audit,
    check_patch_split,
    common_grid,
    gather_pixels,
    labels_of,
    make_split,
    split_scenes,
)
from hsigan.sampling.grid import separate_grids, within
from hsigan.scene import open_scenes

NAMES = [
    "botswana",
    "houston_test",
    "houston_train",
    "indian_pines",
    "indian_pines_disjoint",
    "ksc",
    "pavia_centre",
    "pavia_university",
    "salinas",
    "salinas_a",
]
ASKED: dict[str, dict[str, Any]] = {
    "random 3 %": {"mode": "random", "train": 0.03},
    "random 10 per class": {"mode": "random", "train_per_class": 10},
    "random 3 %, guard": {"mode": "random", "train": 0.03, "guard_px": 3},
    "blocks of 20": {"mode": "blocks", "train": 0.5},
    "blocks of 5, 10 per class, guard": {
        "mode": "blocks",
        "train_per_class": 10,
        "block_px": 5,
        "guard_px": 1,
    },
    "rows": {"mode": "rows", "train": 0.45},
    "rows, guard": {"mode": "rows", "train": 0.45, "guard_px": 3},
}
# What the geometry of the labels forbids, and the reason that must be given.
FORBIDDEN = {
    ("indian_pines", "blocks of 20"): "Class 7 .* all its 28 labelled pixels lie in one block",
    ("indian_pines", "rows, guard"): "class 9 has",
    ("indian_pines_disjoint", "random 3 %, guard"): "test part outside the guard of 3 px, class",
    ("indian_pines_disjoint", "rows, guard"): "training part outside the guard of 3 px, class",
    ("indian_pines_disjoint", "random 10 per class"): "class 13 has 10",
    ("indian_pines_disjoint", "blocks of 20"): "one block",
    ("indian_pines_disjoint", "blocks of 5, 10 per class, guard"): "class 13 has 10",
}


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", NAMES)
def test_every_mode_on_every_map(
    ground_truth: dict[str, np.ndarray], name: str, asked: str
) -> None:
    labels, options = ground_truth[name], SplitOptions(**ASKED[asked])
    if (name, asked) in FORBIDDEN:
        with pytest.raises(SplitError, match=FORBIDDEN[name, asked]):
            make_split([labels], options)
        return
    split = make_split([labels], options)
    seen = within(
        (split.train[0] | split.validation[0],), options.guard_width_px, separate_grids(1)
    )
    assert not (seen[0] & split.test[0]).any()
    counts = split.counts([labels])
    classes = np.unique(labels[labels > 0])
    assert all(counts["train"][label] and counts["test"][label] for label in classes)


@pytest.mark.parametrize("name", NAMES)
def test_one_file_cannot_be_split_by_tile(ground_truth: dict[str, np.ndarray], name: str) -> None:
    with pytest.raises(SplitError, match="two files"):
        make_split([ground_truth[name]], SplitOptions(mode="tiles", train=0.5))


def test_random_splits_leak_through_patches_as_published(
    ground_truth: dict[str, np.ndarray],
) -> None:
    labels = ground_truth["pavia_university"]
    split = make_split([labels], SplitOptions(train=0.03, validation=0.0))
    for patch_px, published in ((7, 0.64), (11, 0.85)):
        seen = audit(split, [labels], patch_px=patch_px).test_seeing_training
        assert seen == pytest.approx(published, abs=0.02)
        with pytest.raises(SplitError, match=f"^{seen:.1%} of the test pixels"):
            check_patch_split(split, patch_px)


def test_the_fixed_disjoint_indian_pines_split_leaks_as_published(
    ground_truth: dict[str, np.ndarray],
) -> None:
    labels, mask = ground_truth["indian_pines"], ground_truth["indian_pines_disjoint"]
    options = SplitOptions(mode="mask", validation=0.0)
    split = make_split([labels], options, masks=[mask])
    # The mask trains on pixels that the ground truth leaves without a label; the published figures
    # count their patches too.
    assert split.provenance["training_mask_pixels_left_out"] == 151
    as_published = np.where((mask > 0) & (labels == 0), 2, labels)
    split = make_split([as_published], options, masks=[mask])
    for patch_px, published in ((7, 0.57), (11, 0.83)):
        seen = audit(split, [as_published], patch_px=patch_px).test_seeing_training
        assert seen == pytest.approx(published, abs=0.006)


def test_houston_has_its_own_training_and_test_maps(ground_truth: dict[str, np.ndarray]) -> None:
    train, test = ground_truth["houston_train"], ground_truth["houston_test"]
    split = make_split(
        [np.maximum(train, test)],
        SplitOptions(mode="mask", validation=0.0),
        masks=[train],
        test_masks=[test],
    )
    np.testing.assert_array_equal(split.train[0], train > 0)
    np.testing.assert_array_equal(split.test[0], test > 0)


def test_halves_of_a_map_by_rows_keep_every_class(ground_truth: dict[str, np.ndarray]) -> None:
    """Halves of the image lose classes here; the cut of each class by itself does not."""
    for name in ("pavia_university", "botswana", "indian_pines"):
        labels = ground_truth[name]
        middle = labels.shape[0] // 2
        halves = set(np.unique(labels[:middle])), set(np.unique(labels[middle:]))
        assert halves[0] != halves[1]
        split = make_split([labels], SplitOptions(mode="rows", train=0.45, validation=0.0))
        for label in np.unique(labels[labels > 0]):
            share = split.train[0][labels == label].mean()
            assert share == pytest.approx(0.45, abs=0.1)


def test_the_largest_map_is_split_quickly(ground_truth: dict[str, np.ndarray]) -> None:
    labels = ground_truth["pavia_centre"]
    started = time.process_time()
    make_split([labels], SplitOptions(mode="blocks", train=0.5, patch_px=11))
    assert time.process_time() - started < 5.0


@pytest.fixture(scope="module")
def enmap(data_dir: Path) -> list[Any]:
    folder = data_dir / "enmap_potsdam"
    paths = sorted((folder / "images").glob("*.tif"))
    return open_scenes(paths, labels=folder / "labels")


def test_enmap_tiles_are_placed_as_their_names_say(enmap: list[Any]) -> None:
    named = np.array([scene.attrs["name"].split("_")[-2:] for scene in enmap], dtype=int)
    grids = common_grid(enmap)
    placed = np.array([(place.column, place.row) for place in grids])
    assert {place.group for place in grids} == {0}
    np.testing.assert_array_equal(placed - placed[0], named - named[0])


@pytest.mark.parametrize("guard_px", [0, 1, 4])
@pytest.mark.parametrize("mode", ["tiles", "blocks", "rows", "random"])
def test_enmap_guard_holds_across_tile_borders(enmap: list[Any], mode: Any, guard_px: int) -> None:
    options = SplitOptions(
        mode=mode,
        train_per_class=10 if mode == "random" else 25,
        guard_px=guard_px,
        classes=(1, 2, 3, 4),
    )
    split = split_scenes(enmap, options)
    mosaic = np.zeros((2, 256, 256), dtype=bool)
    for place, train, test in zip(common_grid(enmap), split.train, split.test, strict=True):
        row, column = int(place.row) + 40, int(place.column) + 80
        mosaic[0, row : row + 32, column : column + 32] |= train
        mosaic[1, row : row + 32, column : column + 32] |= test
    train, test = (np.argwhere(part) for part in mosaic)
    gaps = np.abs(train[:, None] - test[None]).max(axis=2)
    assert gaps.min() > guard_px
    if mode == "tiles":
        both = [a.any() and b.any() for a, b in zip(split.train, split.test, strict=True)]
        assert not any(both)


def test_enmap_refuses_labels_that_no_set_of_tiles_holds(enmap: list[Any]) -> None:
    """Class 5 has 91 pixels, and every tile with some has two at least."""
    with pytest.raises(SplitError, match="class 5 has"):
        split_scenes(enmap, SplitOptions(mode="tiles", train_per_class=90, classes=(4, 5)))


def test_enmap_pixels_are_those_of_the_parts(enmap: list[Any]) -> None:
    split = split_scenes(
        enmap, SplitOptions(mode="tiles", train_per_class=25, classes=(1, 2, 3, 4), guard_px=1)
    )
    table = gather_pixels(enmap, split.train)
    assert table.spectra.shape == (100, 218)
    assert not set(range(129, 135)) & set(table.band_indices.tolist())
    assert table.wavelengths_nm is not None
    assert np.all(np.diff(table.wavelengths_nm) != 0)
    for index in (0, 57, 99):
        scene = enmap[table.scene_index[index]]
        row, column = table.row[index], table.column[index]
        spectrum = scene["values"].values[row, column, table.band_indices]
        np.testing.assert_array_equal(table.spectra[index], spectrum)
        assert table.labels[index] == labels_of([scene])[0][row, column]
    assert Split(split.train, split.validation, split.test).counts(labels_of(enmap))["train"] == {
        1: 25,
        2: 25,
        3: 25,
        4: 25,
        5: 0,
        6: 0,
    }
