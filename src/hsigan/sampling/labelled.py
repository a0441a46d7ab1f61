"""The labelled pixels of all maps as one flat table, which every mode of a split works on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import LabelError
from hsigan.sampling.grid import GridPosition
from hsigan.sampling.split import BoolMap


@dataclass(frozen=True)
class LabelledPixels:
    """M labelled pixels of the classes that take part.

    Attributes
    ----------
    shapes : tuple of (H, W)
        Of the maps.
    classes : (K,) int64
        The ids that take part, ascending.
    code : (M,) int64
        Position of the pixel's class in `classes`.
    map_index, row, column : (M,) int64
        Where the pixel lies.
    group, ground_row, ground_column : (M,) int64
        Where it lies in the pixel grid that its map shares with others.
    """

    shapes: tuple[tuple[int, ...], ...]
    classes: NDArray[np.int64]
    code: NDArray[np.int64]
    map_index: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    group: NDArray[np.int64]
    ground_row: NDArray[np.int64]
    ground_column: NDArray[np.int64]

    def per_class(self, chosen: BoolMap) -> NDArray[np.int64]:
        """Count the chosen pixels, (M,) bool, by class: (K,)."""
        return np.bincount(self.code[chosen], minlength=len(self.classes))

    def subset(self, kept: BoolMap) -> "LabelledPixels":
        """Return the table of the kept pixels, (M,) bool, of the same maps and classes."""
        columns = ("code", "map_index", "row", "column", "group", "ground_row", "ground_column")
        return replace(self, **{name: getattr(self, name)[kept] for name in columns})

    def to_masks(self, chosen: BoolMap) -> tuple[BoolMap, ...]:
        """Return the chosen pixels, (M,) bool, as one (H, W) mask per map."""
        masks = tuple(np.zeros(shape, dtype=np.bool_) for shape in self.shapes)
        for index, mask in enumerate(masks):
            here = chosen & (self.map_index == index)
            mask[self.row[here], self.column[here]] = True
        return masks

    def from_masks(self, masks: Sequence[BoolMap]) -> BoolMap:
        """Return for every labelled pixel whether its map's mask is set there: (M,) bool."""
        chosen = np.zeros(len(self.code), dtype=np.bool_)
        for index, mask in enumerate(masks):
            here = self.map_index == index
            chosen[here] = mask[self.row[here], self.column[here]]
        return chosen


def labelled_pixels(
    label_maps: Sequence[NDArray[np.int64]],
    grids: Sequence[GridPosition],
    classes: Sequence[int] | None = None,
) -> LabelledPixels:
    """Collect the labelled pixels of checked label maps.

    Where files overlap on the ground, the first file's pixel takes part and the others do not.

    Raises
    ------
    LabelError
        When there is no labelled pixel, or a class that was asked for does not occur.
    """
    occurring = sorted({int(label) for labels in label_maps for label in np.unique(labels)} - {0})
    if not occurring:
        raise LabelError("The label maps hold no labelled pixel: every value is 0.")
    missing = sorted(set(classes or ()) - set(occurring))
    if missing:
        raise LabelError(
            f"No pixel is labelled with class {', '.join(map(str, missing))}: "
            f"the classes that occur are {', '.join(map(str, occurring))}."
        )
    ids = np.array(sorted(set(classes or occurring)), dtype=np.int64)
    places = [np.nonzero(np.isin(labels, ids)) for labels in label_maps]
    sizes = [len(rows) for rows, _ in places]
    labels = [label_map[place] for label_map, place in zip(label_maps, places, strict=True)]
    row = np.concatenate([rows for rows, _ in places])
    column = np.concatenate([columns for _, columns in places])
    tops = [int(np.floor(place.row)) for place in grids]
    lefts = [int(np.floor(place.column)) for place in grids]
    pixels = LabelledPixels(
        shapes=tuple(label_map.shape for label_map in label_maps),
        classes=ids,
        code=np.searchsorted(ids, np.concatenate(labels)),
        map_index=np.repeat(np.arange(len(sizes)), sizes),
        row=row,
        column=column,
        group=np.repeat([place.group for place in grids], sizes),
        ground_row=row + np.repeat(tops, sizes),
        ground_column=column + np.repeat(lefts, sizes),
    )
    return _once_on_the_ground(pixels)


def _once_on_the_ground(pixels: LabelledPixels) -> LabelledPixels:
    """Keep the first pixel of those that overlapping files have on the same ground."""
    if len(np.unique(pixels.group)) == len(pixels.shapes):
        return pixels
    ground = np.stack([pixels.group, pixels.ground_row, pixels.ground_column])
    first = np.unique(ground, axis=1, return_index=True)[1]
    return pixels.subset(np.isin(np.arange(len(pixels.code)), first))
