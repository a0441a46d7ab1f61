"""Distances between two sets of points: Frechet, kernel MMD, PRDC, a two-sample classifier.

All take points (N, D) of a ``SpectralSpace``: ``project`` for Frechet and PRDC, ``whiten`` for MMD
and the classifier.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist, pdist

from hsigan.errors import InputError
from hsigan.metrics.neighbours import neighbour_distance
from hsigan.metrics.space import usable_dimensions
from hsigan.metrics.spectra import check_spectra

Points = NDArray[np.float64]
NEIGHBOURS = 5
_FOLDS = 5


def frechet_distance(fake: ArrayLike, real: ArrayLike) -> float:
    """Return the squared Frechet distance between the Gaussians fitted to two sets.

    ``|m_f - m_r|^2 + tr(C_f + C_r - 2 (C_f C_r)^(1/2))`` (Dowson and Landau 1982; Heusel et al.
    2017), over the first components only where the smaller set has fewer than 100 points: one
    component per ten points (``usable_dimensions``).

    Parameters
    ----------
    fake, real : array-like, (N, D) and (M, D)
        Points, components in order of variance.

    Returns
    -------
    float
        0 or more, in squared units of the points; NaN where a set has fewer than two points.
    """
    fake, real = _pair(fake, real)
    if min(len(fake), len(real)) < 2:
        return float("nan")
    kept = usable_dimensions(len(fake), len(real), dimensions=fake.shape[1])
    fake, real = fake[:, :kept], real[:, :kept]
    offset = fake.mean(axis=0) - real.mean(axis=0)
    covariance_fake = np.atleast_2d(np.cov(fake, rowvar=False))
    covariance_real = np.atleast_2d(np.cov(real, rowvar=False))
    # tr (C_f C_r)^(1/2) through the symmetric product, whose roots are real without a doubt.
    root = _symmetric_root(covariance_real)
    shared = np.linalg.eigvalsh(root @ covariance_fake @ root)
    trace = np.trace(covariance_fake) + np.trace(covariance_real)
    overlap = np.sqrt(np.clip(shared, 0, None)).sum()
    return float(max(offset @ offset + trace - 2 * overlap, 0.0))


def kernel_mmd(
    fake: ArrayLike, real: ArrayLike, median_distance: float | None = None, at_most: int = 1000
) -> float:
    """Return the unbiased squared maximum mean discrepancy (Gretton et al. 2012, equation 3).

    The kernel is the mean of three Gaussians ``exp(-d^2 / (2 s^2))`` with s half, once and twice
    the median distance between the real points.

    Parameters
    ----------
    fake, real : array-like, (N, D) and (M, D)
        Points.
    median_distance : float, optional
        The median, where it is known; else of the real points.
    at_most : int
        Points used of each set, evenly spaced through it.

    Returns
    -------
    float
        About 0, of either sign, for two samples of one distribution; NaN under two points.
    """
    fake, real = _pair(fake, real)
    fake, real = thin(fake, at_most), thin(real, at_most)
    if min(len(fake), len(real)) < 2:
        return float("nan")
    width = median_distance or median_pair_distance(real)
    n, m = len(fake), len(real)
    within_fake = (_kernel(fake, fake, width).sum() - n) / (n * (n - 1))
    within_real = (_kernel(real, real, width).sum() - m) / (m * (m - 1))
    return float(within_fake + within_real - 2 * _kernel(fake, real, width).mean())


def paired_kernel_mmd(
    fake: ArrayLike, real: ArrayLike, median_distance: float | None = None
) -> float:
    """Return the unbiased squared MMD of pairs (Gretton et al. 2012, equation 4).

    Each fake belongs to the real of the same row, such as a decoded patch to its original: terms
    inside a pair are left out, so that what pairs have in common makes no bias. The kernel is that
    of ``kernel_mmd``.

    Parameters
    ----------
    fake, real : array-like, (N, D)
        Points, in the order of their pairs.
    median_distance : float, optional
        The median, where it is known; else of the real points.

    Returns
    -------
    float
        Exactly 0 for a copy, about 0, of either sign, for two samples of one distribution; NaN
        under two pairs.

    Raises
    ------
    InputError
        Different numbers of fakes and reals.
    """
    fake, real = _pair(fake, real)
    count = len(real)
    if len(fake) != count:
        raise InputError(f"pairs need as many fake as real points ({count}). Got {len(fake)}.")
    if count < 2:
        return float("nan")
    width = median_distance or median_pair_distance(real)
    gaps = _kernel(fake, fake, width) + _kernel(real, real, width)
    cross = _kernel(fake, real, width)
    gaps -= cross + cross.T
    return float((gaps.sum() - np.trace(gaps)) / (count * (count - 1)))


def median_pair_distance(points: ArrayLike, at_most: int = 1000) -> float:
    """Return the median Euclidean distance between pairs of points (N, D); 1 where it is 0."""
    distances = pdist(thin(np.asarray(points, dtype=np.float64), at_most))
    return float(np.median(distances)) or 1.0


def thin(points: Points, at_most: int) -> Points:
    """Return at most ``at_most`` points, evenly spaced through the set."""
    if len(points) <= at_most:
        return points
    return points[np.linspace(0, len(points) - 1, at_most).round().astype(np.int64)]


@dataclass(frozen=True)
class Prdc:
    """Precision, recall, density and coverage; each NaN where a set is too small for it."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(fake: ArrayLike, real: ArrayLike, neighbours: int = NEIGHBOURS) -> Prdc:
    """Return precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem 2020).

    A ball around each point reaches to its k-th nearest other point of the same set. Precision:
    the share of fakes in some ball of the reals. Recall: the share of reals in some ball of the
    fakes. Density: balls of the reals per fake, over k. Coverage: the share of the reals whose
    ball holds a fake. Repeated fakes shrink the balls of the fakes, and with them the recall.

    Parameters
    ----------
    fake, real : array-like, (N, D) and (M, D)
    neighbours : int
        k. A set of k + 1 points or fewer has no usable balls: all four are then NaN.
    """
    fake, real = _pair(fake, real)
    if min(len(fake), len(real)) <= neighbours + 1:
        return Prdc(*[float("nan")] * 4)
    radius_real = neighbour_distance(real, neighbours)  # (M,)
    radius_fake = neighbour_distance(fake, neighbours)  # (N,)
    distance = cdist(real, fake)  # (M, N)
    inside_real = distance < radius_real[:, None]
    return Prdc(
        precision=float(inside_real.any(axis=0).mean()),
        recall=float((distance < radius_fake[None, :]).any(axis=1).mean()),
        density=float(inside_real.sum(axis=0).mean() / neighbours),
        coverage=float(inside_real.any(axis=1).mean()),
    )


