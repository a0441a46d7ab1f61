"""`SpectralGAN` as an estimator: scikit-learn's manners, hard inputs, modes, runs."""

import json
import signal
import warnings

import numpy as np
import pytest
import torch
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from hsigan import GANOverSampler, SpectralGAN
from hsigan.errors import InputError, LabelError, RecipeError, RunError
from hsigan.synthesis.gan_settings import resolve_settings
from hsigan.synthesis.interpolation import between_classes, class_weights, mixtures, within_class
from hsigan.training.run_folder import RunFolder

QUICK = {
    "spectral": {"steps": 3, "batch": 8, "width": 8, "validate_every": 1},
    "hypergan": {"steps": 3, "batch": 8, "width": 8, "report_every": 1, "precision": "fp32"},
}
recipes = pytest.mark.parametrize("recipe", QUICK)


def quick(recipe="spectral", **settings):
    return SpectralGAN(recipe, {**QUICK[recipe], **settings})


def spectra(counts, bands=16, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(1, len(counts) + 1), counts)
    curves = random.normal(size=(len(counts), bands)).cumsum(axis=1) * 300 + 3000
    return curves[labels - 1] + random.normal(size=(len(labels), bands)).cumsum(axis=1) * 30, labels


@parametrize_with_checks([quick("spectral"), quick("hypergan")])
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@recipes
@pytest.mark.parametrize(
    ("counts", "bands"),
    [
        ([5, 5], 16), ([5] * 50, 16), ([5, 5], 450), ([400, 5, 1], 30), ([1, 1], 16), ([2, 30], 60)
    ],
)  # fmt: skip
def test_samples_are_finite_and_labelled_however_few_the_pixels(recipe, counts, bands):
    X, y = spectra(counts, bands)
    before = X.copy(), y.copy()
    drawn, labels = quick(recipe).fit(X, y).sample(7, random_state=0)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
    assert drawn.dtype == np.float32
    assert np.isfinite(drawn).all()
    assert np.bincount(labels).tolist() == [0, *[7] * len(counts)]
    if recipe == "spectral" and max(counts) > 1:  # nearest class mean tells whose spectra they are
        means = np.stack([X[y == label].mean(axis=0) for label in range(1, len(counts) + 1)])
        nearest = np.linalg.norm(drawn[:, None] - means, axis=2).argmin(axis=1) + 1
        assert (nearest == labels).mean() > 0.9


@recipes
def test_labels_may_be_text_and_come_back(recipe, tmp_path):
    X, y = spectra([8, 6])
    names = np.array(["", "fallow", "celery"])[y]
    gan = quick(recipe).fit(X, names)
    drawn, labels = gan.sample({"fallow": 2, "celery": 3}, random_state=1)
    assert labels.tolist() == ["fallow"] * 2 + ["celery"] * 3
    gan.save(tmp_path / "run")
    again, same = SpectralGAN.load(tmp_path / "run").sample({"fallow": 2, "celery": 3}, None, 1)
    np.testing.assert_array_equal(again, drawn)
    assert same.tolist() == labels.tolist()


@recipes
def test_fit_is_repeatable_and_the_seed_counts(recipe):
    X, y = spectra([8, 6])
    gan = quick(recipe).fit(X, y)
    first = gan.sample(4, random_state=0)[0]
    np.testing.assert_array_equal(gan.fit(X, y).sample(4, random_state=0)[0], first)
    np.testing.assert_array_equal(clone(gan).fit(X, y).sample(4, random_state=0)[0], first)
    assert not np.array_equal(gan.sample(4, random_state=1)[0], first)
    other = clone(gan).set_params(random_state=1)
    if recipe == "spectral":  # its density hangs on the pixels; the seed is that of the network
        other.fit(X, y, X, y)
        same = [clone(gan).set_params(random_state=s).fit(X, y, X, y) for s in (1, 2)]
        weights = [g.trained_.generator.residual.linears[0].weight for g in (other, *same)]
        assert torch.equal(weights[0], weights[1])
        assert not torch.equal(weights[0], weights[2])
        return
    assert not np.array_equal(other.fit(X, y).sample(4, random_state=0)[0], first)


def test_a_large_draw_is_any_number_of_spectra(monkeypatch):
    monkeypatch.setattr(SpectralGAN, "block", 10)
    gan = quick().fit(*spectra([8, 6]))
    drawn, labels = gan.sample({1: 25, 2: 0}, random_state=0)
    assert len(drawn) == len(labels) == 25
    assert len(np.unique(drawn, axis=0)) == 25
    assert gan.sample({})[0].shape == (0, 16)


@recipes
def test_unsupervised_needs_no_label(recipe, tmp_path):
    X, y = spectra([20, 20])
    gan = quick(recipe, mode="unsupervised").fit(X, None, X[:10])
    drawn, labels = gan.sample(5, random_state=0)
    assert labels.tolist() == [0] * 5
    labelled = quick(recipe, mode="unsupervised").fit(X, y, X[:10], y[:10])
    np.testing.assert_array_equal(labelled.sample(5, random_state=0)[0], drawn)
    gan.save(tmp_path)
    loaded = SpectralGAN.load(tmp_path)
    np.testing.assert_array_equal(loaded.sample(5, random_state=0)[0], drawn)


