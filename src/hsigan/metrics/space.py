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

    A band is standardised by the training pixels' mean and standard deviation. Spectra of a known
    class are clipped at 6 within-class standard deviations (pooled over the classes, per band)
    about the class's training mean, others at 6 standard deviations about the mean of all: a
    handful of outlier pixels (SalinasA has them) would otherwise own a class's covariance. Then
    come at most ten principal components; ``point_scale``, the pooled within-class standard
    deviation along each, makes noise of a class about one unit long in every direction.
    """

    mean: NDArray[np.float64]  # (B,)
    scale: NDArray[np.float64]  # (B,)
    classes: NDArray[np.int64]  # (K,)
    centres: NDArray[np.float64]  # (K, B), standardised
    band_scale: NDArray[np.float64]  # (B,), standardised, within classes
    components: NDArray[np.float64]  # (D, B)
    point_scale: NDArray[np.float64]  # (D,)

    def standardise(
        self, spectra: ArrayLike, class_id: int | None = None, what: str = "spectra"
    ) -> NDArray[np.float64]:
        """Return spectra (N, B) in standard deviations of the training pixels, clipped."""
        array = check_spectra(spectra, what, len(self.mean))
        standard = (array - self.mean) / self.scale
        if class_id is None:
            return np.clip(standard, -CLIP_SIGMA, CLIP_SIGMA)
        known = np.flatnonzero(self.classes == class_id)
        if not len(known):
            raise InputError(
                f"class {class_id} is not among the training classes {self.classes.tolist()}."
            )
        centre, reach = self.centres[known[0]], CLIP_SIGMA * self.band_scale
        return np.clip(standard, centre - reach, centre + reach)

    def project(self, spectra: ArrayLike, class_id: int | None = None) -> NDArray[np.float64]:
        """Return the principal components (N, D) of spectra (N, B)."""
        return np.asarray(self.standardise(spectra, class_id) @ self.components.T)

    def whiten(self, spectra: ArrayLike, class_id: int | None = None) -> NDArray[np.float64]:
        """Return the principal components (N, D) in pooled within-class standard deviations."""
        return self.project(spectra, class_id) / self.point_scale


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
    standard = (spectra - mean) / scale
    classes, index = np.unique(labels, return_inverse=True)
    centres = np.stack([standard[index == k].mean(axis=0) for k in range(len(classes))])
    band_scale = _within(standard, centres, index)
    reach = CLIP_SIGMA * band_scale
    standard = np.clip(standard, centres[index] - reach, centres[index] + reach)  # (N, B)
    _, lengths, axes = np.linalg.svd(standard - standard.mean(axis=0), full_matrices=False)
    kept = min(dimensions, int((lengths > 1e-9 * lengths[0]).sum()))
    if kept == 0:
        raise InputError("the training spectra are all equal; there is nothing to compare.")
    components = axes[:kept]  # (D, B)
    point_scale = _within(standard @ components.T, centres @ components.T, index)
    return SpectralSpace(mean, scale, classes, centres, band_scale, components, point_scale)


def usable_dimensions(*counts: int, dimensions: int = DIMENSIONS) -> int:
    """Return how many components sets of these sizes can support: one per ten spectra, 1 to 10.

    A Frechet distance compares covariance matrices, which are noise unless there are many more
    spectra than dimensions.
    """
    return int(np.clip(min(counts) // SAMPLES_PER_DIMENSION, 1, dimensions))


def _within(
    points: NDArray[np.float64], centres: NDArray[np.float64], index: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the pooled within-class standard deviation along each column."""
    freedom = max(len(points) - len(centres), 1)
    within = np.sqrt(((points - centres[index]) ** 2).sum(axis=0) / freedom)
    # One pixel per class leaves nothing within: then the spread over all pixels has to do.
    spread = points.std(axis=0)
    return np.asarray(
        np.where(within > 1e-9 * (spread + 1), within, np.where(spread > 0, spread, 1))
    )
