import numpy as np
import pytest

from hsigan.evaluation.statistics import mean_interval, paired_difference


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        interval = mean_interval(rng.normal(3, 2, size=5))
        held += interval.low <= 3 <= interval.high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one, none = mean_interval([4.0, float("nan")]), mean_interval([])
    assert (one.mean, one.count) == (4.0, 1)
    assert np.isnan(one.low)
    assert not one.above_zero
    assert np.isnan(none.mean)


def test_pairing_removes_the_difficulty_of_a_seed() -> None:
    rng = np.random.default_rng(1)
    base = {seed: float(rng.normal(80, 10)) for seed in range(10)}
    better = {seed: value + 1 + 0.1 * rng.normal() for seed, value in base.items()}
    difference = paired_difference(better | {99: 0.0}, base)
    assert difference.count == 10
    assert difference.above_zero
    assert difference.high - difference.low < 0.5
