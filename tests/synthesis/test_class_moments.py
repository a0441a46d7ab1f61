"""What generated patches of a class have in common with real ones, whatever the generator made."""

import numpy as np
import pytest

from hsigan import PatchGAN
from hsigan.synthesis.class_moments import ClassMoments
from hsigan.synthesis.feature_space import FeatureSpace

BANDS, SIDE = 12, 5


def fields(count, correlation, random, numbers=3):
    """Smooth fields over patches, (count, numbers, P, P), of unit variance."""
    apart = np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE)))
    factor = np.linalg.cholesky(correlation**apart)
    return factor @ random.normal(size=(count, numbers, SIDE, SIDE)) @ factor.T


@pytest.fixture(scope="module")
def scene():
    """Patches (N, B, P, P) of two classes whose pixels vary along three directions, with noise."""
    random = np.random.default_rng(0)
    codes = np.repeat([0, 1], [400, 300])
    means = random.normal(size=(2, BANDS)) * 40 + 1000
    shapes = random.normal(size=(2, 3, BANDS)) * np.array([30, 12, 5])[:, None]
    light = fields(len(codes), 0.8, random)
    X = means[codes][:, :, None, None] + np.einsum("nsij,nsb->nbij", light, shapes[codes])
    return X + random.normal(size=X.shape), codes


def fit(scene, generated):
    """Fit on the scene's patches, and on patches (N, B, P, P) that a generator made of a class."""
    X, codes = scene
    middle = SIDE // 2
    beside = np.stack([X[:, :, middle - 1, middle], X[:, :, middle, middle + 1]], axis=1)
    centres = X[:, :, middle, middle]

    def draw(code):
        return generated[code][:, :, middle, middle]

    return ClassMoments.fit(centres, beside, codes, draw, np.random.default_rng(0))


def wrong(code, count=500, spread=20.0):
    """Patches of a generator that has the mean wrong, and varies along a single direction."""
    random = np.random.default_rng(code)
    shape = np.linspace(-1, 1, BANDS)[:, None, None]
    return 900 + spread * shape * random.normal(size=(count, 1, SIDE, SIDE))


def moved(moments, patches, code, classes=2):
    """Return the patches after all."""
    weights = np.zeros((len(patches), classes))
    weights[:, code] = 1
    return moments.apply(patches, weights, np.random.default_rng(1))


@pytest.mark.parametrize("spread", [0.0, 0.1, 20.0])
@pytest.mark.parametrize("code", [0, 1])
def test_centres_have_the_mean_and_covariance_of_real_ones(scene, code, spread):
    X, codes = scene
    moments = fit(scene, [wrong(0, spread=spread), wrong(1, spread=spread)])
    drawn = moved(moments, wrong(code, 3000, spread), code)[:, :, 2, 2]
    real = X[codes == code][:, :, 2, 2]
    deviation = real.std(axis=0)
    np.testing.assert_allclose(drawn.mean(axis=0), real.mean(axis=0), atol=0.15 * deviation.max())
    np.testing.assert_allclose(drawn.std(axis=0), deviation, rtol=0.1)
    correlation = np.corrcoef(drawn.T) - np.corrcoef(real.T)
    assert np.abs(correlation).mean() < 0.05


def test_what_the_generator_lacks_is_as_smooth_over_the_patch_as_in_real_ones(scene):
    X, codes = scene
    drawn = moved(fit(scene, [wrong(0, spread=0), wrong(1, spread=0)]), wrong(0, 2000, 0), 0)

    def roughness(patches):
        centred = patches - patches.mean(axis=0)
        return (np.diff(centred, axis=3) ** 2).mean() / (centred**2).mean()

    # independent noise has 2, a flat patch 0
    assert roughness(drawn) == pytest.approx(roughness(X[codes == 0]), rel=0.15)
    assert roughness(drawn) < 0.8


def test_a_generator_that_is_right_is_left_alone(scene):
    X, codes = scene
    right = [X[codes == 0], X[codes == 1]]
    same = moved(fit(scene, right), right[0], 0)
    deviation = right[0].std(axis=0).mean()
    assert np.abs(same - right[0])[:, :, 2, 2].mean() < 0.1 * deviation


def test_without_random_there_is_no_noise(scene):
    moments = fit(scene, [wrong(0), wrong(1)])
    patches, weights = wrong(0, 4), np.array([[1.0, 0.0]] * 4)
    first, second = (moments.apply(patches, weights, None) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    noisy = moments.apply(patches, weights, np.random.default_rng(0))
    assert np.abs(noisy - first).mean() > 1


def test_a_mixture_of_classes_lies_between_them(scene):
    """The networks' own mean moves with the weights, as here: from 900 to 980."""

    def generated(second):
        return wrong(0, 2000) + 80 * second

    def mean(second):
        weights = np.tile([1 - second, second], (2000, 1))
        mixed = moments.apply(generated(second), weights, np.random.default_rng(2))
        return mixed.mean(axis=(0, 2, 3))

    moments = fit(scene, [generated(0), generated(1)])
    for second in (0.25, 0.5, 0.75):
        between = (1 - second) * mean(0) + second * mean(1)
        np.testing.assert_allclose(mean(second), between, atol=3)


def test_arrays_bring_all_back(scene):
    moments = fit(scene, [wrong(0), wrong(1)])
    again = ClassMoments.from_arrays(moments.to_arrays())
    np.testing.assert_array_equal(moved(again, wrong(1, 5), 1), moved(moments, wrong(1, 5), 1))
    assert isinstance(again.space, FeatureSpace)


@pytest.mark.parametrize("recipe", ["conv3d", "factorised-conditional"])
def test_gans_from_noise_have_them_unless_told_otherwise(scene, recipe):
    X, codes = scene
    quick = {"steps": 2, "batch": 4, "width": 2, "noise": 3, "validate_every": 1}
    gaps = {}
    for asked in (True, False):
        gan = PatchGAN(recipe, {**quick, "class_moments": asked}).fit(X[::4], codes[::4])
        drawn = gan.sample({0: 300}, random_state=0)[0][:, :, 2, 2]
        real = X[codes == 0][:, :, 2, 2]
        gaps[asked] = np.abs(np.corrcoef(drawn.T) - np.corrcoef(real.T)).mean()
    assert gaps[True] < 0.1 < gaps[False]


def test_classes_of_a_single_patch_tell_no_covariance(scene):
    X, codes = scene
    one_each = [0, -1]
    gan = PatchGAN("factorised-conditional", {"steps": 1, "batch": 4})
    assert gan.fit(X[one_each], codes[one_each]).trained_.moments is None


@pytest.mark.parametrize("mode", ["supervised", "unsupervised"])
def test_they_travel_with_the_gan(scene, mode, tmp_path):
    X, codes = scene
    quick = {"steps": 1, "batch": 4, "width": 2, "noise": 3, "mode": mode}
    gan = PatchGAN("factorised-conditional", quick).fit(X[::10], codes[::10])
    gan.save(tmp_path)
    assert gan.trained_.moments is not None
    again = PatchGAN.load(tmp_path).sample(4, random_state=3)[0]
    np.testing.assert_allclose(again, gan.sample(4, random_state=3)[0], rtol=1e-5)


def test_a_density_needs_none_and_the_plain_gan_has_none(scene):
    X, codes = scene
    for recipe in ("patch", "conv3d-cross-entropy"):
        gan = PatchGAN(recipe, {"steps": 1, "batch": 4}).fit(X[::10], codes[::10])
        assert gan.trained_.moments is None
