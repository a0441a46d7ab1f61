"""One tile of codec klt-context: coefficients of the components to bytes and back.

::

    for each subband, coarse to fine:
        axes from the symbols so far ── turn the K components ── quantise by the trellis ── code,
        component by component in four passes, each symbol with the table that its contexts and
        the state of the trellis point to

Payload: varint K; then the range coder's bytes. Nothing at all for a tile of zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.coder import SymbolDecoder, SymbolEncoder
from hsigan.bitstream.varint import ByteReader, varint
from hsigan.codec.klt_context_leading import MOST_GRID, quantise
from hsigan.codec.klt_context_model import (
    Coefficients,
    Contexts,
    EntropyModel,
    Shared,
    States,
    Symbols,
    Variances,
)
from hsigan.codec.klt_context_order import TileContexts
from hsigan.codec.klt_context_rotation import TileRotation
from hsigan.codec.klt_context_trellis import (
    GRID,
    NEXT_STATE,
    grid_points,
    search_symbols,
    state_paths,
)
from hsigan.codec.rate import StepTooSmallError
from hsigan.codec.spatial_transform import Subband
from hsigan.errors import StreamError

Region = tuple[slice, slice]

_MOST_STEPS = 0.99 * GRID * MOST_GRID  # the trellis takes points up to three beside a value


@dataclass(frozen=True)
class BandSymbols:
    """A subband, quantised: all arrays (K, h, w).

    Attributes
    ----------
    symbols, states
        And at which state of the trellis each symbol is coded.
    targets
        What was quantised, in steps.
    """

    symbols: Symbols
    states: States
    targets: Coefficients

    @classmethod
    def plain(cls, targets: Coefficients) -> Self:
        """Quantise by the even quantiser alone."""
        symbols = quantise(targets)
        return cls(symbols, np.zeros(symbols.shape, np.uint8), targets)


Visit = Callable[[Contexts, Shared, BandSymbols, int, Region], None]
Leave = Callable[[Subband, NDArray[np.float64]], None]


def visit_band(
    contexts: TileContexts, number: int, expected: Variances, coded: BandSymbols, visit: Visit
) -> None:
    """Call ``visit`` for each pass: contexts, the subband, the component, rows and columns."""
    contexts.open_band(number, expected)
    for component in range(len(coded.symbols)):
        contexts.open(number, component)
        for place, region in contexts.passes():
            visit(*contexts.of(place), coded, component, region)
            contexts.put(place, coded.symbols[component][region].reshape(-1))
        contexts.close()


def search_band(
    contexts: TileContexts,
    number: int,
    expected: Variances,
    targets: Coefficients,
    model: EntropyModel,
) -> BandSymbols:
    """Quantise a subband (K, h, w) by the trellis, with the costs that plain symbols would have."""
    tables = np.zeros(targets.shape, np.uint8)

    def visit(
        local: Contexts, shared: Shared, coded: BandSymbols, component: int, region: Region
    ) -> None:
        plane = tables[component][region]
        plane[:] = model.network.tables(local, shared).reshape(plane.shape)

    visit_band(contexts, number, expected, BandSymbols.plain(targets), visit)
    count = len(targets)
    symbols = search_symbols(
        targets.reshape(count, -1),
        tables.reshape(count, -1),
        model.costs,
        model.network.table_count,
    )
    states = state_paths(symbols)
    return BandSymbols(symbols.reshape(targets.shape), states.reshape(targets.shape), targets)


def walk_tile(
    scaled: Coefficients,
    variances: Variances,
    model: EntropyModel | None,
    visit: Visit,
    leave: Leave = lambda band, axes: None,
) -> None:
    """Go through the symbols of a tile in the order of coding.

    Parameters
    ----------
    scaled : (K, h, w) coefficients, in steps
    variances : (len(bands), K) in squared steps, see `band_variances`
    model : whose costs the trellis takes; without one the even quantiser serves alone
    visit : called for each pass, see `visit_band`
    leave : called after each subband, with the axes of its symbols

    Raises
    ------
    StepTooSmallError
        A coefficient is more steps than a decoder takes.
    """
    count, height, width = scaled.shape
    contexts = TileContexts(height, width, count)
    rotation = TileRotation(contexts.bands, variances)
    for number, band in enumerate(contexts.bands):
        axes, expected = rotation.axes_of(number)
        part = scaled[:, *band.region].reshape(count, -1)
        targets = (axes.T.astype(np.float32) @ part).reshape(count, band.height, band.width)
        if np.abs(targets).max() > _MOST_STEPS:
            raise StepTooSmallError
        if model is None:
            coded = BandSymbols.plain(targets)
        else:
            coded = search_band(contexts, number, expected, targets, model)
        rotation.learn(number, grid_points(coded.symbols, coded.states).reshape(count, -1), GRID)
        visit_band(contexts, number, expected, coded, visit)
        leave(band, axes)


def encode_coefficients(
    scaled: Coefficients,
    variances: Variances,
    model: EntropyModel,
    decoded: Coefficients | None = None,
) -> bytes:
    """Return the payload of coefficients (K, h, w) in steps.

    Parameters
    ----------
    scaled, variances, model : see `walk_tile`
    decoded : (K, h, w), filled with what `decode_coefficients` will return

    Raises
    ------
    StepTooSmallError
        See `walk_tile`.
    """
    if not len(scaled):
        return b""
    encoder = SymbolEncoder()
    values = np.empty_like(scaled)

    def visit(
        local: Contexts, shared: Shared, coded: BandSymbols, component: int, region: Region
    ) -> None:
        states = coded.states[component][region].reshape(-1)
        symbols = coded.symbols[component][region].reshape(-1)
        indexes = model.indexes(local, shared, states)
        encoder.encode(symbols, indexes, model.tables)
        if decoded is not None:
            plane = values[component, : coded.symbols.shape[1], : coded.symbols.shape[2]][region]
            plane[:] = model.values(symbols, states, indexes).reshape(plane.shape)

    def leave(band: Subband, axes: NDArray[np.float64]) -> None:
        if decoded is not None:
            part = values[:, : band.height, : band.width]
            decoded[:, *band.region] = turn_back(axes, part)

    walk_tile(scaled, variances, model, visit, leave)
    return varint(len(scaled)) + encoder.finish()


def turn_back(axes: NDArray[np.float64], values: Coefficients) -> Coefficients:
    """Return components (K, h, w) of values along a subband's axes."""
    turned = axes.astype(np.float32) @ values.reshape(len(values), -1)
    return np.asarray(turned.reshape(values.shape))


