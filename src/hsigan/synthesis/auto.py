"""``auto``: augment only where validation data show, with evidence to spare, that it helps.

Many candidates make the best of them look good by chance. So the held-out parts are halved: on one
half the candidate with the highest gain is chosen, the other half must confirm it by more than one
standard error, and on all parts together the gain must exceed two: the area that the classifier
will be used on differs from the held-out parts, and a doubtful gain there is easily a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError

CONFIRMING_ERRORS = 1.0
"""Standard errors that the gain must exceed on the parts that did not choose the candidate."""
ALL_ERRORS = 2.0
"""Standard errors that the gain must exceed on all parts."""

Spectra = NDArray[Any]
Labels = NDArray[Any]


class Predictor(Protocol):
    """What a fitted classifier can do."""

    def predict(self, X: Any) -> NDArray[Any]:
        """Return labels (N,) of spectra (N, B)."""
        ...


class Generator(Protocol):
    """What every generator can do (docs/architecture.md)."""

    def fit(
        self,
        X: Any,
        y: Any,
        X_validation: Any = None,
        y_validation: Any = None,
        X_unlabelled: Any = None,
    ) -> Any:
        """Learn from labelled spectra."""
        ...

    def sample(self, n_per_class: Any, classes: Any = None, random_state: Any = None) -> Any:
        """Draw labelled spectra."""
        ...


FitClassifier = Callable[[Spectra, Labels], Predictor]
MakeGenerator = Callable[[], Generator]


@dataclass(frozen=True, order=True)
class Candidate:
    """A generator's name and its amount: fakes per real pixel, class by class."""

    method: str
    amount: float


@dataclass(frozen=True)
class AutoChoice:
    """What ``auto`` decided; ``candidate`` is None where the real pixels stay alone.

    ``gain`` and ``standard_error`` (points of accuracy, over all held-out parts) are those of the
    candidate that looked best; ``confirmed_gain`` is its gain on the parts it was not chosen by.
    """

    candidate: Candidate | None
    looked_best: Candidate | None
    gain: float
    standard_error: float
    confirmed_gain: float
    gains: dict[Candidate, float] = field(default_factory=dict)


