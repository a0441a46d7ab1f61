"""A classifier on disk predicts what it predicted; maps keep place, names and colours."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr

from hsigan.classification import (
    SpectralClassifier,
    TrainedClassifier,
    classify_scene,
    load_classifier,
    mapping,
    save_classifier,
)
from hsigan.errors import InputError, RunError, SceneError
from hsigan.sampling.pixels import PixelTable, gather_pixels
from hsigan.scene import class_names_of, crs_of, simulate_scene, transform_of
from hsigan.training.run_folder import RunFolder

KINDS = {
    "lda": None,
    "svm-linear": None,
    "svm-rbf": {"C": 10.0, "gamma_bands": 0.5},
    "random-forest": None,
    "nn-1d": {"max_steps": 40, "width": 32},
}


@pytest.fixture(scope="module")
def scene() -> xr.Dataset:
    return simulate_scene(height=30, width=40, bands=20, classes=4, seed=1)


@pytest.fixture(scope="module")
def pixels(scene: xr.Dataset) -> PixelTable:
    return gather_pixels([scene], "labelled")


def _trained(pixels: PixelTable, name: str = "lda") -> TrainedClassifier:
    classifier = SpectralClassifier(name, KINDS[name], 3).fit(pixels.spectra, pixels.labels)
    return TrainedClassifier(
        classifier, pixels.band_indices, pixels.wavelengths_nm, pixels.class_names, {"by": "test"}
    )


@pytest.mark.parametrize("name", KINDS)
def test_a_saved_classifier_predicts_the_same(
    name: str, pixels: PixelTable, tmp_path: Path
) -> None:
    trained = _trained(pixels, name)
    run = RunFolder.create(tmp_path / "run", {"classifier": name})
    save_classifier(run, trained, pixels.spectra, pixels.labels)
    again = load_classifier(tmp_path / "run")
    others = pixels.spectra * np.float32(1.02)
    np.testing.assert_allclose(
        again.classifier.predict_proba(others), trained.classifier.predict_proba(others), atol=1e-6
    )
    assert again.class_names == trained.class_names
    assert again.facts == {"by": "test"}
    np.testing.assert_array_equal(again.band_indices, trained.band_indices)
    assert not list((tmp_path / "run").rglob("*.pkl"))


def test_a_classifier_that_cannot_be_made_again_is_refused(
    pixels: PixelTable, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="no trained classifier"):
        load_classifier(tmp_path)
    run = RunFolder.create(tmp_path / "run", {"classifier": "lda"})
    save_classifier(run, _trained(pixels), pixels.spectra, pixels.labels)
    facts = json.loads((run.path / "classifier.json").read_text())
    (run.path / "classifier.json").write_text(json.dumps({**facts, "params": {"shrinkage": 1.0}}))
    with pytest.raises(RunError, match="otherwise than when it was trained"):
        load_classifier(run.path)
    (run.path / "training.npz").write_bytes(b"cut off")
    with pytest.raises(RunError, match="damaged"):
        load_classifier(run.path)


def test_the_map_is_georeferenced_named_coloured_and_the_same_in_blocks(
    scene: xr.Dataset, pixels: PixelTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = _trained(pixels)
    holed = scene.copy(deep=True)
    holed["values"] = holed["values"].astype(np.float32)
    holed["values"][4, 7, 3] = np.nan
    whole = classify_scene(trained, holed, tmp_path / "whole.tif")
    monkeypatch.setattr(mapping, "_BLOCK_VALUES", 7 * 40 * 20)
    rows: list[int] = []
    layers_path = tmp_path / "p.tif"
    blocks = classify_scene(
        trained, holed, tmp_path / "map.tif", layers_path, lambda done, _: rows.append(done)
    )
    np.testing.assert_array_equal(whole, blocks)
    assert rows == [7, 14, 21, 28, 30]
    assert (blocks == 0).sum() == 1
    with rasterio.open(tmp_path / "map.tif") as source:
        np.testing.assert_array_equal(source.read(1), blocks)
        assert source.crs == crs_of(scene)
        assert source.transform == transform_of(scene)
        first, name = next(iter(class_names_of(scene).items()))
        assert source.tags(1)[f"CLASS_NAME_{first}"] == name
        assert source.colormap(1)[first][3] == 255
    assert name in (tmp_path / "map.tif.aux.xml").read_text()
    with rasterio.open(layers_path) as source:
        probability = source.read()
        assert source.descriptions[0] == trained.class_names[trained.class_ids[0]]
    assert np.isnan(probability[:, 4, 7]).all()
    ids = np.asarray(trained.class_ids)
    valid = blocks > 0
    np.testing.assert_array_equal(ids[probability.argmax(axis=0)][valid], blocks[valid])


def test_a_picture_with_a_legend_is_written(
    scene: xr.Dataset, pixels: PixelTable, tmp_path: Path
) -> None:
    classify_scene(_trained(pixels), scene, tmp_path / "map.png")
    content = (tmp_path / "map.png").read_bytes()
    assert content[:4] == b"\x89PNG"
    width, height = (int.from_bytes(content[i : i + 4], "big") for i in (16, 20))
    assert width > 40 * 20 + 200
    assert height >= 600


def test_wrong_scenes_and_endings_are_refused(
    scene: xr.Dataset, pixels: PixelTable, tmp_path: Path
) -> None:
    with pytest.raises(SceneError, match="has no band"):
        classify_scene(_trained(pixels), scene.isel(band=slice(0, 10)), tmp_path / "m.tif")
    with pytest.raises(InputError, match=r"\.tif or \.png"):
        classify_scene(_trained(pixels), scene, tmp_path / "m.jpg")
    assert not list(tmp_path.iterdir())