def decode_coefficients(
    payload: bytes,
    shape: tuple[int, int],
    variances: Callable[[list[Subband], int], Variances],
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
        coded = _decode_band(contexts, number, count, decoder, model)
        points = grid_points(coded.symbols, coded.states).reshape(count, -1)
        if np.abs(points.astype(np.int64)).max() > MOST_GRID:
            raise StreamError("a tile is damaged: a symbol is too large")
        rotation.learn(number, points, GRID)
        scaled[:, *band.region] = turn_back(axes, coded.targets)
    decoder.finish()
    return scaled


def _decode_band(
    contexts: TileContexts, number: int, count: int, decoder: SymbolDecoder, model: EntropyModel
) -> BandSymbols:
    """Return a subband's symbols, and as targets what they stand for."""
    band = contexts.bands[number]
    shape = (count, band.height, band.width)
    coded = BandSymbols(
        np.zeros(shape, np.int32), np.zeros(shape, np.uint8), np.zeros(shape, np.float32)
    )
    for component in range(count):
        contexts.open(number, component)
        for place, region in contexts.passes():
            states = coded.states[component][region].reshape(-1)
            indexes = model.indexes(*contexts.of(place), states)
            symbols = decoder.decode(indexes, model.tables)
            contexts.put(place, symbols)
            plane = coded.symbols[component][region]
            plane[:] = symbols.reshape(plane.shape)
            values = model.values(symbols, states, indexes)
            coded.targets[component][region] = values.reshape(plane.shape)
        contexts.close()
        if component + 1 < count:
            parities = coded.symbols[component] & 1
            coded.states[component + 1] = NEXT_STATE[coded.states[component], parities]
    return coded
