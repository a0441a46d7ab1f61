"""A compressed scene on disk: header, payloads, table, checksum (docs/file-format.md).

::

    header | payload | payload | ... | table | length of the table, backwards | CRC-32

A writer never holds the payloads. A reader finds the table from the end of the file and then reads
the payloads that it is asked for, no others; only small files are read whole, because one checksum
guards them.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from hsigan.bitstream.chunks import Chunk, ChunkKind, Entry, decode_table, encode_table
from hsigan.bitstream.header import LARGEST_HEADER, Header, decode_header, encode_header
from hsigan.bitstream.varint import varint
from hsigan.errors import InputError, StreamError
from hsigan.files import whole_file

__all__ = [
    "Chunk",
    "ChunkKind",
    "ContainerReader",
    "ContainerWriter",
    "Header",
    "file_bytes",
]

SMALL_FILE = 2**16
"""Up to so many bytes of payload, one checksum guards the whole file instead of one each chunk."""
_CRC_BYTES = 4
_LONGEST_FOOTER = 10 + _CRC_BYTES
_TAIL = 2**14


class _Body:
    """Writes a file's content to a stream, chunk by chunk."""

    def __init__(self, stream: BinaryIO, header: Header) -> None:
        self._stream, self._header = stream, header
        self._head = encode_header(header)
        self._entries: dict[tuple[ChunkKind, int], Entry] = {}
        self._crc = 0
        self._write(self._head)

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._crc = zlib.crc32(data, self._crc)

    def add(self, kind: ChunkKind, payload: bytes, tile: int) -> None:
        kind = ChunkKind(kind)
        if (kind, tile) in self._entries:
            raise InputError(f"there is a {kind.name} chunk for tile {tile} already")
        if not 0 <= tile < self._header.tiles:
            raise InputError(f"tile must be 0 ... {self._header.tiles - 1}. Got {tile} instead.")
        self._entries[kind, tile] = Entry(kind, tile, len(payload), zlib.crc32(payload))
        self._write(payload)

    def finish(self) -> None:
        entries = list(self._entries.values())
        tiles = sum(entry.kind == ChunkKind.TILE for entry in entries)
        if tiles != self._header.tiles:
            raise InputError(f"the scene has {self._header.tiles} tiles, {tiles} have been written")
        is_small = sum(entry.length for entry in entries) <= SMALL_FILE
        if is_small:
            entries = [Entry(entry.kind, entry.tile, entry.length, None) for entry in entries]
        table = encode_table(entries)
        footer = varint(2 * len(table) + is_small)[::-1]
        if not is_small:
            self._crc = zlib.crc32(self._head)
        self._write(table + footer)
        self._stream.write(self._crc.to_bytes(_CRC_BYTES, "little"))


class ContainerWriter:
    """Writes a file chunk by chunk; it appears when the block ends well, or not at all.

    ::

        with ContainerWriter(path, header) as writer:
            writer.add(ChunkKind.SIDE, side)
            for tile, payload in enumerate(payloads):
                writer.add(ChunkKind.TILE, payload, tile)

    There is one TILE chunk for each tile, empty where there is nothing to say; ascending tiles
    take the least room.

    Raises
    ------
    InputError
        A chunk comes twice, a tile is not in the scene, or tiles are missing at the end.
    OSError
        The file cannot be written.
    """

    def __init__(self, path: str | Path, header: Header) -> None:
        self._path, self._header = path, header
        self._stack = ExitStack()
        self._body: _Body | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(whole_file(self._path))
            stream = stack.enter_context(temporary.open("wb"))
            self._body = _Body(stream, self._header)
            self._stack = stack.pop_all()
        return self

    def add(self, kind: ChunkKind, payload: bytes, tile: int = 0) -> None:
        """Append a chunk."""
        if self._body is None:
            raise InputError("a ContainerWriter is used in a with block")
        self._body.add(kind, payload, tile)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            if self._body is not None:
                self._body.finish()


def file_bytes(header: Header, chunks: Iterable[Chunk]) -> bytes:
    """Return the content of the file of these chunks, in memory."""
    stream = io.BytesIO()
    body = _Body(stream, header)
    for chunk in chunks:
        body.add(chunk.kind, chunk.payload, chunk.tile)
    body.finish()
    return stream.getvalue()


