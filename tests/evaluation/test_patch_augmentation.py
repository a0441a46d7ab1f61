"""The augmentation experiment on patches: generators of both kinds, and an honest reference."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hsigan.errors import RecipeError, SplitError
from hsigan.evaluation.augmentation import evaluate_augmentation
from hsigan.evaluation.augmentation_config import AugmentationConfig
from hsigan.evaluation.augmentation_methods import fit_generator
from hsigan.evaluation.augmentation_partition import Partition, make_partition
from hsigan.evaluation.augmentation_run import PartitionRun
from hsigan.evaluation.leak_facts import leak_facts
from hsigan.evaluation.results import ResultsFolder
from hsigan.recipe import build_config
from hsigan.sampling import split_scenes
from hsigan.sampling.patches import centres_of
from hsigan.scene import simulate_scene

SPLIT = {"mode": "blocks", "train": 0.5, "block_px": 12, "patch_px": 3, "validation": 0.3}
SMALL = build_config(
    AugmentationConfig,
    {
        "split": SPLIT,
        "seeds": 1,
        "methods": ["none", "flips-rotations", "gaussian"],
        "classifiers": ["lda", "ssftt"],
        "networks": {"ssftt": {"max_steps": 4}},
    },
)


@pytest.fixture(scope="module")
def scene() -> xr.Dataset:
    return simulate_scene(height=48, width=48, bands=16, classes=3, seed=4)


@pytest.fixture(scope="module")
def data(scene: xr.Dataset) -> Partition:
    split = split_scenes([scene], SMALL.split_options(0))
    return make_partition([scene], split, 0, patch_px=3)


def test_methods_for_spectra_and_for_patches_stand_in_one_table(
    scene: xr.Dataset, tmp_path: Path
) -> None:
    records = evaluate_augmentation([scene], SMALL, ResultsFolder(tmp_path))
    figures = {(r.method, r.classifier): r.value for r in records if r.metric == "gain_over_best"}
    assert {method for method, _ in figures} == {"none", "flips-rotations", "gaussian"}
    assert {name for _, name in figures} == {"lda", "ssftt", "best"}
    assert {r.split for r in records} == {SMALL.split_name()}
    assert "3 x 3 patches" in SMALL.split_name()


def test_fakes_of_a_generator_of_spectra_sit_in_real_texture(data: Partition) -> None:
    generator = fit_generator("gaussian", data, {})
    patches, labels = generator.sample(5, random_state=0)
    assert patches.shape == (5 * len(data.classes), *data.X.shape[1:])
    texture = patches - centres_of(patches)[:, :, None, None]
    real = data.X - centres_of(data.X)[:, :, None, None]
    for fake, label in zip(texture, labels, strict=True):
        distances = np.abs(real[data.y == label] - fake).max(axis=(1, 2, 3))
        assert distances.min() < 1e-4 * np.abs(data.X).max()


def test_gains_are_over_the_better_of_real_and_turned_patches(
    data: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    def percent(
        data: Partition, settings: object, make: object, method: str, amount: float
    ) -> float:
        return 200.0

    alone = PartitionRun.begin(data, SMALL)
    assert alone.reference[1] in ("none", "flips-rotations")
    monkeypatch.setattr("hsigan.evaluation.reference._percent", percent)
    turned = PartitionRun.begin(data, SMALL)
    assert turned.reference == ("lda", "flips-rotations")
    expected = turned.scores("flips-rotations", 1.0)["lda"]["overall_accuracy"]
    assert turned.reference_accuracy() == expected


def test_the_choice_of_the_reference_reads_no_test_pixel(
    scene: xr.Dataset, data: Partition
) -> None:
    split = split_scenes([scene], SMALL.split_options(0))
    changed = scene.copy(deep=True)
    changed["values"].values[split.test[0]] += 700
    other = make_partition([changed], split, 0, patch_px=3)
    runs = [PartitionRun.begin(each, SMALL) for each in (data, other)]
    assert runs[0].reference == runs[1].reference
    assert runs[0].tuned == runs[1].tuned


def test_patches_have_defaults_of_their_own() -> None:
    config = AugmentationConfig(split=SPLIT)
    assert "flips-rotations" in config.methods
    assert "ssftt" in config.classifiers
    assert config.reference_methods == ("none", "flips-rotations")
    assert AugmentationConfig().reference_methods == ("none",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"methods": ["flips-rotations"]}, "'flips-rotations' works on patches"),
        ({"classifiers": ["ssftt"]}, "'ssftt' works on patches"),
        ({"split": SPLIT, "methods": ["coral"]}, "'coral' works on spectra"),
        ({"split": SPLIT, "networks": {"ssftt": {"max_step": 4}}}, "max_steps"),
        ({"split": SPLIT, "networks": {"lda": {}}}, "network on patches 'lda'"),
        ({"split": SPLIT, "reference_methods": ["patch"]}, "classical augmentation 'patch'"),
        ({"reference_methods": ["flips-rotations"]}, "'flips-rotations' works on patches"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_config(AugmentationConfig, values)


def test_a_random_split_of_patches_needs_insistence_and_says_what_leaks(
    scene: xr.Dataset, tmp_path: Path
) -> None:
    leaking = {"mode": "random", "train": 0.3, "patch_px": 3}
    config = SMALL.model_copy(update={"split": leaking, "methods": ("none",)})
    with pytest.raises(SplitError, match="--allow-leak"):
        evaluate_augmentation([scene], config, ResultsFolder(tmp_path / "refused"))
    insisted = config.model_copy(update={"split": {**leaking, "allow_leak": True}})
    facts = leak_facts([scene], insisted.split_options(0), 3)
    assert facts is not None
    assert facts["patch_px"] == 3
    assert leak_facts([scene], insisted.split_options(0), 1) is None
    assert 0.5 < facts["test_seeing_training"] <= facts["test_overlapping_training"]
