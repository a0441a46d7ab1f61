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
from hsigan.scene.options import ReadOptions
from hsigan.scene.read import open_scene, open_scenes

__all__ = [
    "ReadOptions",
    "class_names_of",
    "crs_of",
    "make_scene",
    "open_scene",
    "open_scenes",
    "transform_of",
    "usable_bands",
    "valid_mask",
    "with_labels",
]
