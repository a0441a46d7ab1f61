"""What every simple generator shares: input checks, statistics per class, the sampling loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.covariance import ledoit_wolf, oas

from hsigan.errors import InputError, LabelError

Floats = NDArray[np.float64]
RandomState = int | np.random.Generator | None


class SimpleGenerator(BaseEstimator, ABC):  # type: ignore[misc]
    """Base of the generators that need no network: ``fit`` on labelled spectra, then ``sample``.

    A subclass says in ``_draw`` how one class is drawn, and in ``_prepare`` what is estimated
    beforehand. After ``fit``: ``classes_`` (K,), ``n_features_in_`` and ``spectra_``, a dict from
    label to the training spectra (N_k, B) of the class.
    """

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        X_validation: ArrayLike | None = None,
        y_validation: ArrayLike | None = None,
        X_unlabelled: ArrayLike | None = None,
    ) -> Self:
        """Learn from labelled spectra.

        Parameters
        ----------
        X : (N, B) finite spectra in any unit
        y : (N,) labels
        X_validation, y_validation : ignored; here so that all generators are called alike
        X_unlabelled : (M, B) spectra without a label, used by label propagation alone

        Raises
        ------
        InputError
            X is not a finite (N, B) array, or X and y differ in length.
        """
        spectra, labels = check_labelled(X, y, type(self).__name__)
        self.n_features_in_ = spectra.shape[1]
        self.classes_ = np.unique(labels)
        self.spectra_: dict[Any, Floats] = {
            label: spectra[labels == label] for label in self.classes_.tolist()
        }
        self._prepare(_check_unlabelled(X_unlabelled, self.n_features_in_))
        return self

    def sample(
        self,
        n_per_class: int | Mapping[Any, int],
        classes: Sequence[Any] | None = None,
        random_state: RandomState = None,
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Draw labelled spectra, class by class in the order of ``classes``.

        Parameters
        ----------
        n_per_class : a number for every class, or a dict from label to number
        classes : the labels to draw; by default the keys of the dict, or all fitted classes
        random_state : seed or generator

        Returns
        -------
        X : (N, B) float32, in the units of the training spectra
        y : (N,) labels

        Raises
        ------
        LabelError
            A class that was not fitted.
        """
        rng = np.random.default_rng(random_state)
        counts = class_counts(n_per_class, classes, self.classes_)
        drawn = [self._draw(label, count, rng) for label, count in counts.items() if count]
        labels = [np.full(count, label) for label, count in counts.items() if count]
        if not drawn:
            empty = np.empty((0, self.n_features_in_), dtype=np.float32)
            return empty, np.empty(0, dtype=self.classes_.dtype)
        return (
            np.concatenate(drawn).astype(np.float32),
            np.concatenate(labels).astype(self.classes_.dtype),
        )

    def _prepare(self, unlabelled: Floats | None) -> None:
        """Estimate what ``_draw`` needs; nothing by default."""

    @abstractmethod
    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Floats:
        """Draw ``count`` spectra (count, B) of one class."""

    def _resample(self, label: Any, count: int, rng: np.random.Generator) -> Floats:
        """Draw training spectra of a class with replacement, each about equally often."""
        spectra = self.spectra_[label]
        whole, rest = divmod(count, len(spectra))
        order = [rng.permutation(len(spectra)) for _ in range(whole)]
        order.append(rng.permutation(len(spectra))[:rest])
        return spectra[np.concatenate(order)]


def check_labelled(X: ArrayLike, y: ArrayLike, caller: str) -> tuple[Floats, NDArray[Any]]:
    """Return X as (N, B) float64 and y as (N,), or raise an InputError that names ``caller``."""
    spectra = np.asarray(X, dtype=np.float64)
    labels = np.asarray(y)
    if spectra.ndim != 2 or 0 in spectra.shape:
        raise InputError(
            f"the X of {caller} must be (pixels, bands), neither zero. Got {spectra.shape} instead."
        )
    if labels.shape != (len(spectra),):
        raise InputError(
            f"the y of {caller} must have one label for each of {len(spectra)} spectra. "
            f"Got shape {labels.shape} instead."
        )
    if not np.isfinite(spectra).all():
        raise InputError(
            f"the X of {caller} must be finite. Got {int((~np.isfinite(spectra)).sum())} values "
            f"that are not; leave out those pixels or bands."
        )
    return spectra, labels


