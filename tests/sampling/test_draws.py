import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsigan.errors import LabelError
from hsigan.sampling import stratified_folds
from hsigan.sampling.draw import draw_per_class

labels_of_many = st.lists(st.integers(0, 4), min_size=1, max_size=60)


@given(labels_of_many, st.integers(0, 9), st.integers(0, 99))
def test_a_draw_takes_what_is_asked_or_all_there_is(
    code: list[int], amount: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    codes = np.array(code)
    eligible = rng.random(len(codes)) < 0.7
    chosen = draw_per_class(codes, eligible, np.full(5, amount), rng)
    assert not (chosen & ~eligible).any()
    available = np.bincount(codes[eligible], minlength=5)
    np.testing.assert_array_equal(
        np.bincount(codes[chosen], minlength=5), np.minimum(available, amount)
    )


def test_every_pixel_is_as_likely_as_any_other_of_its_class() -> None:
    rng = np.random.default_rng(0)
    code = np.repeat([0, 1], [10, 40])
    everything = np.ones(50, dtype=bool)
    times = sum(
        draw_per_class(code, everything, np.array([5, 10]), rng).astype(int) for _ in range(2000)
    )
    np.testing.assert_allclose(times[:10] / 2000, 0.5, atol=0.06)
    np.testing.assert_allclose(times[10:] / 2000, 0.25, atol=0.06)


@given(st.lists(st.integers(2, 12), min_size=1, max_size=6), st.integers(2, 6), st.integers(0, 99))
def test_folds_hold_out_every_sample_once_and_evenly(
    sizes: list[int], folds: int, seed: int
) -> None:
    names = np.array(["a", "b", "c", "d", "e", "f"])[: len(sizes)]
    y = np.random.default_rng(seed).permutation(np.repeat(names, sizes))
    pairs = stratified_folds(y, folds, seed)
    assert len(pairs) == folds
    np.testing.assert_array_equal(
        np.sort(np.concatenate([held_out for _, held_out in pairs])), np.arange(len(y))
    )
    for name in names:
        held = [int((y[held_out] == name).sum()) for _, held_out in pairs]
        assert max(held) - min(held) <= 1
        assert all((y[fit] == name).any() for fit, _ in pairs)
    for fit, held_out in pairs:
        assert not set(fit) & set(held_out)
        assert len(fit) + len(held_out) == len(y)
    totals = [len(held_out) for _, held_out in pairs]
    assert max(totals) - min(totals) <= 1


def test_folds_follow_the_seed() -> None:
    y = np.repeat([3, 8], 20)
    first, again, other = (stratified_folds(y, 4, seed)[0][1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_folds_refuse_what_cannot_be_divided() -> None:
    with pytest.raises(LabelError, match=r"counts \[1, 3\]"):
        stratified_folds([4, 7, 7, 7], 2, 0)
    with pytest.raises(LabelError, match="at least 2"):
        stratified_folds([4, 4], 1, 0)
