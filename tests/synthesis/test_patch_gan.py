"""`PatchGAN` as an estimator: units, labels, few patches, runs, features, attention."""

import signal

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.base import clone

from hsigan import PatchGAN, SpectralGAN
from hsigan.errors import InputError, LabelError, RecipeError, RunError
from hsigan.synthesis import balancing_counts
from hsigan.synthesis.patch_fronts import BandFront, ComponentFront
from hsigan.training.run_folder import RunFolder

QUICK = {"steps": 2, "batch": 4, "width": 2, "noise": 3, "validate_every": 1}
RECIPES = [
    "patch",
    "conv3d",
    "conv3d-attention",
    "conv3d-conditional",
    "conv3d-cross-entropy",
    "factorised-conditional",
]
recipes = pytest.mark.parametrize("recipe", RECIPES)


def quick(recipe="patch", **settings):
    return PatchGAN(recipe, {**QUICK, **settings})


def patches(counts, bands=20, side=5, seed=0):
    """Patches of classes that differ in level, texture and gradient."""
    random = np.random.default_rng(seed)
    y = np.repeat(np.arange(1, len(counts) + 1), counts)
    curves = random.normal(size=(len(counts), bands)).cumsum(axis=1) * 300 + 3000
    light = random.normal(size=(len(y), 3, side, side)) * 30
    shapes = random.normal(size=(3, bands)).cumsum(axis=1)
    X = curves[y - 1][:, :, None, None] + np.einsum("nsij,sb->nbij", light, shapes)
    return (X + random.normal(size=X.shape)).astype(np.float32), y


@recipes
@pytest.mark.parametrize(("counts", "bands", "side"), [([5, 4], 16, 4), ([1, 1], 17, 3)])
def test_samples_are_finite_and_labelled_however_few_the_patches(recipe, counts, bands, side):
    X, y = patches(counts, bands, side)
    before = X.copy()
    gan = quick(recipe).fit(X, y)
    drawn, labels = gan.sample({1: 3, 2: 5}, random_state=0)
    np.testing.assert_array_equal(X, before)
    assert drawn.shape == (8, bands, side, side)
    assert drawn.dtype == np.float32
    assert np.isfinite(drawn).all()
    assert labels.tolist() == [1] * 3 + [2] * 5
    assert gan.sample({})[0].shape == (0, bands, side, side)
    assert gan.patch_px_ == side


@recipes
def test_a_saved_gan_draws_the_same_and_the_seed_counts(recipe, tmp_path):
    X, y = patches([6, 5])
    names = np.array(["", "fallow", "celery"])[y]
    gan = quick(recipe).fit(X, names)
    drawn, labels = gan.sample(3, random_state=1)
    gan.save(tmp_path)
    again, same = PatchGAN.load(tmp_path).sample(3, random_state=1)
    np.testing.assert_allclose(again, drawn, rtol=1e-5)  # convolutions add up in any order
    assert same.tolist() == labels.tolist() == ["celery"] * 3 + ["fallow"] * 3
    fitted = clone(gan).fit(X, names).sample(3, random_state=1)[0]
    np.testing.assert_allclose(fitted, drawn, rtol=1e-5)
    assert not np.allclose(gan.sample(3, random_state=2)[0], drawn, rtol=1e-5)
    if recipe == "patch":
        with pytest.raises(InputError, match="not trained"):
            gan.features(X)
        return
    found = PatchGAN.load(tmp_path).features(X)
    np.testing.assert_allclose(found, gan.features(X), rtol=1e-3, atol=1e-4)
    assert len(found) == len(X)


def test_the_density_makes_new_patches_of_the_right_class_spread_and_texture():
    X, y = patches([60, 40], seed=1)
    drawn, labels = quick(steps=0).fit(X, y).sample(100, random_state=0)
    for label in (1, 2):
        real, fake = X[y == label], drawn[labels == label]
        flat, flat_fake = real.reshape(len(real), -1), fake.reshape(len(fake), -1)
        own = np.median(np.sort(cdist(flat, flat), axis=1)[:, 1])
        assert np.median(cdist(flat_fake, flat).min(axis=1)) / own > 0.85
        assert 0.8 < np.sqrt(flat_fake.var(axis=0).sum() / flat.var(axis=0).sum()) < 1.2
        rough = [np.abs(np.diff(part, axis=3)).mean() for part in (fake, real)]
        assert rough[0] / rough[1] == pytest.approx(1, abs=0.2)
        distances = cdist(flat_fake, [X[y == k].mean(axis=0).ravel() for k in (1, 2)])
        assert (distances.argmin(axis=1) + 1 == label).mean() > 0.95


def test_samples_come_in_blocks_that_make_up_the_sample(monkeypatch):
    gan = quick().fit(*patches([6, 5]))
    monkeypatch.setattr(PatchGAN, "block", 4)
    blocks = [len(values) for values, _ in gan.sample_blocks({1: 9, 2: 3}, random_state=0)]
    assert blocks == [4, 4, 1, 3]


def test_without_validation_patches_the_density_stays_as_it_is():
    X, y = patches([30, 30])
    assert quick().fit(X, y).step_ == 0
    assert quick().fit(X, y, X, y).step_ == 2
    assert quick("conv3d-conditional").fit(X, y).step_ == 2


