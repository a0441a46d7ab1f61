"""Small scenes whose every sample is known, made from a seed."""

import numpy as np
import xarray as xr

from hsigan.scene import make_scene


def smooth(height: int, width: int, bands: int, seed: int = 0) -> np.ndarray:
    """(H, W, B) float64 of a few mixed materials and a little noise, between -50 and 4000."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    share = 0.5 + 0.5 * np.sin(rows / 5.0 + random.uniform(0, 3)) * np.cos(columns / 7.0)
    band = np.linspace(0, 3, bands)
    first, second = 2000 + 1500 * np.sin(band), 1200 + 900 * np.cos(2 * band)
    mixed = share[..., None] * first + (1 - share[..., None]) * second
    return mixed + random.normal(0, 8, mixed.shape)


def small_scene(
    height: int = 33, width: int = 20, bands: int = 6, dtype: str = "int16", **facts: object
) -> xr.Dataset:
    values = smooth(height, width, bands)
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    return make_scene(values.astype(dtype), **facts)


def with_gaps(dtype: str = "float32") -> xr.Dataset:
    """A scene with nodata, NaN and infinities, a band without data, a constant one, a dead line."""
    scene = small_scene(33, 20, 7, dtype, nodata=-9999.0)
    values = scene["values"].values
    values[3:9, 2:5] = -9999
    values[:, :, 4] = -9999
    values[:, :, 5] = 77
    values[12, :, 1] = -9999
    if np.dtype(dtype).kind == "f":
        values[0, 0, 0], values[1, 1, 2], values[2, 2, 3] = np.nan, np.inf, -np.inf
    return scene
