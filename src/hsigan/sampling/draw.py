"""Stratified draws: how many pixels of every class, and which."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import LabelError
from hsigan.sampling.split import BoolMap


def draw_per_class(
    code: NDArray[np.int64],
    eligible: BoolMap,
    amounts: NDArray[np.int64],
    rng: np.random.Generator,
) -> BoolMap:
    """Draw without replacement `amounts[k]` of the eligible pixels of every class k.

    Parameters
    ----------
    code : (M,) int64
        Class positions 0 ... K-1.
    eligible : (M,) bool
        The pixels to draw from; a class with fewer than asked gives all it has.
    amounts : (K,) int64
        Pixels to draw per class.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    (M,) bool
    """
    order = rng.permutation(np.flatnonzero(eligible))
    order = order[np.argsort(code[order], kind="stable")]
    sizes = np.bincount(code[order], minlength=len(amounts))
    starts = np.cumsum(sizes) - sizes
    rank = np.arange(len(order)) - np.repeat(starts, sizes)
    chosen = np.zeros(len(code), dtype=np.bool_)
    chosen[order[rank < np.repeat(amounts, sizes)]] = True
    return chosen


def shares_of(counts: NDArray[np.int64], share: float, least: int) -> NDArray[np.int64]:
    """Return `share` of every count, rounded, but at least `least`."""
    shares: NDArray[np.int64] = np.maximum(np.rint(counts * share).astype(np.int64), least)
    return shares


def stratified_folds(y: ArrayLike, folds: int, seed: int) -> list[tuple[NDArray[np.int64], ...]]:
    """Divide few labels into folds to choose models by cross-validation.

    Every sample is held out exactly once, and the number of a class's samples in two folds differs
    by at most one.

    Parameters
    ----------
    y : (N,) array
        Class labels.
    folds : int
        Number of folds, at least 2. A class with fewer samples than folds (but two at least) is
        absent from some folds' held-out parts, never from a fold's fitting part.
    seed : int
        Of the draw.

    Returns
    -------
    list of (fit, held_out)
        Index arrays into `y`, ascending.

    Raises
    ------
    LabelError
        When `folds` is below 2, or a class has a single sample.
    """
    labels = np.asarray(y)
    if folds < 2:
        raise LabelError(f"The 'folds' parameter must be at least 2. Got {folds!r} instead.")
    names, code, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if labels.ndim != 1 or counts.min(initial=2) < 2:
        raise LabelError(
            "Cross-validation needs (N,) labels with two samples of every class at least. Got "
            f"shape {labels.shape}, classes {names.tolist()} with counts {counts.tolist()}."
        )
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(code[order], kind="stable")]
    fold = np.empty(len(labels), dtype=np.int64)
    # Dealt round without a restart at each class: small classes do not all fall into fold 0.
    fold[order] = np.arange(len(labels)) % folds
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(folds)]
