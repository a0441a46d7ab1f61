"""Choosing a classifier's settings on validation pixels, or by cross-validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.classification.estimator import SpectralClassifier, classifier_kind
from hsigan.errors import LabelError
from hsigan.sampling import stratified_folds


@dataclass(frozen=True)
class Tuned:
    """A kind of classifier with the settings chosen for it.

    ``validation_percent`` is the overall accuracy on the validation pixels (or, cross-validated,
    inside the training pixels) that the choice was made by; ``pixels`` how many it was made with.
    """

    name: str
    params: dict[str, Any] = field(default_factory=dict)
    validation_percent: float = float("nan")
    pixels: int | None = None

    def build(self, random_state: int = 0) -> SpectralClassifier:
        """Return the classifier, not yet fitted."""
        return SpectralClassifier(self.name, self.params, random_state, self.pixels)


def tune(
    name: str,
    X: ArrayLike,
    y: ArrayLike,
    X_validation: ArrayLike | None = None,
    y_validation: ArrayLike | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Tuned:
    """Try a small grid of settings and return the best; of equals the simplest.

    Parameters
    ----------
    name : a key of ``CLASSIFIERS``
    X, y : training spectra (N, B) and labels (N,)
    X_validation, y_validation : held-out labelled pixels. None or empty: stratified
        cross-validation inside the training pixels.
    folds : folds of the cross-validation, at most the pixels of the largest class
    seed : of the folds and of the classifiers
    """
    spectra, labels = np.asarray(X), np.asarray(y)
    kind = classifier_kind(name)
    if X_validation is not None and y_validation is not None and len(np.asarray(y_validation)):
        held_out = (np.asarray(X_validation), np.asarray(y_validation))
        scores = [
            _held_out_percent(SpectralClassifier(name, p, seed), spectra, labels, held_out)
            for p in kind.grid
        ]
        return _best(name, kind.grid, scores, len(labels))
    grid = kind.cross_validation_grid or kind.grid
    parts = cross_validation_parts(labels, folds, seed)
    scores = [_cross_validated_percent(name, p, spectra, labels, parts, seed) for p in grid]
    return _best(name, grid, scores, len(labels))


def best_of(tuned: Iterable[Tuned]) -> Tuned:
    """Return the classifier with the highest validation accuracy; of equals the first."""
    return max(tuned, key=lambda candidate: candidate.validation_percent)


def cross_validation_parts(
    labels: NDArray[Any], folds: int, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return (training, held-out) indices of stratified folds.

    A class with a single pixel is never held out: it stays in every training part.

    Raises
    ------
    LabelError
        No class has two pixels: nothing can be held out.
    """
    classes, counts = np.unique(labels, return_counts=True)
    single = np.isin(labels, classes[counts < 2])
    if single.all():
        raise LabelError(
            "no class has two labelled pixels, so settings cannot be chosen by cross-validation; "
            "label more pixels"
        )
    several = np.flatnonzero(~single)
    count = max(2, min(folds, int(counts.max())))
    always = np.flatnonzero(single)
    return [
        (np.sort(np.concatenate([several[train], always])), several[held_out])
        for train, held_out in stratified_folds(labels[several], count, seed)
        if len(held_out)
    ]


def _held_out_percent(
    classifier: SpectralClassifier,
    X: NDArray[Any],
    y: NDArray[Any],
    held_out: tuple[NDArray[Any], NDArray[Any]],
) -> float:
    classifier.fit(X, y, None, *held_out)
    return 100.0 * float((classifier.predict(held_out[0]) == held_out[1]).mean())


def _cross_validated_percent(
    name: str,
    params: Mapping[str, Any],
    X: NDArray[Any],
    y: NDArray[Any],
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    seed: int,
) -> float:
    hits = 0
    for train, held_out in parts:
        classifier = SpectralClassifier(name, params, seed).fit(X[train], y[train])
        hits += int((classifier.predict(X[held_out]) == y[held_out]).sum())
    return 100.0 * hits / sum(len(held_out) for _, held_out in parts)


def _best(name: str, grid: tuple[dict[str, Any], ...], scores: list[float], pixels: int) -> Tuned:
    index = int(np.argmax(scores))
    return Tuned(name, dict(grid[index]), scores[index], pixels)
