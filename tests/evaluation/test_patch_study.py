"""A study of patches: from a split to records, pictures and band weights."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hsigan.errors import InputError
from hsigan.evaluation.contestants import Contestants, read_samples
from hsigan.evaluation.patch_judging import JUDGES
from hsigan.evaluation.results import ResultsFolder
from hsigan.evaluation.synthesis import Setting
from hsigan.evaluation.synthesis_study import run_study
from hsigan.sampling import Split, SplitOptions, common_bands, gather_pixels, split_scenes
from hsigan.sampling.patches import cut_patches
from hsigan.scene import simulate_scene
from hsigan.synthesis import Samples

P = 3
FEW = Setting(scene="simulated", split="blocks", labels_per_class=None, seed=0, floor_draws=3)


@pytest.fixture(scope="module")
def scene() -> xr.Dataset:
    return simulate_scene(height=48, width=48, bands=16, classes=2, seed=4)


@pytest.fixture(scope="module")
def split(scene: xr.Dataset) -> Split:
    options = SplitOptions(
        mode="blocks", train=0.3, block_px=12, patch_px=P, validation=0.0, seed=1
    )
    return split_scenes([scene], options)


def _samples(scene: xr.Dataset, split: Split, path: Path) -> Path:
    table = gather_pixels([scene], split.test)
    patches = cut_patches([scene], table, P)[:]
    Samples(table.spectra, table.labels, band_indices=table.band_indices, patches=patches).save(
        path
    )
    return path


def test_a_study_of_patches_keeps_records_and_pictures(
    scene: xr.Dataset, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {"components": 4, "max_steps": 3}
    monkeypatch.setattr(
        "hsigan.classification.patch_estimator.load_recipe", lambda kind, name: quick
    )
    who = Contestants(
        methods=("flips-rotations", "gaussian", "conv3d-attention"),
        gan_settings={"steps": 1, "batch": 4, "width": 2, "noise": 2},
        files={"theirs": _samples(scene, split, tmp_path / "theirs.npz")},
        per_class=40,
        patch_px=P,
    )
    results = ResultsFolder(tmp_path / "results")
    told: list[str] = []
    records = run_study([scene], split, who, FEW, results, progress=told.append)
    assert len(told) == who.steps(classes=2)
    values = {
        (r.method, r.metric): r.value for r in records if r.class_id is None and not r.classifier
    }
    # Flips leave every spectrum as it is; held-out patches are as real as can be.
    assert values["flips-rotations", "neighbour_ratio"] == 0
    assert values["theirs", "neighbour_ratio"] > 0
    alone = {r.classifier for r in records if r.metric == "accuracy_fake_real" and r.classifier}
    assert set(JUDGES) <= alone
    pictures = results.arrays()
    for method in ("real", "flips-rotations", "gaussian", "theirs"):
        assert pictures[f"patches/{method}/1"].shape[1:] == (P, P, 3)
    for network in ("generator", "critic"):
        weights = [pictures[f"band_weights/conv3d-attention/{network}/{k}"] for k in (1, 2)]
        assert all(row.shape == (16,) and 0 < row.min() < row.max() < 1 for row in weights)
        assert not np.allclose(*weights)


def test_samples_without_patches_are_refused_where_patches_are_judged(
    scene: xr.Dataset, split: Split, tmp_path: Path
) -> None:
    bands = common_bands([scene])
    path = _samples(scene, split, tmp_path / "theirs.npz")
    classes = np.array([1, 2])
    assert read_samples(path, bands, classes, P)[0].ndim == 4
    assert read_samples(path, bands, classes)[0].ndim == 2
    with pytest.raises(InputError, match="5 x 5 patches"):
        read_samples(path, bands, classes, 5)


def test_generators_of_patches_need_a_side() -> None:
    with pytest.raises(InputError, match="--patch"):
        Contestants(methods=("flips-rotations",))
