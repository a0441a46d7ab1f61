"""Assigning whole pieces of ground, blocks or files, to the training area."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import SplitError
from hsigan.sampling.labelled import LabelledPixels
from hsigan.sampling.split import BoolMap

_COMPARED = 8


def block_units(pixels: LabelledPixels, block_px: int) -> NDArray[np.int64]:
    """Return the number of each pixel's square of `block_px` pixels: (M,) of 0 ... U-1.

    Blocks are laid on the grid that files share, so a block on the border of two files is one.
    """
    row = pixels.ground_row // block_px
    column = pixels.ground_column // block_px
    spans = int(np.ptp(row)) + 1, int(np.ptp(column)) + 1
    key = (pixels.group * spans[0] + row - row.min()) * spans[1] + column - column.min()
    return np.unique(key, return_inverse=True)[1]


def tile_units(pixels: LabelledPixels) -> NDArray[np.int64]:
    """Return the number of each pixel's file: (M,) of 0 ... U-1."""
    return np.unique(pixels.map_index, return_inverse=True)[1]


def training_areas(
    pixels: LabelledPixels,
    unit: NDArray[np.int64],
    share: float,
    least: tuple[NDArray[np.int64], NDArray[np.int64]],
    rng: np.random.Generator,
    draws: int,
) -> Iterator[BoolMap]:
    """Yield random training areas of whole units, with every class on both sides.

    Units are drawn in random order until the area holds about `share` of the labelled pixels; where
    a class then lacks pixels on one side, units that hold it change sides. Of every eight areas the
    one comes first whose classes' shares lie nearest to `share` on average: balanced, and still
    different from seed to seed, as the best of very many would not be where units are few. Only
    label counts decide; spectra do not.

    Parameters
    ----------
    pixels : LabelledPixels
    unit : (M,) int64
        Unit of every labelled pixel, 0 ... U-1.
    share : float
        Share of the labelled pixels that the training area aims at.
    least : pair of (K,) int64
        Pixels of every class that the training area and the rest must hold.
    rng : numpy.random.Generator
        Source of the draws.
    draws : int
        Number of random areas.

    Yields
    ------
    (M,) bool
        Whether a labelled pixel lies in the training area. When no draw holds every class, one
        that does not, so that what lacks can be named.
    """
    table = np.zeros((unit.max() + 1, len(pixels.classes)), dtype=np.int64)  # (U, K)
    np.add.at(table, (unit, pixels.code), 1)
    found = False
    for start in range(0, draws, _COMPARED):
        drawn = range(start, min(start + _COMPARED, draws))
        areas = [_random_area(table, share, rng) for _ in drawn]
        complete = [area for area in areas if _repair(area, table, least, rng)]
        found = found or bool(complete)
        for area in sorted(complete, key=lambda area: _imbalance(area, table, share)):
            yield area[unit]
    if not found:
        yield areas[-1][unit]


def refuse_classes_in_one_unit(pixels: LabelledPixels, unit: NDArray[np.int64], name: str) -> None:
    """Raise SplitError where all pixels of a class lie in one unit: no draw can divide them."""
    if name == "file" and len(pixels.shapes) == 1:
        raise SplitError(
            "Mode tiles assigns whole files, so it needs two files at least. Got one: give "
            "more files or choose mode blocks."
        )
    for code, label in enumerate(pixels.classes.tolist()):
        here = unit[pixels.code == code]
        if len(np.unique(here)) == 1:
            raise SplitError(
                f"Class {label} cannot be in the training and the test part: all its {len(here)} "
                f"labelled pixels lie in one {name}. Choose smaller blocks or another mode, or "
                "leave the class out (--classes)."
            )


def _imbalance(area: BoolMap, table: NDArray[np.int64], share: float) -> float:
    return float(np.abs(area @ table / table.sum(axis=0) - share).mean())


def _random_area(table: NDArray[np.int64], share: float, rng: np.random.Generator) -> BoolMap:
    order = rng.permutation(len(table))
    filled = np.cumsum(table[order].sum(axis=1))
    # The unit that crosses the wanted share comes in when that ends nearer to it than without.
    taken = int(np.searchsorted(filled - table[order].sum(axis=1) / 2, share * filled[-1]))
    area = np.zeros(len(table), dtype=np.bool_)
    area[order[: min(max(taken, 1), len(table) - 1)]] = True
    return area


def _repair(
    area: BoolMap,
    table: NDArray[np.int64],
    least: tuple[NDArray[np.int64], NDArray[np.int64]],
    rng: np.random.Generator,
) -> bool:
    """Move units until both sides hold enough of every class; False when that does not come."""
    for _ in range(2 * len(table)):
        inside = area @ table
        lacking_inside = inside < least[0]
        lacking_outside = table.sum(axis=0) - inside < least[1]
        if not (lacking_inside.any() or lacking_outside.any()):
            return True
        into = bool(lacking_inside.any())
        code = rng.choice(np.flatnonzero(lacking_inside if into else lacking_outside))
        movable = np.flatnonzero((area != into) & (table[:, code] > 0))
        if not len(movable):
            return False
        area[rng.choice(movable)] = into
    return False
