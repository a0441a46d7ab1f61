"""Generative adversarial networks for hyperspectral imagery.

Rooms, in the order in which data flows; a module imports only from rooms above its own:
errors, environment, files, recipe, scene, bitstream, sampling, models, metrics, training,
synthesis, classification, codec, evaluation, report, cli. `docs/architecture.md` says what is in
each.

Names below are loaded when first used, so that ``import hsigan`` itself costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hsigan.scene import open_scene as open_scene
    from hsigan.scene import open_scenes as open_scenes
    from hsigan.scene import simulate_scene as simulate_scene
    from hsigan.synthesis import GANOverSampler as GANOverSampler
    from hsigan.synthesis import PatchGAN as PatchGAN
    from hsigan.synthesis import SpectralGAN as SpectralGAN

__version__ = "0.1.0"

_HOME = {
    "GANOverSampler": "hsigan.synthesis",
    "PatchGAN": "hsigan.synthesis",
    "SpectralGAN": "hsigan.synthesis",
    "open_scene": "hsigan.scene",
    "open_scenes": "hsigan.scene",
    "simulate_scene": "hsigan.scene",
}
__all__ = [
    "GANOverSampler",
    "PatchGAN",
    "SpectralGAN",
    "open_scene",
    "open_scenes",
    "simulate_scene",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'hsigan' has no attribute {name!r}")