class ContainerReader:
    """Reads a file: header and table at once, payloads when they are asked for.

    Parameters
    ----------
    source : the path of a file, or its content

    Raises
    ------
    StreamError
        Here and from every method: not such a file, damaged, cut short, or of another version.
    OSError
        The file cannot be read.
    """

    def __init__(self, source: str | Path | bytes) -> None:
        self._stream: BinaryIO
        if isinstance(source, bytes):
            self._stream = io.BytesIO(source)
        else:
            self._stream = Path(source).open("rb")  # noqa: SIM115 - closed by `close`
        try:
            self._open()
        except BaseException:
            self._stream.close()
            raise

    def _open(self) -> None:
        size = self._stream.seek(0, io.SEEK_END)
        head = self._read(0, min(LARGEST_HEADER, size))
        self.header, header_bytes = decode_header(head)
        table, is_small, footer_bytes = self._read_table(size, header_bytes)
        end = size - footer_bytes - len(table)
        if is_small:
            if end - header_bytes > SMALL_FILE:
                raise StreamError("the file is damaged: one checksum guards more than it may")
            guarded = self._read(0, size - _CRC_BYTES)
        else:
            guarded = head[:header_bytes] + self._read(end, size - _CRC_BYTES - end)
        stored = int.from_bytes(self._read(size - _CRC_BYTES, _CRC_BYTES), "little")
        if zlib.crc32(guarded) != stored:
            raise StreamError("the file is damaged: its checksum does not fit its content")
        self._index(decode_table(table, end - header_bytes, not is_small), header_bytes)

    def _read(self, start: int, count: int) -> bytes:
        self._stream.seek(start)
        data = self._stream.read(count)
        if len(data) != count:
            raise StreamError("the file ends too early: it is damaged or cut short")
        return data

    def _read_table(self, size: int, header_bytes: int) -> tuple[bytes, bool, int]:
        """Return the table, whether one checksum guards all, and the bytes after the table."""
        room = size - header_bytes
        tail = self._read(size - min(room, _TAIL), min(room, _TAIL))
        value, used = 0, 0
        for byte in reversed(tail[-_LONGEST_FOOTER:-_CRC_BYTES]):
            value |= (byte & 0x7F) << 7 * used
            used += 1
            if byte < 0x80:
                break
        footer_bytes, length = used + _CRC_BYTES, value // 2
        if not used or byte >= 0x80 or length + footer_bytes > room:
            raise StreamError("the file is damaged or cut short: no table of chunks at its end")
        return self._read(size - footer_bytes - length, length), bool(value & 1), footer_bytes

    def _index(self, entries: list[Entry], start: int) -> None:
        self._places: dict[tuple[ChunkKind, int], tuple[int, Entry]] = {}
        for entry in entries:
            if entry.tile >= self.header.tiles or (entry.kind, entry.tile) in self._places:
                raise StreamError(f"the file is damaged: {_name(entry.kind, entry.tile)} is wrong")
            self._places[entry.kind, entry.tile] = (start, entry)
            start += entry.length
        tiles = sum(kind == ChunkKind.TILE for kind, _ in self._places)
        if tiles != self.header.tiles:
            raise StreamError(
                f"the file is damaged: it claims {self.header.tiles} tiles and holds {tiles}"
            )

    def has(self, kind: ChunkKind, tile: int = 0) -> bool:
        """Say whether there is such a chunk."""
        return (kind, tile) in self._places

    def payload(self, kind: ChunkKind, tile: int = 0) -> bytes:
        """Return a chunk's payload, its checksum checked."""
        if not self.has(kind, tile):
            raise StreamError(f"the file has no {_name(kind, tile)}")
        start, entry = self._places[kind, tile]
        payload = self._read(start, entry.length)
        if entry.crc is not None and zlib.crc32(payload) != entry.crc:
            raise StreamError(
                f"the file is damaged: the checksum of {_name(kind, tile)} does not fit its content"
            )
        return payload

    def chunk_lengths(self) -> dict[tuple[ChunkKind, int], int]:
        """Return the bytes of each chunk's payload, in the order in which they lie in the file."""
        return {key: entry.length for key, (_, entry) in self._places.items()}

    def verify(self) -> None:
        """Read all payloads and check their checksums."""
        for kind, tile in self._places:
            self.payload(kind, tile)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _name(kind: ChunkKind, tile: int) -> str:
    return f"{ChunkKind(kind).name} chunk of tile {tile}"
