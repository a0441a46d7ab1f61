"""The classifiers behind one interface, and what of them is tuned."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

from hsigan.classification.lda import ShrinkageLDA
from hsigan.classification.neural import NN1D
from hsigan.classification.two_views import TwoViewClassifier
from hsigan.errors import InputError, LabelError
from hsigan.sampling.patches import PatchView, centres_of

# libsvm may circle for hours on overlapping classes with a large C; this many steps suffice.
_SVM_STEPS = 200_000


def _linear_svm(params: Mapping[str, Any], bands: int, seed: int) -> Any:
    return SVC(
        kernel="linear", C=params["C"], max_iter=_SVM_STEPS, break_ties=True, random_state=seed
    )


def _rbf_svm(params: Mapping[str, Any], bands: int, seed: int) -> Any:
    return SVC(
        C=params["C"],
        gamma=params["gamma_bands"] / bands,
        max_iter=_SVM_STEPS,
        break_ties=True,
        random_state=seed,
    )


def _random_forest(params: Mapping[str, Any], bands: int, seed: int) -> Any:
    return RandomForestClassifier(
        n_estimators=100, min_samples_leaf=params["min_samples_leaf"], random_state=seed
    )


def _lda(params: Mapping[str, Any], bands: int, seed: int) -> Any:
    return ShrinkageLDA(shrinkage=params["shrinkage"])


def _two_view(params: Mapping[str, Any], bands: int, seed: int) -> Any:
    return TwoViewClassifier(seed)


def _nn_1d(params: Mapping[str, Any], bands: int, seed: int) -> Any:
    return NN1D(**params, random_state=seed)


@dataclass(frozen=True)
class ClassifierKind:
    """How one kind of classifier is made.

    ``grid`` lists the settings that tuning tries, from simple to flexible (a tie takes the first);
    ``cross_validation_grid`` replaces it where there are no validation pixels. ``view``: bands
    "standardised" by the training pixels; the same after every spectrum was divided by its length,
    so that only its "shape" counts and illumination drops out; or spectra as they "come".
    """

    make: Callable[[Mapping[str, Any], int, int], Any]
    grid: tuple[dict[str, Any], ...]
    default: dict[str, Any]
    cross_validation_grid: tuple[dict[str, Any], ...] | None = None
    view: Literal["standardised", "shape", "come"] = "standardised"

    @property
    def settled(self) -> bool:
        """Whether there is a single setting, with or without validation pixels."""
        return len(self.grid) == 1 and self.cross_validation_grid is None


_SHRINKAGES = tuple({"shrinkage": s} for s in ("auto", 0.1, 0.01, 0.001))
_RBF_GRID = tuple({"C": c, "gamma_bands": g} for c in (10.0, 100.0, 1000.0) for g in (0.1, 0.5))

CLASSIFIERS: dict[str, ClassifierKind] = {
    "nn-1d": ClassifierKind(
        _nn_1d,
        # With validation pixels early stopping is the tuning.
        grid=({"max_steps": 300},),
        default={"max_steps": 300},
        cross_validation_grid=({"max_steps": 60}, {"max_steps": 200}),
    ),
    "nn-1d-notebook": ClassifierKind(_nn_1d, ({"notebook": True},), {"notebook": True}),
    "lda": ClassifierKind(_lda, _SHRINKAGES, {"shrinkage": "auto"}),
    "lda-unit": ClassifierKind(_lda, _SHRINKAGES, {"shrinkage": "auto"}, view="shape"),
    "svm-linear": ClassifierKind(
        _linear_svm, tuple({"C": c} for c in (0.01, 0.1, 1.0, 10.0)), {"C": 1.0}
    ),
    "svm-rbf": ClassifierKind(_rbf_svm, _RBF_GRID, {"C": 100.0, "gamma_bands": 0.1}),
    "svm-rbf-unit": ClassifierKind(
        _rbf_svm, _RBF_GRID, {"C": 100.0, "gamma_bands": 0.1}, view="shape"
    ),
    "two-view": ClassifierKind(_two_view, ({},), {}, view="come"),
    "random-forest": ClassifierKind(
        _random_forest,
        tuple({"min_samples_leaf": leaf} for leaf in (5, 1)),
        {"min_samples_leaf": 1},
    ),
}


def classifier_kind(name: str) -> ClassifierKind:
    """Return a kind of classifier by name, or raise an InputError with the known names."""
    if name not in CLASSIFIERS:
        raise InputError(f"there is no classifier {name!r}; known: {', '.join(CLASSIFIERS)}")
    return CLASSIFIERS[name]


class SpectralClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One of the classifiers on spectra standardised per band.

    Mean and deviation of the bands come from the X of ``fit`` and from nothing else.

    Parameters
    ----------
    name : a key of ``CLASSIFIERS``
    params : settings of that kind; None takes its default
    random_state : seed
    tuned_pixels : how many pixels the settings were tuned on. A support vector machine weighs the
        sum of errors against its margin, so that with synthetic pixels beside the real ones the
        same C would mean another machine: each pixel then weighs as much less as there are more.
    """

    def __init__(
        self,
        name: str = "lda",
        params: Mapping[str, Any] | None = None,
        random_state: int = 0,
        tuned_pixels: int | None = None,
    ) -> None:
        self.name = name
        self.params = params
        self.random_state = random_state
        self.tuned_pixels = tuned_pixels

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_validation: ArrayLike | None = None,
        y_validation: ArrayLike | None = None,
    ) -> Self:
        """Fit on spectra X (N, B) in any unit, or the centres of patches, and labels y (N,).

        Validation pixels stop the training of ``nn-1d``; the other kinds do not look at them.

        Raises
        ------
        LabelError
            There is only one class.
        InputError
            X and y do not fit each other, or X is not finite.
        """
        kind = classifier_kind(self.name)
        spectra, labels = self._spectra(X), np.asarray(y)
        _check(spectra, labels)
        self.classes_ = np.unique(labels)
        self.n_features_in_ = spectra.shape[1]
        shaped = self._shaped(spectra)
        self.mean_ = shaped.mean(axis=0)
        deviation = shaped.std(axis=0)
        self.scale_ = np.where(deviation > 0, deviation, 1.0)
        if kind.view == "come":
            self.mean_, self.scale_ = np.zeros_like(self.mean_), np.ones_like(self.scale_)
        params = kind.default if self.params is None else self.params
        self.estimator_ = kind.make(params, self.n_features_in_, self.random_state)
        extra: dict[str, Any] = {}
        if isinstance(self.estimator_, NN1D) and X_validation is not None:
            extra = {"X_validation": self._scaled(X_validation), "y_validation": y_validation}
        if isinstance(self.estimator_, SVC) and self.tuned_pixels is not None:
            share = min(1.0, self.tuned_pixels / len(labels))
            given = 1.0 if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
            sample_weight = np.full(len(labels), share) * given
        with warnings.catch_warnings():
            # The cap on libsvm's steps is deliberate (see above).
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.estimator_.fit(self._scaled(spectra), labels, sample_weight=sample_weight, **extra)
        return self

    def predict(self, X: ArrayLike | PatchView) -> NDArray[Any]:
        """Return the labels (N,) of spectra (N, B), or of patches by their centres."""
        return np.asarray(self.estimator_.predict(self._scaled(X)))

    def predict_proba(self, X: ArrayLike | PatchView) -> NDArray[np.float64]:
        """Return (N, K), each row summing to one, in the order of ``classes_``.

        For the support vector machines this is the soft-max of the one-against-rest decision
        values: it orders pixels by sureness and is not calibrated.
        """
        scaled = self._scaled(X)
        if not isinstance(self.estimator_, SVC):
            return np.asarray(self.estimator_.predict_proba(scaled))
        decision = self.estimator_.decision_function(scaled)
        if decision.ndim == 1:
            decision = np.stack([-decision, decision], axis=1) / 2.0
        return np.asarray(softmax(decision, axis=1))

    def _scaled(self, X: ArrayLike | PatchView) -> NDArray[np.float64]:
        return np.asarray((self._shaped(self._spectra(X)) - self.mean_) / self.scale_)

    def _spectra(self, X: ArrayLike | PatchView) -> NDArray[np.float64]:
        """Return spectra (N, B); of patches (N, B, P, P) those of their centres."""
        spectra = centres_of(X if isinstance(X, PatchView) else np.asarray(X))
        return np.asarray(spectra, dtype=np.float64)

    def _shaped(self, spectra: NDArray[np.float64]) -> NDArray[np.float64]:
        if classifier_kind(self.name).view != "shape":
            return spectra
        lengths = np.linalg.norm(spectra, axis=1, keepdims=True)
        shaped: NDArray[np.float64] = spectra / np.where(lengths > 0, lengths, 1.0)
        return shaped


def _check(spectra: NDArray[np.float64], labels: NDArray[Any]) -> None:
    if spectra.ndim != 2 or labels.shape != spectra.shape[:1] or not len(labels):
        raise InputError(
            f"a classifier needs spectra (pixels, bands) and one label each. "
            f"Got X {spectra.shape} and y {labels.shape} instead."
        )
    if not np.isfinite(spectra).all():
        raise InputError("the X of a classifier must be finite; leave out such pixels or bands.")
    if len(np.unique(labels)) < 2:
        raise LabelError(
            f"a classifier needs two classes or more. Got only class {labels[0]} "
            f"in {len(labels)} training pixels; add labels or change the split."
        )
