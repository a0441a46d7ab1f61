"""Small scenes for the tests of reading and writing."""

from typing import Any

import numpy as np
import xarray as xr
from affine import Affine

from hsigan.scene import make_scene

GRID = Affine(30.0, 0.0, 366015.0, 0.0, -30.0, 5809965.0)
NAMES = {1: "bare soil", 3: "water & <ice>", 7: "never seen here"}


def full_scene(dtype: str = "int16", height: int = 5, width: int = 7, bands: int = 6) -> xr.Dataset:
    """A scene with everything that a file can say."""
    rng = np.random.default_rng(7)
    values = (rng.random((height, width, bands)) * 100).astype(dtype)
    values[0, 0, :] = 101
    values[:, :, 2] = 101
    label = rng.choice([0, 1, 3], size=(height, width)).astype(np.int32)
    return make_scene(
        values,
        label=label,
        class_names=NAMES,
        wavelengths_nm=np.linspace(400.123, 2400.7, bands),
        fwhm_nm=np.linspace(6.5, 12.25, bands),
        good_band=np.arange(bands) != 3,
        nodata=101,
        units="1",
        scale=0.0001,
        crs="EPSG:32633",
        transform=GRID,
        name="full",
    )


def plain_cube(height: int = 4, width: int = 5, bands: int = 3) -> np.ndarray[Any, Any]:
    """Distinct numbers, so that a swapped axis cannot go unseen."""
    return np.arange(height * width * bands, dtype=np.int16).reshape(height, width, bands)
