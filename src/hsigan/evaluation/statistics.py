"""Means, intervals and paired differences over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Interval:
    """A mean with its two-sided t interval; the bounds are NaN where there is one value only."""

    mean: float
    low: float
    high: float
    count: int

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Return the mean of the finite values with its Student t interval.

    Parameters
    ----------
    values : array-like, (N,)
        One value per seed; NaN ones are left out.
    confidence : float
        0.95 gives 95 %.
    """
    from scipy.stats import t as student

    kept = np.asarray(values, dtype=np.float64).reshape(-1)
    kept = kept[np.isfinite(kept)]
    if not len(kept):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    mean = float(kept.mean())
    if len(kept) == 1:
        return Interval(mean, float("nan"), float("nan"), 1)
    error = float(kept.std(ddof=1)) / len(kept) ** 0.5
    reach = float(student.ppf((1 + confidence) / 2, len(kept) - 1)) * error
    return Interval(mean, mean - reach, mean + reach, len(kept))


def paired_difference(
    values: Mapping[int, float], reference: Mapping[int, float], confidence: float = 0.95
) -> Interval:
    """Return the mean difference ``values - reference`` over the seeds that both have.

    Parameters
    ----------
    values, reference : mapping of seed to value
        The same seed means the same partition, so that its difficulty cancels.
    """
    shared = sorted(set(values) & set(reference))
    return mean_interval([values[seed] - reference[seed] for seed in shared], confidence)
