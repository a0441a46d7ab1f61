import numpy as np
import pytest

from hsigan.evaluation.scene_arrays import title_name
from hsigan.scene.dataset import make_scene


@pytest.mark.parametrize(
    ("tiles", "name", "title"),
    [
        (1, "tile_0", "tile_0"),
        (2, "tile_0", "tile_0 and 1 more scene"),
        (18, "tile_0", "tile_0 and 17 more scenes"),
        (18, "potsdam", "potsdam"),
    ],
)
def test_a_title_never_passes_several_scenes_off_as_one(tiles, name, title):
    scenes = [make_scene(np.ones((2, 2, 3)), name=f"tile_{number}") for number in range(tiles)]
    assert title_name(scenes, name) == title
