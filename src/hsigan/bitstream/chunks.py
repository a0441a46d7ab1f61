"""The chunks of a file and the table that lists them (docs/file-format.md, "The table")."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from hsigan.bitstream.varint import ByteReader, varint
from hsigan.errors import StreamError

LARGEST_TILE = 2**62
_LAST_RUN, _HAS_TILE, _HAS_COUNT = 0x20, 0x40, 0x80


class ChunkKind(IntEnum):
    """What a chunk holds. The numbers are in files: none is ever given another meaning."""

    METADATA = 1
    MASK = 2
    SIDE = 3
    TILE = 4
    MODEL = 5
    RESIDUAL = 6
    REGION = 7


@dataclass(frozen=True)
class Chunk:
    """A payload, of which kind, and for which tile (row by row; 0 for kinds of a whole scene)."""

    kind: ChunkKind
    tile: int
    payload: bytes


@dataclass(frozen=True)
class Entry:
    """A chunk in the table; `crc` is None where one checksum guards the whole file."""

    kind: ChunkKind
    tile: int
    length: int
    crc: int | None


def encode_table(entries: Sequence[Entry]) -> bytes:
    """Return the bytes of the table of these chunks, in the order in which they lie in the file."""
    out = bytearray()
    runs = list(_runs(entries))
    for place, run in enumerate(runs):
        first, is_last = run[0], place == len(runs) - 1
        out.append(
            first.kind
            | _LAST_RUN * is_last
            | _HAS_TILE * (first.tile > 0)
            | _HAS_COUNT * (len(run) > 1)
        )
        out += varint(first.tile) if first.tile else b""
        out += varint(len(run) - 2) if len(run) > 1 else b""
        for entry in run:
            out += b"" if is_last and entry is run[-1] else varint(entry.length)
            out += struct.pack("<I", entry.crc) if entry.crc is not None and entry.length else b""
    return bytes(out)


def _runs(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yield runs of chunks of one kind and of tiles that follow each other."""
    run: list[Entry] = []
    for entry in entries:
        if run and (entry.kind, entry.tile) != (run[-1].kind, run[-1].tile + 1):
            yield run
            run = []
        run.append(entry)
    if run:
        yield run


def decode_table(table: bytes, payload_bytes: int, has_crcs: bool) -> list[Entry]:
    """Read a table.

    Parameters
    ----------
    table : its bytes
    payload_bytes : how long all payloads are together: the length of the last is not written
    has_crcs : whether chunks have checksums of their own

    Raises
    ------
    StreamError
        It is damaged, or holds a kind of chunks that this version does not know.
    """
    reader = ByteReader(table, "the table of chunks")
    entries: list[Entry] = []
    left, is_last = payload_bytes, False
    while not is_last:
        head = reader.byte()
        kind, is_last = _kind(head & 0x1F), bool(head & _LAST_RUN)
        tile = reader.varint() if head & _HAS_TILE else 0
        count = reader.varint() + 2 if head & _HAS_COUNT else 1
        if tile + count > LARGEST_TILE:
            raise StreamError("the table of chunks is damaged: it counts more tiles than can be")
        for place in range(count):
            length = left if is_last and place == count - 1 else reader.varint()
            crc = struct.unpack("<I", reader.take(4))[0] if has_crcs and length else None
            entries.append(Entry(kind, tile + place, length, crc))
            left -= length
            if left < 0:
                raise StreamError("the table of chunks is damaged: its chunks are too long")
    reader.end()
    return entries


def _kind(number: int) -> ChunkKind:
    try:
        return ChunkKind(number)
    except ValueError as error:
        raise StreamError(
            f"the file holds chunks of kind {number}, which this hsigan does not know: use a newer "
            "one, or the file is damaged"
        ) from error
