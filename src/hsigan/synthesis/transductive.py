"""Methods that look at the pixels to be classified, without their labels: transductive ones.

What they reach may be compared with each other and with transductive GANs, and must be named so:
an inductive method does not know the area it will be used on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.covariance import ledoit_wolf

from hsigan.errors import InputError
from hsigan.synthesis.baselines_base import check_labelled

Floats = NDArray[np.float64]


class Coral:
    """Correlation alignment: give source spectra the mean and covariance of the target's.

    Sun, Feng and Saenko 2016, with Ledoit-Wolf covariances of standardised bands in the place of
    "covariance plus identity", and with the means aligned too.
    """

    def fit(self, X_source: ArrayLike, X_target: ArrayLike) -> Self:
        """Estimate the map from source spectra (N, B) and target spectra (M, B)."""
        source, target = np.asarray(X_source, float), np.asarray(X_target, float)
        _check_areas(source, target)
        deviation = source.std(axis=0)
        self.scale_ = np.where(deviation > 0, deviation, 1.0)
        self.source_mean_, self.target_mean_ = source.mean(axis=0), target.mean(axis=0)
        whiten = _power((source - self.source_mean_) / self.scale_, -0.5)
        colour = _power((target - self.target_mean_) / self.scale_, 0.5)
        self.matrix_ = whiten @ colour  # (B, B)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Map source spectra (N, B) to what they would look like in the target area."""
        standardised = (np.asarray(X, float) - self.source_mean_) / self.scale_
        return np.asarray(standardised @ self.matrix_ * self.scale_ + self.target_mean_)


class AreaStandardisation:
    """Subtract each area's mean and divide by its deviation, band by band.

    An area is a file, a flight line or a part of a scene; its statistics come from all its pixels.
    It removes what the light does to a whole area, and also what the mixture of classes does.
    """

    def fit(self, X: ArrayLike, area: ArrayLike) -> Self:
        """Estimate mean and deviation of spectra (N, B) in each area (N,)."""
        spectra, areas = check_labelled(X, area, "AreaStandardisation")
        self.statistics_: dict[Any, tuple[Floats, Floats]] = {}
        for name in np.unique(areas).tolist():
            inside = spectra[areas == name]
            deviation = inside.std(axis=0)
            scale = np.where(deviation > 0, deviation, 1.0)
            self.statistics_[name] = (inside.mean(axis=0), scale)
        return self

    def transform(self, X: ArrayLike, area: ArrayLike) -> Floats:
        """Standardise spectra (N, B), each by the statistics of its area (N,)."""
        spectra, areas = check_labelled(X, area, "AreaStandardisation")
        result = np.empty_like(spectra)
        for name in np.unique(areas).tolist():
            if name not in self.statistics_:
                raise InputError(
                    f"area {name!r} was not fitted; fitted are {list(self.statistics_)}"
                )
            mean, scale = self.statistics_[name]
            result[areas == name] = (spectra[areas == name] - mean) / scale
        return result


def self_train(
    fit: Callable[[Any, Any], Any],
    X: ArrayLike,
    y: ArrayLike,
    X_target: ArrayLike,
    rounds: int = 3,
    keep: float = 0.5,
) -> Any:
    """Self-training: fit, label the target's surest pixels by the prediction, fit again.

    Parameters
    ----------
    fit : function of (X, y) that returns a fitted classifier with ``predict_proba``
    X, y : labelled spectra (N, B) and labels (N,)
    X_target : (M, B) spectra without labels
    rounds : how often pseudo-labels are renewed
    keep : share of the target pixels, of each predicted class, that gets a pseudo-label

    Returns
    -------
    The last fitted classifier.
    """
    spectra, labels = check_labelled(X, y, "self_train")
    target = np.asarray(X_target, dtype=np.float64)
    _check_areas(spectra, target)
    if not 0.0 < keep <= 1.0:
        raise InputError(f"keep must be above 0 and at most 1. Got {keep!r} instead.")
    classifier = fit(spectra, labels)
    for _ in range(rounds):
        probability = classifier.predict_proba(target)
        code, sureness = probability.argmax(axis=1), probability.max(axis=1)
        sure = np.zeros(len(target), dtype=bool)
        for k in np.unique(code):
            members = np.flatnonzero(code == k)
            count = max(1, round(keep * len(members)))
            sure[members[np.argsort(-sureness[members], kind="stable")[:count]]] = True
        classifier = fit(
            np.concatenate([spectra, target[sure]]),
            np.concatenate([labels, classifier.classes_[code[sure]]]),
        )
    return classifier


def _power(deviations: Floats, exponent: float) -> Floats:
    """Return the symmetric power of the shrunk covariance of centred rows."""
    values, vectors = np.linalg.eigh(ledoit_wolf(deviations, assume_centered=True)[0])
    floor = max(float(values.max()) * 1e-8, 1e-12)
    return np.asarray(vectors * np.maximum(values, floor) ** exponent @ vectors.T)


def _check_areas(source: Floats, target: Floats) -> None:
    if source.ndim != 2 or target.ndim != 2 or source.shape[1] != target.shape[1]:
        raise InputError(
            f"source and target must be spectra over the same bands. "
            f"Got shapes {source.shape} and {target.shape} instead."
        )
    if len(source) < 2 or len(target) < 2:
        raise InputError(
            f"source and target need two pixels or more. Got {len(source)} and {len(target)}."
        )
