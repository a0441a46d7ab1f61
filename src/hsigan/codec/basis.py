"""The Karhunen-Loeve basis of a scene: which components a step needs, and their bytes.

A scene of N pixels is U S V^T, and U S are what a tile's planes hold. The rows of S V^T are
coefficients as well: quantised at the same step as everything else, they cost as little as they may
at the same slope of rate and distortion. Both sides make the integers orthonormal again, and the
planes are computed with what comes out.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hsigan.codec.allowance import BITS_PER_ERROR
from hsigan.codec.interface import Floats, SceneSurvey

_FEWEST_BITS = 2.0
COMPACTION = 4.0
"""The strongest coefficients of a plane exceed its variance: what is in it is seldom white noise.
Components down to a quarter of the variance that white ones would need pay (measured on AVIRIS
scenes: half a decibel at 0.1 bits per sample, one and more at 1 bit per pixel)."""
_PLANE_BITS = 48.0


def principal_axes(covariance: Floats) -> tuple[Floats, Floats]:
    """Return variances (B,), largest first, and the axes (B, B) as columns.

    The sign of an axis is such that its entries sum to a positive number.
    """
    variances, axes = np.linalg.eigh(covariance)
    variances, axes = np.maximum(variances[::-1], 0.0), axes[:, ::-1]
    return variances, axes * np.where(axes.sum(axis=0) < 0, -1.0, 1.0)


@lru_cache(maxsize=2)
def axes_of(survey: SceneSurvey) -> tuple[Floats, Floats]:
    """Return `principal_axes` of the usable bands of a scene, once for all steps of a search."""
    return principal_axes(survey.covariance[np.ix_(survey.usable, survey.usable)])


def worthwhile(variances: Floats, step: float, pixels: int, has_basis_cost: bool = True) -> int:
    """Return how many components are worth their bits in a scene of so many pixels.

    A component of variance v is left out at an error of N v; coded it costs its planes (at most
    log2(sqrt(12 v) / step) bits per pixel), its vector and its share of headers.
    """
    ratios = np.maximum(COMPACTION * 12.0 * variances / step**2, 1.0)
    gain = pixels * ((ratios - 1.0) * (BITS_PER_ERROR / 12.0) - 0.5 * np.log2(ratios))
    cost = np.full(len(variances), _PLANE_BITS)
    if has_basis_cost:
        length = math.sqrt(max(1, pixels)) / math.sqrt(max(1, len(variances)))
        spread = np.sqrt(variances) * length / step
        cost += len(variances) * np.maximum(_FEWEST_BITS, np.log2(4.13 * np.maximum(spread, 1e-9)))
    wanted = np.flatnonzero(gain > cost)
    return int(wanted[-1]) + 1 if wanted.size else 0


def quantise_axes(axes: Floats, variances: Floats, step: float, pixels: int) -> NDArray[np.int64]:
    """Return the rows of S V^T (K, B) in whole steps."""
    lengths = np.sqrt(np.maximum(variances, 0.0) * max(1, pixels))
    return np.asarray(np.rint((axes * (lengths / step)).T), dtype=np.int64)


def orthonormal(rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the axes (B, K) as columns: the rows made orthonormal, the first one first."""
    columns = rows.T.astype(np.float64)
    largest = np.abs(columns).max(axis=0, initial=0.0)
    columns = columns / np.where(largest > 0, largest, 1.0)
    q, r = np.linalg.qr(columns)
    return np.asarray(q * np.where(np.diag(r) < 0, -1.0, 1.0), dtype=np.float32)
