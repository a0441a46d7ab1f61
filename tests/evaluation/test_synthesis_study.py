from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hsigan.errors import InputError, LabelError, RunError
from hsigan.evaluation.augmentation_partition import Partition
from hsigan.evaluation.contestants import Contestants, read_samples, without_classes
from hsigan.evaluation.interpolation import interpolation_arrays
from hsigan.evaluation.results import ResultsFolder
from hsigan.evaluation.synthesis import Setting
from hsigan.evaluation.synthesis_study import describe_split, run_study
from hsigan.sampling import Split, SplitOptions, common_bands, gather_pixels, split_scenes
from hsigan.scene import simulate_scene
from hsigan.synthesis import Samples, SpectralGAN
from hsigan.synthesis.scene_parts import GanOptions
from hsigan.synthesis.scene_run import train_on_scenes

FEW = Setting("simulated", floor_draws=2)


@pytest.fixture(scope="module")
def scene() -> xr.Dataset:
    return simulate_scene(height=50, width=60, bands=24, classes=3, seed=1)


@pytest.fixture(scope="module")
def split(scene: xr.Dataset) -> Split:
    return split_scenes([scene], SplitOptions(mode="random", train=0.1, seed=0))


def _samples(scene: xr.Dataset, split: Split, path: Path, bands: np.ndarray | None = None) -> Path:
    table = gather_pixels([scene], split.test, band_indices=bands)
    Samples(table.spectra, table.labels, band_indices=table.band_indices).save(path)
    return path


def test_a_study_keeps_records_pictures_and_interpolations(
    scene: xr.Dataset, split: Split, tmp_path: Path
) -> None:
    who = Contestants(
        methods=("gan", "duplication"),
        files={"theirs": _samples(scene, split, tmp_path / "theirs.npz")},
        per_class=60,
        gan_settings={"steps": 5},
    )
    results = ResultsFolder(tmp_path / "results")
    told: list[str] = []
    records = run_study([scene], split, who, FEW, results, progress=told.append)
    assert len(told) == who.steps(classes=3)
    assert results.records() == records
    values = {
        (r.method, r.metric): r.value for r in records if r.class_id is None and not r.classifier
    }
    assert values["duplication", "neighbour_ratio"] == 0
    assert values["theirs", "coverage"] > values["duplication", "coverage"]
    arrays = results.arrays()
    parts = arrays["scene/0/split"]
    assert [int((parts == k).sum()) for k in (1, 2, 3)] == [
        int(mask[0].sum()) for mask in (split.train, split.validation, split.test)
    ]
    assert arrays["scene/0/rgb"].shape == (50, 60, 3)
    assert arrays["scene/0/rgb"].std() > 10
    ids = scene["label"].attrs["class_ids"]
    assert f"interpolation/within/{ids[0]}" in arrays
    assert f"interpolation/between/{ids[0]}-{ids[1]}" in arrays


