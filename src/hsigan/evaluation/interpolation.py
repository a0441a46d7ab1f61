"""Walks through a GAN's latent space, as the report draws them (the paper's Fig. 4)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hsigan.synthesis import SpectralGAN
from hsigan.synthesis.interpolation import between_classes, within_class

STEPS = 9


def interpolation_arrays(
    gan: SpectralGAN, seed: int, steps: int = STEPS
) -> dict[str, NDArray[np.float32]]:
    """Return walks as ``arrays.npz`` names them.

    ``interpolation/within/{class}`` (steps, B): one class, from one latent vector to another.
    ``interpolation/between/{a}-{b}`` (steps, B): one latent vector, while the class weight moves
    from a to b; for neighbours in the order of the ids.
    """
    rng = np.random.default_rng(seed)
    labels = gan.classes_.tolist()
    arrays = {
        f"interpolation/within/{label}": within_class(gan, label, steps, rng) for label in labels
    }
    for first, second in pairwise(labels):
        walk = between_classes(gan, first, second, steps, rng)
        arrays[f"interpolation/between/{first}-{second}"] = walk
    return arrays
