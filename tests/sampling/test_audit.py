"""The audit catches what a split must not do, and its figures are the plain definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsigan.errors import LabelError, SplitError
from hsigan.sampling import (
    GridPosition,
    Split,
    SplitOptions,
    audit,
    check_patch_split,
    cut_patches,
    gather_pixels,
    make_split,
    patch_leak,
)
from hsigan.scene import make_scene

LABELS = np.tile([1, 2], (6, 4))


def _split(train: np.ndarray, test: np.ndarray, validation: np.ndarray | None = None) -> Split:
    nothing = np.zeros_like(train)
    return Split((train,), (nothing if validation is None else validation,), (test,))


def _rows(*rows: int) -> np.ndarray:
    mask = np.zeros(LABELS.shape, dtype=bool)
    mask[list(rows)] = True
    return mask


def test_a_good_split_passes_and_is_described() -> None:
    report = audit(_split(_rows(0), _rows(3, 4), _rows(1)), [LABELS], patch_px=5)
    assert report.counts == {
        "train": {"1": 4, "2": 4},
        "validation": {"1": 4, "2": 4},
        "test": {"1": 8, "2": 8},
    }
    assert report.unassigned_px == 16
    text = "\n".join(report.lines())
    for said in ("train 8, validation 8, test 16, in no part 16", "class 2: train 4", "50.0%"):
        assert said in text


def test_a_shared_pixel_is_found() -> None:
    for split in (
        _split(_rows(0, 1), _rows(1, 2)),
        _split(_rows(0), _rows(1, 2), _rows(2)),
        _split(_rows(0, 1), _rows(2), _rows(1)),
    ):
        with pytest.raises(SplitError, match="share 8 pixels"):
            audit(split, [LABELS])


def test_a_pixel_shared_on_the_ground_of_two_files_is_found() -> None:
    nothing = np.zeros((6, 8), dtype=bool)
    split = Split((_rows(5), nothing), (nothing, nothing), (nothing, _rows(0)))
    maps = [LABELS, LABELS]
    apart, overlapping = (
        [GridPosition(0), GridPosition(0, 6)],
        [GridPosition(0), GridPosition(0, 5)],
    )
    assert audit(split, maps, grids=apart)
    with pytest.raises(SplitError, match="share 8 pixels"):
        audit(split, maps, grids=overlapping)


def test_a_pixel_without_a_label_is_found() -> None:
    labels = LABELS.copy()
    labels[3, :2] = 0
    with pytest.raises(SplitError, match="test part holds 2 pixels without a label"):
        audit(_split(_rows(0), _rows(3)), [labels])


def test_a_violated_guard_is_found_also_across_files() -> None:
    nothing = np.zeros((6, 8), dtype=bool)
    split = Split((_rows(4), nothing), (nothing, nothing), (nothing, _rows(0)), {"guard_px": 2})
    maps = [LABELS, LABELS]
    with pytest.raises(SplitError, match=r"guard of 2 px is violated: 100\.00%"):
        audit(split, maps, grids=[GridPosition(0), GridPosition(0, 6)])
    assert audit(split, maps, grids=[GridPosition(0), GridPosition(0, 7)]).guard_px == 2
    assert audit(split, maps).guard_px == 2


def test_a_missing_class_or_part_is_found() -> None:
    only_first = _rows(0) & (LABELS == 1)
    with pytest.raises(SplitError, match="train part lacks class 2"):
        audit(_split(only_first, _rows(3)), [LABELS])
    with pytest.raises(SplitError, match="validation part lacks class 2"):
        audit(_split(_rows(1), _rows(3), only_first), [LABELS])
    with pytest.raises(SplitError, match="test part lacks class 1, 2"):
        audit(_split(_rows(0), _rows()), [LABELS])
    with pytest.raises(SplitError, match="train part lacks"):
        audit(_split(_rows(), _rows()), [LABELS])


def test_labels_of_other_shape_are_refused() -> None:
    with pytest.raises(LabelError, match="same files"):
        audit(_split(_rows(0), _rows(3)), [LABELS[:, :4]])
    with pytest.raises(SplitError, match="'patch_px'"):
        audit(_split(_rows(0), _rows(3)), [LABELS], patch_px=0)


@given(st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_no_patch_that_is_cut_holds_more_than_the_leak_says(patch_px: int, seed: int) -> None:
    """Odd sides to the pixel; of even ones, which reach farther to one side, the farther counts."""
    rng = np.random.default_rng(seed)
    part = rng.choice(4, size=(15, 15), p=[0.9, 0.02, 0.03, 0.05])
    part[0, :2] = [1, 3]
    scene = make_scene(np.stack([part == 1, part == 2, rng.random(part.shape)], axis=2) * 1.0)
    table = gather_pixels([scene], [part == 3], band_indices=[0, 1])
    # Mirrored pixels are no new ones, so that the mirror can add no pixel of the training part.
    holding = cut_patches([scene], table, patch_px)[:].any(axis=(1, 2, 3)).mean()
    leak = patch_leak(_split(part == 1, part == 3, part == 2), patch_px)
    if patch_px % 2:
        assert leak.test_seeing_training == pytest.approx(holding)
    assert holding <= leak.test_seeing_training + 1e-12 <= leak.test_overlapping_training + 2e-12


@pytest.mark.parametrize("patch_px", [3, 4, 7])
def test_a_patch_that_leaks_is_refused_unless_the_user_insists(patch_px: int) -> None:
    reach = patch_px // 2
    labels = np.tile([1, 2], (20, 4))
    masks = np.zeros((2, *labels.shape), dtype=bool)
    masks[0, 0] = masks[1, reach + 1] = True
    apart = check_patch_split(_split(masks[0], masks[1]), patch_px)
    assert apart.test_seeing_training == 0
    assert apart.test_overlapping_training == 1
    masks[1, reach] = True
    leaking = _split(masks[0], masks[1])
    with pytest.raises(SplitError, match=rf"^50\.0% .* {reach} px .*{patch_px - 1} px.*allow-leak"):
        check_patch_split(leaking, patch_px)
    leak = check_patch_split(leaking, patch_px, allow_leak=True)
    assert leak.test_seeing_training == 0.5
    assert "50.0%, overlaps the patch of one: 100.0%" in leak.line()


def test_who_has_insisted_is_asked_again_only_for_larger_patches(fields: np.ndarray) -> None:
    options = {"train": 0.1, "patch_px": 5}
    with pytest.raises(SplitError, match="inside their 5 x 5 patch"):
        make_split([fields], SplitOptions(**options))
    split = make_split([fields], SplitOptions(**options, allow_leak=True))
    kept = split.provenance["audit"]
    assert (split.provenance["patch_px"], kept["patch_px"]) == (5, 5)
    leak = check_patch_split(split, 5)
    assert leak.test_seeing_training == kept["test_seeing_training"] > 0.5
    assert leak.test_overlapping_training == kept["test_overlapping_training"] > 0.9
    assert check_patch_split(split, 3).test_seeing_training < leak.test_seeing_training
    with pytest.raises(SplitError, match="inside their 7 x 7 patch"):
        check_patch_split(split, 7)


def test_leaks_across_files_are_found_where_their_places_are_known() -> None:
    nothing = np.zeros((6, 8), dtype=bool)
    split = Split((_rows(5), nothing), (nothing, nothing), (nothing, _rows(0)))
    assert check_patch_split(split, 3).test_seeing_training == 0
    with pytest.raises(SplitError, match=r"100\.0% of the test pixels"):
        check_patch_split(split, 3, grids=[GridPosition(0), GridPosition(0, 6)])


def test_a_leak_of_no_test_pixel_is_refused() -> None:
    with pytest.raises(SplitError, match="no test pixel"):
        patch_leak(_split(_rows(0), _rows()), 3)


@given(st.sampled_from([1, 3, 5, 7]), st.integers(0, 2**32 - 1))
def test_patch_figures_are_the_plain_definitions(patch_px: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    part = rng.choice(4, size=(15, 15), p=[0.9, 0.02, 0.03, 0.05])
    part[:2, :2] = [[1, 1], [3, 3]]
    labels = np.ones((15, 15), dtype=int)
    split = _split(part == 1, part == 3, part == 2)
    report = audit(split, [labels], patch_px=patch_px)
    seen = np.argwhere((part == 1) | (part == 2))
    reach = patch_px // 2
    holding = overlapping = 0
    for row, column in np.argwhere(part == 3):
        gaps = np.abs(seen - (row, column)).max(axis=1)
        holding += bool((gaps <= reach).any())
        overlapping += any(
            set(range(row - reach, row + reach + 1)) & set(range(r - reach, r + reach + 1))
            and set(range(column - reach, column + reach + 1))
            & set(range(c - reach, c + reach + 1))
            for r, c in seen
        )
    total = int((part == 3).sum())
    assert report.test_seeing_training == pytest.approx(holding / total)
    assert report.test_overlapping_training == pytest.approx(overlapping / total)
