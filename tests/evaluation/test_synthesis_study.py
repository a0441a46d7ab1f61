from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hsigan.errors import InputError, LabelError
from hsigan.evaluation.interpolation import interpolation_arrays, mixed_spectra
from hsigan.evaluation.results import ResultsFolder
from hsigan.evaluation.synthesis import Setting
from hsigan.evaluation.synthesis_study import (
    Contestants,
    describe_split,
    read_samples,
    run_study,
)
from hsigan.sampling import Split, SplitOptions, common_bands, gather_pixels, split_scenes
from hsigan.scene import simulate_scene
from hsigan.synthesis import Samples

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


class _LinearGan:
    """Class means plus the latent vector, so that walks can be foretold."""

    classes_ = np.array([2, 5, 9])
    means = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])

    def draw_latents(self, labels: list[int], random_state: np.random.Generator) -> np.ndarray:
        return random_state.normal(size=(len(labels), 2))

    def decode(self, latents: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return (weights @ self.means + latents).astype(np.float32)


def test_walks_are_straight_and_keep_what_they_should() -> None:
    arrays = interpolation_arrays(_LinearGan(), seed=0, steps=5)
    assert sorted(arrays) == [
        "interpolation/between/2-5",
        "interpolation/between/5-9",
        "interpolation/within/2",
        "interpolation/within/5",
        "interpolation/within/9",
    ]
    for walk in arrays.values():
        strides = np.diff(walk, axis=0)
        np.testing.assert_allclose(strides, np.tile(strides[:1], (4, 1)), atol=1e-5)
    whole = arrays["interpolation/between/2-5"]
    np.testing.assert_allclose(whole[-1] - whole[0], [10, 0], atol=1e-5)


def test_mixtures_follow_their_weights() -> None:
    weights = np.tile([[0.5, 0.3, 0.2]], (4000, 1))
    made = mixed_spectra(_LinearGan(), weights, seed=0)
    np.testing.assert_allclose(made.mean(axis=0), [3, 2], atol=0.1)


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
    with pytest.raises(InputError, match=r"few\.npz has spectra of 5 bands"):
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
    assert describe_split(split) == "random 10 %"
    options = SplitOptions(mode="blocks", train=0.5, block_px=5, guard_px=2, seed=0)
    assert describe_split(split_scenes([scene], options)) == "blocks 5 px 50 %, guard 2 px"