def test_unlabelled_patches_and_no_labels_at_all():
    X, y = patches([6, 5])
    gan = quick("factorised-semi-supervised").fit(X, y, X_unlabelled=X + 1)
    assert gan.sample(2, random_state=0)[0].shape[0] == 4
    with pytest.raises(InputError, match="X_unlabelled"):
        quick("factorised-semi-supervised").fit(X, y)


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [("factorised-conditional", {}), ("factorised-conditional", {"components": 4}), ("patch", {})],
)
def test_patches_without_a_label_anywhere(recipe, settings):
    X, _ = patches([6, 5])
    blind = quick(recipe, mode="unsupervised", **settings).fit(X, X_validation=X)
    drawn, labels = blind.sample(2, random_state=0)
    assert labels.tolist() == [0, 0]
    assert np.isfinite(drawn).all()


@pytest.mark.parametrize("recipe", ["conv3d-attention", "conv3d-conditional"])
def test_attention_can_be_read_out_per_class(recipe):
    X, y = patches([6, 5])
    gan = quick(recipe, attention=True).fit(X, y)
    weights = gan.band_weights([2, 1])
    assert weights.shape == (2, 20)
    assert ((weights >= 0) & (weights <= 1)).all()
    np.testing.assert_allclose(gan.band_weights()[::-1], weights, atol=0.1)
    with pytest.raises(InputError, match="attention"):
        quick("patch").fit(X, y).band_weights()


@pytest.mark.parametrize("recipe", ["conv3d-attention", "conv3d-conditional"])
def test_the_critic_s_attention_is_read_out_from_the_critic_of_the_class(recipe):
    X, y = patches([6, 5])
    gan = quick(recipe, attention=True).fit(X, y)
    weights = gan.critic_band_weights(X, y)
    assert weights.shape == (11, 20)
    assert ((weights > 0) & (weights < 1)).all()
    alone = np.concatenate([gan.critic_band_weights(X[i : i + 1], y[i : i + 1]) for i in range(11)])
    np.testing.assert_allclose(weights, alone, rtol=1e-5)
    with_others = gan.critic_band_weights(X, 3 - y)
    assert np.allclose(weights, with_others) == (recipe == "conv3d-conditional")
    with pytest.raises(LabelError, match="no class 9"):
        gan.critic_band_weights(X, np.full(11, 9))
    with pytest.raises(InputError, match="attention"):
        quick("patch").fit(X, y).critic_band_weights(X, y)


def test_an_interrupted_run_continues_as_if_nothing_had_happened(tmp_path):
    def interrupt(step, values):
        if step == 2:
            signal.raise_signal(signal.SIGINT)

    data = *patches([25, 25]), *patches([25, 25], seed=3)
    settings = {**QUICK, "steps": 4}
    whole = PatchGAN(settings=settings).fit(*data).sample(2, random_state=0)[0]
    with pytest.warns(UserWarning, match="interrupted"):
        PatchGAN(settings=settings, run=RunFolder(tmp_path), report=interrupt).fit(*data)
    again = PatchGAN(settings=settings, run=RunFolder(tmp_path)).fit(*data)
    assert again.step_ == 4
    np.testing.assert_array_equal(again.sample(2, random_state=0)[0], whole)
    with pytest.raises(RunError, match="other pixels"):
        PatchGAN(settings=settings, run=RunFolder(tmp_path)).fit(data[0] + 1, *data[1:])


def test_each_gan_refuses_the_other_kind_of_recipe_and_run(tmp_path):
    X, y = patches([6, 5])
    with pytest.raises(RecipeError, match="SpectralGAN"):
        PatchGAN("spectral").fit(X, y)
    with pytest.raises(RecipeError, match="PatchGAN"):
        SpectralGAN("conv3d").fit(X[:, :, 0, 0], y)
    quick().fit(X, y).save(tmp_path)
    with pytest.raises(RunError, match="patch"):
        SpectralGAN.load(tmp_path)


@pytest.mark.parametrize(
    "broken",
    [
        lambda X, y: (X[:, :, 0], y),
        lambda X, y: (X[:, :, :3], y),
        lambda X, y: (X, y[1:]),
        lambda X, y: (X, None),
        lambda X, y: (np.where(X.max() == X, np.nan, X), y),
        lambda X, y: (X[:1], y[:1]),
        lambda X, y: (X[:, :1], y),
    ],
)
def test_inputs_that_cannot_be_patches_are_refused(broken):
    with pytest.raises(InputError):
        quick().fit(*broken(*patches([6, 5])))


def test_unknown_classes_are_refused():
    gan = quick().fit(*patches([6, 5]))
    with pytest.raises(LabelError):
        gan.sample({7: 1})
    with pytest.raises(InputError, match="patches"):
        gan.features(np.zeros((2, 20, 3, 3), dtype=np.float32))


def test_filling_up_makes_all_classes_as_large_as_the_largest():
    assert balancing_counts({1: 6, 2: 10, "x": 0}) == {1: 4, 2: 0, "x": 10}


def test_fronts_lead_back_to_the_units_of_the_file():
    X, y = patches([40, 20])
    bands = BandFront.fit(X, y - 1, np.random.default_rng(0))
    encoded = bands.encode(X)
    assert encoded.mean() == pytest.approx(0, abs=1e-3)
    assert encoded.std() == pytest.approx(1, abs=1e-2)
    weights = np.eye(2)[y - 1]
    np.testing.assert_allclose(bands.decode(encoded, weights, None), X, rtol=1e-4)
    X[0, 3, 2, 2] = 1e6  # a dead pixel is no more than an outlier
    assert np.abs(BandFront.fit(X, y - 1, np.random.default_rng(0)).encode(X)).max() < 20
    X, _ = patches([40, 20])
    front = ComponentFront.fit(X, y - 1, 5, np.random.default_rng(0))
    back = front.decode(front.encode(X), weights, None)
    assert np.abs(back - X).mean() < 2  # the noise that five components leave over
