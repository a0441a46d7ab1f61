"""Where the maps of several files lie beside each other, and what is near what across borders."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d

from hsigan.errors import SplitError
from hsigan.sampling.split import BoolMap


@dataclass(frozen=True)
class GridPosition:
    """The place of one map in a pixel grid that it shares with other maps.

    Attributes
    ----------
    group : int
        Maps of one group share a pixel grid; maps of different groups are infinitely far apart.
    row, column : float
        Position of the map's pixel (0, 0) in that grid, in pixels, rows downwards. A position that
        is not whole counts as touching both neighbouring rows or columns, so no guard gets narrower
        by rounding.
    """

    group: int
    row: float = 0.0
    column: float = 0.0


def separate_grids(count: int) -> tuple[GridPosition, ...]:
    """Return positions for `count` maps that are infinitely far from each other."""
    return tuple(GridPosition(group=index) for index in range(count))


def checked_grids(grids: Sequence[GridPosition] | None, count: int) -> tuple[GridPosition, ...]:
    """Return one position per map; maps without a known place are far from each other.

    Raises
    ------
    SplitError
        When the number of positions is not the number of maps.
    """
    if grids is None:
        return separate_grids(count)
    if len(grids) != count:
        raise SplitError(
            f"Each label map needs one grid position. Got {len(grids)} positions for {count} maps."
        )
    return tuple(grids)


def within(
    masks: Sequence[BoolMap], distance_px: int, grids: Sequence[GridPosition]
) -> tuple[BoolMap, ...]:
    """Mark every pixel that lies at most `distance_px` from a marked one.

    Parameters
    ----------
    masks : sequence of (H, W) bool arrays
        The marked pixels.
    distance_px : int
        Chebyshev distance (the larger of the row and column differences), in pixels. 0 marks the
        pixels themselves, and pixels of overlapping files on the same ground.
    grids : sequence of GridPosition
        Where the maps lie; distances reach across the borders of files.

    Returns
    -------
    tuple of (H, W) bool arrays
    """
    distance_px = min(distance_px, _span(masks, grids))
    occupied = [bool(mask.any()) for mask in masks]
    near: list[BoolMap] = []
    for index, mask in enumerate(masks):
        height, width = mask.shape
        window = np.zeros((height + 2 * distance_px, width + 2 * distance_px), dtype=np.uint8)
        here = grids[index]
        for other, place in enumerate(grids):
            if occupied[other] and place.group == here.group:
                for row in _whole_offsets(place.row - here.row):
                    for column in _whole_offsets(place.column - here.column):
                        _paint(window, masks[other], distance_px + row, distance_px + column)
        if distance_px and window.any():
            for axis in (0, 1):
                window = maximum_filter1d(window, 2 * distance_px + 1, axis=axis, mode="constant")
        inner = window[distance_px : distance_px + height, distance_px : distance_px + width]
        near.append(inner.astype(np.bool_))
    return tuple(near)


def _span(masks: Sequence[BoolMap], grids: Sequence[GridPosition]) -> int:
    """Return a distance (pixels) beyond which no pixel of a group of maps has another."""
    ends = np.array([(place.row, place.column) for place in grids])
    sizes = np.array([mask.shape for mask in masks])
    return math.ceil(float(((ends + sizes).max(axis=0) - ends.min(axis=0)).max()))


def _whole_offsets(offset: float) -> tuple[int, ...]:
    return tuple(sorted({math.floor(offset), math.ceil(offset)}))


def _paint(
    window: "np.ndarray[tuple[int, int], np.dtype[np.uint8]]", mask: BoolMap, row: int, column: int
) -> None:
    """Set `window` where `mask`, laid with its first pixel at (row, column), is set."""
    top, left = max(row, 0), max(column, 0)
    bottom = min(row + mask.shape[0], window.shape[0])
    right = min(column + mask.shape[1], window.shape[1])
    if top < bottom and left < right:
        window[top:bottom, left:right] |= mask[
            top - row : bottom - row, left - column : right - column
        ]
