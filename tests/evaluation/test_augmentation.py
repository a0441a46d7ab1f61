"""The augmentation experiment: honest, paired, resumable."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hsigan.classification import tune
from hsigan.errors import RecipeError, RunError
from hsigan.evaluation.augmentation import evaluate_augmentation, experiment_facts
from hsigan.evaluation.augmentation_config import AugmentationConfig
from hsigan.evaluation.augmentation_methods import METHODS, fit_generator, possible
from hsigan.evaluation.augmentation_partition import (
    Partition,
    make_partition,
    spatial_groups,
)
from hsigan.evaluation.augmentation_run import PartitionRun, run_partition, works
from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.recipe import build_config, load_recipe, recipe_names
from hsigan.sampling import make_split
from hsigan.sampling.pixels import gather_pixels
from hsigan.scene import simulate_scene
from hsigan.synthesis import SpectralGAN
from hsigan.synthesis.auto import Candidate

WITHOUT_GANS = tuple(n for n, m in METHODS.items() if not m.gan_recipe and not m.patches)
SMALL = AugmentationConfig(
    split={"mode": "random", "train": 0.25},
    seeds=2,
    methods=("none", "duplication", "gain-offset", "auto"),
    classifiers=("lda", "svm-linear"),
    auto_methods=("duplication", "gain-offset"),
)


@pytest.fixture(scope="module")
def scene() -> xr.Dataset:
    return simulate_scene(height=36, width=36, bands=18, classes=3, seed=2)


def _partition(scene: xr.Dataset, config: AugmentationConfig = SMALL, seed: int = 0) -> Partition:
    split = make_split([scene["label"].values], config.split_options(seed))
    return make_partition([scene], split, seed)


def _key(record: Record) -> tuple[object, ...]:
    return record.seed, record.method, record.amount, record.classifier, record.metric


def test_every_method_gives_accuracies_for_every_classifier(scene: xr.Dataset) -> None:
    config = SMALL.model_copy(update={"methods": WITHOUT_GANS, "classifiers": ("lda",)})
    data = _partition(scene, config)
    seen = dict(run_partition(data, config, "s", set()))
    assert list(seen) == works(config)
    assert {method for method, _ in seen} == set(WITHOUT_GANS)
    for records in seen.values():
        values = {(r.classifier, r.metric): r.value for r in records}
        assert {"lda", "best"} == {classifier for classifier, _ in values}
        assert 0.0 <= values["lda", "overall_accuracy"] <= 100.0


def test_figures_of_other_settings_are_not_added_to(scene: xr.Dataset, tmp_path: Path) -> None:
    few = {"seeds": 1, "methods": ("none", "duplication"), "classifiers": ("lda",)}
    config = SMALL.model_copy(update=few)
    folder = ResultsFolder(tmp_path)
    records = evaluate_augmentation([scene], config, folder, scene_name="hills")
    told = experiment_facts([scene], config, name="hills", command="", seconds=0.0)
    folder.write_experiment(told)
    for change in ({"seeds": 2}, {"methods": ("none", "gain-offset")}, {"auto_amounts": (7.0,)}):
        other = config.model_copy(update=change)
        assert evaluate_augmentation([scene], other, folder, scene_name="hills") != []
    with pytest.raises(RunError, match=r"other settings \(gan, networks\)"):
        evaluate_augmentation(
            [scene],
            config.model_copy(update={"gan": {"spectral": {"steps": 0}}, "networks": {"ssrn": {}}}),
            folder,
            scene_name="hills",
        )
    again = evaluate_augmentation([scene], config, folder, scene_name="hills")
    assert set(records) <= set(again)
    apart = config.model_copy(update={"split": {"mode": "random", "train": 0.3}})
    assert {r.split for r in evaluate_augmentation([scene], apart, folder, scene_name="hills")} == {
        "random 30 %"
    }


def test_changing_test_pixels_changes_no_inductive_fit_and_no_choice(scene: xr.Dataset) -> None:
    config = SMALL.model_copy(update={"methods": WITHOUT_GANS})
    data = _partition(scene, config)
    rng = np.random.default_rng(0)
    other = replace(
        data,
        X_test=rng.normal(1000.0, 900.0, data.X_test.shape).astype(np.float32),
        y_test=rng.permutation(data.y_test),
        X_target=data.X_target[:5] * 3.0,
    )
    probe = data.X_validation * np.float32(1.03)
    runs = [PartitionRun.begin(each, config) for each in (data, other)]
    assert runs[0].tuned == runs[1].tuned
    for method, amount in works(config):
        if METHODS[method].unlabelled not in ("", "inductive") or method == "auto":
            continue
        for name in config.classifiers:
            predicted = [run.fit(method, amount, name).predict(probe) for run in runs]
            np.testing.assert_array_equal(*predicted, err_msg=method)
    assert runs[0].decide_auto() == runs[1].decide_auto()


@pytest.mark.parametrize("chooser", ["auto_methods", "reference_methods"])
@pytest.mark.parametrize("method", ["area-gan", "ss-gan-transductive"])
def test_what_has_seen_test_pixels_is_no_candidate(chooser: str, method: str) -> None:
    with pytest.raises(RecipeError, match=method):
        build_config(AugmentationConfig, {chooser: [method]})


@pytest.mark.parametrize("per_class", [None, 8])
def test_auto_without_a_choice_is_exactly_the_real_only_classifier(
    scene: xr.Dataset, per_class: int | None
) -> None:
    split = {"mode": "random", "train_per_class": per_class} if per_class else SMALL.split
    config = SMALL.model_copy(update={"split": split, "auto_methods": ("duplication",)})
    run = PartitionRun.begin(_partition(scene, config), config)
    alone, auto = run.scores("none", None), run.scores("auto", None)
    for name in (*config.classifiers, "best"):
        assert auto[name].pop("augmented") in (0.0, 1.0)
        if run.choices.get(name) is None or run.choices[name].candidate is None:
            assert auto[name] == alone[name]
    # Duplicates change a discriminant analysis by nothing that can be seen on validation data.
    assert run.choices["lda"].candidate is None


def test_auto_takes_what_clearly_helps_on_validation_data(
    scene: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = PartitionRun.begin(_partition(scene), SMALL)
    helpful = Candidate("gain-offset", 1.0)
    gains = {helpful: np.array([3.0, 2.0, 4.0, 3.0, 2.0, 3.0, 4.0, 3.0])}
    monkeypatch.setattr(run, "_validation_gains", lambda name, methods: gains)
    auto = run.scores("auto", None)
    assert auto["lda"]["augmented"] == 1.0
    expected = run.scores("gain-offset", 1.0)["lda"]
    assert auto["lda"]["overall_accuracy"] == expected["overall_accuracy"]


def test_a_classifier_without_a_choice_is_not_cross_validated(
    scene: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = {"mode": "random", "train": 0.25, "validation": 0.0}
    config = SMALL.model_copy(update={"split": split, "classifiers": ("two-view",)})
    data = _partition(scene, config)
    tuned = tune("two-view", data.X, data.y, seed=data.seed)
    monkeypatch.setattr("hsigan.evaluation.augmentation_run.tune", None)
    run = PartitionRun.begin(data, config)
    assert run.best == "two-view"
    found = run.tuned["two-view"]
    assert (found.params, found.pixels) == (tuned.params, tuned.pixels)
    records = next(run_partition(data, config, "s", set()))[1]
    assert all(np.isfinite(record.value) for record in records)


def test_gains_are_over_the_classifier_that_validation_chose(scene: xr.Dataset) -> None:
    data = _partition(scene)
    run = PartitionRun.begin(data, SMALL)
    records = [r for _, group in run_partition(data, SMALL, "s", set()) for r in group]
    accuracy = {
        (r.method, r.classifier): r.value for r in records if r.metric == "overall_accuracy"
    }
    gains = {(r.method, r.classifier): r.value for r in records if r.metric == "gain_over_best"}
    reference = accuracy["none", run.best]
    assert accuracy["none", "best"] == reference
    assert gains == {key: value - reference for key, value in accuracy.items()}


def test_an_interrupted_experiment_continues_to_the_same_records(
    scene: xr.Dataset, tmp_path: Path
) -> None:
    whole = evaluate_augmentation([scene], SMALL, ResultsFolder(tmp_path / "whole"))
    folder = ResultsFolder(tmp_path / "cut")
    steps: list[tuple[int, int]] = []

    def stop(message: str, done: int, planned: int) -> None:
        steps.append((done, planned))
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_augmentation([scene], SMALL, folder, progress=stop)
    assert len({r.seed for r in folder.records()}) == 2
    before = len(folder.records_path.read_text().splitlines())
    steps.clear()
    records = evaluate_augmentation(
        [scene], SMALL, folder, progress=lambda m, d, p: steps.append((d, p))
    )
    assert steps[0] == (5, 8)
    assert steps[-1] == (8, 8)
    assert before < len(folder.records_path.read_text().splitlines()) == len(records)
    assert {_key(r): r.value for r in records} == {_key(r): r.value for r in whole}


def test_what_is_impossible_in_a_partition_is_done_too(
    scene: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = scene.assign(label=scene["label"].clip(min=1))  # leaves no pixel without a label
    config = SMALL.model_copy(
        update={"methods": ("none", "label-propagation"), "classifiers": ("lda",)}
    )
    folder = ResultsFolder(tmp_path)
    records = evaluate_augmentation([full], config, folder)
    told = [r for r in records if r.method == "label-propagation"]
    assert [(r.seed, r.amount, r.classifier, r.metric, r.value) for r in told] == [
        (seed, 1.0, None, "impossible", 1.0) for seed in (0, 1)
    ]
    monkeypatch.setattr("hsigan.evaluation.augmentation.run_partition", None)
    assert evaluate_augmentation([full], config, folder) == records
    folder.write_summary()


def test_processes_give_the_records_of_one_process(scene: xr.Dataset, tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"methods": ("none",), "classifiers": ("lda",)})
    alone = evaluate_augmentation([scene], config, ResultsFolder(tmp_path / "1"))
    together = evaluate_augmentation([scene], config, ResultsFolder(tmp_path / "2"), processes=2)
    assert {_key(r): r.value for r in alone} == {_key(r): r.value for r in together}


def test_unlabelled_pixels_of_inductive_methods_hold_no_test_pixel(scene: xr.Dataset) -> None:
    data = _partition(scene)
    test = {row.tobytes() for row in data.X_test} | {row.tobytes() for row in data.X_validation}
    assert len(data.X_unlabelled)
    assert not test & {row.tobytes() for row in data.X_unlabelled}
    bare = replace(data, X_unlabelled=data.X_unlabelled[:0])
    assert not possible("label-propagation", bare)
    assert possible("gaussian", bare)
    assert fit_generator("label-propagation", data, {}) is not None


def test_groups_of_validation_pixels_are_of_equal_size_and_hold_together(
    scene: xr.Dataset,
) -> None:
    table = gather_pixels([scene], "labelled")
    groups = spatial_groups(table, 8)
    counts = np.bincount(groups)
    assert len(counts) == 8
    assert counts.max() - counts.min() <= 1
    spread = [np.ptp(table.row[groups == g]) + np.ptp(table.column[groups == g]) for g in range(8)]
    assert np.mean(spread) < np.ptp(table.row) + np.ptp(table.column)


@pytest.mark.parametrize(
    "name", [name for name in recipe_names("experiment") if not name.startswith("compression-")]
)
def test_shipped_experiments_are_valid(name: str) -> None:
    config = build_config(AugmentationConfig, load_recipe("experiment", name))
    assert config.scenes
    assert config.title
    if "auto" in config.methods and config.patch_px == 1:
        assert len(config.auto_amounts) > 1, "auto has no amount to choose"
        assert config.amounts[-1] in config.auto_amounts


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("methods=['noone']", "no method 'noone'"),
        ("classifiers=['svn']", "no classifier 'svn'"),
        ("auto_methods=['coral']", "no inductive generator 'coral'"),
        ("amounts=[0.0]", "above zero"),
        ("seedz=3", "did you mean 'seeds'"),
    ],
)
def test_impossible_settings_are_refused(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_config(AugmentationConfig, {}, [override])


def test_an_impossible_split_is_refused() -> None:
    with pytest.raises(RecipeError, match="split"):
        build_config(AugmentationConfig, {"split": {"mode": "randum", "train": 0.1}})
    with pytest.raises(RecipeError, match="split"):
        build_config(AugmentationConfig, {"split": {"tain": 0.1}})


def test_a_kept_gan_is_not_trained_twice(scene: xr.Dataset, tmp_path: Path) -> None:
    data = _partition(scene)
    settings = {"hypergan": {"steps": 2, "batch": 8}}
    first = fit_generator("hypergan", data, settings, tmp_path)
    state = tmp_path / f"hypergan-seed-{data.seed}" / "state.safetensors"
    assert state.is_file()
    again = fit_generator("hypergan", data, settings, tmp_path)
    np.testing.assert_array_equal(
        first.sample(3, random_state=0)[0], again.sample(3, random_state=0)[0]
    )
    state.write_bytes(b"cut off")
    with pytest.raises(RunError, match="damaged"):  # so it was read, not trained anew
        fit_generator("hypergan", data, settings, tmp_path)


def test_a_training_that_was_interrupted_is_no_result(
    scene: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(self: SpectralGAN, *pixels: object, **more: object) -> SpectralGAN:
        self.interrupted_ = True
        return self

    monkeypatch.setattr(SpectralGAN, "fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        fit_generator("gan", _partition(scene), {})
