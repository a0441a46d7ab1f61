"""One tile of codec klt-context: coefficients of the components to bytes and back.

::

    for each subband, coarse to fine:
        axes from the symbols so far ── turn the K components ── quantise ── code, component by
        component in four passes, each symbol with the table that its contexts point to

Payload: varint K; then the range coder's bytes. Nothing at all for a tile of zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.coder import SymbolDecoder, SymbolEncoder
from hsigan.bitstream.tables import CodingTables
from hsigan.bitstream.varint import ByteReader, varint
from hsigan.codec.klt_context_order import TileContexts
from hsigan.codec.klt_context_rotation import TileRotation
from hsigan.codec.spatial_transform import Subband
from hsigan.errors import StreamError
from hsigan.models.context_network import ContextNetwork

Coefficients = NDArray[np.float32]
Symbols = NDArray[np.int32]
Contexts = NDArray[np.float32]
Shared = NDArray[np.int32]
Visit = Callable[[Contexts, Shared, Symbols], None]

LEVELS = 6
ROUNDING = 0.4
"""What is added before rounding down: less than a half widens the zone of zero."""


@dataclass(frozen=True)
class EntropyModel:
    """What is learned of symbols, whatever the sensor.

    Attributes
    ----------
    network
        From contexts to tables.
    tables
        Symmetric tables of symbols.
    shrinkage
        (T, 3) float32: how far below its magnitude a symbol of magnitude 1, 2, or 3 and more is
        reconstructed, in steps.
    """

    network: ContextNetwork
    tables: CodingTables
    shrinkage: NDArray[np.float32]

    def values(self, symbols: Symbols, indexes: NDArray[np.uint8]) -> Coefficients:
        """Return what symbols stand for, in steps."""
        magnitudes = np.abs(symbols)
        shrunk = magnitudes - self.shrinkage[indexes, np.clip(magnitudes, 1, 3) - 1]
        return np.where(symbols == 0, 0, np.sign(symbols) * shrunk).astype(np.float32)

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
        if network.table_count > len(tables):
            raise StreamError("the model has fewer coding tables than its network names")
        return cls(network, tables, shrinkage)


def _below(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def band_variances(
    variances: NDArray[np.float64], bands: list[Subband], count: int, step: float
) -> NDArray[np.float64]:
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


def quantise(values: NDArray[np.floating[Any]]) -> Symbols:
    """Return the symbols of values in steps."""
    magnitudes = np.floor(np.abs(values) + ROUNDING)
    return np.asarray(np.sign(values) * np.minimum(magnitudes, 2**30), np.int32)


def leading_count(scaled: Coefficients) -> int:
    """Return how many components (K, h, w) to code: up to the last one with a symbol but 0."""
    found = np.flatnonzero((np.abs(scaled) >= 1 - ROUNDING).any(axis=(1, 2)))
    return int(found[-1]) + 1 if found.size else 0


def walk_tile(scaled: Coefficients, variances: NDArray[np.float64], visit: Visit) -> None:
    """Go through the symbols of a tile in the order of coding.

    Parameters
    ----------
    scaled : (K, h, w) coefficients, in steps
    variances : (len(bands), K) in squared steps, see `band_variances`
    visit : called for each pass with its contexts, and its symbols
    """
    count, height, width = scaled.shape
    contexts = TileContexts(height, width, count)
    rotation = TileRotation(contexts.bands, variances)
    for number, band in enumerate(contexts.bands):
        axes, expected = rotation.axes_of(number)
        part = scaled[:, *band.region].reshape(count, -1)
        symbols = quantise(axes.T.astype(np.float32) @ part)
        rotation.learn(number, symbols)
        contexts.open_band(number, expected)
        planes = symbols.reshape(count, band.height, band.width)
        for component in range(count):
            contexts.open(number, component)
            for place, region in contexts.passes():
                coded = planes[component][region].reshape(-1)
                visit(*contexts.of(place), coded)
                contexts.put(place, coded)
            contexts.close()


def encode_coefficients(
    scaled: Coefficients, variances: NDArray[np.float64], model: EntropyModel
) -> bytes:
    """Return the payload of coefficients (K, h, w) in steps."""
    if not len(scaled):
        return b""
    encoder = SymbolEncoder()

    def visit(local: Contexts, shared: Shared, symbols: Symbols) -> None:
        encoder.encode(symbols, model.network.tables(local, shared), model.tables)

    walk_tile(scaled, variances, visit)
    return varint(len(scaled)) + encoder.finish()


def decode_coefficients(
    payload: bytes,
    shape: tuple[int, int],
    variances: Callable[[list[Subband], int], NDArray[np.float64]],
    model: EntropyModel,
    most: int,
) -> Coefficients:
    """Return coefficients (K, h, w) in steps.

    Parameters
    ----------
    payload : of `encode_coefficients`
    shape : h, w
    variances : gives those of the subbands for K components
    model : as it was encoded with
    most : components that there can be

    Raises
    ------
    StreamError
        The payload is damaged.
    """
    if not payload:
        return np.zeros((0, *shape), np.float32)
    reader = ByteReader(payload, "a tile")
    count = reader.varint()
    if not 1 <= count <= most:
        raise StreamError("a tile is damaged: it has an impossible number of components")
    decoder = SymbolDecoder(reader.take(reader.left()))
    contexts = TileContexts(*shape, count)
    rotation = TileRotation(contexts.bands, variances(contexts.bands, count))
    scaled = np.zeros((count, *shape), np.float32)
    for number, band in enumerate(contexts.bands):
        axes, expected = rotation.axes_of(number)
        contexts.open_band(number, expected)
        symbols = np.zeros((count, band.height, band.width), np.int32)
        values = np.zeros(symbols.shape, np.float32)
        for component in range(count):
            contexts.open(number, component)
            for place, region in contexts.passes():
                indexes = model.network.tables(*contexts.of(place))
                decoded = decoder.decode(indexes, model.tables)
                contexts.put(place, decoded)
                plane = symbols[component][region]
                plane[:] = decoded.reshape(plane.shape)
                values[component][region] = model.values(decoded, indexes).reshape(plane.shape)
            contexts.close()
        flat = symbols.reshape(count, -1)
        if np.abs(flat.astype(np.int64)).max() > 2**20:
            raise StreamError("a tile is damaged: a symbol is too large")
        rotation.learn(number, flat)
        turned = axes.astype(np.float32) @ values.reshape(count, -1)
        scaled[:, *band.region] = turned.reshape(values.shape)
    decoder.finish()
    return scaled
