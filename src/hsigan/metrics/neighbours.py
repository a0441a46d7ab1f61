"""Nearest neighbours among the training pixels: they tell new spectra from copies.

All take points (N, D) of ``SpectralSpace.project``, of one class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from hsigan.metrics.spectra import check_spectra


def nearest_distance(points: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """Return the distance (N,) of each point (N, D) to the nearest reference point (M, D)."""
    reference = check_spectra(reference, "reference points")
    points = check_spectra(points, "points", reference.shape[1])
    return np.asarray(cKDTree(reference).query(points, k=1)[0])


def neighbour_distance(points: ArrayLike, neighbours: int) -> NDArray[np.float64]:
    """Return the distance (N,) of each point (N, D) to its k-th nearest other point."""
    points = check_spectra(points, "points", at_least=neighbours + 1)
    distances = np.asarray(cKDTree(points).query(points, k=[neighbours + 1])[0])
    return distances[:, 0]


def neighbour_ratio(fake: ArrayLike, train: ArrayLike) -> float:
    """Return the median distance of fakes to the training pixels over that of the latter's own.

    The denominator is the median distance of a training pixel to the nearest other training
    pixel. 0: copies. Well under 1: fakes huddle at training pixels (SMOTE does). About 1: as far
    as a new real pixel. NaN under two training pixels, or where they are all equal.

    Parameters
    ----------
    fake : array-like, (N, D)
    train : array-like, (M, D)
    """
    train = check_spectra(train, "training points")
    if len(train) < 2:
        return float("nan")
    own = float(np.median(neighbour_distance(train, 1)))
    if own == 0:
        return float("nan")
    return float(np.median(nearest_distance(fake, train)) / own)


def memorised_share(fake: ArrayLike, train: ArrayLike, held_out: ArrayLike) -> float:
    """Return the share of fakes as near to a training pixel as the nearest 5 % of held-out ones.

    New real pixels have 0.05, and more where a scene repeats its pixels exactly (SalinasA does);
    a copying machine has 1.

    Parameters
    ----------
    fake : array-like, (N, D)
    train : array-like, (M, D)
    held_out : array-like, (H, D)
        Real pixels of the class that no generator saw.
    """
    threshold = float(np.quantile(nearest_distance(held_out, train), 0.05))
    return float((nearest_distance(fake, train) <= threshold).mean())
