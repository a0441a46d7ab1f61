"""What a codec does on scenes that it was not trained on: rate and PSNR, tile by tile."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hsigan.models.scene_model import SceneModel
from hsigan.models.tile_level import LEVEL_BYTES, TileLevel
from hsigan.training.scene_crops import SceneValues


@dataclass(frozen=True)
class HeldOut:
    """A scene to measure on, and whether its tiles' levels pass the networks by."""

    scene: SceneValues
    tile_level: bool


@dataclass(frozen=True)
class Measured:
    """Information content of all tiles in bits per pixel, and the mean PSNR over scenes.

    The PSNR is over valid pixels and against each scene's own greatest valid value.
    """

    bpp: float
    psnr_db: float


def tile_windows(height: int, width: int, side: int) -> Iterator[tuple[slice, slice]]:
    """Yield rows and columns of a scene's tiles, row by row."""
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield slice(top, min(top + side, height)), slice(left, min(left + side, width))


@torch.no_grad()
def measure(model: SceneModel, held_out: Sequence[HeldOut], level: float = 0.0) -> Measured:
    """Code and decode scenes with a model in evaluation mode.

    Parameters
    ----------
    model : its symbols' information is counted, with what `TileLevel` takes
    held_out : one scene or more
    level : of a model for several rates
    """
    bits, pixels, psnrs = 0.0, 0, []
    for each in held_out:
        decoded, scene_bits = _code(model, each, level)
        values, valid = each.scene.values, each.scene.valid
        if not valid.any():
            continue
        error = float(np.square(decoded - values)[:, valid].mean(dtype=np.float64))
        psnrs.append(10 * math.log10(each.scene.peak**2 / max(error, 1e-9)))
        bits, pixels = bits + scene_bits, pixels + valid.size
    return Measured(bits / max(pixels, 1), float(np.mean(psnrs)) if psnrs else math.nan)


def _code(model: SceneModel, held_out: HeldOut, level: float) -> tuple[NDArray[np.float32], float]:
    values = held_out.scene.values
    decoded, bits = np.empty_like(values), 0.0
    for rows, columns in tile_windows(values.shape[1], values.shape[2], model.tile_px):
        tile = torch.from_numpy(np.ascontiguousarray(values[:, rows, columns]))
        planes = model.front(tile[None].to(model.front.mean.device))
        own = TileLevel.of(planes) if held_out.tile_level else None
        seen = planes if own is None else own.take_off(planes)
        symbols = model.analyse(seen, level)
        bits += model.estimate_bits(symbols) + 8 * LEVEL_BYTES * (own is not None)
        size = (int(planes.shape[2]), int(planes.shape[3]))
        back = model.synthesise(symbols.z, symbols.y, size, level)
        back = back if own is None else own.put_on(back)
        decoded[:, rows, columns] = model.front.invert(back)[0].cpu().numpy()
    return decoded, bits
