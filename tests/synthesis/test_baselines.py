"""Laws of the simple generators."""

import numpy as np
import pytest

from hsigan.errors import InputError, LabelError
from hsigan.synthesis.baselines import SIMPLE_GENERATORS
from hsigan.synthesis.baselines_pixels import MixupBetween, Relighting

BANDS = 12
WAVELENGTHS_NM = np.linspace(400.0, 2400.0, BANDS)


def _classes(counts: dict[int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = rng.standard_normal((BANDS, BANDS))
    means = {label: 1000.0 + 300.0 * rng.standard_normal(BANDS) for label in counts}
    X = [means[c] + 20.0 * rng.standard_normal((n, BANDS)) @ shape.T for c, n in counts.items()]
    y = [np.full(n, c) for c, n in counts.items()]
    return np.concatenate(X).astype(np.float32), np.concatenate(y)


def _fit(name: str, X: np.ndarray, y: np.ndarray):
    return SIMPLE_GENERATORS[name]().fit(X, y, X_unlabelled=X + 1.0)


@pytest.mark.parametrize("name", SIMPLE_GENERATORS)
class TestEveryGenerator:
    def test_gives_the_asked_number_of_the_asked_labels(self, name: str) -> None:
        X, y = _classes({7: 30, 2: 9, 40: 5})
        Xs, ys = _fit(name, X, y).sample({40: 3, 2: 17}, random_state=1)
        assert Xs.shape == (20, BANDS)
        assert Xs.dtype == np.float32
        assert np.isfinite(Xs).all()
        assert ys.tolist() == [40] * 3 + [2] * 17

    def test_works_from_one_pixel_and_from_two(self, name: str) -> None:
        X, y = _classes({1: 1, 2: 2, 3: 40})
        Xs, ys = _fit(name, X, y).sample(6, random_state=0)
        assert np.isfinite(Xs).all()
        assert np.unique(ys, return_counts=True)[1].tolist() == [6, 6, 6]

    def test_works_with_a_single_class_of_equal_pixels(self, name: str) -> None:
        Xs, _ = _fit(name, np.full((8, BANDS), 5.0), np.ones(8, int)).sample(4, random_state=0)
        assert np.isfinite(Xs).all()

    def test_same_seed_same_samples_and_inputs_stay(self, name: str) -> None:
        X, y = _classes({1: 20, 2: 20})
        before = X.copy()
        first, _ = _fit(name, X, y).sample(15, random_state=3)
        again, _ = _fit(name, X, y).sample(15, random_state=3)
        other, _ = _fit(name, X, y).sample(15, random_state=4)
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
        np.testing.assert_array_equal(X, before)

    def test_stays_with_its_class(self, name: str) -> None:
        X, y = _classes({1: 40, 2: 40})
        Xs, ys = _fit(name, X, y).sample(200, random_state=0)
        means = {c: X[y == c].mean(axis=0) for c in (1, 2)}
        own = np.stack([np.linalg.norm(Xs - means[c], axis=1) for c in (1, 2)], axis=1)
        assert (own.argmin(axis=1) + 1 == ys).mean() > 0.95

    def test_refuses_unknown_classes_and_values_that_are_not_finite(self, name: str) -> None:
        X, y = _classes({1: 10, 2: 10})
        with pytest.raises(LabelError, match="class 9"):
            _fit(name, X, y).sample({9: 1})
        X[3, 2] = np.nan
        with pytest.raises(InputError, match="1 values"):
            _fit(name, X, y)


@pytest.mark.parametrize(
    ("name", "growth"), [("gaussian", 1.0), ("smoothed-bootstrap", 1.09), ("gaussian-mixture", 1.0)]
)
def test_density_generators_keep_mean_and_covariance(name: str, growth: float) -> None:
    X, y = _classes({1: 600, 2: 300})
    Xs, ys = _fit(name, X, y).sample(20_000, random_state=0)
    for label in (1, 2):
        real, fake = X[y == label], Xs[ys == label]
        spread = real.std(axis=0, ddof=1)
        assert np.abs(fake.mean(axis=0) - real.mean(axis=0)).max() < 0.15 * spread.max()
        np.testing.assert_allclose(fake.var(axis=0) / spread**2, growth, atol=0.12)
        gap = np.corrcoef(fake.T) - np.corrcoef(real.T)
        assert np.abs(gap).max() < 0.12


def test_duplication_and_propagation_give_only_real_pixels() -> None:
    X, y = _classes({1: 20, 2: 10})
    copies, _ = SIMPLE_GENERATORS["duplication"]().fit(X, y).sample(25, random_state=0)
    assert {row.tobytes() for row in copies} == {row.tobytes() for row in X}
    unlabelled, truth = _classes({1: 50, 2: 50})
    generator = SIMPLE_GENERATORS["label-propagation"]().fit(X, y, X_unlabelled=unlabelled)
    Xs, ys = generator.sample(20, random_state=0)
    of_row = {row.tobytes(): label for row, label in zip(unlabelled, truth, strict=True)}
    assert np.mean([of_row[row.tobytes()] == c for row, c in zip(Xs, ys, strict=True)]) > 0.9


@pytest.mark.parametrize("name", ["smote", "mixup"])
def test_interpolators_stay_inside_their_class(name: str) -> None:
    X, y = _classes({1: 30, 2: 30})
    Xs, ys = _fit(name, X, y).sample(300, random_state=0)
    for label in (1, 2):
        real, fake = X[y == label], Xs[ys == label]
        assert (fake >= real.min(axis=0) - 1e-2).all()
        assert (fake <= real.max(axis=0) + 1e-2).all()
        assert not np.isin(fake[:, 0], real[:, 0]).all()


def test_mixup_between_reaches_other_classes_but_keeps_the_majority() -> None:
    X, y = np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0), np.repeat([0, 1], 10)
    Xs, ys = MixupBetween(alpha=1.0).fit(X, y).sample(200, random_state=0)
    assert (Xs[ys == 0] <= 0.5).all()
    assert (Xs[ys == 1] >= 0.5).all()
    assert Xs[ys == 0].max() > 0.3


def test_relighting_in_shadow_turns_blue_and_is_neutral_in_the_open() -> None:
    X, y = np.full((5, BANDS), 2000.0), np.zeros(5, int)
    shadow = Relighting(WAVELENGTHS_NM, direct=(0.0, 0.0), sky_view=(1.0, 1.0))
    dark, _ = shadow.fit(X, y).sample(1, random_state=0)
    assert (np.diff(dark[0]) < 0).all()
    level = Relighting(WAVELENGTHS_NM, direct=(1.0, 1.0), sky_view=(1.0, 1.0))
    np.testing.assert_allclose(level.fit(X, y).sample(3, random_state=0)[0], 2000.0, rtol=1e-6)
    with pytest.raises(InputError, match="wavelengths_nm"):
        Relighting(WAVELENGTHS_NM[:3]).fit(X, y)


def test_propagation_without_unlabelled_pixels_is_refused() -> None:
    X, y = _classes({1: 10, 2: 10})
    with pytest.raises(InputError, match="X_unlabelled"):
        SIMPLE_GENERATORS["label-propagation"]().fit(X, y)
