"""Integers to bytes and back, by a range coder with frozen tables (docs/file-format.md).

::

    symbols (N,) ── by table, in blocks ──> groups of indices ── Group.encode ──> Sink ──> bytes
                                        └─> what lies outside of its table ── Exp-Golomb ──┘
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.escapes import decode_escapes, encode_escapes
from hsigan.bitstream.models import Sink, Source
from hsigan.bitstream.tables import CodingTables
from hsigan.errors import InputError, StreamError

BLOCK = 2**18
"""Symbols that are grouped at a time; part of the format."""

Symbols = NDArray[np.int32]
Indexes = NDArray[Any]
_INT32 = np.iinfo(np.int32)


class SymbolEncoder:
    """Collects symbols; what is encoded first is decoded first.

    ::

        encoder = SymbolEncoder()
        encoder.encode(symbols, indexes, tables)
        payload = encoder.finish()
    """

    def __init__(self) -> None:
        self._sink = Sink()

    def encode(self, symbols: Symbols, indexes: Indexes, tables: CodingTables) -> None:
        """Append symbols.

        Parameters
        ----------
        symbols : (N,) int32
        indexes : (N,) uint8 or uint16, which table each symbol is coded with
        tables : symbols outside of their table take some 24 bits and more

        Raises
        ------
        InputError
            Wrong shapes or types, or an index without a table.
        """
        _check(indexes, tables)
        if symbols.dtype != np.int32 or symbols.shape != indexes.shape:
            raise InputError(
                f"symbols must be int32 of shape {indexes.shape}. "
                f"Got {symbols.dtype} of shape {symbols.shape} instead."
            )
        for start in range(0, len(symbols), BLOCK):
            block = slice(start, start + BLOCK)
            self._encode_block(symbols[block], indexes[block], tables)

    def _encode_block(self, symbols: Symbols, indexes: Indexes, tables: CodingTables) -> None:
        order, stops = _by_table(indexes)
        grouped = symbols[order]
        escaped, start = [], 0
        for table, stop in stops:
            piece, start = grouped[start:stop], stop
            offset, escape = int(tables.offsets[table]), tables.escape(table)
            # Wraps where a symbol lies below its table, to a number beyond the table.
            group = piece.view(np.uint32) - np.uint32(offset % 2**32)
            np.minimum(group, np.uint32(escape), out=group)
            tables.group(table).encode(self._sink, group.view(np.int32))
            if group.max() == escape:
                outside = piece[group == escape].astype(np.int64) - offset
                escaped.append(np.where(outside < 0, -2 * outside - 1, 2 * (outside - escape)))
        if escaped:
            encode_escapes(self._sink, np.concatenate(escaped))

    def finish(self) -> bytes:
        """Return the payload: b"" where no symbol was encoded."""
        return self._sink.finish()


class SymbolDecoder:
    """Gives the symbols of a payload back, in the calls in which they were encoded."""

    def __init__(self, payload: bytes) -> None:
        self._source = Source(payload)

    def decode(self, indexes: Indexes, tables: CodingTables) -> Symbols:
        """Return the next symbols (N,) int32.

        Parameters
        ----------
        indexes, tables : as they were encoded with

        Raises
        ------
        InputError
            Wrong types, or an index without a table.
        StreamError
            The payload is damaged.
        """
        _check(indexes, tables)
        symbols = np.empty(len(indexes), np.int32)
        for start in range(0, len(indexes), BLOCK):
            block = slice(start, start + BLOCK)
            self._decode_block(indexes[block], tables, symbols[block])
        return symbols

    def _decode_block(self, indexes: Indexes, tables: CodingTables, out: Symbols) -> None:
        order, stops = _by_table(indexes)
        grouped = np.empty(len(indexes), np.int32)
        escaped, start = [], 0
        for table, stop in stops:
            group = tables.group(table).decode(self._source, stop - start)
            # int32 throughout: only an escape can wrap, and it is overwritten below.
            np.add(group, tables.offsets[table], out=grouped[start:stop])
            places = np.flatnonzero(group == tables.escape(table))
            escaped.append((places + start, int(tables.offsets[table]), tables.escape(table)))
            start = stop
        self._place_escapes(escaped, grouped)
        out[order] = grouped

    def _place_escapes(
        self, escaped: list[tuple[NDArray[np.intp], int, int]], grouped: Symbols
    ) -> None:
        places = np.concatenate([entry[0] for entry in escaped])
        if not len(places):
            return
        counts = [len(entry[0]) for entry in escaped]
        offsets = np.repeat([entry[1] for entry in escaped], counts)
        sizes = np.repeat([entry[2] for entry in escaped], counts)
        numbers = decode_escapes(self._source, len(places))
        outside = np.where(numbers % 2, -(numbers + 1) // 2, numbers // 2 + sizes) + offsets
        if outside.min() < _INT32.min or outside.max() > _INT32.max:
            raise StreamError("the payload is damaged: a symbol exceeds 32 bits")
        grouped[places] = outside

    def finish(self) -> None:
        """Check that all symbols have been taken.

        Raises
        ------
        StreamError
            The payload has more bytes or fewer than its symbols needed.
        """
        self._source.finish()


def _check(indexes: Indexes, tables: CodingTables) -> None:
    if indexes.dtype not in (np.uint8, np.uint16) or indexes.ndim != 1:
        raise InputError(
            "indexes must be uint8 or uint16, in one dimension. "
            f"Got {indexes.dtype} of shape {indexes.shape} instead."
        )
    if len(indexes) and indexes.max() >= len(tables):
        raise InputError(
            f"indexes must be below {len(tables)}, the number of tables. "
            f"Got {indexes.max()} instead."
        )


def _by_table(indexes: Indexes) -> tuple[NDArray[np.intp], list[tuple[int, int]]]:
    """Return the stable order by table, and for each table that occurs where its group ends."""
    order = np.argsort(indexes, kind="stable")  # a radix sort for 8 and 16 bits
    tables = np.arange(int(indexes[order[-1]]) + 1, dtype=indexes.dtype)
    ends = np.searchsorted(indexes, tables, side="right", sorter=order)
    used = np.flatnonzero(np.diff(ends, prepend=0))
    return order, list(zip(tables[used].tolist(), ends[used].tolist(), strict=True))
