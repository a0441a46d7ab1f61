"""A scene that stays on disk is the scene, row by row."""

from pathlib import Path

import numpy as np
import pytest

from hsigan.errors import SceneError
from hsigan.scene import open_scene, simulate_scene, usable_bands, valid_mask, write_scene


@pytest.mark.parametrize("name", ["scene.tif", "scene.bil", "scene.bip", "scene.bsq"])
def test_its_values_and_facts_are_those_of_the_file(name: str, tmp_path: Path) -> None:
    scene = simulate_scene(height=11, width=7, bands=6, classes=2, seed=0)
    path = write_scene(scene, tmp_path / name)
    whole, lazy = open_scene(path), open_scene(path, lazy=True)
    assert lazy["values"].dtype == whole["values"].dtype
    for key in (
        np.s_[:],
        np.s_[3:8],
        np.s_[9:2:-3, 1:5, ::2],
        np.s_[4],
        np.s_[2, 3, 1],
        np.s_[5:5],
    ):
        np.testing.assert_array_equal(lazy["values"][key].values, whole["values"][key].values)
    np.testing.assert_array_equal(lazy["label"].values, whole["label"].values)
    np.testing.assert_array_equal(valid_mask(lazy), valid_mask(whole))
    np.testing.assert_array_equal(usable_bands(lazy), usable_bands(whole))
    assert lazy["values"].attrs == whole["values"].attrs
    assert set(lazy.coords) == set(whole.coords)


def test_only_the_rows_that_are_asked_for_are_read(tmp_path: Path) -> None:
    scene = simulate_scene(height=12, width=7, bands=6, classes=2, seed=0)
    path = write_scene(scene, tmp_path / "scene.bip")
    lazy = open_scene(path, lazy=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)
    np.testing.assert_array_equal(lazy["values"][:6].values, scene["values"][:6].values)
    assert not lazy["values"][6:].values.any()


def test_a_file_that_has_gone_is_named_when_it_is_read(tmp_path: Path) -> None:
    scene = simulate_scene(height=8, width=7, bands=6, classes=2, seed=0)
    path = write_scene(scene, tmp_path / "scene.tif")
    lazy = open_scene(path, lazy=True)
    path.unlink()
    with pytest.raises(SceneError, match=r"scene\.tif"):
        lazy["values"][:2].load()