@recipes
def test_unlabelled_pixels_count_in_the_semi_supervised_mode_alone(recipe):
    X, y = spectra([12, 12])
    more = X[:9] + 500
    drawn = {
        mode: [
            quick(recipe, mode=mode, steps=30).fit(X, y, X, y, u).sample(5, random_state=0)[0]
            for u in (X, more)
        ]
        for mode in ("supervised", "semi-supervised")
    }
    np.testing.assert_array_equal(*drawn["supervised"])
    if recipe == "hypergan":  # in the other one validation may prefer the density as it was
        assert not np.array_equal(*drawn["semi-supervised"])
    with pytest.raises(InputError, match="needs X_unlabelled"):
        quick(recipe, mode="semi-supervised").fit(X, y)


@recipes
def test_what_cannot_be_used_is_refused_in_one_line(recipe):
    X, y = spectra([6, 6])
    gan = quick(recipe)
    holes = X.copy()
    holes[3, 2] = np.nan
    for given, words in (
        ((holes, y), "NaN"),
        ((X[:, :1], y), "1 feature"),
        ((X[:1], y[:1]), "1 sample"),
        ((X, y[:-1]), "inconsistent"),
        ((X, None), "requires y"),
        ((X, y + 0.5), "continuous"),
        ((X, y, X[:, :3], y), "X_validation must have shape"),
        ((X, y, holes, y), "X_validation must be finite"),
        ((X, y, X, y[:3]), "y_validation must have one label"),
        ((X, y, None, None, X[0]), "X_unlabelled must have shape"),
    ):
        with pytest.raises(InputError, match=words):
            gan.fit(*given)
    for classes in (y, np.ones_like(y)):  # a single class knows its name too
        with pytest.raises(LabelError, match=r"lacks: \[7\]"):
            gan.fit(X, classes, X[:2], [classes[0], 7])
    with pytest.raises(LabelError, match="9"):
        gan.fit(X, y).sample(3, classes=[1, 9])
    with pytest.raises(LabelError, match="9"):
        gan.draw_latents([1, 9])
    with pytest.raises(InputError, match="negative"):
        gan.sample(-1)
    with pytest.raises(InputError, match="device must be"):
        SpectralGAN(device="tpu").fit(X, y)


def test_settings_are_checked():
    X, y = spectra([6, 6])
    with pytest.raises(RecipeError, match="did you mean 'steps'"):
        SpectralGAN(settings={"step": 3}).fit(X, y)
    with pytest.raises(RecipeError, match="did you mean 'hypergan'"):
        SpectralGAN("hyprgan").fit(X, y)
    assert resolve_settings("hypergan", {"steps": 5}, ["batch=4"]).batch == 4


@recipes
def test_a_run_is_continued_with_the_same_pixels_alone(recipe, tmp_path):
    X, y = spectra([60, 60])
    run = RunFolder(tmp_path / "run")

    def stop(step, values):
        if step == 4:
            signal.raise_signal(signal.SIGINT)

    def train(report=None, pixels=X, run=run, **settings):
        gan = quick(recipe, steps=8, **settings).set_params(run=run, report=report)
        return gan.fit(pixels, y, X[::3], y[::3])

    with pytest.warns(UserWarning, match="interrupted after step 4"):
        part = train(stop)
    assert (part.step_, part.interrupted_) == (4, True)
    usable = SpectralGAN.load(run.path).sample(5, random_state=0)[0]
    np.testing.assert_array_equal(usable, part.sample(5, random_state=0)[0])
    with pytest.raises(RunError, match="other pixels"):
        train(pixels=X + 1)
    with pytest.raises(RunError, match=r"other settings \(settings.batch\)"):
        train(batch=9)
    whole = train(run=None).sample(5, random_state=0)[0]
    resumed = train()
    assert (resumed.step_, resumed.interrupted_) == (8, False)
    np.testing.assert_array_equal(resumed.sample(5, random_state=0)[0], whole)
    np.testing.assert_array_equal(SpectralGAN.load(run.path).sample(5, None, 0)[0], whole)


def test_ctrl_c_while_the_number_of_steps_is_being_found_can_be_resumed(tmp_path):
    X, y = spectra([120, 120])

    def stop(step, values):
        if step == 4:
            signal.raise_signal(signal.SIGINT)

    run = RunFolder(tmp_path / "run")
    gan = quick(steps=8).set_params(run=run, report=stop)
    with pytest.warns(UserWarning, match="interrupted"):
        gan.fit(X, y)
    assert gan.interrupted_
    assert np.isfinite(SpectralGAN.load(run.path).sample(3, random_state=0)[0]).all()
    resumed = gan.set_params(report=None).fit(X, y)
    whole = quick(steps=8).fit(X, y)
    assert resumed.step_ == whole.step_
    np.testing.assert_array_equal(
        resumed.sample(3, random_state=0)[0], whole.sample(3, random_state=0)[0]
    )


