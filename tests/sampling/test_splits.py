"""Laws of make_split that hold in every mode."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from hsigan.errors import InputError, LabelError, SplitError
from hsigan.sampling import GridPosition, Split, SplitOptions, audit, make_split
from hsigan.sampling.grid import within

TOUCHING = [
    GridPosition(0, 0, 0),
    GridPosition(0, 0, 30),
    GridPosition(0, 30, 0),
    GridPosition(0, 30, 30),
]


def _tiles(labels: np.ndarray) -> list[np.ndarray]:
    """Cut a 60 x 60 map into the four files that TOUCHING places."""
    return [labels[r : r + 30, c : c + 30] for r in (0, 30) for c in (0, 30)]


def _sum(masks: tuple[np.ndarray, ...]) -> int:
    return sum(int(mask.sum()) for mask in masks)


@settings(max_examples=150, deadline=None)
@given(
    mode=st.sampled_from(["random", "blocks", "rows", "tiles"]),
    train=st.floats(0.05, 0.9),
    per_class=st.sampled_from([None, 4, 40]),
    validation=st.sampled_from([None, 0.0, 0.5]),
    validation_by=st.sampled_from(["pixels", "units"]),
    guard_px=st.integers(0, 3),
    guard_from=st.sampled_from(["auto", "training", "test"]),
    least=st.integers(1, 4),
    seed=st.integers(0, 2**31),
)
def test_every_split_keeps_its_word(
    mode: Any,
    train: float,
    per_class: int | None,
    validation: float | None,
    validation_by: Any,
    guard_px: int,
    guard_from: Any,
    least: int,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.choice([0, 1, 2, 5], size=(12, 12)), np.ones((5, 5), dtype=np.int64))
    maps = _tiles(labels)
    options = SplitOptions(
        mode=mode,
        train=None if mode == "random" and per_class else train,
        train_per_class=per_class,
        validation=validation,
        validation_by=validation_by if mode in ("blocks", "tiles") else "pixels",
        guard_px=guard_px,
        guard_from=guard_from,
        minimum_per_class=least,
        block_px=7,
        seed=seed,
        attempts=20,
    )
    try:
        split = make_split(maps, options, grids=TOUCHING)
    except SplitError:
        reject()
    counts = split.counts(maps)
    for part, numbers in counts.items():
        if part != "validation" or options.validation_share:
            assert min(numbers.values()) >= least, part
    if per_class:
        for label in (1, 2, 5):
            assert counts["train"][label] + counts["validation"][label] == max(
                per_class, least * (2 if options.validation_share else 1)
            )
    if not options.validation_share:
        assert _sum(split.validation) == 0
    seen = tuple(a | b for a, b in zip(split.train, split.validation, strict=True))
    for near, test in zip(within(seen, guard_px, TOUCHING), split.test, strict=True):
        assert not (near & test).any()
    if options.validation_by == "units":
        for near, train in zip(
            within(split.validation, guard_px, TOUCHING), split.train, strict=True
        ):
            assert not (near & train).any()
    for index, label_map in enumerate(maps):
        parts = [split.part(part)[index].astype(int) for part in ("train", "validation", "test")]
        assert sum(parts).max() <= 1
        assert not (sum(parts)[label_map == 0]).any()
    report = audit(split, maps, patch_px=2 * guard_px + 1, grids=TOUCHING)
    assert report.test_seeing_training == 0.0


def _same(one: Split, other: Split) -> bool:
    return all(
        np.array_equal(a, b)
        for part in ("train", "validation", "test")
        for a, b in zip(one.part(part), other.part(part), strict=True)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("mode", ["random", "blocks", "rows", "tiles"])
def test_the_seed_decides_the_split(fields: np.ndarray, mode: Any) -> None:
    splits = [
        make_split(_tiles(fields), SplitOptions(mode=mode, train=0.5, seed=seed), grids=TOUCHING)
        for seed in (1, 1, 2)
    ]
    assert _same(splits[0], splits[1])
    assert not _same(splits[0], splits[2])


def test_random_is_stratified_to_the_pixel(fields: np.ndarray) -> None:
    split = make_split([fields], SplitOptions(train=0.1, validation=0.2))
    for label in (1, 2, 5, 9):
        total = int((fields == label).sum())
        part = {name: numbers[label] for name, numbers in split.counts([fields]).items()}
        training = round(0.1 * total)
        assert part["validation"] == round(0.2 * training)
        assert part["train"] == training - part["validation"]
        assert part["test"] == total - training


def test_rare_classes_are_raised_to_the_minimum_and_named() -> None:
    labels = np.repeat([1, 2], [980, 20]).reshape(20, 50)
    split = make_split([labels], SplitOptions(train=0.03, minimum_per_class=3))
    assert {part: n[2] for part, n in split.counts([labels]).items()} == {
        "train": 3,
        "validation": 3,
        "test": 14,
    }
    assert split.provenance["raised_to_minimum"] == [2]


@pytest.mark.parametrize(
    ("labels_per_class", "validation", "expected"),
    [(25, None, (25, 0)), (29, None, (29, 0)), (30, None, (24, 6)), (25, 0.2, (20, 5))],
)
def test_labels_per_class_include_the_validation_labels(
    fields: np.ndarray,
    labels_per_class: int,
    validation: float | None,
    expected: tuple[int, int],
) -> None:
    options = SplitOptions(train_per_class=labels_per_class, validation=validation)
    split = make_split([fields], options)
    counts = split.counts([fields])
    assert {(counts["train"][k], counts["validation"][k]) for k in (1, 2, 5, 9)} == {expected}
    how = "validation part" if expected[1] else "cross-validation in the training part"
    assert split.provenance["model_choice"] == how


@pytest.mark.parametrize("mode", ["blocks", "tiles"])
def test_units_go_whole_to_one_side(fields: np.ndarray, mode: Any) -> None:
    maps = _tiles(fields)
    split = make_split(maps, SplitOptions(mode=mode, train=0.5, block_px=20), grids=TOUCHING)
    side = np.zeros((60, 60), dtype=int)
    for place, train, validation, test in zip(
        TOUCHING, split.train, split.validation, split.test, strict=True
    ):
        row, column = int(place.row), int(place.column)
        side[row : row + 30, column : column + 30] = 1 * (train | validation) + 2 * test
    size = 20 if mode == "blocks" else 30
    for row in range(0, 60, size):
        for column in range(0, 60, size):
            here = side[row : row + size, column : column + size]
            assert len(set(here[here > 0].tolist())) == 1, "a unit is on both sides"


@pytest.mark.parametrize("mode", ["blocks", "tiles"])
def test_held_out_units_validate_on_other_ground(fields: np.ndarray, mode: Any) -> None:
    options = SplitOptions(
        mode=mode, train=0.6, train_per_class=30, validation=0.2, validation_by="units", guard_px=1
    )
    maps = [*_tiles(fields), *_tiles(fields[::-1])]
    far = [GridPosition(1, place.row, place.column) for place in TOUCHING]
    split = make_split(maps, options, grids=[*TOUCHING, *far])
    counts = split.counts(maps)
    assert {(counts["train"][k], counts["validation"][k]) for k in (1, 2, 5, 9)} == {(24, 6)}
    owners: dict[tuple[int, int, int], set[str]] = {}
    for index, place in enumerate([*TOUCHING, *far]):
        for part in ("train", "validation", "test"):
            for row, column in np.argwhere(split.part(part)[index]):
                ground = int(row + place.row) // 20, int(column + place.column) // 20
                unit = (index, 0, 0) if mode == "tiles" else (place.group, *ground)
                owners.setdefault(unit, set()).add(part)
    assert all(len(parts) == 1 for parts in owners.values())


@pytest.mark.parametrize("mode", ["blocks", "tiles"])
def test_the_guard_holds_between_validating_units_and_training(
    fields: np.ndarray, mode: Any
) -> None:
    options = SplitOptions(mode=mode, train=0.7, validation_by="units", guard_px=3, block_px=15)
    split = make_split(_tiles(fields), options, grids=TOUCHING)
    assert _sum(split.validation)
    for near, train in zip(within(split.validation, 3, TOUCHING), split.train, strict=True):
        assert not (near & train).any()


def test_rows_cut_each_class_near_the_share(fields: np.ndarray) -> None:
    split = make_split([fields], SplitOptions(mode="rows", train=0.3, validation=0.0))
    for label in (1, 2, 5, 9):
        above = np.nonzero(split.train[0] & (fields == label))[0]
        below = np.nonzero(split.test[0] & (fields == label))[0]
        assert above.max() < below.min()
        thickest_row = (fields == label).sum(axis=1).max()
        total = len(above) + len(below)
        assert abs(len(above) - 0.3 * total) <= thickest_row / 2


def test_a_training_part_drawn_per_class_stays_in_its_area(fields: np.ndarray) -> None:
    options = SplitOptions(mode="rows", train_per_class=10)
    split = make_split([fields], options)
    for label in (1, 2, 5, 9):
        cut = np.nonzero(split.test[0] & (fields == label))[0].min()
        assert np.nonzero(split.train[0] & (fields == label))[0].max() < cut


def test_given_masks_decide_and_stray_mask_pixels_are_counted(fields: np.ndarray) -> None:
    mask = np.zeros_like(fields)
    mask[:30] = 7
    split = make_split([fields], SplitOptions(mode="mask", validation=0), masks=[mask])
    np.testing.assert_array_equal(split.train[0], (mask > 0) & (fields > 0))
    np.testing.assert_array_equal(split.test[0], (mask == 0) & (fields > 0))
    assert split.provenance["training_mask_pixels_left_out"] == int((fields[:30] == 0).sum())


def test_masks_that_do_not_fit_are_refused(fields: np.ndarray) -> None:
    options = SplitOptions(mode="mask")
    with pytest.raises(SplitError, match="needs a map"):
        make_split([fields], options)
    with pytest.raises(SplitError, match="one mask per label map"):
        make_split([fields], options, masks=[fields[:30]])
    with pytest.raises(SplitError, match="share"):
        make_split([fields], options, masks=[fields], test_masks=[fields])
    with pytest.raises(SplitError, match="mode mask only"):
        make_split([fields], SplitOptions(train=0.5), masks=[fields])


def test_ground_seen_by_two_files_takes_part_once(fields: np.ndarray) -> None:
    maps = [fields, fields[10:, 20:].copy()]
    overlapping = [GridPosition(0), GridPosition(0, 10, 20)]
    split = make_split(maps, SplitOptions(train=0.3), grids=overlapping)
    assert all(not split.part(part)[1].any() for part in ("train", "validation", "test"))
    assert split.provenance["audit"]["unassigned_px"] == int((maps[1] > 0).sum())


def test_overlap_that_is_not_whole_pixels_never_reaches_the_test_part(fields: np.ndarray) -> None:
    maps = [fields, fields.copy()]
    shifted = [GridPosition(0), GridPosition(0, 50.5, 0.5)]
    split = make_split(maps, SplitOptions(mode="tiles", train=0.5), grids=shifted)
    seen = tuple(a | b for a, b in zip(split.train, split.validation, strict=True))
    assert _sum(seen)
    for near, test in zip(within(seen, 0, shifted), split.test, strict=True):
        assert not (near & test).any()


def test_refusals_name_the_class_and_its_pixels(fields: np.ndarray) -> None:
    lonely = fields.copy()
    lonely[2, 3] = 4
    with pytest.raises(SplitError, match="class 4 has 1"):
        make_split([lonely], SplitOptions(train=0.5))
    lonely[2:4, 2:5] = 4
    with pytest.raises(SplitError, match=r"Class 4 .* all its 6 .* one block"):
        make_split([lonely], SplitOptions(mode="blocks", train=0.5))
    assert make_split([lonely], SplitOptions(mode="blocks", train=0.5, classes=(1, 2, 5, 9)))
    with pytest.raises(SplitError, match="two files"):
        make_split([fields], SplitOptions(mode="tiles", train=0.5))
    with pytest.raises(SplitError, match=r"guard of 50 px, class 1 has 0"):
        make_split([fields], SplitOptions(mode="blocks", train=0.5, guard_px=50))


def test_classes_left_out_are_in_no_part(fields: np.ndarray) -> None:
    split = make_split([fields], SplitOptions(train=0.5, classes=(1, 9)))
    assert all(n[2] == n[5] == 0 for n in split.counts([fields]).values())
    assert split.provenance["audit"]["unassigned_px"] == int(np.isin(fields, [2, 5]).sum())


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ([np.zeros((4, 4), dtype=int)], "no labelled pixel"),
        ([np.zeros((4, 4, 2), dtype=int)], "must be"),
        ([np.full((4, 4), -1)], "negative class id -1"),
        ([np.full((4, 4), 0.5)], "no class ids"),
        ([np.full((4, 4), np.nan)], "no class ids"),
        ([np.full((4, 4), "tree")], "whole numbers"),
        ([], "at least one"),
    ],
)
def test_unusable_label_maps_are_refused(maps: list[np.ndarray], message: str) -> None:
    with pytest.raises(LabelError, match=message):
        make_split(maps, SplitOptions(train=0.5))


def test_an_absent_class_is_refused(fields: np.ndarray) -> None:
    with pytest.raises(LabelError, match=r"class 3: .* 1, 2, 5, 9"):
        make_split([fields], SplitOptions(train=0.5, classes=(1, 3)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "needs the size"),
        ({"train": 0.0}, "'train'"),
        ({"train": 1.0}, "'train'"),
        ({"train": 0.5, "train_per_class": 5}, "either"),
        ({"train": 0.5, "mode": "mask"}, "which pixels train"),
        ({"train": 0.5, "mode": "diagonal"}, "one of random, blocks"),
        ({"train": 0.5, "validation": 1.0}, "'validation'"),
        ({"train": 0.5, "validation_by": "units"}, "no units"),
        ({"train": 0.5, "guard_px": -1}, "'guard_px'"),
        ({"train": 0.5, "patch_px": 0}, "'patch_px'"),
        ({"train": 0.5, "block_px": 0}, "'block_px'"),
        ({"train": 0.5, "classes": ()}, "'classes'"),
        ({"train": 0.5, "classes": (0, 1)}, "'classes'"),
        ({"train": 0.5, "seed": -1}, "'seed'"),
        ({"train_per_class": 0}, "'train_per_class'"),
    ],
)
def test_impossible_options_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SplitOptions(**changes)
