"""How well predicted classes agree with the true ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError


@dataclass(frozen=True)
class Accuracy:
    """Scores of one prediction.

    ``confusion[i, j]`` counts pixels of class ``classes[i]`` that were called ``classes[j]``.
    ``recall_percent`` and ``f1_percent`` are per class, NaN for a class with no true pixel (and,
    for F1, no predicted one). ``kappa`` is Cohen's, at most 1.
    """

    classes: NDArray[np.int64]  # (K,)
    confusion: NDArray[np.int64]  # (K, K)
    overall_percent: float
    average_percent: float
    kappa: float
    recall_percent: NDArray[np.float64]  # (K,)
    f1_percent: NDArray[np.float64]  # (K,)


def confusion_matrix(
    truth: ArrayLike, predicted: ArrayLike, classes: Sequence[int] | NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the counts (K, K): true classes along rows, predicted ones along columns.

    Raises
    ------
    InputError
        Different lengths, nothing to score, or a label that is not among ``classes``.
    """
    truth, predicted = np.asarray(truth).reshape(-1), np.asarray(predicted).reshape(-1)
    order = np.unique(np.asarray(classes, dtype=np.int64))
    if len(truth) != len(predicted) or not len(truth):
        raise InputError(
            f"accuracy needs as many predictions as labels, and at least one. "
            f"Got {len(predicted)} predictions for {len(truth)} labels."
        )
    for what, labels in (("true", truth), ("predicted", predicted)):
        strange = np.setdiff1d(labels, order)
        if len(strange):
            raise InputError(f"{what} class {strange[0]} is not among {order.tolist()}.")
    pairs = np.searchsorted(order, truth) * len(order) + np.searchsorted(order, predicted)
    return np.bincount(pairs, minlength=len(order) ** 2).reshape(len(order), len(order))


def score(
    truth: ArrayLike,
    predicted: ArrayLike,
    classes: Sequence[int] | NDArray[np.int64] | None = None,
) -> Accuracy:
    """Return overall and average accuracy, kappa, and recall and F1 per class.

    The average accuracy is the mean recall over the classes that have true pixels.

    Parameters
    ----------
    truth, predicted : array-like, (N,)
        Class ids.
    classes : sequence of int, optional
        All class ids; else those that occur.
    """
    known = np.union1d(np.asarray(truth), np.asarray(predicted)) if classes is None else classes
    order = np.unique(np.asarray(known, dtype=np.int64))
    confusion = confusion_matrix(truth, predicted, order)
    total = confusion.sum()
    rows, columns, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    recall = _share(hits, rows)
    agreement = hits.sum() / total
    chance = float((rows * columns).sum()) / float(total) ** 2
    return Accuracy(
        classes=order,
        confusion=confusion,
        overall_percent=float(100 * agreement),
        average_percent=float(100 * np.nanmean(recall)),
        kappa=float((agreement - chance) / (1 - chance)) if chance < 1 else 1.0,
        recall_percent=100 * recall,
        f1_percent=100 * _share(2 * hits, rows + columns),
    )


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(
        np.divide(part, whole, out=np.full(len(whole), np.nan, dtype=np.float64), where=whole > 0)
    )
