"""How far a class trusts its own covariance over the one that all classes share.

A covariance of few pixels is poor, the pooled one is that of no class. The two are mixed (Friedman,
J. Am. Stat. Assoc. 1989). How much of the pooled one a class takes is found where there are pixels
enough to tell, on the widest components: there the training pixels of the class must be likeliest
when each is left out (Hoffbeck and Landgrebe, IEEE TPAMI 18(7), 1996).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SHRINKAGES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""What `likeliest_shrinkages` chooses from, in pixels."""
_COMPONENTS = 10
"""Components that are looked at, the widest; fewer where all pixels together are few."""
_LEAST_PIXELS = 3
"""A class of fewer has no covariance left when one is left out."""
_MOST_PIXELS = 300
"""Pixels of a class that are left out in turn, at most."""
_RIDGE = 1e-6
"""Share of the mean variance that is added to every direction, so that there is a likelihood."""


def own_share(count: int, shrinkage: float) -> float:
    """Return how much a class of ``count`` pixels trusts its own covariance over the pooled one."""
    return (count - 1) / (shrinkage + count - 1) if count > 1 else 0.0


def mixed_covariance(own: Array, pooled: Array, variances: Array, trust: float) -> Array:
    """Mix covariances (..., D, D) with the pooled ones, scaled to their own total variance.

    Totals are compared in the units that ``variances`` (D,) gives to the features.
    """
    total = np.diagonal(own, axis1=-2, axis2=-1) @ variances
    scale = total / np.maximum(np.diagonal(pooled, axis1=-2, axis2=-1) @ variances, 1e-12)
    mixed: Array = trust * own + (1 - trust) * scale[..., None, None] * pooled
    return mixed


def likeliest_shrinkages(features: Array, codes: NDArray[np.int64], deviations: Array) -> Array:
    """Return per class (K,) the shrinkage under which its left-out pixels are likeliest.

    One mixture for all directions of the widest components is judged. A class of fewer than three
    pixels takes what suits the others; all are 1 where there are too few pixels to tell.

    Parameters
    ----------
    features
        Training pixels (N, D) on whitened principal components, the widest first.
    codes
        Their classes (N,), 0 ... K-1.
    deviations
        Standard deviation (D,) of each component before it was whitened.
    """
    counts = np.bincount(codes)
    told = np.flatnonzero(counts >= _LEAST_PIXELS)
    # The pooled covariance must stay far from singular when a row is left out: where it does not,
    # the ridge would decide.
    width = min(_COMPONENTS, (len(codes) - len(counts) - 1) // 2)
    if len(counts) == 1 or not len(told) or width < 1:
        return np.full(len(counts), SHRINKAGES[0])
    variances, features = deviations[:width] ** 2, features[:, :width]
    means = np.stack([features[codes == code].mean(axis=0) for code in range(len(counts))])
    within = features - means[codes]
    random = np.random.default_rng(0)
    likelihoods = np.empty((len(counts), len(SHRINKAGES)))
    for code in told:
        own = within[codes == code]
        rows = own[random.permutation(len(own))[:_MOST_PIXELS]]
        likelihoods[code] = _left_out(rows, own, within, variances, counts)
    likelihoods[counts < _LEAST_PIXELS] = likelihoods[told].mean(axis=0)
    chosen: Array = np.asarray(SHRINKAGES)[likelihoods.argmax(axis=1)]
    return chosen


def _left_out(
    rows: Array, own: Array, within: Array, variances: Array, counts: NDArray[np.int64]
) -> Array:
    """Return the mean log-likelihood (S,) of a class's rows, each left out, but for a constant.

    ``rows`` (M, D), all ``own`` rows (n, D) of the class and those of all classes, ``within``
    (N, D), are centred on the mean of their class. Without a row x, the mean of the rest moves by
    -x / (n - 1) and the sum of squares loses n / (n - 1) x x'.
    """
    count, width = len(own), rows.shape[1]
    moved = count / (count - 1)
    lost = moved * rows[:, :, None] * rows[:, None, :]
    covariances = (own.T @ own - lost) / (count - 2)
    pooled = (within.T @ within - lost) / max(1, len(within) - 1 - len(counts))
    away = (moved * rows)[..., None]
    likelihoods = []
    for shrinkage in SHRINKAGES:
        trust = own_share(count - 1, shrinkage)
        mixed = mixed_covariance(covariances, pooled, variances, trust)
        ridge = _RIDGE * np.trace(mixed, axis1=1, axis2=2) / width + 1e-12
        mixed = mixed + ridge[:, None, None] * np.eye(width)
        _, volumes = np.linalg.slogdet(mixed)
        distances = (away * np.linalg.solve(mixed, away)).sum(axis=(1, 2))
        likelihoods.append(-0.5 * float((volumes + distances).mean()))
    return np.array(likelihoods)
