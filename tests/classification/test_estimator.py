"""Laws of the classifiers."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from hsigan.classification import CLASSIFIERS, SpectralClassifier, best_of, tune
from hsigan.classification.lda import ShrinkageLDA
from hsigan.classification.neural import NN1D
from hsigan.classification.tuning import Tuned, cross_validation_parts
from hsigan.errors import InputError, LabelError

QUICK = [name for name in CLASSIFIERS if name != "nn-1d-notebook"]


def _pixels(counts: dict[int, int], seed: int = 0, spread: float = 1.0):
    rng = np.random.default_rng(99)
    means = {label: 3.0 * rng.standard_normal(10) for label in (1, 5, 30, 31)}
    rng = np.random.default_rng(seed)
    X = [
        1000.0 + 100.0 * (means[c] + spread * rng.standard_normal((n, 10)))
        for c, n in counts.items()
    ]
    return np.concatenate(X).astype(np.float32), np.repeat(list(counts), list(counts.values()))


def _make(name: str) -> SpectralClassifier:
    """Return the classifier; the network smaller than its default, for speed."""
    return SpectralClassifier(name, {"width": 64, "max_steps": 80} if name == "nn-1d" else None, 4)


@pytest.mark.parametrize("name", QUICK)
class TestEveryClassifier:
    def test_learns_separable_classes_in_their_own_ids(self, name: str) -> None:
        X, y = _pixels({1: 40, 5: 20, 30: 10})
        test, truth = _pixels({1: 50, 5: 50, 30: 50}, seed=1)
        classifier = _make(name).fit(X, y)
        assert (classifier.predict(test) == truth).mean() > 0.95

    def test_probabilities_sum_to_one_and_agree_with_the_prediction(self, name: str) -> None:
        for counts in ({1: 30, 5: 30}, {1: 30, 5: 20, 30: 9}):
            X, y = _pixels(counts, spread=4.0)
            classifier = _make(name).fit(X, y)
            probability = classifier.predict_proba(X)
            assert probability.shape == (len(X), len(counts))
            np.testing.assert_allclose(probability.sum(axis=1), 1.0, atol=1e-9)
            best = classifier.classes_[probability.argmax(axis=1)]
            np.testing.assert_array_equal(best, classifier.predict(X))

    def test_scale_and_offset_of_the_units_do_not_matter(self, name: str) -> None:
        X, y = _pixels({1: 30, 5: 30, 30: 30}, spread=3.0)
        test, _ = _pixels({1: 60, 5: 60, 30: 60}, seed=1, spread=3.0)
        native = _make(name).fit(X, y).predict(test)
        percent = _make(name).fit(X / 64.0 + 4.0, y).predict(test / 64.0 + 4.0)
        assert (native == percent).mean() > 0.98

    def test_a_class_of_heavier_weight_wins_more_pixels(self, name: str) -> None:
        X, y = _pixels({1: 60, 5: 60}, spread=6.0)
        test, _ = _pixels({1: 200, 5: 200}, seed=1, spread=6.0)
        shares = [
            (_make(name).fit(X, y, np.where(y == 5, w, 1.0)).predict(test) == 5).mean()
            for w in (0.05, 20.0)
        ]
        assert shares[1] > shares[0]

    def test_same_seed_same_classifier_and_constant_bands_are_no_harm(self, name: str) -> None:
        X, y = _pixels({1: 12, 5: 12}, spread=4.0)
        X[:, 3] = 7.0
        test, _ = _pixels({1: 60, 5: 60}, seed=2, spread=4.0)
        first, again = (_make(name).fit(X, y) for _ in range(2))
        np.testing.assert_array_equal(first.predict_proba(test), again.predict_proba(test))
        assert np.isfinite(first.predict_proba(test)).all()

    def test_tuning_chooses_from_the_grid_with_and_without_validation(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if name == "nn-1d":
            small = ({"width": 32, "max_steps": 20}, {"width": 32, "max_steps": 40})
            monkeypatch.setitem(
                CLASSIFIERS,
                name,
                replace(CLASSIFIERS[name], grid=small, cross_validation_grid=None),
            )
        X, y = _pixels({1: 12, 5: 9, 30: 1}, spread=2.0)
        held = _pixels({1: 20, 5: 20, 30: 5}, seed=3, spread=2.0)
        kind = CLASSIFIERS[name]
        crossed = tune(name, X, y)
        assert crossed.params in (kind.cross_validation_grid or kind.grid)
        held_out = tune(name, X, y, *held)
        assert held_out.params in kind.grid
        fitted = held_out.build().fit(X, y, None, *held)
        percent = 100.0 * (fitted.predict(held[0]) == held[1]).mean()
        assert percent == pytest.approx(held_out.validation_percent)


def test_shrinkage_lda_agrees_with_scikit_learn() -> None:
    X, y = _pixels({1: 30, 5: 30, 30: 30}, spread=4.0)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2).fit(X, y)
    ours = ShrinkageLDA(0.2).fit(X, y)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_weights_of_lda_count_as_repeated_pixels() -> None:
    X, y = _pixels({1: 9, 5: 14}, spread=4.0)
    weights = np.random.default_rng(0).integers(1, 4, len(y))
    weighted = ShrinkageLDA(0.1).fit(X, y, weights)
    repeated = ShrinkageLDA(0.1).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-9)


def test_early_stopping_keeps_a_better_network_than_overfitting() -> None:
    X, y = _pixels({1: 20, 5: 20}, spread=12.0)
    held = _pixels({1: 300, 5: 300}, seed=5, spread=12.0)
    scaled = [(a - X.mean(axis=0)) / X.std(axis=0) for a in (X, held[0])]
    stopped = NN1D(max_steps=200, width=128).fit(scaled[0], y, None, scaled[1], held[1])
    exhausted = NN1D(max_steps=200, width=128).fit(scaled[0], y)
    assert stopped.step_ < exhausted.step_ == 200
    code = np.searchsorted(stopped.classes_, held[1])

    def loss(network: NN1D) -> float:
        chosen = network.predict_proba(scaled[1])[np.arange(len(code)), code]
        return float(-np.log(np.maximum(chosen, 1e-30)).mean())

    assert loss(stopped) < loss(exhausted)


def test_cross_validation_never_holds_out_a_single_pixel() -> None:
    y = np.array([1, 1, 1, 2, 3, 3])
    for train, held_out in cross_validation_parts(y, 5, 0):
        assert set(y[train]) == {1, 2, 3}
        assert 2 not in y[held_out]
        assert not set(train) & set(held_out)
    with pytest.raises(LabelError, match="two labelled pixels"):
        cross_validation_parts(np.array([1, 2, 3]), 5, 0)


def test_the_best_classifier_has_the_highest_validation_accuracy() -> None:
    assert best_of([Tuned("a", {}, 80.0), Tuned("b", {}, 90.0), Tuned("c", {}, 90.0)]).name == "b"


def test_bad_input_is_refused() -> None:
    X, y = _pixels({1: 5, 5: 5})
    with pytest.raises(InputError, match="no classifier 'svn'"):
        SpectralClassifier("svn").fit(X, y)
    with pytest.raises(LabelError, match="only class 1"):
        SpectralClassifier().fit(X[:5], y[:5])
    with pytest.raises(InputError, match="one label each"):
        SpectralClassifier().fit(X, y[:-1])
    X[0, 0] = np.inf
    with pytest.raises(InputError, match="finite"):
        SpectralClassifier().fit(X, y)
