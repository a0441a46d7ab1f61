"""The space in which distributions of spectra are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError
from hsigan.metrics.spectra import check_spectra

CLIP_SIGMA = 6.0
DIMENSIONS = 10
SAMPLES_PER_DIMENSION = 10


@dataclass(frozen=True)
class SpectralSpace:
    """Principal components of standardised spectra, fitted on real training pixels of all classes.

    A band is standardised by the training pixels' mean and standard deviation and clipped at
    6 sigma, so that a handful of outlier pixels (SalinasA has them) cannot own a covariance; then
    come at most ten principal components. ``within`` is the standard deviation along each
    component inside the classes, pooled over the classes: dividing by it makes noise of a class
    about one unit long in every direction.
    """

    mean: NDArray[np.float64]  # (B,)
    scale: NDArray[np.float64]  # (B,)
    components: NDArray[np.float64]  # (D, B)
    within: NDArray[np.float64]  # (D,)

    def standardise(self, spectra: ArrayLike, what: str = "spectra") -> NDArray[np.float64]:
        """Return spectra (N, B) in training standard deviations, clipped at 6."""
        array = check_spectra(spectra, what, len(self.mean))
        return np.clip((array - self.mean) / self.scale, -CLIP_SIGMA, CLIP_SIGMA)

    def project(self, spectra: ArrayLike, what: str = "spectra") -> NDArray[np.float64]:
        """Return the principal components (N, D) of spectra (N, B)."""
        return self.standardise(spectra, what) @ self.components.T

    def whiten(self, spectra: ArrayLike, what: str = "spectra") -> NDArray[np.float64]:
        """Return the principal components (N, D) in pooled within-class standard deviations."""
        return self.project(spectra, what) / self.within


def fit_space(spectra: ArrayLike, labels: ArrayLike, dimensions: int = DIMENSIONS) -> SpectralSpace:
    """Fit the space on real training pixels.

    Parameters
    ----------
    spectra : array-like, (N, B)
        Real training spectra of all classes.
    labels : array-like, (N,)
        Their classes.
    dimensions : int
        Components kept, fewer where the spectra span fewer.

    Raises
    ------
    InputError
        Fewer than two spectra, values that are not finite, labels of another length, or spectra
        that are all equal.
    """
    spectra = check_spectra(spectra, "training spectra", at_least=2)
    labels = np.asarray(labels)
    if labels.shape != (len(spectra),):
        raise InputError(
            f"labels must be one per training spectrum ({len(spectra)}). Got shape {labels.shape}."
        )
    mean, scale = spectra.mean(axis=0), spectra.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    standard = np.clip((spectra - mean) / scale, -CLIP_SIGMA, CLIP_SIGMA)  # (N, B)
    _, lengths, axes = np.linalg.svd(standard - standard.mean(axis=0), full_matrices=False)
    kept = min(dimensions, int((lengths > 1e-9 * max(lengths[0], 1e-300)).sum()))
    if lengths[0] == 0 or kept == 0:
        raise InputError("the training spectra are all equal; there is nothing to compare.")
    components = axes[:kept]  # (D, B)
    within = _within_class_deviation(standard @ components.T, labels)
    return SpectralSpace(mean, scale, components, within)


def usable_dimensions(*counts: int, dimensions: int = DIMENSIONS) -> int:
    """Return how many components sets of these sizes can support: one per ten spectra, 1 to 10.

    A Frechet distance compares covariance matrices, which are noise unless there are many more
    spectra than dimensions.
    """
    return int(np.clip(min(counts) // SAMPLES_PER_DIMENSION, 1, dimensions))


def _within_class_deviation(
    points: NDArray[np.float64], labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    classes, index = np.unique(labels, return_inverse=True)
    centres = np.stack([points[index == k].mean(axis=0) for k in range(len(classes))])
    freedom = max(len(points) - len(classes), 1)
    within = np.sqrt(((points - centres[index]) ** 2).sum(axis=0) / freedom)
    # One pixel per class leaves nothing within: then the spread over all pixels has to do.
    return np.asarray(np.where(within > 1e-12, within, points.std(axis=0) + 1e-12))
