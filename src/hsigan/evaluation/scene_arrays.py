"""What the report shows of a scene: colours, labels, and who sees which pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.evaluation.colour_bands import colour_bands
from hsigan.sampling import PARTS, Split
from hsigan.scene import usable_bands, valid_mask


def scene_arrays(scenes: Sequence[xr.Dataset], split: Split) -> dict[str, NDArray[Any]]:
    """Return ``scene/{i}/rgb``, ``labels`` and ``split`` as ``arrays.npz`` names them.

    The part is 1 for training, 2 for validation, 3 for test pixels, else 0. Colours share one
    stretch over all scenes, so that tiles fit together.
    """
    arrays: dict[str, NDArray[Any]] = {}
    pictures = _colours(scenes)
    for index, (scene, picture) in enumerate(zip(scenes, pictures, strict=True)):
        parts = np.zeros(picture.shape[:2], dtype=np.uint8)
        for number, part in enumerate(PARTS, start=1):
            parts[split.part(part)[index]] = number
        arrays[f"scene/{index}/rgb"] = picture
        arrays[f"scene/{index}/labels"] = scene["label"].values.astype(np.int32)
        arrays[f"scene/{index}/split"] = parts
    return arrays


def _colours(scenes: Sequence[xr.Dataset]) -> list[NDArray[np.uint8]]:
    """Return (H, W, 3) pictures, stretched between the 2 and 98 % quantiles of each colour."""
    bands = _colour_bands(scenes)
    layers = [scene["values"].values[:, :, bands].astype(np.float64) for scene in scenes]
    masks = [valid_mask(scene) for scene in scenes]
    valid = np.concatenate([layer[mask] for layer, mask in zip(layers, masks, strict=True)])
    if not len(valid):
        return [np.zeros(layer.shape, dtype=np.uint8) for layer in layers]
    low, high = np.quantile(valid, [0.02, 0.98], axis=0)
    span = np.where(high > low, high - low, 1.0)
    pictures = []
    for layer, mask in zip(layers, masks, strict=True):
        shown = np.where(mask[:, :, None], (layer - low) / span, 0.0)
        pictures.append((255 * np.clip(shown, 0, 1)).round().astype(np.uint8))
    return pictures


def _colour_bands(scenes: Sequence[xr.Dataset]) -> list[int]:
    """Return positions of three bands: red, green, blue where wavelengths are known."""
    usable = np.flatnonzero(np.logical_and.reduce([usable_bands(scene) for scene in scenes]))
    wavelengths = scenes[0].coords.get("wavelength_nm")
    nm = None if wavelengths is None else wavelengths.values[usable]
    return [int(usable[position]) for position in colour_bands(len(usable), nm)]
