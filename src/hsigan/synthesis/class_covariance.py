"""The covariance of each class in a feature space, from few pixels.

Along the leading directions a class mostly keeps its own, along the small ones classes mostly share
theirs (Friedman, J. Am. Stat. Assoc. 1989, shares along all alike).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hsigan.synthesis.feature_space import Array
from hsigan.synthesis.shrinkage import mixed_covariance, own_share

REST_SHRINKAGE = 32.0
"""How many pixels the pooled covariance counts as along small directions, where none is chosen."""


@dataclass(frozen=True)
class Density:
    """How wide the density is.

    Parameters
    ----------
    shrinkage, rest_shrinkage
        How many pixels' worth of trust the pooled covariance has beside a class's own, along the
        leading directions and along the rest; the latter may differ from class to class, (K,).
    reach
        How far samples lie from the training pixels, over how far those lie from one another.
    kept
        Share of a class's variance that lies in its leading directions; with 1 all directions
        keep their variance.
    """

    shrinkage: float = 1.0
    rest_shrinkage: float | Array = REST_SHRINKAGE
    reach: float = 1.1
    kept: float = 0.95


def class_covariances(
    features: Array, codes: NDArray[np.int64], deviations: Array, density: Density
) -> Array:
    """Return the covariance of each class, (K, D, D).

    Parameters
    ----------
    features
        Training pixels (N, D) on whitened principal components.
    codes
        Their classes (N,), 0 ... K-1; every class has a pixel at least.
    deviations
        Standard deviation (D,) of each component before it was whitened.
    density
        How much classes share.
    """
    pooled = _pooled_covariance(features, codes)
    classes = int(codes.max()) + 1
    rest_shrinkages = np.broadcast_to(density.rest_shrinkage, classes)
    covariances = []
    for code in range(classes):
        own_density = replace(density, rest_shrinkage=float(rest_shrinkages[code]))
        own = features[codes == code]
        covariances.append(_shrunk_covariance(own, pooled, deviations, own_density))
    return np.stack(covariances)


def leading_projection(covariance: Array, deviations: Array, kept_share: float) -> Array:
    """Return the projection (D, D) of features on the directions that hold a share of the variance.

    The directions are orthogonal, and variance is counted, in standardised bands.
    """
    values, vectors = np.linalg.eigh(covariance * np.outer(deviations, deviations))
    shares = np.cumsum(values[::-1]) / max(values.sum(), 1e-12)
    kept = vectors[:, ::-1][:, : int((shares < kept_share).sum()) + 1]
    projection: Array = deviations[:, None] * (kept @ kept.T) / deviations
    return projection


def _pooled_covariance(features: Array, codes: NDArray[np.int64]) -> Array:
    classes = int(codes.max()) + 1
    means = np.stack([features[codes == code].mean(axis=0) for code in range(classes)])
    within = features - means[codes]
    if len(features) <= classes:  # one pixel each: all that is known is the spread between them
        within = features - features.mean(axis=0)
    pooled: Array = within.T @ within / max(1, len(features) - classes)
    return pooled


def _shrunk_covariance(own: Array, pooled: Array, deviations: Array, density: Density) -> Array:
    """Mix a class's covariance with the pooled one, scaled to the class's own total variance.

    Along the leading directions the class mostly keeps its own: there even few pixels show it.
    """
    if len(own) == 1:
        return pooled
    covariance = np.atleast_2d(np.cov(own.T))
    variances = deviations**2  # totals are compared in standardised bands, not whitened features
    mixed, shared = (
        mixed_covariance(covariance, pooled, variances, own_share(len(own), float(pixels)))
        for pixels in (density.shrinkage, density.rest_shrinkage)
    )
    leading = leading_projection(mixed, deviations, density.kept)
    rest = np.eye(len(leading)) - leading
    both: Array = leading.T @ mixed @ leading + rest.T @ shared @ rest
    return both


def roots(covariance: Array) -> tuple[Array, Array]:
    """Return the symmetric square root (D, D) of a covariance, and its inverse."""
    values, vectors = np.linalg.eigh(covariance)
    deviations = np.sqrt(np.maximum(values, 1e-8 * max(values[-1], 1e-12)))
    return (vectors * deviations) @ vectors.T, (vectors / deviations) @ vectors.T
