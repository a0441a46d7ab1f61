"""Small scenes and settings for tests of codec trainings."""

import numpy as np

from hsigan.recipe import build_config
from hsigan.scene import make_scene
from hsigan.training.compression_config import CompressionConfig

BANDS = 8
SMALL = {
    "front": "klt",
    "components": 4,
    "has_transform": True,
    "tile_px": 32,
    "crop_px": 32,
    "stages": [4, 4, 4, 4, 8],
    "latent": 12,
    "hyper": 4,
    "residual_blocks": 1,
    "discriminator": [4, 4, 4, 4],
    "target_bpp": 0.5,
    "weight_below": 0.02,
    "ssim_bands": 2,
    "perceptual": "stand-in",
    "perceptual_from": "gan",
    "steps": 4,
    "gan_steps": 3,
    "warm_up_steps": 0,
    "batch": 2,
    "learning_rate": 1e-3,
    "averaging": 0.9,
    "validate_every": 2,
}


def scene(seed=0, height=40, width=36, bands=BANDS, **more):
    """A landscape of a few smooth patterns, each with a spectrum of its own."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / 16
    values = np.full((height, width, bands), 500.0)
    for _ in range(4):
        angle, phase = random.uniform(0, np.pi), random.uniform(0, 6)
        wave = np.sin(3 * (np.cos(angle) * rows + np.sin(angle) * columns) + phase)
        values += 100 * wave[:, :, None] * np.sin(np.arange(bands) / 2 + random.uniform(0, 6))
    values += random.normal(0, 5, values.shape)
    return make_scene(values.round().astype(np.int16), name=f"landscape-{seed}", **more)


def config(**settings):
    return build_config(CompressionConfig, {**SMALL, **settings})
