"""Choosing a classifier's settings on validation pixels, or by cross-validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.classification.estimator import CLASSIFIERS, SpectralClassifier, classifier_kind
from hsigan.classification.patch_estimator import PatchClassifier
from hsigan.errors import InputError, LabelError
from hsigan.models.patch_classifiers import PATCH_CLASSIFIERS
from hsigan.sampling import stratified_folds

Classifier = SpectralClassifier | PatchClassifier
CLASSIFIER_NAMES = (*CLASSIFIERS, *PATCH_CLASSIFIERS)
PATCH_FOLDS = 3
"""Folds of a cross-validation of networks on patches, which cost minutes and not seconds."""


def make_classifier(
    name: str,
    params: Mapping[str, Any] | None = None,
    random_state: int = 0,
    tuned_pixels: int | None = None,
) -> Classifier:
    """Return a classifier of spectra or of patches by name, not yet fitted.

    Raises
    ------
    InputError
        There is no such classifier.
    """
    if name in PATCH_CLASSIFIERS:
        return PatchClassifier(name, params, random_state)
    if name not in CLASSIFIERS:
        raise InputError(f"there is no classifier {name!r}; known: {', '.join(CLASSIFIER_NAMES)}")
    return SpectralClassifier(name, params, random_state, tuned_pixels)


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

    def build(self, random_state: int = 0) -> Classifier:
        """Return the classifier, not yet fitted."""
        return make_classifier(self.name, self.params, random_state, self.pixels)


def tune(
    name: str,
    X: NDArray[Any],
    y: ArrayLike,
    X_validation: NDArray[Any] | None = None,
    y_validation: ArrayLike | None = None,
    folds: int = 5,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
) -> Tuned:
    """Try a small grid of settings and return the best; of equals the simplest.

    Networks on patches have one point in their grid: the settings of their paper.

    Parameters
    ----------
    name : one of ``CLASSIFIER_NAMES``
    X, y : training spectra (N, B) or patches (N, B, P, P), and labels (N,)
    X_validation, y_validation : held-out labelled pixels. None or empty: stratified
        cross-validation inside the training pixels.
    folds : folds of the cross-validation, at most the pixels of the largest class
    seed : of the folds and of the classifiers
    settings : of a network on patches, laid over its recipe
    """
    labels = np.asarray(y)
    if X_validation is not None and y_validation is not None and len(np.asarray(y_validation)):
        held_out = (X_validation, np.asarray(y_validation))
        grid = _grid(name, settings, cross_validated=False)
        scores = [
            _held_out_percent(make_classifier(name, p, seed), X, labels, held_out) for p in grid
        ]
        return _best(name, grid, scores, len(labels))
    grid = _grid(name, settings, cross_validated=True)
    parts = tuning_parts(name, labels, folds, seed)
    scores = [_cross_validated_percent(name, p, X, labels, parts, seed) for p in grid]
    return _best(name, grid, scores, len(labels))


def tuning_parts(
    name: str, labels: NDArray[Any], folds: int, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the folds that a classifier is tuned on: fewer where it is a network on patches."""
    most = min(folds, PATCH_FOLDS) if name in PATCH_CLASSIFIERS else folds
    return cross_validation_parts(labels, most, seed)


def _grid(
    name: str, settings: Mapping[str, Any] | None, *, cross_validated: bool
) -> tuple[dict[str, Any], ...]:
    if name in PATCH_CLASSIFIERS:
        return (dict(settings or {}),)
    kind = classifier_kind(name)
    return (kind.cross_validation_grid or kind.grid) if cross_validated else kind.grid


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
    classifier: Classifier,
    X: NDArray[Any],
    y: NDArray[Any],
    held_out: tuple[NDArray[Any], NDArray[Any]],
) -> float:
    classifier.fit(X, y, X_validation=held_out[0], y_validation=held_out[1])
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
        classifier = make_classifier(name, params, seed).fit(X[train], y[train])
        hits += int((classifier.predict(X[held_out]) == y[held_out]).sum())
    return 100.0 * hits / sum(len(held_out) for _, held_out in parts)


def _best(name: str, grid: tuple[dict[str, Any], ...], scores: list[float], pixels: int) -> Tuned:
    index = int(np.argmax(scores))
    return Tuned(name, dict(grid[index]), scores[index], pixels)
