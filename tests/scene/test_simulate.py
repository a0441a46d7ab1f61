import time

import numpy as np
import pytest

from hsigan.errors import InputError
from hsigan.scene.landscape import Landscape
from hsigan.scene.materials import MATERIALS, reflectance
from hsigan.scene.simulate import simulate_scene, simulate_scene_with_truth


def test_the_seed_decides_everything():
    first, again, other = (simulate_scene(30, 30, 20, 4, seed=s) for s in (7, 7, 8))
    np.testing.assert_array_equal(first["values"], again["values"])
    np.testing.assert_array_equal(first["label"], again["label"])
    assert (first["values"].values != other["values"].values).mean() > 0.5


@pytest.mark.parametrize("classes", [2, 6, 16, 40])
def test_every_class_is_there_named_and_unbalanced(classes):
    scene = simulate_scene(classes=classes, bands=16, seed=classes)
    counts = np.bincount(scene["label"].values.ravel(), minlength=classes + 1)
    assert counts.size == classes + 1
    assert counts[0] == pytest.approx(3000, abs=60)
    assert counts[1:].min() >= 20
    assert 5 < counts[1:].max() / counts[1:].min() < 12
    assert scene["label"].attrs["class_ids"] == list(range(1, classes + 1))
    assert len(set(scene["label"].attrs["class_names"])) == classes


def test_scene_follows_the_contract():
    scene = simulate_scene(20, 31, 24, 3)
    assert scene["values"].dims == ("y", "x", "band")
    assert scene["values"].shape == (20, 31, 24)
    assert scene["values"].dtype == np.int16
    assert scene["label"].dtype == np.int32
    wavelengths_nm = scene["wavelength_nm"].values
    assert wavelengths_nm[0] == 400
    assert wavelengths_nm[-1] == 2500
    assert np.diff(scene["x"].values) == pytest.approx(30.0)
    assert np.diff(scene["y"].values) == pytest.approx(-30.0)
    assert "32632" in scene["spatial_ref"].attrs["crs_wkt"]


def test_truth_explains_the_values():
    scene, truth = simulate_scene_with_truth(40, 40, 30, 5, seed=2, drift=0.3)
    surface = np.einsum(
        "hwk,hwv,kvb->hwb", truth.abundances, truth.variant_weights, truth.endmembers
    )
    residual = scene["values"].values / 1e4 - surface * truth.illumination
    spread = residual.std(axis=(0, 1)) / np.hypot(truth.noise_std, 1e-4 / np.sqrt(12))
    np.testing.assert_allclose(spread, 1.0, atol=0.1)
    np.testing.assert_allclose(truth.abundances.sum(axis=-1), 1, rtol=1e-5)
    label = scene["label"].values
    labelled = label > 0
    assert (truth.abundances.argmax(axis=-1) + 1 == label)[labelled].all()
    purity = truth.abundances.max(axis=-1)
    assert purity[labelled].mean() > purity[~labelled].mean() + 0.2


def test_labels_are_coherent_in_space():
    label = simulate_scene(seed=5)["label"].values
    both = (label[:, 1:] > 0) & (label[:, :-1] > 0)
    assert (label[:, 1:] == label[:, :-1])[both].mean() > 0.97


def test_drift_separates_left_from_right_and_changes_colour():
    _, still = simulate_scene_with_truth(60, 60, 40, seed=1)
    _, moving = simulate_scene_with_truth(60, 60, 40, seed=1, drift=0.6)
    gain = moving.illumination / still.illumination
    np.testing.assert_allclose(gain[:, -1, 0] - gain[:, 0, 0], 0.6, rtol=1e-4)
    np.testing.assert_allclose(gain[:, -1, -1] - gain[:, 0, -1], 0.3, rtol=1e-4)
    np.testing.assert_allclose(gain.mean(axis=(0, 1)), 1.0, atol=1e-4)


def test_classes_differ_and_vary_within():
    scene = simulate_scene(seed=3)
    spectra, label = scene["values"].values.astype(float), scene["label"].values
    means = np.stack([spectra[label == k].mean(axis=0) for k in range(1, 7)])
    gaps = np.linalg.norm(means[:, None] - means[None], axis=-1) + 1e9 * np.eye(6)
    assert gaps.min() > 500
    for k in range(1, 7):
        relative = spectra[label == k].std(axis=0) / np.maximum(means[k - 1], 200)
        assert 0.03 < np.median(relative) < 1.0


def test_vegetation_has_a_red_edge_and_water_bands():
    leaf = reflectance(
        MATERIALS[0], np.array([552.0, 672.0, 800.0, 1300.0, 1450.0, 1650.0, 1940.0])
    )
    green, red, infrared, shoulder, water, between, deep_water = leaf
    assert green > 1.5 * red
    assert infrared > 8 * red
    assert water < 0.7 * min(shoulder, between)
    assert deep_water < water


def test_every_material_stays_physical_and_distinct():
    wavelengths_nm = np.linspace(350, 2600, 300)
    spectra = np.stack([reflectance(m, wavelengths_nm) for m in MATERIALS])
    assert spectra.min() >= 0
    assert spectra.max() <= 1
    gaps = np.abs(spectra[:, None] - spectra[None]).max(axis=-1) + np.eye(len(MATERIALS))
    assert gaps.min() > 0.03
    assert len({m.name for m in MATERIALS}) == len(MATERIALS)


def test_noise_free_and_flat_scenes_are_possible():
    flat = Landscape(relief=0.0, variability=0.0, unlabelled=0.0)
    scene, truth = simulate_scene_with_truth(20, 20, 8, 2, snr=float("inf"), landscape=flat)
    assert (scene["label"].values > 0).all()
    np.testing.assert_array_equal(truth.noise_std, 0)
    np.testing.assert_array_equal(truth.illumination, 1)


def test_it_is_quick():
    simulate_scene(20, 20, 8, 2)
    started = time.process_time()
    simulate_scene()
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    "wrong",
    [{"classes": 1}, {"bands": 0}, {"height": 3, "width": 3}, {"drift": 1.0}, {"snr": 0.0}],
)
def test_impossible_scenes_are_refused(wrong):
    with pytest.raises(InputError, match="Got"):
        simulate_scene(**wrong)


def test_impossible_landscapes_are_refused():
    with pytest.raises(InputError, match="unlabelled=1"):
        Landscape(unlabelled=1)
    with pytest.raises(InputError, match="relief=-1"):
        Landscape(relief=-1)