@pytest.fixture(scope="module")
def run(scene: xr.Dataset, split: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "mine"
    train_on_scenes([scene], split, folder, GanOptions(settings={"steps": 5}))
    return folder


def test_walks_start_and_end_in_their_classes(run: Path) -> None:
    gan = SpectralGAN.load(run)
    arrays = interpolation_arrays(gan, seed=0, steps=5)
    first, second, third = gan.classes_.tolist()
    assert list(arrays) == [
        *[f"interpolation/within/{label}" for label in (first, second, third)],
        f"interpolation/between/{first}-{second}",
        f"interpolation/between/{second}-{third}",
    ]
    X, y = gan.sample(200, random_state=0)
    means = np.stack([X[y == label].mean(axis=0) for label in gan.classes_])
    for position, code in ((0, 0), (-1, 1)):
        end = arrays[f"interpolation/between/{first}-{second}"][position]
        assert np.linalg.norm(means - end, axis=1).argmin() == code


def test_a_run_is_judged_on_what_it_did_not_see(
    scene: xr.Dataset, split: Split, run: Path, tmp_path: Path
) -> None:
    who = Contestants(methods=(), runs={"mine": run}, per_class=30)
    results = ResultsFolder(tmp_path / "results")
    assert {r.method for r in run_study([scene], split, who, FEW, results)} >= {"mine", "floor"}
    other = split_scenes([scene], SplitOptions(mode="random", train=0.1, seed=1))
    with pytest.raises(RunError, match="pixels that this split holds out"):
        run_study([scene], other, who, FEW, results)
    everything = tmp_path / "everything"
    train_on_scenes([scene], None, everything, GanOptions(settings={"steps": 0}))
    with pytest.raises(RunError, match="nothing is held out"):
        run_study([scene], split, Contestants((), {"all": everything}), FEW, results)


def test_samples_over_more_bands_are_read_over_the_scenes_own(
    scene: xr.Dataset, split: Split, tmp_path: Path
) -> None:
    path = _samples(scene, split, tmp_path / "all.npz")
    classes = np.unique(gather_pixels([scene], split.train).labels)
    bands = common_bands([scene])
    spectra, labels = read_samples(path, bands[::2], classes[:2])
    table = gather_pixels([scene], split.test)
    kept = np.isin(table.labels, classes[:2])
    np.testing.assert_array_equal(spectra, table.spectra[kept][:, ::2])
    np.testing.assert_array_equal(labels, table.labels[kept])
    few = _samples(scene, split, tmp_path / "few.npz", bands[:5])
    with pytest.raises(InputError, match=r"few\.npz has 5 bands"):
        read_samples(few, bands, classes)


def test_what_cannot_be_judged_is_refused(scene: xr.Dataset, split: Split, tmp_path: Path) -> None:
    for wrong, message in (
        ({"methods": ("coral",)}, "no generator 'coral'"),
        ({"methods": ()}, "nothing to judge"),
        ({"methods": ("smote",), "files": {"smote": tmp_path}}, "'smote' names two"),
        ({"per_class": 1}, "at least 2"),
    ):
        with pytest.raises(InputError, match=message):
            Contestants(**wrong)  # type: ignore[arg-type]
    table = gather_pixels([scene], split.test)
    first = table.labels == table.labels.min()
    Samples(table.spectra[first], table.labels[first]).save(tmp_path / "one.npz")
    who = Contestants(methods=(), files={"one": tmp_path / "one.npz"})
    with pytest.raises(LabelError, match="samples 'one' have no spectra of class"):
        run_study([scene], split, who, FEW, ResultsFolder(tmp_path / "results"))
    assert ResultsFolder(tmp_path / "results").records() == []


def test_without_unlabelled_pixels_a_semi_supervised_gan_is_left_out_only_by_default(
    scene: xr.Dataset, tmp_path: Path
) -> None:
    labelled = scene.copy()
    labels = scene["label"].values.copy()
    labels[labels == 0] = labels.max()
    labelled["label"] = (scene["label"].dims, labels, scene["label"].attrs)
    split = split_scenes([labelled], SplitOptions(mode="random", train=0.1, seed=0))
    strict = Contestants(methods=("duplication", "ss-gan"), per_class=20)
    with pytest.raises(InputError, match="ss-gan needs unlabelled pixels"):
        run_study([labelled], split, strict, FEW, ResultsFolder(tmp_path))
    lenient = Contestants(methods=("duplication", "ss-gan"), per_class=20, skip_impossible=True)
    records = run_study([labelled], split, lenient, FEW, ResultsFolder(tmp_path))
    assert "ss-gan" not in {record.method for record in records}


def test_splits_are_named_by_what_they_do(scene: xr.Dataset, split: Split) -> None:
    assert describe_split(split, Contestants()) == "random 10 %"
    assert describe_split(split, Contestants(patch_px=9)) == "random 10 %, 9 x 9 patches"
    together = Contestants(classes_together=True)
    assert describe_split(split, together) == "random 10 %, classes together"
    options = SplitOptions(mode="blocks", train=0.5, block_px=5, guard_px=2, seed=0)
    blocks = split_scenes([scene], options)
    assert describe_split(blocks, Contestants()) == "blocks 5 px 50 %, guard 2 px"


def test_samples_without_classes_are_judged_with_all_classes_as_one(
    scene: xr.Dataset, split: Split, tmp_path: Path
) -> None:
    table = gather_pixels([scene], split.test)
    path = tmp_path / "blind.npz"
    Samples(table.spectra, np.zeros_like(table.labels), band_indices=table.band_indices).save(path)
    who = Contestants(methods=("duplication",), files={"blind": path}, per_class=60)
    with pytest.raises(InputError, match="--classes-together"):
        run_study([scene], split, who, FEW, ResultsFolder(tmp_path / "refused"))
    told: list[str] = []
    who = replace(who, classes_together=True)
    records = run_study(
        [scene], split, who, FEW, ResultsFolder(tmp_path / "results"), progress=told.append
    )
    assert len(told) == who.steps(classes=3)
    assert {r.class_id for r in records} == {4, None}
    values = {(r.method, r.metric): r.value for r in records if r.class_id is None}
    assert values["blind", "memorised_share"] < values["duplication", "memorised_share"]


def test_samples_of_classes_are_merged_in_the_shares_of_training() -> None:
    labels = np.repeat([1, 2], [30, 10])
    data = Partition(
        seed=0,
        X=np.zeros((40, 3)),
        y=labels,
        X_validation=np.zeros((0, 3)),
        y_validation=labels[:0],
        validation_group=labels[:0],
        X_test=np.zeros((40, 3)),
        y_test=labels,
        X_unlabelled=np.zeros((0, 3)),
        X_target=np.zeros((0, 3)),
        X_source=np.zeros((0, 3)),
        wavelengths_nm=None,
        classes=np.array([1, 2]),
    )
    drawn = np.repeat([1, 2], [60, 60])
    merged, samples = without_classes(
        data, {"theirs": (drawn[:, None] * np.ones(3), drawn)}, class_id=3
    )
    spectra, classes = samples["theirs"]
    assert merged.y.tolist() == [3] * 40
    assert classes.tolist() == [3] * 80
    assert np.bincount(spectra[:, 0].astype(int)).tolist() == [0, 60, 20]


def test_patches_are_not_judged_without_their_classes() -> None:
    with pytest.raises(InputError, match="for spectra alone"):
        Contestants(patch_px=3, classes_together=True)
