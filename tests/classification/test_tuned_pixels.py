"""A tuned support vector machine stays the same machine when pixels are given twice."""

import numpy as np
import pytest

from hsigan.classification import SpectralClassifier, tune


@pytest.mark.parametrize("name", ["svm-linear", "svm-rbf"])
def test_duplicated_pixels_change_nothing(name: str) -> None:
    random = np.random.default_rng(0)
    y = np.repeat([1, 2, 3], 30)
    X = random.normal(size=(90, 12)) + 0.7 * y[:, None]
    fresh = random.normal(size=(300, 12)) + random.uniform(0.5, 2.5, (300, 1))
    tuned = tune(name, X, y)
    once = tuned.build().fit(X, y).predict(fresh)
    thrice = tuned.build().fit(np.tile(X, (3, 1)), np.tile(y, 3)).predict(fresh)
    untold = SpectralClassifier(name, tuned.params).fit(np.tile(X, (3, 1)), np.tile(y, 3))
    assert (once == thrice).mean() > 0.99
    assert (once == thrice).mean() > (once == untold.predict(fresh)).mean()
