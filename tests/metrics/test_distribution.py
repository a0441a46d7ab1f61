import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from hsigan.metrics import (
    frechet_distance,
    kernel_mmd,
    memorised_share,
    neighbour_ratio,
    prdc,
    two_sample_accuracy,
)


def _normal(count: int, seed: int, dimensions: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimensions))


def test_frechet_is_the_textbook_formula() -> None:
    rng = np.random.default_rng(0)
    fake = rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6)) + 2
    real = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6))
    a, b = np.cov(fake, rowvar=False), np.cov(real, rowvar=False)
    offset = fake.mean(axis=0) - real.mean(axis=0)
    expected = offset @ offset + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    assert frechet_distance(fake, real) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-9)


def test_frechet_uses_fewer_dimensions_for_few_points() -> None:
    fake, real = _normal(30, 1, 10), _normal(500, 2, 10)
    few = frechet_distance(fake, real)
    assert few == pytest.approx(frechet_distance(fake[:, :3], real[:, :3]))
    fake[:, 3:] += 100
    assert frechet_distance(fake, real) == few


def test_mmd_is_the_unbiased_estimate_written_plainly() -> None:
    fake, real = _normal(40, 1) + 0.5, _normal(50, 2)
    distances = cdist(real, real)[np.triu_indices(50, 1)]
    expected = 0.0
    for factor in (0.5, 1, 2):
        width = factor * np.median(distances)
        k = [
            np.exp(-(cdist(a, b) ** 2) / (2 * width**2))
            for a, b in ((fake, fake), (real, real), (fake, real))
        ]
        expected += (k[0].sum() - 40) / 40 / 39 + (k[1].sum() - 50) / 50 / 49 - 2 * k[2].mean()
    assert kernel_mmd(fake, real) == pytest.approx(expected / 3, abs=1e-12)


def test_mmd_has_mean_zero_for_equal_distributions() -> None:
    values = [kernel_mmd(_normal(60, seed), _normal(60, 1000 + seed)) for seed in range(60)]
    assert abs(np.mean(values)) < 3 * np.std(values) / len(values) ** 0.5
    assert min(values) < 0


def test_mmd_sees_what_mean_and_covariance_do_not() -> None:
    rng = np.random.default_rng(3)
    real = rng.normal(size=(800, 2))
    two_lumps = np.sign(rng.normal(size=(800, 2))) * np.sqrt(0.96) + 0.2 * rng.normal(size=(800, 2))
    assert frechet_distance(two_lumps, real) < 0.05
    assert kernel_mmd(two_lumps, real) > 10 * abs(kernel_mmd(rng.normal(size=(800, 2)), real))


def test_prdc_of_one_distribution_is_high_and_of_far_ones_zero() -> None:
    same, far = prdc(_normal(500, 1), _normal(500, 2)), prdc(_normal(500, 1) + 50, _normal(500, 2))
    assert min(same.precision, same.recall, same.density, same.coverage) > 0.8
    assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)


def test_prdc_tells_missing_diversity_from_missing_realism() -> None:
    real = _normal(500, 2)
    huddled, wide = prdc(0.3 * _normal(500, 1), real), prdc(3 * _normal(500, 1), real)
    assert huddled.precision > 0.95
    assert huddled.recall < 0.3
    assert wide.precision < 0.3
    assert wide.recall > 0.95


@pytest.mark.parametrize("few", [1, 5, 6])
def test_prdc_refuses_sets_without_usable_balls(few: int) -> None:
    assert np.isnan(prdc(_normal(few, 1), _normal(50, 2)).recall)
    assert np.isnan(prdc(_normal(50, 1), _normal(few, 2)).coverage)
    assert np.isfinite(prdc(_normal(7, 1), _normal(50, 2)).coverage)


def test_the_classifier_is_at_chance_for_one_distribution_and_sees_a_shift() -> None:
    rng = np.random.default_rng(4)
    chance = [
        two_sample_accuracy(_normal(200, seed), _normal(200, 50 + seed), rng) for seed in range(6)
    ]
    assert np.mean(chance) == pytest.approx(50, abs=4)
    assert two_sample_accuracy(_normal(200, 1) + 2, _normal(200, 2), rng) > 90
    assert two_sample_accuracy(0.3 * _normal(200, 1), _normal(200, 2), rng) > 80


def test_repeated_spectra_do_not_give_themselves_away_across_folds() -> None:
    rng = np.random.default_rng(5)
    scores = []
    for seed in range(6):
        few = _normal(60, seed)
        repeated = few[rng.integers(60, size=200)]
        scores.append(two_sample_accuracy(repeated, _normal(200, 90 + seed), rng))
    assert np.mean(scores) < 60


def test_two_sample_accuracy_refuses_tiny_sets() -> None:
    rng = np.random.default_rng(6)
    assert np.isnan(two_sample_accuracy(_normal(9, 1), _normal(99, 2), rng))
    assert np.isnan(two_sample_accuracy(np.ones((50, 6)), _normal(99, 2), rng))


def test_neighbours_tell_copies_huddling_and_new_points_apart() -> None:
    rng = np.random.default_rng(7)
    train, held_out, new = (_normal(300, seed) for seed in (10, 11, 12))
    copies = train[rng.integers(300, size=400)]
    near = copies + 0.05 * rng.normal(size=copies.shape)
    assert neighbour_ratio(copies, train) == 0
    assert neighbour_ratio(near, train) < 0.2
    assert neighbour_ratio(new, train) == pytest.approx(1, abs=0.1)
    assert neighbour_ratio(3 * new, train) > 2
    assert memorised_share(copies, train, held_out) == 1
    assert memorised_share(near, train, held_out) > 0.9
    assert memorised_share(new, train, held_out) == pytest.approx(0.05, abs=0.04)


def test_memorisation_is_seen_where_a_scene_repeats_its_pixels() -> None:
    train, new = _normal(100, 1), _normal(90, 2)
    held_out = np.concatenate([new, train[:10]])
    assert memorised_share(train, train, held_out) == 1
    assert memorised_share(_normal(200, 3), train, held_out) == 0
