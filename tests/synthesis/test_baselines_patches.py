"""Laws of the simple generators of patches."""

from collections.abc import Callable

import numpy as np
import pytest

from hsigan.errors import InputError, LabelError
from hsigan.synthesis.baselines_density import ClassGaussian, SmoothedBootstrap
from hsigan.synthesis.baselines_patches import (
    PATCH_BASELINES,
    FlipsRotations,
    MixtureNoise,
    PatchBootstrap,
    RadiationNoise,
    SpectralTransplant,
)

BANDS, SIDE = 8, 5


def _patches(counts: dict[int, int], seed: int = 0, side: int = SIDE) -> tuple[np.ndarray, ...]:
    """Classes of different mean spectra; each patch has a level and a texture of its own."""
    rng = np.random.default_rng(seed)
    means = np.random.default_rng(99).normal(1000, 300, (max(counts) + 1, BANDS, 1, 1))
    labels = np.concatenate([np.full(n, c) for c, n in counts.items()])
    level = 20 * rng.standard_normal((len(labels), BANDS, 1, 1))
    texture = 5 * rng.standard_normal((len(labels), BANDS, side, side))
    return (means[labels] + level + texture).astype(np.float32), labels


@pytest.mark.parametrize("name", PATCH_BASELINES)
class TestEveryPatchBaseline:
    @pytest.mark.parametrize("side", [3, 4, 5])
    def test_gives_the_asked_number_of_the_asked_labels(self, name: str, side: int) -> None:
        X, y = _patches({7: 12, 2: 9, 40: 5}, side=side)
        Xs, ys = PATCH_BASELINES[name]().fit(X, y).sample({40: 3, 2: 17, 7: 0}, random_state=1)
        assert Xs.shape == (20, BANDS, side, side)
        assert Xs.dtype == np.float32
        assert np.isfinite(Xs).all()
        assert ys.tolist() == [40] * 3 + [2] * 17

    def test_nothing_asked_is_nothing_given_in_the_right_shape(self, name: str) -> None:
        Xs, ys = PATCH_BASELINES[name]().fit(*_patches({1: 4, 2: 3})).sample(0)
        assert Xs.shape == (0, BANDS, SIDE, SIDE)
        assert len(ys) == 0

    def test_works_from_one_patch_and_from_equal_ones(self, name: str) -> None:
        for X, y in (
            _patches({1: 1}),
            _patches({1: 1, 2: 2, 3: 20}),
            (np.full((6, BANDS, SIDE, SIDE), 5.0), np.ones(6, int)),
        ):
            Xs, ys = PATCH_BASELINES[name]().fit(X, y).sample(6, random_state=0)
            assert np.isfinite(Xs).all()
            assert np.unique(ys, return_counts=True)[1].tolist() == [6] * len(np.unique(y))

    def test_same_seed_same_samples_and_inputs_stay(self, name: str) -> None:
        X, y = _patches({1: 20, 2: 20})
        before = X.copy()
        first, again, other = (
            PATCH_BASELINES[name]().fit(X, y).sample(15, random_state=seed)[0] for seed in (3, 3, 4)
        )
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
        first += 1
        np.testing.assert_array_equal(X, before)

    def test_stays_with_its_class(self, name: str) -> None:
        X, y = _patches({1: 40, 2: 40})
        Xs, ys = PATCH_BASELINES[name]().fit(X, y).sample(100, random_state=0)
        far = [np.abs(Xs - X[y == c].mean(axis=0)).mean(axis=(1, 2, 3)) for c in (1, 2)]
        assert (np.argmin(far, axis=0) + 1 == ys).mean() > 0.95

    def test_what_does_not_fit_is_refused(self, name: str) -> None:
        X, y = _patches({1: 10, 2: 10})
        with pytest.raises(LabelError, match="class 9"):
            PATCH_BASELINES[name]().fit(X, y).sample({9: 1})
        with pytest.raises(InputError, match="one label for each of 20 patches"):
            PATCH_BASELINES[name]().fit(X, y[:-1])
        X[3, 2, 1, 1] = np.nan
        with pytest.raises(InputError, match="1 of 20 hold NaN"):
            PATCH_BASELINES[name]().fit(X, y)


SYMMETRIES: list[Callable[[np.ndarray], np.ndarray]] = [
    lambda x: x,
    lambda x: x.swapaxes(1, 2),
    lambda x: x[:, ::-1],
    lambda x: x[:, :, ::-1],
    lambda x: x[:, ::-1, ::-1],
    lambda x: x.swapaxes(1, 2)[:, ::-1],
    lambda x: x.swapaxes(1, 2)[:, :, ::-1],
    lambda x: x.swapaxes(1, 2)[:, ::-1, ::-1],
]


def test_flips_and_rotations_are_the_eight_symmetries_about_equally_often() -> None:
    X, y = _patches({1: 1})
    Xs, _ = FlipsRotations().fit(X, y).sample(800, random_state=0)
    counts = [(Xs == symmetry(X[0])).all(axis=(1, 2, 3)).sum() for symmetry in SYMMETRIES]
    assert sum(counts) == 800
    assert min(counts) > 70
    centre = SIDE // 2
    assert (Xs[:, :, centre, centre] == X[0, :, centre, centre]).all()


