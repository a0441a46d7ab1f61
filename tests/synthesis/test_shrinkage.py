"""How far a class trusts its own covariance: what is found must follow from the pixels."""

import numpy as np
import pytest

from hsigan.synthesis import SpectralGAN
from hsigan.synthesis.shrinkage import (
    SHRINKAGES,
    likeliest_shrinkage,
    mixed_covariance,
    own_share,
)


def classes_alike(count, classes=4, width=4, seed=0):
    """Classes that share one covariance."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(width, width))
    means = 5 * random.normal(size=(classes, width))
    codes = np.repeat(np.arange(classes), count)
    return means[codes] + random.normal(size=(len(codes), width)) @ root, codes


def classes_apart(count, classes=4, width=4, seed=0):
    """Classes that vary along directions of their own."""
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(classes), count)
    rows = [
        random.normal(size=(count, width)) * np.geomspace(10, 0.1, width)[random.permutation(width)]
        for _ in range(classes)
    ]
    return np.concatenate(rows), codes


def chosen(features, codes, kept=1.0):
    return likeliest_shrinkage(features, codes, np.ones(features.shape[1]), kept)


def test_trust_grows_with_the_count():
    trusts = [own_share(count, 2.0) for count in (1, 2, 5, 50, 5000)]
    assert trusts == sorted(trusts)
    assert trusts[0] == 0
    assert trusts[-1] > 0.999


def test_classes_that_vary_alike_share_their_covariance_and_others_do_not():
    assert chosen(*classes_alike(12)) == SHRINKAGES[-1]
    assert chosen(*classes_apart(12)) == SHRINKAGES[0]


@pytest.mark.parametrize("make", [classes_alike, classes_apart])
def test_the_choice_makes_left_out_pixels_likeliest(make):
    features, codes = make(9, seed=3)
    features[codes == 0] *= 1.5
    totals = []
    for shrinkage in SHRINKAGES:
        by_class = []
        for code in range(4):
            likelihoods = []
            for row in np.flatnonzero(codes == code):
                rest, known = np.delete(features, row, axis=0), np.delete(codes, row)
                means = np.stack([rest[known == c].mean(axis=0) for c in range(4)])
                within = rest - means[known]
                pooled = within.T @ within / (len(rest) - 4)
                covariance = np.cov(rest[known == code].T)
                trust = own_share((known == code).sum(), shrinkage)
                scale = np.trace(covariance) / np.trace(pooled)
                mixed = trust * covariance + (1 - trust) * scale * pooled
                mixed += 1e-6 * np.trace(mixed) / 4 * np.eye(4)
                away = features[row] - means[code]
                _, volume = np.linalg.slogdet(mixed)
                likelihoods.append(-volume - away @ np.linalg.inv(mixed) @ away)
            by_class.append(np.mean(likelihoods))
        totals.append(np.mean(by_class))
    assert chosen(features, codes) == SHRINKAGES[int(np.argmax(totals))]


def test_only_the_components_that_hold_the_variance_are_looked_at():
    apart, codes = classes_apart(12)
    alike, _ = classes_alike(12, width=8)
    features = np.concatenate([apart, alike], axis=1)
    deviations = np.r_[np.full(4, 10.0), np.full(8, 0.1)]
    assert likeliest_shrinkage(features, codes, deviations, 0.95) == SHRINKAGES[0]
    assert likeliest_shrinkage(features, codes, deviations, 1.0) > SHRINKAGES[0]


@pytest.mark.parametrize("counts", [[1, 1, 1], [2, 2], [40], [3], [1, 40]])
def test_where_nothing_tells_the_classes_keep_their_own(counts):
    random = np.random.default_rng(0)
    codes = np.repeat(np.arange(len(counts)), counts)
    value = chosen(random.normal(size=(len(codes), 3)), codes)
    assert value in SHRINKAGES
    if max(counts) < 3 or len(counts) == 1:
        assert value == SHRINKAGES[0]


def test_equal_pixels_are_no_error():
    features, codes = classes_alike(6)
    features[codes == 2] = features[codes == 2][0]
    assert chosen(features, codes) in SHRINKAGES
    assert chosen(np.zeros_like(features), codes) in SHRINKAGES


def test_a_mixture_keeps_the_total_variance_of_the_class():
    random = np.random.default_rng(0)
    own, pooled = (np.cov(random.normal(size=(3, 9))) for _ in range(2))
    variances = np.array([4.0, 1.0, 0.25])
    mixed = mixed_covariance(own, pooled, variances, 0.3)
    assert np.diag(mixed) @ variances == pytest.approx(np.diag(own) @ variances)
    both = mixed_covariance(np.stack([own, own]), np.stack([pooled, own]), variances, 0.3)
    np.testing.assert_allclose(both, [mixed, own])


def test_a_gan_says_what_it_chose_and_takes_what_it_is_told():
    X, codes = classes_alike(12, width=16)
    auto = SpectralGAN("spectral", {"steps": 0}, random_state=0).fit(X, codes)
    assert auto.shrinkage_ in SHRINKAGES[1:]
    same = SpectralGAN("spectral", {"steps": 0, "shrinkage": auto.shrinkage_}, random_state=0).fit(
        X, codes
    )
    told = SpectralGAN("spectral", {"steps": 0, "shrinkage": 0.5}, random_state=0).fit(X, codes)
    assert told.shrinkage_ == 0.5
    first, again, other = (gan.sample(20, random_state=1)[0] for gan in (auto, same, told))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
