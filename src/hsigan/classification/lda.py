"""Linear discriminant analysis with a shrunk covariance."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.covariance import ledoit_wolf_shrinkage


class ShrinkageLDA(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Gaussian classes with one covariance, shrunk towards a multiple of the identity.

    The covariance is pooled within the classes (divided by N - K), so that it exists from one
    pixel per class up; sample weights count as repeated pixels.

    Parameters
    ----------
    shrinkage : 0 ... 1, or "auto" for that of Ledoit and Wolf 2004
    """

    def __init__(self, shrinkage: float | str = "auto") -> None:
        self.shrinkage = shrinkage

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Estimate class means, priors and the pooled covariance from X (N, B), y (N,)."""
        spectra = np.asarray(X, dtype=np.float64)
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        count = len(spectra)
        weights = np.ones(count) if sample_weight is None else np.asarray(sample_weight, float)
        member = np.zeros((count, len(self.classes_)))  # (N, K)
        member[np.arange(count), codes] = weights
        mass = member.sum(axis=0)
        means = member.T @ spectra / mass[:, None]  # (K, B)
        deviations = spectra - means[codes]
        freedom = max(weights.sum() - len(self.classes_), 1.0)
        covariance = (deviations * weights[:, None]).T @ deviations / freedom
        amount = (
            float(ledoit_wolf_shrinkage(deviations, assume_centered=True))
            if self.shrinkage == "auto"
            else float(self.shrinkage)
        )
        level = float(np.trace(covariance)) / covariance.shape[0]
        covariance *= 1.0 - amount
        # The tiny floor keeps the matrix invertible where no class varies at all.
        covariance[np.diag_indices_from(covariance)] += amount * level + 1e-9 * level + 1e-12
        self.coef_ = np.linalg.solve(covariance, means.T).T  # (K, B)
        prior = np.log(mass / mass.sum())
        self.intercept_ = prior - 0.5 * (self.coef_ * means).sum(axis=1)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the log posteriors (N, K) up to a constant per pixel."""
        return np.asarray(np.asarray(X, dtype=np.float64) @ self.coef_.T + self.intercept_)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable labels (N,)."""
        return np.asarray(self.classes_[self.decision_function(X).argmax(axis=1)])

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return posteriors (N, K)."""
        return np.asarray(softmax(self.decision_function(X), axis=1))