def decide(
    gains: Mapping[Candidate, ArrayLike], test_to_train: float = 0.0, seed: int = 0
) -> AutoChoice:
    """Decide from paired gains on held-out parts.

    The candidate with the highest mean gain on half of the parts is taken if its gain exceeds one
    standard error on the other half and two on all parts. The standard error is
    ``sqrt((1 / J + test_to_train) s^2)`` with s^2 the variance over all J parts: parts of a
    cross-validation share training pixels, and ``test_to_train`` is the correction of Nadeau and
    Bengio 2003 for it.

    Parameters
    ----------
    gains : candidate -> (J,) gains in points, the same parts for all
    test_to_train : held-out over training pixels of a cross-validation; 0 where one classifier was
        judged on several groups of validation pixels
    seed : which parts are in which half

    Returns
    -------
    AutoChoice
        Without a candidate where there are fewer than four parts.
    """
    table = {candidate: np.asarray(values, dtype=np.float64) for candidate, values in gains.items()}
    parts = {len(values) for values in table.values()}
    if not table or max(parts) < 4:
        return AutoChoice(None, None, 0.0, 0.0, 0.0)
    if len(parts) > 1:
        raise InputError(f"all candidates need the same held-out parts. Got {sorted(parts)} parts.")
    count = parts.pop()
    order = np.random.default_rng(seed).permutation(count)
    choosing, confirming = order[: count // 2], order[count // 2 :]
    best = max(table, key=lambda candidate: (float(table[candidate][choosing].mean()), candidate))
    values = table[best]
    variance = float(values.var(ddof=1))

    def error(held_out_parts: int) -> float:
        return float(np.sqrt((1.0 / held_out_parts + test_to_train) * variance))

    confirmed = float(values[confirming].mean())
    gain = float(values.mean())
    sure = gain > ALL_ERRORS * error(count)
    helps = sure and confirmed > CONFIRMING_ERRORS * error(len(confirming))
    return AutoChoice(
        candidate=best if helps else None,
        looked_best=best,
        gain=gain,
        standard_error=error(count),
        confirmed_gain=confirmed,
        gains={candidate: float(v.mean()) for candidate, v in table.items()},
    )


def fit_whole(generator: Generator, X: Spectra, y: Labels, **more: Any) -> None:
    """Fit a generator; where Ctrl-C stopped its training, go no further.

    A half-trained GAN is usable, but it is no result of an experiment.

    Raises
    ------
    KeyboardInterrupt
        The training was interrupted.
    """
    generator.fit(X, y, **more)
    if getattr(generator, "interrupted_", False):
        raise KeyboardInterrupt


def fakes_for(y: ArrayLike, amount: float) -> dict[Any, int]:
    """Return how many fakes each class gets: ``amount`` per real pixel, one at least."""
    classes, counts = np.unique(np.asarray(y), return_counts=True)
    wanted = np.maximum(1, np.rint(amount * counts)).astype(int)
    return dict(zip(classes.tolist(), wanted.tolist(), strict=True))


def augment(
    X: Spectra, y: Labels, generator: Generator, amount: float, random_state: Any
) -> tuple[Spectra, Labels]:
    """Return the real pixels followed by ``amount`` fakes for each of them.

    Classes are as frequent among the fakes as among the real pixels, or as the generator's
    ``class_shares_`` says where it has found out.
    """
    counts = fakes_for(y, amount)
    shares = getattr(generator, "class_shares_", None)
    if shares is not None:
        counts = {label: round(amount * len(y) * share) for label, share in shares.items()}
    fakes, labels = generator.sample(counts, random_state=random_state)
    return np.concatenate([X, fakes.astype(X.dtype)]), np.concatenate([y, labels])


def group_gains(correct_with: ArrayLike, correct_without: ArrayLike, groups: ArrayLike) -> Spectra:
    """Return the gain in points on each group of validation pixels, (J,).

    Parameters
    ----------
    correct_with, correct_without : (N,) bool, whether each pixel was classified correctly
    groups : (N,) group of each pixel; pixels that lie together belong in one group
    """
    gain = 100.0 * (np.asarray(correct_with, float) - np.asarray(correct_without, float))
    _, code = np.unique(np.asarray(groups), return_inverse=True)
    return np.asarray(np.bincount(code, gain) / np.bincount(code))


def cross_validated_gains(
    X: Spectra,
    y: Labels,
    parts: Sequence[tuple[Any, Any]],
    generators: Mapping[str, MakeGenerator],
    amounts: Sequence[float],
    classifiers: Mapping[str, FitClassifier],
    *,
    X_unlabelled: Spectra | None = None,
    seed: int = 0,
) -> dict[str, dict[Candidate, Spectra]]:
    """Return for each classifier the gains of all candidates on each held-out part.

    Generators are fitted anew on the training pixels of each part, once for all classifiers.

    Parameters
    ----------
    X, y : training spectra (N, B) and labels (N,)
    parts : pairs of training and held-out indices
    generators, amounts : what is tried
    classifiers : name -> function that fits on (X, y) and returns a predictor
    """
    table: dict[str, dict[Candidate, list[float]]] = {name: {} for name in classifiers}
    for index, (train, held_out) in enumerate(parts):
        Xt, yt = X[train], y[train]
        enlarged: dict[Candidate, tuple[Spectra, Labels]] = {}
        for name, make in generators.items():
            fitted = make()
            fit_whole(fitted, Xt, yt, X_unlabelled=X_unlabelled)
            for amount in amounts:
                rng = np.random.default_rng([seed, index])
                enlarged[Candidate(name, amount)] = augment(Xt, yt, fitted, amount, rng)
        for classifier, fit in classifiers.items():
            alone = fit(Xt, yt).predict(X[held_out]) == y[held_out]
            for candidate, pixels in enlarged.items():
                together = fit(*pixels).predict(X[held_out]) == y[held_out]
                gain = 100.0 * (float(together.mean()) - float(alone.mean()))
                table[classifier].setdefault(candidate, []).append(gain)
    return {
        classifier: {candidate: np.asarray(values) for candidate, values in row.items()}
        for classifier, row in table.items()
    }