def _check_unlabelled(X_unlabelled: ArrayLike | None, bands: int) -> Floats | None:
    if X_unlabelled is None:
        return None
    spectra = np.asarray(X_unlabelled, dtype=np.float64)
    if spectra.ndim != 2 or spectra.shape[1] != bands or not np.isfinite(spectra).all():
        raise InputError(
            f"X_unlabelled must be finite spectra of shape (pixels, {bands}). "
            f"Got shape {spectra.shape} instead."
        )
    return spectra


def class_counts(
    n_per_class: int | Mapping[Any, int],
    classes: Sequence[Any] | None,
    known: NDArray[Any],
) -> dict[Any, int]:
    """Return how many spectra each class gets, as a dict in the order in which they are drawn."""
    if isinstance(n_per_class, Mapping):
        wanted = list(n_per_class if classes is None else classes)
        counts = {label: int(n_per_class.get(label, 0)) for label in wanted}
    else:
        wanted = known.tolist() if classes is None else list(classes)
        counts = dict.fromkeys(wanted, int(n_per_class))
    unknown = [label for label in counts if label not in set(known.tolist())]
    if unknown:
        raise LabelError(f"class {unknown[0]!r} was not fitted; fitted are {known.tolist()}")
    if any(count < 0 for count in counts.values()):
        raise InputError(f"n_per_class must not be negative. Got {n_per_class!r} instead.")
    return counts


def within_class_scale(spectra: Mapping[Any, Floats]) -> Floats:
    """Return the pooled within-class standard deviation per band (B,), never zero.

    Where no class has two pixels the spread over all pixels stands in; a constant band gets 1.
    """
    deviations = np.concatenate([s - s.mean(axis=0) for s in spectra.values()])
    freedom = sum(len(s) - 1 for s in spectra.values())
    if freedom > 0:
        scale = np.sqrt((deviations**2).sum(axis=0) / freedom)
    else:
        scale = np.concatenate(list(spectra.values())).std(axis=0)
    return np.where(scale > 0, scale, 1.0)


def covariance_roots(spectra: Mapping[Any, Floats], covariance: str) -> dict[Any, Floats]:
    """Return per class a matrix R (B, B) with R R^T the shrunk class covariance.

    Bands are first divided by their pooled within-class standard deviation, so that the target of
    the shrinkage (a multiple of the identity) treats dark and bright bands alike. A class with a
    single pixel has no spread of its own: it gets that of all classes pooled.

    Parameters
    ----------
    covariance : "ledoit-wolf" (Ledoit and Wolf 2004) or "oas" (Chen et al. 2010)
    """
    estimators = {"ledoit-wolf": ledoit_wolf, "oas": oas}
    if covariance not in estimators:
        raise InputError(
            f"covariance must be one of {sorted(estimators)}. Got {covariance!r} instead."
        )
    scale = within_class_scale(spectra)
    centred = {label: (s - s.mean(axis=0)) / scale for label, s in spectra.items()}
    pooled = np.concatenate(list(centred.values()))
    roots: dict[Any, Floats] = {}
    shared: Floats | None = None
    for label, deviations in centred.items():
        if len(deviations) > 1:
            shrunk = _unbiased(estimators[covariance], deviations, len(deviations) - 1)
            roots[label] = scale[:, None] * _root(shrunk)
            continue
        if shared is None:
            freedom = max(1, len(pooled) - len(centred))
            shared = scale[:, None] * _root(
                _unbiased(estimators[covariance], pooled, freedom)
                if len(pooled) > len(centred)
                else np.zeros((len(scale), len(scale)))
            )
        roots[label] = shared
    return roots


def _unbiased(estimator: Any, deviations: Floats, freedom: int) -> Floats:
    """Undo the division by N of the estimators: at five pixels it would cost a fifth."""
    shrunk: Floats = estimator(deviations, assume_centered=True)[0]
    return shrunk * (len(deviations) / freedom)


def _root(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)))
