"""A classifier that looks at spectra in two ways, for areas that differ from the training area."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier

from hsigan.classification.lda import ShrinkageLDA
from hsigan.synthesis.baselines_base import check_labelled

Floats = NDArray[np.float64]


class TwoViewClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The mean of two classifiers' probabilities that see different sides of a spectrum.

    A linear discriminant with shrunk covariance sees the shape of the whole spectrum (divided
    by its length, so that illumination drops out); extremely randomised trees see the slopes of
    its logarithm from band to band (so that any smooth gain drops out). Their errors differ more
    than those of two classifiers with one view, which is what makes their common guess better than
    either's (Blum and Mitchell, COLT 1998).

    Parameters
    ----------
    random_state
        Seed of the trees.
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit on labelled spectra (N, B) in any unit and labels (N,)."""
        spectra, labels = check_labelled(X, y, "TwoViewClassifier")
        self.classes_ = np.unique(labels)
        # Logarithms need a floor: dark and negative values count as 0.3 % of the mean brightness.
        self.floor_ = max(3e-3 * float(spectra.mean()), float(np.finfo(np.float64).tiny))
        unit = _unit(spectra)
        self.mean_, deviation = unit.mean(axis=0), unit.std(axis=0)
        self.scale_ = np.where(deviation > 0, deviation, 1.0)
        self.shape_ = ShrinkageLDA(shrinkage="auto")
        self.shape_.fit((unit - self.mean_) / self.scale_, labels, sample_weight)
        self.slopes_ = ExtraTreesClassifier(150, random_state=self.random_state)
        self.slopes_.fit(_slopes(spectra, self.floor_), labels, sample_weight)
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return (M, K) probabilities of spectra (M, B)."""
        spectra = np.asarray(X, dtype=np.float64)
        shape = self.shape_.predict_proba((_unit(spectra) - self.mean_) / self.scale_)
        slopes = self.slopes_.predict_proba(_slopes(spectra, self.floor_))
        together: Floats = (shape + slopes) / 2
        return together

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the likelier labels (M,)."""
        labels: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels


def _unit(X: Floats) -> Floats:
    lengths = np.linalg.norm(X, axis=1, keepdims=True)
    unit: Floats = X / np.where(lengths > 0, lengths, 1.0)
    return unit


def _slopes(X: Floats, floor: float) -> Floats:
    slopes: Floats = np.diff(np.log(np.maximum(X, floor)), axis=1)
    return slopes
