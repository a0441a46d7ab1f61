"""Scenes: files in, files out. No torch in here."""

from hsigan.scene.dataset import (
    class_names_of,
    crs_of,
    make_scene,
    transform_of,
    usable_bands,
    valid_mask,
    with_labels,
)
from hsigan.scene.mosaic import mosaic
from hsigan.scene.options import ReadOptions
from hsigan.scene.read import open_scene, open_scenes
from hsigan.scene.write import write_scene

__all__ = [
    "ReadOptions",
    "class_names_of",
    "crs_of",
    "make_scene",
    "mosaic",
    "open_scene",
    "open_scenes",
    "transform_of",
    "usable_bands",
    "valid_mask",
    "with_labels",
    "write_scene",
]
