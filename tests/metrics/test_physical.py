import numpy as np
import pytest

from hsigan.errors import InputError
from hsigan.metrics import (
    band_correlation_distance,
    deviation_ratio,
    outside_range_share,
    roughness,
    roughness_ratio,
)


def _smooth(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    along = np.linspace(0, 1, 60)
    level, slope, bow = rng.normal(size=(3, count, 1))
    noise = 0.01 * rng.normal(size=(count, 60))
    return 10 + level + slope * along + 3 * np.sin(4 * along + bow) + noise


def test_noise_is_rough_and_smoothing_is_not() -> None:
    real, fake = _smooth(200, 0), _smooth(200, 1)
    noisy = fake + 0.1 * np.random.default_rng(2).normal(size=fake.shape)
    softened = (fake[:, :-2] + fake[:, 1:-1] + fake[:, 2:]) / 3
    assert roughness_ratio(fake, real) == pytest.approx(1, abs=0.15)
    assert roughness_ratio(noisy, real) > 20
    assert roughness_ratio(softened, real[:, 1:-1]) < 0.5


def test_roughness_ignores_gain_and_offset() -> None:
    real = _smooth(20, 0)
    np.testing.assert_allclose(roughness(real), roughness(3 * real - 40), rtol=1e-6)
    assert np.isnan(roughness(np.ones((1, 5)))).all()
    with pytest.raises(InputError, match="3 bands"):
        roughness(np.ones((4, 2)))


def test_deviation_ratio_is_the_lost_diversity() -> None:
    real, fake = _smooth(4000, 0), _smooth(4000, 1)
    centre = fake.mean(axis=0)
    assert deviation_ratio(fake, real) == pytest.approx(1, abs=0.05)
    assert deviation_ratio(centre + 0.5 * (fake - centre), real) == pytest.approx(0.5, abs=0.03)
    assert np.isnan(deviation_ratio(fake[:1], real))
    assert np.isnan(deviation_ratio(fake, np.ones_like(real)))


def test_values_outside_the_range_are_counted_per_band() -> None:
    real = np.array([[0.0, 10.0], [1.0, 20.0]])
    assert outside_range_share([[0.5, 15.0], [0.5, 0.5], [2.0, 15.0], [1.0, 20.0]], real) == 0.25


def test_shuffled_pixels_keep_bands_but_lose_their_correlation() -> None:
    rng = np.random.default_rng(3)
    real, fake = _smooth(500, 0), _smooth(500, 1)
    shuffled = np.stack([rng.permutation(band) for band in fake.T], axis=1)
    assert band_correlation_distance(fake, real) < 0.1
    assert band_correlation_distance(shuffled, real) > 0.4
    assert band_correlation_distance(-fake, real) == band_correlation_distance(fake, real)
