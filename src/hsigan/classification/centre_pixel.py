"""Classifiers of spectra where classifiers of patches are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from hsigan.classification.estimator import SpectralClassifier
from hsigan.classification.patch_estimator import Patches
from hsigan.sampling.patches import centres_of


class CentrePixelClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of spectra on patches: it sees their centre pixels.

    Parameters
    ----------
    name : a key of ``CLASSIFIERS``
    params : settings of that kind; None takes its default
    random_state : seed
    """

    def __init__(
        self, name: str = "lda", params: Mapping[str, Any] | None = None, random_state: int = 0
    ) -> None:
        self.name = name
        self.params = params
        self.random_state = random_state

    def fit(
        self,
        X: Patches,
        y: ArrayLike,
        X_validation: Patches | None = None,
        y_validation: ArrayLike | None = None,
    ) -> Self:
        """Fit on the centre pixels of patches X (N, B, P, P) with labels y (N,)."""
        held_out = None if X_validation is None else centres_of(X_validation)
        self.classifier_ = SpectralClassifier(self.name, self.params, self.random_state)
        self.classifier_.fit(centres_of(X), y, None, held_out, y_validation)
        self.classes_ = self.classifier_.classes_
        return self

    def predict(self, X: Patches) -> NDArray[Any]:
        """Return the labels (N,) of patches (N, B, P, P)."""
        return self.classifier_.predict(centres_of(X))

    def predict_proba(self, X: Patches) -> NDArray[np.float64]:
        """Return probabilities (N, K)."""
        return self.classifier_.predict_proba(centres_of(X))
