"""Laws of the classifiers of patches."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hsigan.classification.estimator import SpectralClassifier
from hsigan.classification.patch_estimator import (
    PATCH_CLASSIFIERS,
    PatchClassifier,
    patch_classifier_config,
)
from hsigan.errors import DivergedError, InputError, LabelError, RecipeError
from hsigan.recipe import recipe_names
from hsigan.sampling import gather_pixels
from hsigan.sampling.patches import PatchView, centres_of, cut_patches
from hsigan.scene import simulate_scene

Labelled = tuple[NDArray[np.float32], NDArray[np.int64]]
BANDS, SIDE = 16, 5
SHAPE = (BANDS, SIDE, SIDE)
# Steps after which the slower ones have learnt.
STEPS = {"hu-1d": 300, "hybridsn": 100}


def _patches(counts: dict[int, int], seed: int = 0, spread: float = 0.5) -> Labelled:
    """Return patches of classes that differ in their mean spectra."""
    means = {c: np.random.default_rng(c).standard_normal(BANDS) for c in counts}
    random = np.random.default_rng(seed)
    X = [
        1000 + 100 * (means[c][:, None, None] + spread * random.standard_normal((n, *SHAPE)))
        for c, n in counts.items()
    ]
    return np.concatenate(X).astype(np.float32), np.repeat(list(counts), list(counts.values()))


@pytest.fixture(scope="module")
def fitted() -> Callable[[str], PatchClassifier]:
    """Return every classifier fitted once on 20 patches of each of three classes."""
    known: dict[str, PatchClassifier] = {}

    def get(name: str) -> PatchClassifier:
        if name not in known:
            params = {"batch": 16, "max_steps": STEPS.get(name, 40)}
            known[name] = PatchClassifier(name, params, 4).fit(*_patches({1: 20, 7: 20, 30: 20}))
        return known[name]

    return get


@pytest.mark.parametrize("name", PATCH_CLASSIFIERS)
class TestEveryClassifier:
    def test_learns_separable_classes_in_their_own_ids(
        self, name: str, fitted: Callable[[str], PatchClassifier]
    ) -> None:
        test, truth = _patches({1: 30, 7: 30, 30: 30}, seed=1)
        assert (fitted(name).predict(test) == truth).mean() > 0.9

    def test_probabilities_sum_to_one_and_agree_with_the_prediction(
        self, name: str, fitted: Callable[[str], PatchClassifier]
    ) -> None:
        test, _ = _patches({1: 9, 7: 9}, seed=2, spread=3.0)
        chances = fitted(name).predict_proba(test)
        np.testing.assert_allclose(chances.sum(axis=1), 1.0, atol=1e-9)
        best = fitted(name).classes_[chances.argmax(axis=1)]
        np.testing.assert_array_equal(best, fitted(name).predict(test))
        assert fitted(name).features(test).shape[0] == len(test)
        assert fitted(name).predict(test[:0]).shape == (0,)

    def test_same_seed_same_classifier_whatever_was_drawn_before(self, name: str) -> None:
        X, y = _patches({1: 9, 7: 8}, spread=4.0)
        X[:, 3] = 7.0  # a constant band is no harm
        made = []
        for _ in range(2):
            torch.rand(3)
            before = torch.get_rng_state()
            classifier = PatchClassifier(name, {"batch": 8, "max_steps": 4}, 1).fit(X, y)
            assert torch.equal(before, torch.get_rng_state())
            made.append(classifier.predict_proba(X))
        np.testing.assert_array_equal(*made)
        assert np.isfinite(made[0]).all()

    def test_its_state_makes_it_again(
        self, name: str, fitted: Callable[[str], PatchClassifier]
    ) -> None:
        again = PatchClassifier.from_state(*fitted(name).state())
        test, _ = _patches({1: 9, 7: 9}, seed=2)
        np.testing.assert_array_equal(again.predict_proba(test), fitted(name).predict_proba(test))
        assert again.get_params() == fitted(name).get_params()

    def test_a_batch_of_one_joins_another(self, name: str) -> None:
        X, y = _patches({1: 5, 7: 4})
        classifier = PatchClassifier(name, {"batch": 4, "max_steps": 5}).fit(X, y)
        assert np.isfinite(classifier.predict_proba(X[:1])).all()

    def test_its_recipe_names_the_published_patch(self, name: str) -> None:
        config = patch_classifier_config(name)
        assert config.patch_px in (1, 5, 7, 13, 25)
        assert bool(config.components) == (name in ("hybridsn", "ssftt"))


def test_every_recipe_has_a_classifier_and_every_classifier_a_recipe() -> None:
    assert recipe_names("classifier") == sorted(PATCH_CLASSIFIERS)


def test_a_view_is_as_good_as_an_array() -> None:
    scene = simulate_scene(height=20, width=24, bands=BANDS, classes=3, seed=1)
    pixels = gather_pixels([scene], "labelled")
    view = cut_patches([scene], pixels, SIDE)
    few = np.arange(0, len(view), 5)
    params = {"max_steps": 6, "batch": 16}
    array = PatchClassifier("ssftt", params).fit(view[few], pixels.labels[few])
    lazy = PatchClassifier("ssftt", params).fit(view.take(few), pixels.labels[few])
    assert isinstance(view, PatchView)
    np.testing.assert_array_equal(array.predict(view), lazy.predict(view[:]))


def test_many_patches_are_standardised_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = _patches({1: 12, 7: 12})
    params = {"max_steps": 6, "batch": 8}
    whole = PatchClassifier("hybridsn", params).fit(X, y).predict_proba(X)
    monkeypatch.setattr("hsigan.classification.patch_estimator._KEPT_VALUES", 0)
    batched = PatchClassifier("hybridsn", params).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(whole, batched, atol=1e-4)


def test_components_are_white_on_the_training_pixels_and_no_more_than_there_are() -> None:
    X, y = _patches({1: 6, 7: 5})
    classifier = PatchClassifier("ssftt", {"max_steps": 1}).fit(X, y)
    assert classifier.projection_ is not None
    assert classifier.projection_.shape == (BANDS, 10)
    seen = (centres_of(X) - classifier.mean_) / classifier.scale_ @ classifier.projection_
    np.testing.assert_allclose(np.cov(seen.T, bias=True), np.eye(10), atol=1e-5)


def test_early_stopping_keeps_a_better_network_than_overfitting() -> None:
    X, y = _patches({1: 15, 7: 15}, spread=6.0)
    held = _patches({1: 100, 7: 100, 9: 5}, seed=5, spread=6.0)
    params = {"max_steps": 120, "batch": 16, "check_every": 5, "patience": 4, "epochs": 1000}
    stopped = PatchClassifier("ssftt", params).fit(X, y, *held)
    exhausted = PatchClassifier("ssftt", params).fit(X, y)
    assert stopped.step_ < exhausted.step_ == 120
    code = np.searchsorted(stopped.classes_, held[1][:200])

    def loss(classifier: PatchClassifier) -> float:
        chosen = classifier.predict_proba(held[0][:200])[np.arange(200), code]
        return float(-np.log(np.maximum(chosen, 1e-30)).mean())

    assert loss(stopped) < loss(exhausted)


def test_published_epochs_end_a_training_that_has_no_bound() -> None:
    X, y = _patches({1: 10, 7: 10})
    params = {"max_steps": 0, "epochs": 3, "batch": 8}
    steps = []
    classifier = PatchClassifier("ssftt", params)
    classifier.fit(X, y, report=lambda done, most: steps.append((done, most)))
    assert classifier.step_ == 3 * 3
    assert steps[-1] == (9, 9)


def test_a_classifier_of_spectra_sees_the_centre_pixel() -> None:
    X, y = _patches({1: 20, 7: 20}, spread=3.0)
    test, _ = _patches({1: 20, 7: 20}, seed=1, spread=3.0)
    of_spectra = SpectralClassifier("lda").fit(X[:, :, 2, 2], y)
    of_patches = SpectralClassifier("lda").fit(X, y)
    np.testing.assert_array_equal(of_patches.predict(test), of_spectra.predict(test[:, :, 2, 2]))


def test_spectra_are_patches_of_one_pixel() -> None:
    X, y = _patches({1: 20, 7: 20})
    spectra = centres_of(X)
    params = {"max_steps": 10}
    as_spectra = PatchClassifier("hu-1d", params).fit(spectra, y, spectra, y)
    as_patches = PatchClassifier("hu-1d", params).fit(spectra[:, :, None, None], y)
    assert as_spectra.patch_px_ == 1
    np.testing.assert_array_equal(as_spectra.predict(spectra), as_patches.predict(spectra))


def test_bad_input_is_refused() -> None:
    X, y = _patches({1: 5, 7: 5})
    with pytest.raises(InputError, match="no patch classifier 'resnet'"):
        PatchClassifier("resnet").fit(X, y)
    with pytest.raises(RecipeError, match="did you mean 'max_steps'"):
        PatchClassifier("ssftt", {"max_step": 3}).fit(X, y)
    with pytest.raises(LabelError, match="only class 1"):
        PatchClassifier().fit(X[:5], y[:5])
    with pytest.raises(InputError, match="one label each"):
        PatchClassifier().fit(X, y[:-1])
    with pytest.raises(InputError, match=r"fitted on patches \(N, 16, 5, 5\)"):
        PatchClassifier("ssftt", {"max_steps": 1}).fit(X, y).predict(X[:, :, 1:, 1:])
    with pytest.raises(DivergedError, match="at step 20"):
        PatchClassifier("li-3d", {"learning_rate": 1e30, "max_steps": 60}).fit(X, y)
    X[0, 0, 0, 0] = np.inf
    with pytest.raises(InputError, match="finite"):
        PatchClassifier().fit(X, y)
