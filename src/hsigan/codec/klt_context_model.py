"""What a model of codec klt-context holds: the components of a sensor, and the entropy model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.tables import CodingTables
from hsigan.codec import spatial_transform
from hsigan.codec.klt_context_trellis import GRID, SymbolCosts, grid_points
from hsigan.codec.spatial_transform import Subband
from hsigan.errors import StreamError
from hsigan.models.context_network import ContextNetwork

Coefficients = NDArray[np.float32]
Symbols = NDArray[np.int32]
Contexts = NDArray[np.float32]
Shared = NDArray[np.int32]
States = NDArray[np.uint8]
Variances = NDArray[np.float64]

LEVELS = 6


@dataclass(frozen=True)
class SharedBasis:
    """The components of a sensor's scenes.

    Attributes
    ----------
    mean
        (B,) float32.
    axes
        (B, B) float32, as columns.
    variances
        (LEVELS + 1, 3, B) float64, of wavelet coefficients: see `band_variances`.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    variances: Variances

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a model file keeps."""
        return {"mean": self.mean, "axes": self.axes, "variances": self.variances}

    def planes(self, values: NDArray[np.float32], part: slice) -> NDArray[np.float32]:
        """Return planes (K, h, w) of a part of the components of values (B, h, w)."""
        bands = values.shape[0]
        centred = values.reshape(bands, -1) - self.mean[:, None]
        planes = self.axes[:, part].T @ centred
        return np.asarray(planes.reshape(-1, *values.shape[1:]))

    def coefficients(
        self, values: NDArray[np.float32], part: slice = slice(None)
    ) -> NDArray[np.float32]:
        """Return coefficients (K, h, w) of a part of the components of values (B, h, w)."""
        return spatial_transform.forward(self.planes(values, part))


@dataclass(frozen=True)
class EntropyModel:
    """What is learned of symbols, whatever the sensor.

    Attributes
    ----------
    network
        From contexts to tables.
    tables
        2 T symmetric tables of symbols: T of the even quantiser, T of the odd one.
    shrinkage
        (2 T, 3) float32: how far towards zero of its grid point a symbol of magnitude 1, 2, or 3
        and more is reconstructed, in steps.
    """

    network: ContextNetwork
    tables: CodingTables
    shrinkage: NDArray[np.float32]

    @cached_property
    def costs(self) -> SymbolCosts:
        """Bits of symbols."""
        return SymbolCosts.of(self.tables)

    def indexes(self, local: Contexts, shared: Shared, states: States) -> NDArray[np.uint8]:
        """Return the table of each symbol, from contexts and states."""
        odd = (states >> 1) * np.uint8(self.network.table_count)
        return self.network.tables(local, shared) + odd

    def values(self, symbols: Symbols, states: States, indexes: NDArray[np.uint8]) -> Coefficients:
        """Return what symbols stand for, in steps."""
        shrunk = self.shrinkage[indexes, np.clip(np.abs(symbols), 1, 3) - 1] * np.sign(symbols)
        return np.asarray(grid_points(symbols, states) * np.float32(GRID) - shrunk, np.float32)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a model file keeps."""
        arrays = {f"network.{name}": array for name, array in self.network.to_arrays().items()}
        arrays |= {f"tables.{name}": array for name, array in self.tables.to_arrays().items()}
        return {**arrays, "shrinkage": self.shrinkage}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what `to_arrays` returned.

        Raises
        ------
        StreamError
            The arrays are no such model.
        """
        network = ContextNetwork.from_arrays(_below(arrays, "network."))
        tables = CodingTables.from_arrays(_below(arrays, "tables."))
        shrinkage = arrays.get("shrinkage")
        if shrinkage is None or shrinkage.shape != (len(tables), 3):
            raise StreamError("the model's points of reconstruction are damaged")
        if 2 * network.table_count != len(tables):
            raise StreamError("the model has other coding tables than its network names")
        return cls(network, tables, shrinkage)


def _below(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def component_variances(variances: Variances) -> NDArray[np.float64]:
    """Return variances of components (B,) from those of their wavelet coefficients.

    Term by term, so that they are the same numbers on every machine.
    """
    total = variances[-1, 0].copy()
    for level, details in enumerate(variances[:-1], start=1):
        for row in details:
            total += row * 0.25**level
    return np.asarray(total)


def band_variances(
    variances: Variances, bands: list[Subband], count: int, step: float
) -> Variances:
    """Return what is expected of a tile's subbands (len(bands), K), in squared steps.

    Parameters
    ----------
    variances : (LEVELS + 1, 3, B): by level - 1 and orientation; the last level is the low band's,
        divided by 4**levels
    bands : of the tile
    count : K, of the first components
    step : of the quantiser
    """
    rows = []
    for band in bands:
        if band.detail_y or band.detail_x:
            row = variances[band.level - 1, band.detail_y + 2 * band.detail_x - 1]
        else:
            row = variances[LEVELS, 0] * 4.0**band.level
        rows.append(row[:count] / (step * step))
    return np.array(rows)
