"""The GAN of another area: what it adds comes from the unlabelled pixels, and from no label."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hsigan.classification.area_gan import AreaGAN
from hsigan.classification.two_views import TwoViewClassifier
from hsigan.errors import InputError
from hsigan.synthesis.auto import augment

Pixels = tuple[NDArray[np.float64], NDArray[np.int64]]
BANDS = 30


def _area(random: np.random.Generator, counts: tuple[int, int], slope: float) -> Pixels:
    """Two classes whose spectra are tilted by ``slope`` and lit at random."""
    x = np.linspace(0, 1, BANDS)
    shapes = [1 + 0.5 * np.exp(-(((x - 0.3) / 0.1) ** 2)), 1 + 0.5 * x]
    spectra = [
        (shape + slope * (x - 0.5)) * random.uniform(0.5, 1.5, (count, 1))
        + random.normal(0, 0.02, (count, BANDS))
        for shape, count in zip(shapes, counts, strict=True)
    ]
    return np.concatenate(spectra), np.repeat([3, 7], counts)


def test_teacher_does_not_see_illumination() -> None:
    random = np.random.default_rng(0)
    X, y = _area(random, (20, 20), 0.0)
    test, truth = _area(random, (100, 100), 0.0)
    teacher = TwoViewClassifier().fit(X, y)
    gain = random.uniform(0.2, 3.0, (len(test), 1))
    assert (teacher.predict(test * gain) == truth).mean() > 0.95
    np.testing.assert_allclose(teacher.predict_proba(test).sum(axis=1), 1)


def test_samples_look_like_the_unlabelled_area() -> None:
    random = np.random.default_rng(1)
    X, y = _area(random, (15, 15), 0.0)
    pool, truth = _area(random, (300, 300), 0.1)
    gan = AreaGAN({"steps": 0}, random_state=0).fit(X, y, X_unlabelled=pool)
    fakes, labels = gan.sample(200, random_state=0)

    def tilt(spectra: NDArray[np.floating]) -> float:
        unit = spectra / spectra.mean(axis=1, keepdims=True)
        return float((unit[:, -5:] - unit[:, :5]).mean())

    for label in (3, 7):
        away = abs(tilt(fakes[labels == label]) - tilt(X[y == label]))
        near = abs(tilt(fakes[labels == label]) - tilt(pool[truth == label]))
        assert near < away


def test_augment_draws_by_the_shares_that_the_teacher_sees() -> None:
    random = np.random.default_rng(2)
    X, y = _area(random, (20, 20), 0.0)
    pool, _ = _area(random, (360, 40), 0.0)
    gan = AreaGAN({"steps": 0}, random_state=0).fit(X, y, X_unlabelled=pool)
    _, labels = augment(X, y, gan, 2.0, 0)
    added = np.bincount(labels[len(y) :], minlength=8)
    assert added[3] > 3 * added[7] > 0


def test_pixels_of_the_area_are_needed() -> None:
    X, y = _area(np.random.default_rng(3), (5, 5), 0.0)
    with pytest.raises(InputError, match="area to be classified"):
        AreaGAN().fit(X, y)
