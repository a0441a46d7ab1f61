import numpy as np
import pytest

from hsigan.evaluation.study_name import study_name
from hsigan.scene.dataset import make_scene


@pytest.mark.parametrize(
    ("names", "recipe", "name"),
    [
        (["tile_0"], None, "tile_0"),
        (["tile_0_0", "tile_0_32", "tile_96_0"], None, "tile, 3 scenes"),
        (["MLBS_1", "MLBS_10"], None, "MLBS, 2 scenes"),
        (["north", "south"], None, "north and 1 more scene"),
        (["north", "south", "1"], None, "north and 2 more scenes"),
        (["1", "2"], None, "1 and 1 more scene"),
        (["tile_0", "tile_1"], "enmap-25", "enmap-25"),
        (["tile_0"], "recipes/own.toml", "own"),
    ],
)
def test_several_scenes_never_pass_for_one(names, recipe, name):
    scenes = [make_scene(np.ones((2, 2, 3)), name=each) for each in names]
    assert study_name(scenes, recipe) == name
