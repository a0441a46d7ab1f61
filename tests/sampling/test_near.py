"""Distances across the borders of files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from hsigan.errors import SplitError
from hsigan.sampling.grid import GridPosition, checked_grids, separate_grids, within

places = st.tuples(
    st.integers(0, 1),
    st.sampled_from([-7.0, -3.0, -0.5, 0.0, 2.0, 4.25, 6.0]),
    st.sampled_from([-6.0, -2.75, 0.0, 1.0, 5.0]),
)


def _coordinates(mask: np.ndarray, place: GridPosition) -> np.ndarray:
    return np.argwhere(mask) + np.array([place.row, place.column])


@given(st.lists(places, min_size=1, max_size=4), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_near_is_what_the_distances_between_all_pixels_say(
    spots: list[tuple[int, float, float]], distance_px: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    grids = [GridPosition(*spot) for spot in spots]
    masks = [rng.random((rng.integers(1, 7), rng.integers(1, 7))) < 0.1 for _ in grids]
    near = within(masks, distance_px, grids)
    for mark, place in zip(near, grids, strict=True):
        marked = [
            _coordinates(mask, other)
            for mask, other in zip(masks, grids, strict=True)
            if other.group == place.group
        ]
        pixels = _coordinates(np.ones_like(mark), place)
        gaps = cdist(pixels, np.concatenate(marked), "chebyshev").min(axis=1, initial=np.inf)
        flat = mark.ravel()
        assert flat[gaps <= distance_px].all(), "a pixel within the distance is missed"
        # Positions between pixels may cost a pixel more, never less.
        assert not flat[gaps >= distance_px + 1].any()
        if all(float(v).is_integer() for g in grids for v in (g.row, g.column)):
            np.testing.assert_array_equal(flat, gaps <= distance_px)


def test_files_without_a_common_grid_are_far_apart() -> None:
    masks = [np.ones((3, 3), dtype=bool), np.zeros((3, 3), dtype=bool)]
    assert not within(masks, 50, separate_grids(2))[1].any()
    assert within(masks, 50, [GridPosition(0), GridPosition(0, 40)])[1].all()


def test_the_number_of_positions_is_checked() -> None:
    with pytest.raises(SplitError, match="2 positions for 3 maps"):
        checked_grids(separate_grids(2), 3)
