"""Turning the components towards a tile's own principal axes, without a word in the file.

The shared basis is that of other scenes. While a tile is decoded, coarse subbands first, its own
covariance between components becomes known: both sides estimate it from the symbols of the subbands
before, and turn the components of the next one by Jacobi's rotations (Golub and Van Loan, *Matrix
Computations*, section 8.5). An orthonormal turn neither enlarges the error nor needs exactness for
decoding symbols; but the variances that come out are contexts. Hence everything is exact: products
of integers below 2**53, and single operations of IEEE float64, element by element, in a fixed order
(no library's matrix product, no transcendental function).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from hsigan.codec.spatial_transform import Subband

Matrix = NDArray[np.float64]
Pairs = NDArray[np.intp]

COARSEST_TURNED = 3
"""Levels above have too few coefficients before them."""
PRIOR_COUNT = 30.0
"""How many coefficients the training's variances weigh."""
FADING = 0.25
"""What a coefficient of the next coarser level weighs, against one of the same level."""
_SMALLEST_ANGLE = 1e-30
_LARGEST_POINT = 2**18
"""So that sums of 2**16 squares are exact."""


def exact_product(left: Matrix, right: Matrix) -> Matrix:
    """Return a matrix product in an order of operations that is the same everywhere."""
    total = np.zeros((left.shape[0], right.shape[1]))
    term = np.empty_like(total)
    for column, row in zip(left.T, right, strict=True):
        np.multiply(column[:, None], row[None], out=term)
        total += term
    return total


@cache
def _rounds(count: int) -> tuple[tuple[Pairs, Pairs], ...]:
    """Return a tournament: rounds of disjoint pairs (p < q) in which everybody meets everybody."""
    players = list(range(count + count % 2))
    rounds = []
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = [
            (min(a, b), max(a, b))
            for a, b in zip(players[:half], reversed(players[half:]), strict=True)
            if max(a, b) < count
        ]
        rounds.append((np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])))
        players = [players[0], players[-1], *players[1:-1]]
    return tuple(rounds)


def jacobi_sweep(covariance: Matrix, axes: Matrix) -> None:
    """Turn ``axes`` so that ``axes.T @ S @ axes`` comes nearer to a diagonal one; in place.

    Parameters
    ----------
    covariance : (K, K), symmetric, in the coordinates of ``axes``; turned with them
    axes : (K, K), orthonormal columns
    """
    for first, second in _rounds(len(axes)):
        if not len(first):
            continue
        cosine, sine = _rotations(covariance, first, second)
        _turn_rows(covariance, first, second, cosine, sine)
        _turn_rows(covariance.T, first, second, cosine, sine)
        _turn_rows(axes.T, first, second, cosine, sine)


def _rotations(covariance: Matrix, first: Pairs, second: Pairs) -> tuple[Matrix, Matrix]:
    across = covariance[first, second]
    difference = covariance[second, second] - covariance[first, first]
    is_zero = np.abs(across) <= _SMALLEST_ANGLE * np.abs(difference)
    ratio = np.where(is_zero, 0.0, difference) / np.where(is_zero, 1.0, 2.0 * across)
    tangent = np.where(ratio < 0, -1.0, 1.0) / (np.abs(ratio) + np.sqrt(1.0 + ratio * ratio))
    tangent = np.where(is_zero, 0.0, tangent)
    cosine = 1.0 / np.sqrt(1.0 + tangent * tangent)
    return cosine[:, None], (tangent * cosine)[:, None]


def _turn_rows(matrix: Matrix, first: Pairs, second: Pairs, cosine: Matrix, sine: Matrix) -> None:
    upper, lower = matrix[first], matrix[second]
    matrix[first] = cosine * upper - sine * lower
    matrix[second] = sine * upper + cosine * lower


class TileRotation:
    """The axes of one tile's subbands, as its symbols tell them.

    Parameters
    ----------
    bands : the subbands of the tile, in order of coding
    variances : (len(bands), K) float64, what training tells of them, in squared steps
    """

    def __init__(self, bands: list[Subband], variances: Matrix) -> None:
        self._bands, self._variances = bands, variances
        count = variances.shape[1]
        self._axes = np.eye(count)
        self._scatter: dict[int, Matrix] = {}
        self._counts: dict[int, int] = {}

    def axes_of(self, number: int) -> tuple[Matrix, Matrix]:
        """Return the axes (K, K) as columns for a subband, and the variances (K,) along them."""
        band = self._bands[number]
        prior = self._variances[number]
        if not (band.detail_y or band.detail_x) or band.level > COARSEST_TURNED:
            return self._axes, prior
        covariance = np.diag((prior + 1.0 / 12.0) * PRIOR_COUNT)
        weight_sum = PRIOR_COUNT
        for level in sorted(self._scatter):
            weight = FADING ** (level - band.level)
            covariance += weight * self._scatter[level]
            weight_sum += weight * self._counts[level]
        turned = exact_product(exact_product(self._axes.T.copy(), covariance), self._axes)
        axes = self._axes.copy()
        jacobi_sweep(turned, axes)
        self._axes = axes
        return axes, np.diag(turned) / weight_sum

    def learn(self, number: int, points: NDArray[np.int32], grid: float) -> None:
        """Take the grid points (K, N) of a subband that was coded along the last axes.

        ``grid``, their distance in steps, is a number of few binary digits.
        """
        band = self._bands[number]
        level = band.level + (not (band.detail_y or band.detail_x))
        values = np.clip(points, -_LARGEST_POINT, _LARGEST_POINT).astype(np.float64)
        scatter = values @ values.T  # integers below 2**53: exact in any order
        scatter *= grid * grid
        axes = self._axes
        scatter = exact_product(exact_product(axes, scatter), axes.T.copy())
        self._scatter[level] = self._scatter.get(level, 0.0) + scatter
        self._counts[level] = self._counts.get(level, 0) + values.shape[1]
