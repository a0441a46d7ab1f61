"""Quantised coefficients of 8 x 8 blocks to bytes: each group of them with a table of its own.

Coefficients that are alike - of one plane (a band, or a frequency along the spectrum) and of
similar spatial frequency - form a group. The encoder finds for each group the Laplacian table that
fits it best and sends its number; the tables themselves are fixed for ever. So the rate adapts to
the tile, and decoding stays in integers.

Payload: varint of the length of the table numbers and these, deflated (a byte per group, zone by
zone; 255: nothing but zeros); then the symbols, zone by zone.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.coder import SymbolDecoder, SymbolEncoder
from hsigan.bitstream.deflate import deflate, inflate
from hsigan.bitstream.tables import CodingTables, laplacian_tables
from hsigan.bitstream.varint import ByteReader, varint
from hsigan.codec.blocks import SIDE
from hsigan.errors import StreamError

Symbols = NDArray[np.int32]

_ONLY_ZEROS = 255
_SCALES = np.round(2.0 ** (np.arange(63) / 4 - 5) * 2**20) / 2**20
"""Mean absolute values, from 1/32 to 1448, four to an octave; multiples of 2**-20."""

_ZONE_ENDS = np.array([0, 1, 2, 4, 7])
_FREQUENCIES = np.add.outer(np.arange(SIDE), np.arange(SIDE))
_ZONES: NDArray[np.intp] = np.searchsorted(_ZONE_ENDS, _FREQUENCIES)
"""(8, 8): 0 for the mean of a block, 1 to 5 for ever finer diagonals."""
_ZONE_COUNT = len(_ZONE_ENDS) + 1

_LARGEST = 2**30
_ROUNDING = 0.4
"""Numbers up to 0.6 steps become 0, which saves more bits than its error is worth."""


@cache
def shared_tables() -> CodingTables:
    """Return the Laplacian tables: fixed for ever, as they are in files."""
    return laplacian_tables(_SCALES)


def quantise(coefficients: NDArray[np.float32], step: float) -> Symbols:
    """Return signed whole steps, with a dead zone around 0."""
    steps = np.abs(coefficients) * np.float32(1 / step) + np.float32(_ROUNDING)
    whole = np.minimum(np.floor(steps), _LARGEST)
    return np.asarray(np.copysign(whole, coefficients), dtype=np.int32)


def encode_groups(symbols: Symbols) -> bytes:
    """Return the bytes of symbols (P, rows of blocks, columns of blocks, 8, 8)."""
    planes = len(symbols)
    numbers = np.full((_ZONE_COUNT, planes), _ONLY_ZEROS, dtype=np.uint8)
    encoder = SymbolEncoder()
    for zone in range(_ZONE_COUNT):
        members = symbols[..., zone == _ZONES].reshape(planes, -1)
        means = np.abs(members).mean(axis=1, dtype=np.float64)
        coded = means > 0
        distance = np.log2(means[coded])[:, None] - np.log2(_SCALES)
        numbers[zone, coded] = np.abs(distance).argmin(axis=1)
        indexes = np.repeat(numbers[zone, coded], members.shape[1])
        encoder.encode(members[coded].reshape(-1), indexes, shared_tables())
    packed = deflate(numbers.tobytes())
    return varint(len(packed)) + packed + encoder.finish()


def decode_groups(reader: ByteReader, shape: tuple[int, int, int, int, int]) -> Symbols:
    """Read symbols of a shape; nothing may follow them.

    Raises
    ------
    StreamError
        The payload is damaged.
    """
    planes, blocks = shape[0], shape[1] * shape[2]
    size = _ZONE_COUNT * planes
    numbers = np.frombuffer(inflate(reader.take(reader.varint()), size, "a tile"), dtype=np.uint8)
    if numbers.size != size or ((numbers >= len(_SCALES)) & (numbers != _ONLY_ZEROS)).any():
        raise StreamError("a tile is damaged: it names tables that there are not")
    decoder = SymbolDecoder(reader.take(reader.left()))
    symbols = np.zeros((planes, blocks, SIDE, SIDE), dtype=np.int32)
    for zone, tables in enumerate(numbers.reshape(_ZONE_COUNT, planes)):
        inside = zone == _ZONES
        coded = tables != _ONLY_ZEROS
        length = blocks * np.count_nonzero(inside)
        found = decoder.decode(np.repeat(tables[coded], length), shared_tables())
        if found.size and (found.max() > _LARGEST or found.min() < -_LARGEST):
            raise StreamError("a tile is damaged: a coefficient is too large")
        members = np.zeros((planes, length), dtype=np.int32)
        members[coded] = found.reshape(-1, length)
        symbols[..., inside] = members.reshape(planes, blocks, -1)
    decoder.finish()
    return symbols.reshape(shape)
