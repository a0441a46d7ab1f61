"""The "NN 1D" of the paper as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from hsigan.models.classifiers import SpectralMLP
from hsigan.training.classifier import (
    NOTEBOOK,
    ClassifierTraining,
    LabelledTensors,
    train_classifier_network,
)


class NN1D(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A perceptron of four linear layers, 512 wide, trained with Adam (amsgrad, 1e-3).

    With validation pixels the weights of the lowest validation loss are kept; without, training
    takes exactly ``max_steps`` steps.

    Parameters
    ----------
    max_steps : steps at most
    batch : pixels per step
    width : units per hidden layer
    notebook : the setting of the paper's notebook: batch 1024, 10,000 epochs, no early stopping
    random_state : seed of weights and order
    """

    def __init__(
        self,
        max_steps: int = 300,
        batch: int = 128,
        width: int = 512,
        notebook: bool = False,
        random_state: int = 0,
    ) -> None:
        self.max_steps = max_steps
        self.batch = batch
        self.width = width
        self.notebook = notebook
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_validation: ArrayLike | None = None,
        y_validation: ArrayLike | None = None,
    ) -> Self:
        """Train on standardised spectra X (N, B) with labels y (N,).

        Validation pixels of classes that y lacks are left out.
        """
        self.classes_ = np.unique(np.asarray(y))
        data = self._tensors(X, y, sample_weight)
        validation = None
        if X_validation is not None and y_validation is not None:
            known = np.isin(y_validation, self.classes_)
            if known.any():
                validation = self._tensors(
                    np.asarray(X_validation)[known], np.asarray(y_validation)[known], None
                )
        with torch.random.fork_rng(devices=[]):
            # PyTorch draws initial weights from its global generator: seeded here, then restored.
            torch.manual_seed(self.random_state)
            self.network_ = SpectralMLP(data.spectra.shape[1], len(self.classes_), self.width)
        options = (
            NOTEBOOK
            if self.notebook
            else ClassifierTraining(batch=self.batch, max_steps=self.max_steps)
        )
        self.step_ = train_classifier_network(
            self.network_, data, validation, options, self.random_state
        )
        self.network_.eval()
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable labels (N,)."""
        return np.asarray(self.classes_[self._logits(X).argmax(dim=1).numpy()])

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the soft-max of the logits (N, K)."""
        return np.asarray(torch.softmax(self._logits(X).double(), dim=1).numpy())

    @torch.no_grad()
    def _logits(self, X: ArrayLike) -> torch.Tensor:
        logits: torch.Tensor = self.network_(torch.from_numpy(np.array(X, dtype=np.float32)))
        return logits

    def _tensors(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> LabelledTensors:
        spectra = torch.from_numpy(np.array(X, dtype=np.float32))
        weights = np.ones(len(spectra)) if sample_weight is None else np.asarray(sample_weight)
        return LabelledTensors(
            spectra=spectra,
            codes=torch.from_numpy(np.searchsorted(self.classes_, np.asarray(y))),
            weights=torch.from_numpy(np.asarray(weights / weights.mean(), dtype=np.float32)),
        )
