"""What the report shows of decoded scenes: colours, a close-up, spectra of chosen pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.evaluation.colour_bands import colour_bands
from hsigan.evaluation.compression_points import Place
from hsigan.scene import usable_bands, valid_mask

PIXELS = 4
CLOSE_UP_PX = 32
_LARGEST_SIDE_PX = 320


class ScenePictures:
    """Pictures of one scene and of its decoded versions, all in one stretch.

    Parameters
    ----------
    scene : the original
    index : its number among the scenes that are shown
    """

    def __init__(self, scene: xr.Dataset, index: int) -> None:
        self.prefix = f"compression/{index}"
        usable = np.flatnonzero(usable_bands(scene))
        self.usable = usable
        wavelengths = scene.coords.get("wavelength_nm")
        self.wavelengths_nm = None if wavelengths is None else wavelengths.values[usable]
        self.bands = [int(usable[i]) for i in colour_bands(len(usable), self.wavelengths_nm)]
        self.valid = valid_mask(scene)
        layers = scene["values"].values[:, :, self.bands].astype(np.float64)
        shown = layers[self.valid]
        self.low, self.high = np.quantile(shown, [0.02, 0.98], axis=0)
        self.close_up = _busiest(layers.mean(axis=2), self.valid)
        self.pixels = _different_pixels(scene["values"].values, usable, self.valid)

    def original(self, scene: xr.Dataset) -> dict[str, NDArray[Any]]:
        """Return the arrays of the original, and where the close-up and the pixels lie."""
        arrays = self.decoded(scene, "original")
        arrays[f"{self.prefix}/close_up"] = self.close_up
        arrays[f"{self.prefix}/pixels"] = self.pixels
        if self.wavelengths_nm is not None:
            arrays["wavelengths_nm"] = self.wavelengths_nm
        return arrays

    def decoded(self, scene: xr.Dataset, name: str) -> dict[str, NDArray[Any]]:
        """Return colours and spectra of one version under ``prefix/name``."""
        values = scene["values"].values
        layers = values[:, :, self.bands].astype(np.float64)
        span = np.where(self.high > self.low, self.high - self.low, 1.0)
        shown = np.where(self.valid[:, :, None], (layers - self.low) / span, 0.0)
        colours = (255 * np.clip(shown, 0, 1)).round().astype(np.uint8)
        top, bottom, left, right = self.close_up
        step = -(-max(colours.shape[:2]) // _LARGEST_SIDE_PX)
        row, column = self.pixels.T
        spectra = values[row[:, None], column[:, None], self.usable].astype(np.float32)
        return {
            f"{self.prefix}/{name}/rgb": colours[::step, ::step],
            f"{self.prefix}/{name}/detail": colours[top:bottom, left:right],
            f"{self.prefix}/{name}/spectra": spectra,
        }


def version_name(method: str, place: Place) -> str:
    """Return the name of a decoded version among the arrays; it has three parts."""
    rate = "" if place.rate is None else f"{place.rate:.10g}"
    return f"{method.replace('/', '-')}/{place.unit}/{rate or '-'}"


def _busiest(brightness: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return top, bottom, left, right of the square with the strongest gradients inside it."""
    height, width = brightness.shape
    side = min(CLOSE_UP_PX, -(-min(height, width) // 2))
    level = np.where(valid, brightness, brightness[valid].mean())
    energy = np.zeros((height + 1, width + 1))
    steps = np.abs(np.diff(level, axis=0, prepend=level[:1]))
    steps += np.abs(np.diff(level, axis=1, prepend=level[:, :1]))
    energy[1:, 1:] = steps.cumsum(axis=0).cumsum(axis=1)
    sums = energy[side:, side:] - energy[:-side, side:] - energy[side:, :-side]
    sums += energy[:-side, :-side]
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return np.array([top, top + side, left, left + side], dtype=np.int64)


def _different_pixels(
    values: NDArray[Any], usable: NDArray[np.int64], valid: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return rows and columns (4, 2) of pixels with different spectra.

    The first is the one nearest to the mean, each next one is the farthest from those before it:
    looking at no decoded scene, so that no codec is favoured. Far outliers are left out.
    """
    places = np.argwhere(valid)
    places = places[:: max(1, len(places) // 4096)]
    spectra = values[places[:, 0][:, None], places[:, 1][:, None], usable].astype(np.float64)
    deviation = spectra - spectra.mean(axis=0)
    reach = np.linalg.norm(deviation, axis=1)
    kept = reach <= np.quantile(reach, 0.99)
    places, deviation, reach = places[kept], deviation[kept], reach[kept]
    chosen = [int(reach.argmin())]
    nearest = np.full(len(places), np.inf)
    while len(chosen) < min(PIXELS, len(places)):
        nearest = np.minimum(nearest, np.linalg.norm(deviation - deviation[chosen[-1]], axis=1))
        chosen.append(int(nearest.argmax()))
    return np.asarray(places[chosen], dtype=np.int64)
