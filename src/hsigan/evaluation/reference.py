"""The best that real pixels can do: which classifier, with which classical augmentation.

Turning and mirroring patches is no synthesis, and every user of a network on patches does it. A
gain counts only over the better of both, chosen on the data that tuned the classifiers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.classification import Tuned, best_of
from hsigan.classification.tuning import tuning_parts
from hsigan.evaluation.augmentation_partition import Partition
from hsigan.synthesis.auto import Generator, augment

REAL = "none"
Reference = tuple[str, str]
"""A classifier, and the method that prepares its real pixels."""


def best_reference(
    data: Partition,
    tuned: Mapping[str, Tuned],
    methods: Sequence[str],
    make: Callable[[str], Generator],
    amount: float,
) -> Reference:
    """Return the classifier and the method with the highest accuracy on validation data.

    Parameters
    ----------
    data : its test pixels are not read
    tuned : the classifiers, with their accuracy on real pixels alone
    methods : what may prepare the real pixels; "none" is always among them
    make : method -> generator, not yet fitted
    amount : samples per real pixel

    Returns
    -------
    (str, str)
        Of equals the first, "none" before the other methods.
    """
    percents = {(best_of(tuned.values()).name, REAL): best_of(tuned.values()).validation_percent}
    for method in methods:
        if method != REAL:
            for name, settings in tuned.items():
                percents[name, method] = _percent(data, settings, make, method, amount)
    return max(percents, key=lambda reference: percents[reference])


def _percent(
    data: Partition,
    settings: Tuned,
    make: Callable[[str], Generator],
    method: str,
    amount: float,
) -> float:
    """Return the overall accuracy on validation data, or on the folds of the tuning."""
    parts: list[tuple[NDArray[Any], NDArray[Any], dict[str, Any], NDArray[Any], NDArray[Any]]]
    if len(data.y_validation):
        held_out = {"X_validation": data.X_validation, "y_validation": data.y_validation}
        parts = [(data.X, data.y, held_out, data.X_validation, data.y_validation)]
    else:
        folds = tuning_parts(settings.name, data.y, 5, data.seed)
        parts = [(data.X[t], data.y[t], {}, data.X[h], data.y[h]) for t, h in folds]
    hits = 0
    for index, (X, y, more, X_held_out, y_held_out) in enumerate(parts):
        generator = make(method)
        generator.fit(X, y)
        rng = np.random.default_rng([data.seed, index])
        classifier = settings.build(data.seed).fit(*augment(X, y, generator, amount, rng), **more)
        hits += int((classifier.predict(X_held_out) == y_held_out).sum())
    return 100.0 * hits / sum(len(part[4]) for part in parts)