def test_radiation_noise_is_one_gain_per_patch_and_noise_in_band_ranges() -> None:
    X, y = _patches({1: 50})
    gains, _ = RadiationNoise(noise=0).fit(X, y).sample(50, random_state=0)
    ratio = gains / X[np.abs(gains[:, None] / X[None] - 1).std(axis=(2, 3, 4)).argmin(axis=1)]
    assert ratio.std(axis=(1, 2, 3)).max() < 1e-5
    assert 0.9 <= ratio.min() < 0.95 < 1.05 < ratio.max() <= 1.1
    X[:, 3] *= 10
    X[:, 5] = 77
    plain = RadiationNoise(gain=(1, 1)).fit(X[:1], y[:1])
    noise = plain.sample(2000, random_state=0)[0] - X[0]
    wanted = np.ptp(X[0], axis=(1, 2)) / 25
    np.testing.assert_allclose(noise.std(axis=(0, 2, 3)), wanted, rtol=0.03)


def test_mixture_noise_lies_between_the_patch_and_centres_of_its_class() -> None:
    X, y = _patches({1: 30, 2: 30})
    Xs, ys = MixtureNoise(noise=0).fit(X, y).sample(200, random_state=0)
    for label in (1, 2):
        real, fake = X[y == label], Xs[ys == label]
        assert (fake >= real.min(axis=(0, 2, 3))[:, None, None] - 1e-2).all()
        assert (fake <= real.max(axis=(0, 2, 3))[:, None, None] + 1e-2).all()
    alone, _ = MixtureNoise(weights=(1, 1), noise=0).fit(X[:1], y[:1]).sample(1, random_state=0)
    centre = X[0, :, SIDE // 2, SIDE // 2]
    np.testing.assert_allclose(alone[0], (X[0] + centre[:, None, None]) / 2, rtol=1e-6)


def test_the_bootstrap_keeps_the_mean_and_adds_nine_percent_of_variance() -> None:
    X, y = _patches({1: 150, 2: 100})
    Xs, ys = PatchBootstrap(components=200).fit(X, y).sample(3000, random_state=0)
    for label in (1, 2):
        real, fake = X[y == label], Xs[ys == label]
        spread = real.std(axis=0)
        assert (np.abs(fake.mean(axis=0) - real.mean(axis=0)) < 0.15 * spread).all()
        assert np.median(fake.var(axis=0) / spread**2) == pytest.approx(1.09, abs=0.05)
    nearest = np.abs(Xs[:50, None] - X[None]).max(axis=(2, 3, 4)).min(axis=1)
    assert (nearest > 1).all()


class TestSpectralTransplant:
    def test_centres_are_the_generators_and_texture_is_real(self) -> None:
        X, y = _patches({1: 20, 2: 20})
        centre = (slice(None), slice(None), SIDE // 2, SIDE // 2)
        pixels = ClassGaussian().fit(X[centre], y)
        Xs, _ = SpectralTransplant(pixels, prefit=True).fit(X, y).sample(10, random_state=0)
        texture, real = (p - p[centre][:, :, None, None] for p in (Xs, X))
        gap = np.abs(texture[:, None] - real[None]).max(axis=(2, 3, 4)).min(axis=1)
        assert gap.max() < 1e-2
        assert (np.abs(Xs[centre][:, None] - X[centre][None]).max(axis=2) > 1).all()

    def test_fits_its_generator_on_the_centres_unless_that_is_done(self) -> None:
        X, y = _patches({1: 20, 2: 20})
        pixels = SmoothedBootstrap()
        SpectralTransplant(pixels).fit(X, y)
        np.testing.assert_array_equal(pixels.spectra_[2], X[20:, :, SIDE // 2, SIDE // 2])
        SpectralTransplant(pixels, prefit=True).fit(X[::2] + 1, y[::2])
        assert len(pixels.spectra_[2]) == 20

    def test_the_nearest_of_the_candidates_lends_its_texture(self) -> None:
        X = np.full((2, BANDS, SIDE, SIDE), 100.0, np.float32)
        X[1] += 900
        X[1, :, 0, 0] += 5  # the mark of the bright patch
        pixels = SmoothedBootstrap(noise=0.01)
        both = SpectralTransplant(pixels, candidates=50).fit(X, [1, 1])
        Xs, _ = both.sample(40, random_state=0)
        bright = Xs[:, 0, SIDE // 2, SIDE // 2] > 500
        marked = Xs[:, 0, 0, 0] - Xs[:, 0, SIDE // 2, SIDE // 2] > 2
        assert 10 < bright.sum() < 30
        np.testing.assert_array_equal(marked, bright)

    def test_a_generator_of_other_pixels_is_refused(self) -> None:
        X, y = _patches({1: 6, 2: 6})
        spectra = X[:, :, 0, 0]
        fewer = SmoothedBootstrap().fit(spectra[:, 1:], y)
        with pytest.raises(InputError, match="7 bands"):
            SpectralTransplant(fewer, prefit=True).fit(X, y)
        one = SmoothedBootstrap().fit(spectra[:6], y[:6])
        with pytest.raises(LabelError, match="does not know class 2"):
            SpectralTransplant(one, prefit=True).fit(X, y)