def test_a_damaged_run_is_refused(tmp_path):
    quick().fit(*spectra([6, 6])).save(tmp_path)
    checkpoint = tmp_path / "checkpoints" / "generator.safetensors"
    whole, config = checkpoint.read_bytes(), (tmp_path / "config.toml").read_text()
    for content in (whole[:-50], whole[:9], b""):
        checkpoint.write_bytes(content)
        with pytest.raises(RunError, match="damaged"):
            SpectralGAN.load(tmp_path)
    run = RunFolder(tmp_path)
    checkpoint.write_bytes(whole)
    tensors, facts = run.load("checkpoints/generator")
    del tensors["space.mean"]
    run.save("checkpoints/generator", tensors, facts)
    with pytest.raises(RunError, match="damaged"):
        SpectralGAN.load(tmp_path)
    checkpoint.write_bytes(whole)
    for text in (
        "settings = 3\nrecipe = 'x'\nseed = 0",
        "seed = 0",
        config.replace("[settings]", ""),
    ):
        (tmp_path / "config.toml").write_text(text)
        with pytest.raises(RunError, match="damaged"):
            SpectralGAN.load(tmp_path)
    (tmp_path / "config.toml").write_text(config)
    checkpoint.unlink()
    with pytest.raises(RunError, match="missing"):
        SpectralGAN.load(tmp_path)


def test_a_loaded_run_remembers_its_recipe(tmp_path):
    gan = SpectralGAN("hypergan-notebook", QUICK["hypergan"]).fit(*spectra([6, 6]))
    gan.save(tmp_path)
    assert SpectralGAN.load(tmp_path).run_settings() == gan.run_settings()


@recipes
def test_interpolations_start_and_end_where_they_should(recipe):
    X, y = spectra([20, 20])
    gan = quick(recipe).fit(X, y)
    path = between_classes(gan, 1, 2, 5, random_state=0)
    latent = gan.draw_latents([1], 0)
    np.testing.assert_allclose(path[:1], gan.decode(latent, [[1.0, 0.0]]), rtol=1e-4)
    np.testing.assert_allclose(path[-1:], gan.decode(latent, [[0.0, 1.0]]), rtol=1e-4)
    walk = within_class(gan, 2, 5, random_state=0)
    random = np.random.default_rng(0)  # one at a time: drawn together they may be opposites
    ends = [gan.decode(gan.draw_latents([2], random), [[0.0, 1.0]])[0] for _ in range(2)]
    np.testing.assert_allclose(walk[[0, -1]], ends, rtol=1e-4)
    shares = class_weights(gan, {1: 1, 2: 3})
    np.testing.assert_allclose(shares, [0.25, 0.75])
    halfway = mixtures(gan, [[0.5, 0.5]] * 3, random_state=0)
    assert np.isfinite(halfway).all()
    for wrong in ({}, {1: -1.0, 2: 2.0}, {1: np.nan}):
        with pytest.raises(InputError):
            class_weights(gan, wrong)
    with pytest.raises(LabelError, match="not trained"):
        between_classes(gan, 1, 3, 5)
    with pytest.raises(InputError, match="one column"):
        mixtures(gan, [[1.0]])
    with pytest.raises(InputError, match="sum to one"):
        gan.decode(latent, [[0.5, 0.2]])
    with pytest.raises(InputError, match="two steps"):
        within_class(gan, 1, 1)


def test_oversampler_fills_classes_inside_a_grid_search():
    X, y = spectra([40, 12, 9])
    sampler = GANOverSampler(settings=QUICK["spectral"])
    more, labels = sampler.fit_resample(X, y)
    assert np.bincount(labels)[1:].tolist() == [40, 40, 40]
    np.testing.assert_array_equal(more[:61], X)
    np.testing.assert_array_equal(labels[:61], y)
    wanted = GANOverSampler(sampling_strategy={3: 20}, settings=QUICK["spectral"])
    assert np.bincount(wanted.fit_resample(X, y)[1])[1:].tolist() == [40, 12, 20]
    pipeline = make_pipeline(sampler, LinearDiscriminantAnalysis())
    grid = {"ganoversampler__settings": [{**QUICK["spectral"], "features": f} for f in (2, 8)]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # collinear bands: not what is tested
        search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.9


@pytest.mark.parametrize("mode", ["supervised", "unsupervised"])
def test_the_distance_of_hypergan_to_validation_pixels_is_logged(mode, tmp_path):
    X, y = spectra([60, 60])
    gan = quick("hypergan", mode=mode, steps=12)
    gan.run = RunFolder.create(tmp_path, gan.run_settings())
    gan.fit(X, y, X[::2], y[::2])
    rows = map(json.loads, (tmp_path / "stats.jsonl").read_text().splitlines())
    logged = [row["distance"] for row in rows if "distance" in row]
    assert len(logged) == 2
    assert np.isfinite(logged).all()
    assert max(logged) > 0.1  # far away after so few steps
