"""Scenes: files in, files out. No torch in here."""

from hsigan.scene.catalogue import KNOWN_SCENES, KnownScene
from hsigan.scene.dataset import (
    class_names_of,
    crs_of,
    make_scene,
    transform_of,
    usable_bands,
    valid_mask,
    with_labels,
)
from hsigan.scene.fetch import fetch_scene, open_known_scene
from hsigan.scene.landscape import Landscape
from hsigan.scene.mosaic import mosaic
from hsigan.scene.options import ReadOptions
from hsigan.scene.read import open_scene, open_scenes
from hsigan.scene.scaling import SpectralScaler
from hsigan.scene.simulate import SceneTruth, simulate_scene, simulate_scene_with_truth
from hsigan.scene.spectral_library import (
    SpectralLibrary,
    read_spectral_library,
    write_spectral_library,
)
from hsigan.scene.write import check_scene_path, write_scene

__all__ = [
    "KNOWN_SCENES",
    "KnownScene",
    "Landscape",
    "ReadOptions",
    "SceneTruth",
    "SpectralLibrary",
    "SpectralScaler",
    "check_scene_path",
    "class_names_of",
    "crs_of",
    "fetch_scene",
    "make_scene",
    "mosaic",
    "open_known_scene",
    "open_scene",
    "open_scenes",
    "read_spectral_library",
    "simulate_scene",
    "simulate_scene_with_truth",
    "transform_of",
    "usable_bands",
    "valid_mask",
    "with_labels",
    "write_scene",
    "write_spectral_library",
]
