"""Rows of integers, such as band means and the vectors of a basis, to bytes and back.

Each row is coded as it is or as the differences of neighbours, whichever are smaller; so many low
bits are split off as the spread needs, and the rest goes through the range coder with the Gaussian
table that fits it best.

Payload: per row a byte (0x80: differences; 0x1F: low bits) and a byte (number of the table); the
length of the coded symbols as a varint; the symbols of all rows; the low bits, row by row.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.coder import SymbolDecoder, SymbolEncoder
from hsigan.bitstream.tables import SCALES, CodingTables, gaussian_tables
from hsigan.bitstream.varint import ByteReader, varint
from hsigan.errors import InputError, StreamError

Integers = NDArray[np.int64]

_DIFFERENCES, _LOW_BITS = 0x80, 0x1F
_LARGEST = 2**40
MOST_UNITS = 2.0**36
"""Larger numbers are not written: of these, and of their differences, 31 low bits are enough."""
_MOST_SPREAD = 64.0
_SYMBOL_BITS = 30


@cache
def shared_tables() -> CodingTables:
    """Return the Gaussian tables of `SCALES`: fixed for ever, as they are in files."""
    return gaussian_tables(SCALES)


def encode_rows(rows: Integers) -> bytes:
    """Return the bytes of an integer array (R, N); none where it is empty.

    Raises
    ------
    InputError
        There are numbers that decoders take for damage.
    """
    if not rows.size:
        return b""
    if np.abs(rows).max() > MOST_UNITS:
        raise InputError(
            "the step is too small for the values of this scene: ask for less quality."
        )
    setup = bytearray()
    highs, indexes, lows = [], [], []
    for row in rows:
        differences = np.diff(row, prepend=0)
        is_smaller = np.abs(differences[1:]).sum() < np.abs(row[1:]).sum()
        values = differences if is_smaller else row
        low_bits = _low_bits(values)
        high = values >> low_bits
        table = _best_table(high)
        setup += bytes([_DIFFERENCES * bool(is_smaller) | low_bits, table])
        highs.append(high)
        indexes.append(np.full(len(row), table, dtype=np.uint8))
        lows.append(_to_bits(values & (2**low_bits - 1), low_bits))
    encoder = SymbolEncoder()
    symbols = np.concatenate([np.empty(0, np.int64), *highs]).astype(np.int32)
    encoder.encode(symbols, np.concatenate([np.empty(0, np.uint8), *indexes]), shared_tables())
    coded = encoder.finish()
    bits = np.concatenate([np.empty(0, np.uint8), *lows])
    return bytes(setup) + varint(len(coded)) + coded + np.packbits(bits).tobytes()


def decode_rows(reader: ByteReader, count: int, length: int) -> Integers:
    """Read an integer array (count, length).

    Raises
    ------
    StreamError
        The bytes are damaged or too few.
    """
    if not count * length:
        return np.zeros((count, length), dtype=np.int64)
    setup = np.frombuffer(reader.take(2 * count), dtype=np.uint8).reshape(count, 2)
    low_bits = (setup[:, 0] & _LOW_BITS).astype(np.int64)
    if (setup[:, 1] >= len(SCALES)).any():
        raise StreamError("the file's side information is damaged: it names an unknown table")
    decoder = SymbolDecoder(reader.take(reader.varint()))
    symbols = decoder.decode(np.repeat(setup[:, 1], length), shared_tables()).astype(np.int64)
    decoder.finish()
    total_bits = int(low_bits.sum()) * length
    packed = np.frombuffer(reader.take(-(-total_bits // 8)), dtype=np.uint8)
    bits = np.unpackbits(packed, count=total_bits)
    values = symbols.reshape(count, length) << low_bits[:, None]
    start = 0
    for row, number in enumerate(low_bits):
        stop = start + int(number) * length
        values[row] += _from_bits(bits[start:stop], length, int(number))
        start = stop
    if (np.abs(values) > _LARGEST).any():
        raise StreamError("the file's side information is damaged: a number is too large")
    is_differences = setup[:, 0] >= _DIFFERENCES
    values[is_differences] = np.cumsum(values[is_differences], axis=1)
    return values


def _low_bits(values: Integers) -> int:
    """Return how many bits to split off, so that the rest has a moderate spread and is int32."""
    later = values[1:].astype(np.float64)
    spread = float(np.sqrt(np.mean(np.square(later)))) if later.size else 0.0
    too_long = int(np.abs(values).max()).bit_length() - _SYMBOL_BITS
    return max(0, too_long, int(np.ceil(np.log2(max(spread, 1.0) / _MOST_SPREAD))))


def _best_table(values: Integers) -> int:
    """Return the table that codes these values in the fewest bits."""
    symbols = values.astype(np.int32)
    near = int(np.searchsorted(SCALES, np.sqrt(np.mean(np.square(values.astype(np.float64))))))
    candidates = range(max(0, near - 12), min(len(SCALES), near + 3))
    tables = shared_tables()
    bits = [
        tables.information_bits(symbols, np.full(len(symbols), index, dtype=np.uint8))
        for index in candidates
    ]
    return candidates[int(np.argmin(bits))]


def _to_bits(values: Integers, count: int) -> NDArray[np.uint8]:
    """Return the lowest bits of the values, highest first, value by value."""
    places = np.arange(count - 1, -1, -1)
    return ((values[:, None] >> places) & 1).astype(np.uint8).reshape(-1)


def _from_bits(bits: NDArray[np.uint8], length: int, count: int) -> Integers:
    places = 2 ** np.arange(count - 1, -1, -1, dtype=np.int64)
    return np.asarray(bits.reshape(length, count).astype(np.int64) @ places, dtype=np.int64)
