"""The paper's Table 1: a classifier trained on reals or fakes, tested on reals or fakes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.evaluation.labelled import Labelled, counts_of
from hsigan.metrics import score

CLASSIFIERS = ("svm-linear", "lda")
_COSTS = (0.1, 1.0, 10.0, 100.0, 1000.0)
_FAKES_AT_MOST = 3000
_FOLDS = 3


@dataclass(frozen=True)
class AccuracyJudge:
    """Real pixels, standardised by the training ones, and what is the same for all fakes."""

    train: Labelled
    held_out: Labelled
    centre: NDArray[np.float64]  # (B,)
    scale: NDArray[np.float64]  # (B,)
    cost: float
    real_real: dict[str, float]

    @classmethod
    def begin(cls, train: Labelled, held_out: Labelled, seed: int) -> AccuracyJudge:
        """Choose the linear SVM's cost by cross-validation on the real training pixels alone."""
        centre, scale = train.spectra.mean(axis=0), train.spectra.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        train, held_out = (_standard(part, centre, scale) for part in (train, held_out))
        cost = _best_cost(train, np.random.default_rng(seed))
        real_real = {name: _accuracy(name, cost, train, held_out) for name in CLASSIFIERS}
        return cls(train, held_out, centre, scale, cost, real_real)

    def cells(self, fake: Labelled, seed: int) -> dict[str, dict[str, float]]:
        """Return overall accuracies in percent, ``result[classifier][cell]``.

        LDA is shrunk by Ledoit and Wolf's formula. Fakes train in the class proportions of the
        real training pixels, so that the cells differ by the spectra and not by the priors, at
        most 3000 of them; fake/fake trains on one half and is tested on the other. Table 1 of
        Audebert et al. 2018 has the first four cells.

        Parameters
        ----------
        fake : Labelled
            Fakes of the training pixels' classes, in the scene's units.
        seed : int
            Of the halves and subsets.
        """
        rng = np.random.default_rng(seed)
        fake = _standard(fake, self.centre, self.scale)
        wanted = counts_of(self.train.labels)
        chosen = fake.take(proportional_counts(wanted, counts_of(fake.labels)), rng)
        first, second = _halves(fake, rng)
        first = first.take(proportional_counts(wanted, counts_of(first.labels)), rng)
        both = Labelled(
            np.concatenate([self.train.spectra, chosen.spectra]),
            np.concatenate([self.train.labels, chosen.labels]),
        )
        return {
            name: {
                "real_real": self.real_real[name],
                "real_fake": _accuracy(name, self.cost, self.train, fake),
                "fake_fake": _accuracy(name, self.cost, first, second),
                "fake_real": _accuracy(name, self.cost, chosen, self.held_out),
                "both_real": _accuracy(name, self.cost, both, self.held_out),
            }
            for name in CLASSIFIERS
        }


def _standard(part: Labelled, centre: NDArray[np.float64], scale: NDArray[np.float64]) -> Labelled:
    return Labelled((part.spectra - centre) / scale, part.labels)


def _accuracy(name: str, cost: float, train: Labelled, test: Labelled) -> float:
    """Return the overall accuracy in percent, NaN where there is too little to train on."""
    if not len(test.labels) or not 2 <= len(train.classes) < len(train.labels):
        return float("nan")
    predicted = _fitted(name, cost, train.spectra, train.labels).predict(test.spectra)
    return score(test.labels, predicted).overall_percent


def _fitted(name: str, cost: float, spectra: NDArray[np.float64], labels: NDArray[np.int64]) -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.svm import SVC

    with warnings.catch_warnings():
        # Spectra that cannot be separated at a high cost end at the limit: that is an answer too.
        warnings.filterwarnings("ignore", message="Solver terminated early")
        if name == "lda":
            return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(spectra, labels)
        return SVC(kernel="linear", C=cost, max_iter=50_000).fit(spectra, labels)


def _best_cost(train: Labelled, rng: np.random.Generator) -> float:
    """Return the cost with the best cross-validated accuracy; the smallest of equals."""
    from sklearn.model_selection import StratifiedKFold

    smallest = min(counts_of(train.labels).values())
    if smallest < 2:
        return 10.0
    folds = StratifiedKFold(
        min(_FOLDS, smallest), shuffle=True, random_state=int(rng.integers(2**31))
    )
    hits = dict.fromkeys(_COSTS, 0)
    for fit, check in folds.split(train.spectra, train.labels):
        for cost in _COSTS:
            machine = _fitted("svm-linear", cost, train.spectra[fit], train.labels[fit])
            hits[cost] += int((machine.predict(train.spectra[check]) == train.labels[check]).sum())
    return max(_COSTS, key=lambda cost: (hits[cost], -cost))


def proportional_counts(wanted: dict[int, int], available: dict[int, int]) -> dict[int, int]:
    """Return counts in the proportions of ``wanted``, as large as the classes and the cap allow.

    Where the fakes do not even suffice for one times the wanted counts, each class gives what it
    has up to its wanted count.
    """
    room = min(available.get(class_id, 0) / count for class_id, count in wanted.items())
    factor = max(min(room, _FAKES_AT_MOST / sum(wanted.values())), 1.0)
    return {
        class_id: min(int(count * factor), available.get(class_id, 0))
        for class_id, count in wanted.items()
    }


def _halves(fake: Labelled, rng: np.random.Generator) -> tuple[Labelled, Labelled]:
    """Return two halves of the fakes, each class cut in the middle."""
    first = np.zeros(len(fake.labels), dtype=bool)
    for class_id in fake.classes:
        members = rng.permutation(np.flatnonzero(fake.labels == class_id))
        first[members[: (len(members) + 1) // 2]] = True
    return (
        Labelled(fake.spectra[first], fake.labels[first]),
        Labelled(fake.spectra[~first], fake.labels[~first]),
    )
