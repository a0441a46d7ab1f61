"""The tiles of a scene: where they lie, reading them row by row, working on several at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hsigan.codec.interface import Tile
from hsigan.codec.values import Kinds, kinds_of

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Place:
    """Where a tile lies; tiles are counted row by row."""

    index: int
    rows: slice
    columns: slice

    @property
    def height(self) -> int:
        """Rows of the tile."""
        return int(self.rows.stop - self.rows.start)

    @property
    def width(self) -> int:
        """Columns of the tile."""
        return int(self.columns.stop - self.columns.start)


@dataclass(frozen=True)
class SourceTile:
    """A tile as the scene has it: (B, h, w) in its own type; kinds None where all is data."""

    place: Place
    values: NDArray[Any]
    kinds: Kinds | None
    filled: Tile | None = None  # float32 and without gaps, where a tile is encoded several times

    @property
    def valid(self) -> int:
        """How many samples are data."""
        return self.values.size if self.kinds is None else int((self.kinds == 0).sum())

    def squared_error(self, decoded: NDArray[Any]) -> float:
        """Return the sum of squared errors of (B, h, w) over samples that are data."""
        is_narrow = self.values.dtype.itemsize <= 2
        wide = np.float32 if is_narrow else np.float64
        total = 0.0
        for band, original in enumerate(self.values):
            after = decoded[band]
            if self.kinds is not None:
                valid = self.kinds[band] == 0
                original, after = original[valid], after[valid]
            error = after.astype(wide) - original
            total += float(np.square(error, out=error).sum(dtype=np.float64))
        return total


def places(height: int, width: int, tile_px: int) -> list[Place]:
    """Return where the tiles of a scene lie; those at its right and lower edge may be smaller."""
    found: list[Place] = []
    for top in range(0, height, tile_px):
        rows = slice(top, min(top + tile_px, height))
        for left in range(0, width, tile_px):
            columns = slice(left, min(left + tile_px, width))
            found.append(Place(len(found), rows, columns))
    return found


def read_tiles(scene: xr.Dataset, wanted: Iterable[Place]) -> Iterator[SourceTile]:
    """Yield tiles; tiles side by side are cut from rows that are read once."""
    rows, block = None, np.empty(0)
    nodata = scene["values"].attrs.get("nodata")
    for place in wanted:
        if place.rows != rows:
            rows, block = place.rows, scene["values"][place.rows].values
        values = np.moveaxis(block[:, place.columns], -1, 0)
        yield SourceTile(place, values, kinds_of(values, nodata))


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let each tile's matrices be multiplied by one thread: sums then have one order of terms."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def in_order(work: Callable[[Given], Made], items: Iterable[Given], threads: int) -> Iterator[Made]:
    """Yield the results of items in their order, with so many threads and little waiting in memory.

    NumPy, OpenJPEG and PyTorch leave Python's lock while they compute.
    """
    if threads == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
