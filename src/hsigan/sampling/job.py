"""One split in the making: what every step of it needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import SplitError
from hsigan.sampling.grid import GridPosition, within
from hsigan.sampling.labelled import LabelledPixels
from hsigan.sampling.options import SplitOptions
from hsigan.sampling.split import BoolMap
from hsigan.sampling.units import block_units, tile_units


@dataclass(frozen=True)
class SplitJob:
    """The labelled pixels, what is asked of them, and where they lie.

    Attributes
    ----------
    pixels : LabelledPixels
    options : SplitOptions
    grids : tuple of GridPosition
        One per map.
    rng : numpy.random.Generator
        Source of every draw.
    """

    pixels: LabelledPixels
    options: SplitOptions
    grids: tuple[GridPosition, ...]
    rng: np.random.Generator

    @property
    def least_training(self) -> NDArray[np.int64]:
        """Return (K,) the pixels that each class needs in training and validation together."""
        parts = 2 if self.options.validation_share else 1
        least = max(parts * self.options.minimum_per_class, self.options.train_per_class or 0)
        return np.full(len(self.pixels.classes), least)

    @property
    def least_test(self) -> NDArray[np.int64]:
        """Return (K,) the pixels that each class needs in the test part."""
        return np.full(len(self.pixels.classes), self.options.minimum_per_class)

    @property
    def units(self) -> NDArray[np.int64]:
        """Return (M,) the number of each pixel's block or, in mode tiles, file."""
        if self.options.mode == "blocks":
            return block_units(self.pixels, self.options.block_px)
        return tile_units(self.pixels)

    def near(self, chosen: BoolMap) -> BoolMap:
        """Return (M,) whether a pixel lies within the guard of a chosen one, (M,) bool."""
        masks = within(self.pixels.to_masks(chosen), self.options.guard_width_px, self.grids)
        return self.pixels.from_masks(masks)

    def check(self, part: BoolMap, least: NDArray[np.int64], name: str) -> None:
        """Raise SplitError naming the classes of which a part, (M,) bool, holds too few pixels."""
        counts = self.pixels.per_class(part)
        short = np.flatnonzero(counts < least)
        if len(short):
            found = some_of(
                [
                    f"class {self.pixels.classes[code]} has {counts[code]} of {least[code]} needed"
                    for code in short
                ]
            )
            guard_px = self.options.guard_width_px
            guard = f" outside the guard of {guard_px} px" if guard_px else ""
            raise SplitError(f"in the {name} part{guard}, {found}")


def some_of(pieces: Sequence[str], shown: int = 8) -> str:
    """Join what a refusal names, not more than fits on its one line."""
    more = [f"{len(pieces) - shown} more"] if len(pieces) > shown else []
    return ", ".join([*pieces[:shown], *more])
