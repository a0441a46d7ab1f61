"""The trained codecs that come with hsigan open, are small, and have a card each."""

from pathlib import Path

import numpy as np
import pytest

from hsigan.codec.scene_file import Target, compress_scene, decompress_scene
from hsigan.codec.zoo import open_codec, shipped_models
from hsigan.scene import make_scene

MODELS = shipped_models()
CARDS = Path(__file__).parents[2] / "docs" / "models.md"


def test_all_of_them_together_are_small():
    assert MODELS
    assert sum(path.stat().st_size for path in MODELS.values()) < 8e6


@pytest.mark.parametrize("name", MODELS)
def test_it_has_a_card_and_compresses_what_its_sensor_sees(name, tmp_path):
    assert f"## {name}\n" in CARDS.read_text(encoding="utf-8")
    codec = open_codec(name)
    assert codec.describe()["trained_on"]
    mean = codec.basis.mean
    random = np.random.default_rng(0)
    light = random.uniform(0.5, 1.5, (24, 20, 1))
    scene = make_scene(np.rint(light * mean).astype(np.int16), name="made")
    told = compress_scene(scene, tmp_path / "a.hsc", codec, Target(psnr_db=40.0))
    decoded = decompress_scene(tmp_path / "a.hsc")  # finds the model by its hash
    assert decoded["values"].shape == scene["values"].shape
    assert told.psnr_db >= 40.0
    assert told.ratio > 20
