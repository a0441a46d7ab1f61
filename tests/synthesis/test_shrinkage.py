"""How far a class trusts its own covariance: what is found must follow from the pixels."""

import numpy as np
import pytest

from hsigan.errors import RecipeError
from hsigan.synthesis import SpectralGAN
from hsigan.synthesis.shrinkage import (
    SHRINKAGES,
    likeliest_shrinkages,
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


def chosen(features, codes):
    return likeliest_shrinkages(features, codes, np.ones(features.shape[1]))


def test_trust_grows_with_the_count():
    trusts = [own_share(count, 2.0) for count in (1, 2, 5, 50, 5000)]
    assert trusts == sorted(trusts)
    assert trusts[0] == 0
    assert trusts[-1] > 0.999


def test_classes_that_vary_alike_share_their_covariance_and_others_do_not():
    assert np.median(chosen(*classes_alike(12))) >= 16
    assert (chosen(*classes_apart(12)) == SHRINKAGES[0]).all()
    alike, codes = classes_alike(12, classes=3)
    odd = classes_apart(12, classes=1, seed=4)[0] * 0.1
    both = chosen(np.concatenate([alike, odd]), np.r_[codes, np.full(12, 3)])
    assert both[3] < both[:3].min()


@pytest.mark.parametrize("make", [classes_alike, classes_apart])
def test_the_choice_makes_left_out_pixels_likeliest(make):
    features, codes = make(9, seed=3)
    features[codes == 0] *= 1.5
    likelihoods = np.zeros((4, len(SHRINKAGES)))
    for place, shrinkage in enumerate(SHRINKAGES):
        for row, code in enumerate(codes):
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
            likelihoods[code, place] += -volume - away @ np.linalg.inv(mixed) @ away
    expected = np.take(SHRINKAGES, likelihoods.argmax(axis=1))
    np.testing.assert_array_equal(chosen(features, codes), expected)


@pytest.mark.parametrize("counts", [[1, 1, 1], [2, 2], [40], [3], [1, 40]])
def test_where_nothing_tells_the_classes_keep_their_own(counts):
    random = np.random.default_rng(0)
    codes = np.repeat(np.arange(len(counts)), counts)
    values = chosen(random.normal(size=(len(codes), 3)), codes)
    assert np.isin(values, SHRINKAGES).all()
    if max(counts) < 3 or len(counts) == 1:
        assert (values == SHRINKAGES[0]).all()


@pytest.mark.parametrize(("count", "classes"), [(2, 3), (3, 2), (5, 2), (4, 3)])
def test_few_pixels_in_all_are_judged_on_few_components(count, classes):
    """What is chosen must not depend on how many components there are to be singular in."""
    features, codes = classes_alike(count, classes, width=10)
    width = (len(codes) - classes - 1) // 2
    few = np.tile(SHRINKAGES[0], classes)
    if width:
        few = chosen(features[:, :width], codes)
    np.testing.assert_array_equal(chosen(features, codes), few)


def test_a_class_of_two_takes_what_suits_the_others():
    features, codes = classes_alike(12)
    keep = np.r_[np.flatnonzero(codes < 3), np.flatnonzero(codes == 3)[:2]]
    values = chosen(features[keep], codes[keep])
    assert values[3] >= values[:3].min() > SHRINKAGES[0]


def test_equal_pixels_are_no_error():
    features, codes = classes_alike(6)
    features[codes == 2] = features[codes == 2][0]
    assert np.isin(chosen(features, codes), SHRINKAGES).all()
    assert np.isin(chosen(np.zeros_like(features), codes), SHRINKAGES).all()


def test_a_mixture_keeps_the_total_variance_of_the_class():
    random = np.random.default_rng(0)
    own, pooled = (np.cov(random.normal(size=(3, 9))) for _ in range(2))
    variances = np.array([4.0, 1.0, 0.25])
    mixed = mixed_covariance(own, pooled, variances, 0.3)
    assert np.diag(mixed) @ variances == pytest.approx(np.diag(own) @ variances)
    both = mixed_covariance(np.stack([own, own]), np.stack([pooled, own]), variances, 0.3)
    np.testing.assert_allclose(both, [mixed, own])


def test_a_gan_takes_what_it_is_told():
    X, codes = classes_alike(12, width=16)
    X = X + np.random.default_rng(1).normal(size=X.shape)

    def drawn(**settings):
        gan = SpectralGAN("spectral", {"steps": 0, **settings}, random_state=0).fit(X, codes)
        return gan.sample(20, random_state=1)[0]

    np.testing.assert_array_equal(drawn(), drawn(rest_shrinkage="auto"))
    assert np.abs(drawn() - drawn(rest_shrinkage=0.0)).max() > 1e-3
    for wrong in (-1, "much", True, float("nan")):
        with pytest.raises(RecipeError, match=r"rest_shrinkage.*0 or more"):
            drawn(rest_shrinkage=wrong)
