"""Encoding, decoding, what lies outside the features, and the kernel density in them."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from hsigan.synthesis.class_covariance import Density
from hsigan.synthesis.feature_space import CLIP_SIGMA, FeatureSpace
from hsigan.synthesis.kernels import kernel_generator
from hsigan.synthesis.shrinkage import own_share
from hsigan.training.state import one_hot


def simulate(counts, bands=20, rank=4, noise=0.05, seed=0):
    """Classes with their own mean and covariance of few factors, plus band noise."""
    random = np.random.default_rng(seed)
    spectra, codes = [], []
    for code, count in enumerate(counts):
        factors = random.normal(size=(rank, bands)) * (1 + code)
        own = random.normal(size=(count, rank)) @ factors + 3 * random.normal(size=bands)
        spectra.append(own + noise * random.normal(size=(count, bands)))
        codes += [code] * count
    return np.concatenate(spectra) * 100 + 1000, np.array(codes)


def fit(spectra, codes, features=30, shrinkage=1.0):
    return FeatureSpace.fit(spectra, codes, features, shrinkage, np.random.default_rng(1))


def weights_of(codes, classes):
    return np.eye(classes)[codes]


def sample(space, generator, code, count, seed=0):
    labels = torch.full((count,), code)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        features = generator(generator.draw_latents(labels, random), one_hot(labels, 2)).numpy()
    weights = weights_of(labels.numpy(), 2)
    return features, space.decode(features.astype(float), weights, np.random.default_rng(seed))


def test_decoding_undoes_encoding_where_nothing_is_left_out():
    X, codes = simulate([40, 30])
    space = fit(X, codes, features=20)
    again = space.decode(space.encode(X), weights_of(codes, 2), None)
    np.testing.assert_allclose(again, X, rtol=1e-5)


def test_features_of_the_training_pixels_are_white():
    X, codes = simulate([300, 200])
    encoded = fit(X, codes, features=6).encode(X)
    np.testing.assert_allclose(encoded.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.cov(encoded.T), np.eye(6), atol=1e-9)


def test_outliers_are_clipped_and_a_constant_band_returns():
    X, codes = simulate([40, 30])
    X[:, 3] = 123.5
    X[0, 5] = 1e9
    space = fit(X, codes, features=20)
    again = space.decode(space.encode(X), weights_of(codes, 2), None)
    assert np.isfinite(again).all()
    np.testing.assert_allclose(again[:, 3], 123.5, rtol=1e-6)
    assert again[0, 5] <= (space.mean + 1.5 * CLIP_SIGMA * space.scale)[5]


def test_a_rare_class_far_from_the_others_is_not_clipped_onto_them():
    X, codes = simulate([400, 6], noise=0.5)
    X[codes == 1] += 200 * X[codes == 0].std(axis=0)
    space = fit(X, codes, features=20)
    again = space.decode(space.encode(X), weights_of(codes, 2), None)
    np.testing.assert_allclose(again[codes == 1], X[codes == 1], rtol=1e-3)


@pytest.mark.parametrize("shrinkage", [0.0, 1.0])
def test_covariance_outside_the_components_is_kept_class_by_class(shrinkage):
    X, codes = simulate([400, 400], noise=2.0)
    space = fit(X, codes, features=3, shrinkage=shrinkage)
    Z = (X - space.mean) / space.scale
    rest = Z - space.centre
    rest = rest - rest @ space.components.T @ space.components
    for code in range(2):
        features = np.zeros((6_000, 3))
        weights = weights_of(np.full(6_000, code), 2)
        drawn = space.decode(features, weights, np.random.default_rng(3))
        drawn = (drawn - space.mean) / space.scale - space.centre
        own = rest[codes == code]
        np.testing.assert_allclose(drawn.mean(axis=0), own.mean(axis=0), atol=0.05)
        # the factors hold at most 250 of the 400 pixels, so the covariance is theirs
        assert np.trace(np.cov(drawn.T)) == pytest.approx(np.trace(np.cov(own.T)), rel=0.05)
        error = np.linalg.norm(np.cov(drawn.T) - np.cov(own.T)) / np.linalg.norm(np.cov(own.T))
        assert error < 0.25


def test_a_class_of_one_pixel_borrows_the_noise_of_the_others():
    X, codes = simulate([200, 1], noise=2.0)
    space = fit(X, codes, features=3)
    spread = [(factor**2).sum() for factor in space.residual_factors.astype(float)]
    assert spread[1] == pytest.approx(spread[0], rel=0.05)


@pytest.mark.parametrize(
    ("counts", "bands"), [([5, 5], 200), ([1, 1], 16), ([1, 30], 16), ([2, 1], 50)]
)
def test_few_pixels_give_a_finite_space(counts, bands):
    X, codes = simulate(counts, bands=bands)
    space = fit(X, codes)
    assert len(space.components) < sum(counts)
    generator = kernel_generator(
        space, X, codes, Density(), np.random.default_rng(0), noise=2, width=4
    )
    for code in range(2):
        features, drawn = sample(space, generator, code, 50)
        assert np.isfinite(drawn).all()
        assert np.abs(features).max() < 50


def test_identical_pixels_are_returned_as_they_are():
    X = np.tile(np.linspace(100, 200, 16), (6, 1))
    codes = np.array([0, 0, 0, 1, 1, 1])
    space = fit(X, codes)
    generator = kernel_generator(
        space, X, codes, Density(), np.random.default_rng(0), noise=2, width=4
    )
    np.testing.assert_allclose(sample(space, generator, 0, 10)[1], X[[0] * 10], rtol=1e-4)


def test_no_pixel_but_the_training_pixels_shapes_the_space():
    X, codes = simulate([30, 30])
    space = fit(X[:40], codes[:40])
    changed = X.copy()
    changed[40:] *= 7
    np.testing.assert_array_equal(fit(changed[:40], codes[:40]).encode(X), space.encode(X))


def test_a_space_survives_as_plain_arrays():
    X, codes = simulate([30, 30])
    space = fit(X, codes)
    again = FeatureSpace.from_arrays(space.to_arrays())
    np.testing.assert_array_equal(again.encode(X), space.encode(X))


@pytest.mark.parametrize("shrinkage", [0.0, 40.0])
def test_an_untrained_generator_has_the_class_means_and_shrunk_covariances(shrinkage):
    X, codes = simulate([120, 60])
    space = fit(X, codes, features=4)
    random = np.random.default_rng(0)
    density = Density(shrinkage, shrinkage)
    generator = kernel_generator(space, X, codes, density, random, noise=2, width=4)
    encoded = space.encode(X)
    within = encoded - np.stack([encoded[codes == c].mean(axis=0) for c in range(2)])[codes]
    pooled = within.T @ within / (len(X) - 2)
    for code in range(2):
        own = encoded[codes == code]
        trust = own_share(len(own), shrinkage)
        variance = space.deviations**2
        covariance = np.cov(own.T)
        scale = (np.diag(covariance) @ variance) / (np.diag(pooled) @ variance)
        shrunk = trust * covariance + (1 - trust) * scale * pooled
        h = float(generator.bandwidths[code])
        # kernels (share h^2) have the shrunk covariance, their centres that of the pixels
        expected = h**2 * shrunk + (1 - h**2) * np.cov(own.T, ddof=0)
        features, _ = sample(space, generator, code, 30_000)
        np.testing.assert_allclose(features.mean(axis=0), own.mean(axis=0), atol=0.05)
        error = np.linalg.norm(np.cov(features.T) - expected) / np.linalg.norm(expected)
        assert error < 0.05


def test_only_the_rest_of_the_directions_is_shared_between_classes():
    X, codes = simulate([400, 15], rank=2, noise=20.0)
    space = fit(X, codes, features=12)
    encoded = space.encode(X) * space.deviations
    values, directions = np.linalg.eigh(np.cov(encoded[codes == 1].T))
    values, directions = values[::-1], directions[:, ::-1]  # the widest first
    kept = int((np.cumsum(values) / values.sum() < 0.9).sum()) + 1
    within = encoded - np.stack([encoded[codes == c].mean(axis=0) for c in range(2)])[codes]
    pooled = np.diag(directions.T @ within.T @ within @ directions)
    pooled = pooled * values.sum() / pooled.sum()
    for rest, expected in ((0.0, values), (1e9, np.r_[values[:kept], pooled[kept:]])):
        density = Density(0.0, rest, kept=0.9)
        random = np.random.default_rng(0)
        generator = kernel_generator(space, X, codes, density, random, noise=2, width=4)
        root = generator.roots[1].numpy() * space.deviations
        covariance = directions.T @ root.T @ root @ directions
        np.testing.assert_allclose(np.diag(covariance), expected, rtol=1e-3)
        np.testing.assert_allclose(covariance[:kept, kept:], 0, atol=1e-3 * values[0])
    assert (pooled / values)[kept:].min() > 1.5  # what few pixels show there is too little


def test_without_bandwidth_the_pixels_come_back():
    X, codes = simulate([12, 9])
    space = fit(X, codes)
    density = Density(0.5, 0.5, reach=0.0)
    generator = kernel_generator(
        space, X, codes, density, np.random.default_rng(0), noise=2, width=4
    )
    features, _ = sample(space, generator, 1, 200)
    distances = cdist(features, space.encode(X[codes == 1]))
    assert distances.min(axis=1).max() < 0.05
    assert set(distances.argmin(axis=1)) == set(range(9))


@pytest.mark.parametrize("noise", [0.05, 2.0])
def test_bandwidth_puts_samples_a_little_farther_from_the_pixels_than_those_lie_apart(noise):
    X, codes = simulate([250, 150], noise=noise, seed=5)
    space = fit(X, codes, features=8)
    generator = kernel_generator(
        space, X, codes, Density(), np.random.default_rng(0), noise=2, width=4
    )
    for code in range(2):
        real = (X[codes == code] - space.mean) / space.scale
        fakes = (sample(space, generator, code, 2000)[1] - space.mean) / space.scale
        spacing = np.median(np.sort(cdist(real, real), axis=1)[:, 1])
        reached = np.median(cdist(fakes, real).min(axis=1)) / spacing
        if generator.bandwidths[code] < 1:
            assert reached == pytest.approx(Density.reach, abs=0.1)
        else:  # a class that is Gaussian: its new pixels lie as far as the known ones lie apart
            assert reached == pytest.approx(1, abs=0.1)


def test_kernels_keep_the_leading_variance_and_add_little_elsewhere():
    X, codes = simulate([60, 40], noise=2.0)
    space = fit(X, codes, features=15)
    generator = kernel_generator(
        space, X, codes, Density(0.0, 0.0), np.random.default_rng(0), noise=2, width=4
    )
    for code in range(2):
        own = space.encode(X[codes == code]) * space.deviations
        drawn = sample(space, generator, code, 20_000)[0] * space.deviations
        values, directions = np.linalg.eigh(np.cov(own.T))
        values, directions = values[::-1], directions[:, ::-1]
        kept = int((np.cumsum(values) / values.sum() < Density.kept).sum()) + 1
        grown = ((drawn - drawn.mean(axis=0)) @ directions).var(axis=0) / values
        # the centres' covariance divides by N, the kernels' by N - 1: a sixtieth, a fortieth
        np.testing.assert_allclose(grown[:kept], 1, atol=0.06)
        h = float(generator.bandwidths[code])
        np.testing.assert_allclose(grown[kept:], 1 + h**2, atol=0.12)
        assert drawn.var(axis=0).sum() < (1 + (1 - Density.kept)) * values.sum()


def test_unsorted_pixels_give_the_same_density():
    X, codes = simulate([30, 20])
    space = fit(X, codes)
    order = np.random.default_rng(0).permutation(50)
    build = [
        kernel_generator(space, a, b, Density(), np.random.default_rng(0), noise=2, width=4)
        for a, b in ((X, codes), (X[order], codes[order]))
    ]
    for key in ("means", "roots", "counts", "offsets"):
        torch.testing.assert_close(getattr(build[0], key), getattr(build[1], key))
    for code in range(2):
        for generator in build:
            own = generator.centres[generator.offsets[code] :][: generator.counts[code]]
            assert own.mean(dim=0).abs().max() < 1e-4


def test_a_density_that_keeps_all_variance_is_as_wide_as_the_pixels():
    X, codes = simulate([120, 60], noise=2.0)
    space = fit(X, codes, features=15)
    own = space.encode(X[codes == 0])
    values, directions = np.linalg.eigh(np.cov(own.T))
    widths = []
    for kept in (1.0, 0.5):
        density = Density(0.0, 0.0, reach=1.0, kept=kept)
        random = np.random.default_rng(0)
        generator = kernel_generator(space, X, codes, density, random, noise=2, width=4)
        drawn = sample(space, generator, 0, 20_000)[0]
        widths.append(((drawn - drawn.mean(axis=0)) @ directions).var(axis=0) / values)
    np.testing.assert_allclose(widths[0], 1, atol=0.06)
    assert widths[1][:5].min() > 1.1  # the smallest directions grow
