"""Patch classifiers on disk and on whole scenes: in blocks, from disk, up to the border."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr

from hsigan.classification import (
    TrainedClassifier,
    classify_scene,
    load_classifier,
    mapping,
    predict_blocks,
    save_classifier,
)
from hsigan.classification.patch_estimator import PATCH_CLASSIFIERS, PatchClassifier
from hsigan.errors import RunError, SceneError
from hsigan.sampling.patches import cut_patches
from hsigan.sampling.pixels import PixelTable, gather_pixels
from hsigan.scene import open_scene, simulate_scene, write_scene
from hsigan.training.run_folder import RunFolder

SIDE = 9


@pytest.fixture(scope="module")
def scene() -> xr.Dataset:
    """Return a scene with holes, one of them wider than a patch, as float32."""
    scene = simulate_scene(height=43, width=21, bands=16, classes=3, seed=2)
    values = scene["values"].values.astype(np.float32)
    values[3, 4, 2] = np.nan
    values[20:31, 6:19] = np.nan
    return scene.assign({"values": (("y", "x", "band"), values)})


@pytest.fixture(scope="module")
def pixels(scene: xr.Dataset) -> PixelTable:
    return gather_pixels([scene], "labelled")


def _trained(
    scene: xr.Dataset, pixels: PixelTable, name: str = "ssftt", side: int = SIDE
) -> TrainedClassifier:
    few = np.arange(0, len(pixels), 7)
    view = cut_patches([scene], pixels, side).take(few)
    classifier = PatchClassifier(name, {"max_steps": 15, "batch": 16}, 3)
    classifier.fit(view, pixels.labels[few])
    return TrainedClassifier(
        classifier, pixels.band_indices, pixels.wavelengths_nm, pixels.class_names, {"by": "test"}
    )


@pytest.mark.parametrize("name", PATCH_CLASSIFIERS)
def test_a_saved_classifier_predicts_the_same(
    name: str, scene: xr.Dataset, pixels: PixelTable, tmp_path: Path
) -> None:
    trained = _trained(scene, pixels, name, 5)
    view = cut_patches([scene], pixels, 5)
    save_classifier(RunFolder.create(tmp_path / "run", {}), trained, view, pixels.labels)
    again = load_classifier(tmp_path / "run")
    np.testing.assert_allclose(
        again.classifier.predict_proba(view[:60]),
        trained.classifier.predict_proba(view[:60]),
        atol=1e-6,
    )
    assert again.patch_px == 5
    assert again.class_names == trained.class_names
    assert again.facts == {"by": "test"}
    np.testing.assert_array_equal(again.band_indices, trained.band_indices)


def test_a_damaged_classifier_is_refused(
    scene: xr.Dataset, pixels: PixelTable, tmp_path: Path
) -> None:
    trained = _trained(scene, pixels, "ssftt", 3)
    run = RunFolder.create(tmp_path / "run", {})
    save_classifier(run, trained, cut_patches([scene], pixels, 3), pixels.labels)
    tensors, facts = run.load("network")
    run.save("network", {**tensors, "network.head.bias": tensors["network.head.bias"] + 9.0}, facts)
    tensors["network.head.bias"][0] += 9.0
    run.save("network", tensors, facts)
    with pytest.raises(RunError, match="other probabilities"):
        load_classifier(run.path)
    run.save("network", tensors, {**facts, "name": "resnet"})
    with pytest.raises(RunError, match="damaged"):
        load_classifier(run.path)
    (run.path / "network.safetensors").unlink()
    with pytest.raises(RunError, match="missing"):
        load_classifier(run.path)
    assert json.loads((run.path / "classifier.json").read_text())["patch_px"] == 3


@pytest.mark.parametrize("side", [1, 4, SIDE])
def test_the_map_is_that_of_all_patches_at_once_whatever_the_blocks(
    side: int,
    scene: xr.Dataset,
    pixels: PixelTable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained = _trained(scene, pixels, "li-3d", side)
    everything = gather_pixels([scene], "all", band_indices=pixels.band_indices)
    at_once = np.zeros((43, 21), dtype=np.int64)
    at_once[everything.row, everything.column] = trained.classifier.predict(
        cut_patches([scene], everything, side)[:]
    )
    path = write_scene(scene, tmp_path / "scene.bsq")
    lazy = open_scene(path, lazy=True)
    done: list[int] = []
    for values in (1, 7 * 21 * 16, 10**9):
        monkeypatch.setattr(mapping, "_BLOCK_VALUES", values)
        mapped = classify_scene(
            trained, lazy, tmp_path / "map.tif", None, lambda rows, _: done.append(rows)
        )
        np.testing.assert_array_equal(mapped, at_once)
    assert done == [*range(1, 44)] * 3
    assert (at_once > 0).sum() == 43 * 21 - 1 - 11 * 13


def test_border_pixels_are_classified_and_probabilities_belong_to_the_map(
    scene: xr.Dataset, pixels: PixelTable, tmp_path: Path
) -> None:
    trained = _trained(scene, pixels)
    mapped = classify_scene(trained, scene, tmp_path / "map.tif", tmp_path / "layers.tif")
    for border in (mapped[0], mapped[-1], mapped[:, 0], mapped[:, -1]):
        assert (border > 0).all()
    with rasterio.open(tmp_path / "layers.tif") as source:
        layers = source.read()
    valid = mapped > 0
    np.testing.assert_array_equal(np.isnan(layers).any(axis=0), ~valid)
    ids = np.asarray(trained.class_ids)
    np.testing.assert_array_equal(ids[layers[:, valid].argmax(axis=0)], mapped[valid])


def test_little_more_than_a_block_is_read_at_a_time(
    scene: xr.Dataset, pixels: PixelTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    tall = xr.concat([scene] * 6, dim="y", data_vars="all", coords="minimal", compat="override",
                     join="override")  # fmt: skip
    trained = _trained(scene, pixels, "hu-1d", 3)
    monkeypatch.setattr(mapping, "_BLOCK_VALUES", 1)
    most = 0
    original = mapping.row_patches

    def watched(*arguments):  # type: ignore[no-untyped-def]
        nonlocal most
        view, valid = original(*arguments)
        most = max(most, sum(cube.shape[0] for cube in view.cubes))
        return view, valid

    monkeypatch.setattr(mapping, "row_patches", watched)
    assert sum(len(labels) for _, labels, _ in predict_blocks(trained, tall)) == 6 * 43
    assert most == 2 * 3 + 3 - 1


def test_a_scene_without_the_bands_is_refused(
    scene: xr.Dataset, pixels: PixelTable, tmp_path: Path
) -> None:
    with pytest.raises(SceneError, match="has no band"):
        classify_scene(
            _trained(scene, pixels, "hu-1d", 3), scene.isel(band=slice(0, 9)), tmp_path / "m.tif"
        )
