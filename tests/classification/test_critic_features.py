"""A patch GAN's critic as a feature extractor."""

import numpy as np
import pytest

from hsigan import PatchGAN
from hsigan.classification.critic_features import CriticFeatures
from hsigan.errors import InputError
from hsigan.training.classifier import ClassifierTraining


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    y = np.repeat([3, 8], 30)
    level = np.where(y == 3, 40.0, 44.0)[:, None, None, None]
    return (level + random.normal(size=(60, 16, 3, 3))).astype(np.float32), y


@pytest.fixture(scope="module")
def gan(data):
    return PatchGAN("factorised-conditional", {"steps": 4, "batch": 8, "width": 4}).fit(*data)


@pytest.mark.parametrize("tuning", ["frozen", "fine-tuned"])
def test_classes_are_learned_and_the_gan_stays_as_it_is(tuning, gan, data, monkeypatch):
    quick = ClassifierTraining(batch=16, max_steps=40, learning_rate=1e-3)
    monkeypatch.setattr("hsigan.classification.critic_features.TRAINING", quick)
    X, y = data
    before = gan.features(X)
    classifier = CriticFeatures(gan, tuning).fit(X[::2], y[::2], X[1::4], y[1::4])
    assert (classifier.predict(X[1::2]) == y[1::2]).mean() > 0.9
    np.testing.assert_allclose(classifier.predict_proba(X).sum(axis=1), 1)
    np.testing.assert_array_equal(gan.features(X), before)
    again = CriticFeatures(gan, tuning).fit(X[::2], y[::2], X[1::4], y[1::4])
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_validation_patches_of_strange_classes_are_left_out(gan, data, monkeypatch):
    quick = ClassifierTraining(batch=16, max_steps=4, learning_rate=1e-3)
    monkeypatch.setattr("hsigan.classification.critic_features.TRAINING", quick)
    X, y = data
    plain = CriticFeatures(gan, "fine-tuned").fit(X[::2], y[::2], X[1::4], y[1::4])
    for strange in (1, 5, 9):  # before, between and behind the known ids
        more, labels = np.concatenate([X[1::4], X[:3] + 90]), np.r_[y[1::4], [strange] * 3]
        fitted = CriticFeatures(gan, "fine-tuned").fit(X[::2], y[::2], more, labels)
        np.testing.assert_array_equal(fitted.predict_proba(X), plain.predict_proba(X))
    none = CriticFeatures(gan, "fine-tuned").fit(X[::2], y[::2], X[:3], [9] * 3)
    assert none.step_ == quick.max_steps


def test_unknown_tuning_and_labels_that_do_not_fit_are_refused(gan, data):
    X, y = data
    with pytest.raises(InputError, match="tuning"):
        CriticFeatures(gan, "warm").fit(X, y)
    with pytest.raises(InputError, match="labels"):
        CriticFeatures(gan).fit(X, y[1:])