def two_sample_accuracy(
    fake: ArrayLike, real: ArrayLike, rng: np.random.Generator, at_most: int = 300
) -> float:
    """Return the accuracy in percent of a classifier that tells fakes from reals (C2ST).

    Lopez-Paz and Oquab 2017, with an RBF support vector machine and five folds; equally many of
    both. Equal spectra stay in one fold, so that a copy drawn twice does not give itself away.
    50 means that they cannot be told apart; less is chance. NaN under ten of either kind, or
    where copies leave fewer than five distinct ones.

    Parameters
    ----------
    fake, real : array-like, (N, D) and (M, D)
        Points of about unit length in each direction.
    rng : numpy.random.Generator
        Draws the points and the folds.
    at_most : int
        Points used of each kind.
    """
    from sklearn.svm import SVC

    fake, real = _pair(fake, real)
    each = min(len(fake), len(real), at_most)
    if each < 10:
        return float("nan")
    chosen = [points[rng.permutation(len(points))[:each]] for points in (fake, real)]
    if min(len(np.unique(points, axis=0)) for points in chosen) < _FOLDS:
        return float("nan")
    points = np.concatenate(chosen)
    kinds = np.repeat([1, 0], each)
    folds = _folds_of_equals(points, kinds, rng)
    right = 0
    for fold in range(_FOLDS):
        test = folds == fold
        machine = SVC(C=1.0, gamma="scale").fit(points[~test], kinds[~test])
        right += int((machine.predict(points[test]) == kinds[test]).sum())
    return 100.0 * right / len(points)


def _folds_of_equals(
    points: Points, kinds: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return a fold for each point: equal points in one, both kinds spread over all of them."""
    _, first, group = np.unique(points, axis=0, return_index=True, return_inverse=True)
    shuffled = rng.permutation(len(first))
    by_kind = shuffled[np.argsort(kinds[first[shuffled]], kind="stable")]
    fold_of_group = np.empty(len(first), dtype=np.int64)
    fold_of_group[by_kind] = np.arange(len(first)) % _FOLDS
    return np.asarray(fold_of_group[group.reshape(-1)])


def _pair(fake: ArrayLike, real: ArrayLike) -> tuple[Points, Points]:
    real = check_spectra(real, "real points")
    return check_spectra(fake, "fake points", real.shape[1]), real


def _symmetric_root(matrix: Points) -> Points:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T)


def _kernel(first: Points, second: Points, width: float) -> Points:
    # Widths of ratio 2 are fourth powers of one another: one exponential serves all three.
    wide = np.exp(cdist(first, second, "sqeuclidean") / (-2 * (2 * width) ** 2))
    middle = np.square(np.square(wide))
    narrow = np.square(np.square(middle))
    return np.asarray((wide + middle + narrow) / 3)
