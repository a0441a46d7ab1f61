"""Laws of the transductive methods."""

import numpy as np
import pytest

from hsigan.classification import SpectralClassifier
from hsigan.errors import InputError
from hsigan.synthesis.transductive import AreaStandardisation, Coral, self_train


def _areas() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((6, 6))
    source = 100.0 + rng.standard_normal((800, 6)) @ mix
    target = 130.0 + 2.0 * rng.standard_normal((900, 6)) @ rng.standard_normal((6, 6))
    return source, target


def test_coral_gives_the_source_the_mean_and_covariance_of_the_target() -> None:
    source, target = _areas()
    moved = Coral().fit(source, target).transform(source)
    np.testing.assert_allclose(moved.mean(axis=0), target.mean(axis=0), rtol=1e-9)
    difference = np.cov(moved.T) - np.cov(target.T)
    assert np.linalg.norm(difference) < 0.05 * np.linalg.norm(np.cov(target.T))


def test_coral_leaves_equal_areas_as_they_are() -> None:
    source, _ = _areas()
    np.testing.assert_allclose(Coral().fit(source, source).transform(source), source, atol=1e-6)


def test_area_standardisation_undoes_gain_and_offset_of_an_area() -> None:
    source, _ = _areas()
    X = np.concatenate([source, 1.7 * source - 20.0])
    area = np.repeat([0, 1], len(source))
    same = AreaStandardisation().fit(X, area).transform(X, area)
    np.testing.assert_allclose(same[area == 0], same[area == 1], atol=1e-9)
    with pytest.raises(InputError, match="area 5"):
        AreaStandardisation().fit(X, area).transform(X[:1], [5])


def test_self_training_follows_a_drifted_target() -> None:
    rng = np.random.default_rng(0)
    means = np.array([[0.0, 0.0], [4.0, 0.0]])
    y = np.repeat([7, 8], 15)
    X = means[y - 7] + rng.standard_normal((30, 2))
    truth = np.repeat([7, 8], 400)
    target = means[truth - 7] + rng.standard_normal((800, 2)) + [1.6, 0.0]

    def fit(a: np.ndarray, b: np.ndarray) -> SpectralClassifier:
        return SpectralClassifier("lda").fit(a, b)

    before = (fit(X, y).predict(target) == truth).mean()
    after = (self_train(fit, X, y, target, keep=0.8).predict(target) == truth).mean()
    assert after > before
    with pytest.raises(InputError, match="keep"):
        self_train(fit, X, y, target, keep=0.0)


def test_areas_of_different_bands_are_refused() -> None:
    source, target = _areas()
    with pytest.raises(InputError, match="same bands"):
        Coral().fit(source, target[:, :3])
