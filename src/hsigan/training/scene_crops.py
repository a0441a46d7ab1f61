"""Scenes as tensors in memory, what is known of their bands, and random crops of them.

Nothing here belongs to one codec: values are filled where a scene has none, statistics come from
the valid pixels of the training scenes alone, and a crop is turned and mirrored at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from hsigan.errors import SceneError
from hsigan.scene import valid_mask
from hsigan.scene.dataset import is_data, usable_bands

HELD_OUT_SHARE = 0.2
"""Most of the rows of every scene that are held out where no validation scenes are given."""
_BLOCK_PX = 16
_FAINTEST = 0.001


@dataclass(frozen=True)
class BandStatistics:
    """What the training scenes say of their bands.

    ``mean`` (B,), ``deviation`` (B,) and ``covariance`` (B, B) are float64, in the scenes' units;
    a band that is not usable in every scene has mean, deviation and covariance 0. ``low`` and
    ``high`` hold all but a thousandth of the valid values on either side: a glint is no range.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    covariance: NDArray[np.float64]
    low: float
    high: float


@dataclass(frozen=True)
class SceneValues:
    """One scene: values (B, H, W) float32 with every gap filled, its peak, and its name."""

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    peak: float
    name: str


def gather_scenes(scenes: Sequence[xr.Dataset]) -> tuple[list[SceneValues], BandStatistics]:
    """Return the values of training scenes, filled, and the statistics of their bands.

    A value that is missing is replaced by the mean of its band over the valid pixels of all
    scenes, a pixel without any usable band too.

    Raises
    ------
    SceneError
        No scene, scenes of different bands, or scenes without two valid pixels in all.
    """
    if not scenes:
        raise SceneError("a codec learns from scenes: give one or more.")
    bands = {int(scene.sizes["band"]) for scene in scenes}
    if len(bands) > 1:
        raise SceneError(
            f"a codec learns from scenes with the same bands. Got {sorted(bands)} bands: train one "
            "codec per sensor."
        )
    statistics = _statistics(scenes)
    return [fill_scene(scene, statistics.mean) for scene in scenes], statistics


def fill_scene(scene: xr.Dataset, mean: NDArray[np.float64]) -> SceneValues:
    """Return a scene's values (B, H, W) with ``mean`` (B,) where it has none."""
    cube = np.asarray(scene["values"].values)
    known = is_data(cube, scene)
    filled = np.where(known, cube, mean.astype(np.float32)).astype(np.float32)
    valid = valid_mask(scene)
    usable = usable_bands(scene)
    peak = float(filled[valid][:, usable].max()) if valid.any() else 1.0
    values = np.ascontiguousarray(filled.transpose(2, 0, 1))
    return SceneValues(values, valid, peak, str(scene.attrs.get("name", "scene")))


def _statistics(scenes: Sequence[xr.Dataset]) -> BandStatistics:
    usable = np.logical_and.reduce([usable_bands(scene) for scene in scenes])
    pixels = [
        np.asarray(scene["values"].values)[valid_mask(scene)].astype(np.float64) * usable
        for scene in scenes
    ]
    spectra = np.concatenate(pixels)  # (pixels, B)
    if len(spectra) < 2 or not usable.any():
        raise SceneError(
            "the training scenes have fewer than two pixels with data in the same bands: there is "
            "nothing to learn a codec from."
        )
    mean = spectra.mean(axis=0)
    covariance = np.atleast_2d(np.cov(spectra, rowvar=False))
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    low, high = np.quantile(spectra[:, usable], [_FAINTEST, 1 - _FAINTEST])
    return BandStatistics(mean, deviation, covariance, float(low), float(max(high, low + 1e-6)))


def hold_out_rows(
    scenes: Sequence[SceneValues],
) -> tuple[list[SceneValues], list[SceneValues]]:
    """Cut the last rows, a fifth at most, off every scene that is large enough; return both parts.

    What is cut off has rows and columns in multiples of 16, so that no rate is spent on padding.
    A scene too small for that keeps all its rows.
    """
    kept, held_out = [], []
    for scene in scenes:
        height, width = scene.valid.shape
        rows = int(height * HELD_OUT_SHARE) // _BLOCK_PX * _BLOCK_PX
        columns = width // _BLOCK_PX * _BLOCK_PX
        if not rows or not columns:
            kept.append(scene)
            continue
        kept.append(_part(scene, slice(0, -rows), slice(None)))
        held_out.append(_part(scene, slice(-rows, None), slice(0, columns)))
    return kept, held_out


def _part(scene: SceneValues, rows: slice, columns: slice) -> SceneValues:
    values, valid = scene.values[:, rows, columns], scene.valid[rows, columns]
    return SceneValues(values, valid, scene.peak, scene.name)


class RandomCrops:
    """Square crops of scenes that lie in memory, each turned and mirrored at random.

    Parameters
    ----------
    images : sequence of Tensor (C, H, W)
        A scene narrower than a crop and its margin is mirrored until it is as wide.
    side_px : side of the crops, in pixels
    margin_px : by how much a crop can be moved in the narrowest scene, in pixels
    """

    def __init__(self, images: Sequence[Tensor], side_px: int, margin_px: int = 0) -> None:
        self.side_px = side_px
        self.images = [_at_least(image, side_px + margin_px) for image in images]
        starts = [[size - side_px + 1 for size in image.shape[1:]] for image in self.images]
        # Every place in every scene is as likely as any other.
        self._chances = torch.tensor([float(np.prod(pair)) for pair in starts])

    def draw(self, count: int, random: torch.Generator) -> Tensor:
        """Return ``count`` crops (N, C, P, P)."""
        chosen = torch.multinomial(self._chances, count, replacement=True, generator=random)
        return torch.stack([self._crop(self.images[int(index)], random) for index in chosen])

    def _crop(self, image: Tensor, random: torch.Generator) -> Tensor:
        side = self.side_px
        row, column = (
            int(torch.randint(size - side + 1, (), generator=random)) for size in image.shape[1:]
        )
        crop = image[:, row : row + side, column : column + side]
        turns, mirrored = torch.randint(4, (2,), generator=random).tolist()
        crop = torch.rot90(crop, turns, (1, 2))
        return crop.flip(2) if mirrored % 2 else crop


def _at_least(image: Tensor, side_px: int) -> Tensor:
    missing = [max(0, side_px - size) for size in image.shape[1:]]
    if not any(missing):
        return image
    mode = "reflect" if min(image.shape[1:]) > 1 else "edge"
    padded = np.pad(image.numpy(), ((0, 0), (0, missing[0]), (0, missing[1])), mode=mode)  # type: ignore[call-overload]
    return torch.from_numpy(padded)
