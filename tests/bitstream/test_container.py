"""Laws of the container: what comes out is what went in, in few bytes, or an error."""

import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings

from hsigan.bitstream.container import (
    SMALL_FILE,
    Chunk,
    ChunkKind,
    ContainerReader,
    ContainerWriter,
    Header,
    file_bytes,
)
from hsigan.bitstream.header import DTYPES, decode_header, encode_header
from hsigan.errors import InputError, StreamError

from .reference import read_file
from .strategies import files, headers

PLAIN = Header(3, b"8 bytes.", 100, 100, 205, "int16", 128, None, is_profile=True)


@settings(deadline=None, max_examples=50)
@given(headers())
def test_a_header_comes_back_in_64_bytes_at_most(header: Header) -> None:
    data = encode_header(header)
    assert len(data) <= 64
    again, length = decode_header(data + b"payloads")
    assert length == len(data)
    assert repr(again) == repr(header)  # a nodata value of NaN equals itself here


@settings(deadline=None, max_examples=50)
@given(files())
def test_chunks_come_back(file: tuple[Header, list[Chunk]]) -> None:
    header, chunks = file
    with ContainerReader(file_bytes(header, chunks)) as reader:
        assert repr(reader.header) == repr(header)
        lengths = {(chunk.kind, chunk.tile): len(chunk.payload) for chunk in chunks}
        assert list(reader.chunk_lengths().items()) == list(lengths.items())
        for chunk in chunks:
            assert reader.payload(chunk.kind, chunk.tile) == chunk.payload
        reader.verify()


@settings(deadline=None, max_examples=50)
@given(files())
def test_a_reader_written_from_the_specification_finds_the_same(
    file: tuple[Header, list[Chunk]],
) -> None:
    header, chunks = file
    fields, payloads = read_file(file_bytes(header, chunks))
    assert payloads == {(chunk.kind, chunk.tile): chunk.payload for chunk in chunks}
    assert fields == {
        "codec": header.codec,
        "dtype": DTYPES.index(header.dtype),
        "profile": header.is_profile,
        "model": header.model_hash,
        "height": header.height,
        "width": header.width,
        "bands": header.bands,
        "tile_px": header.tile_px,
    }


@settings(deadline=None, max_examples=50)
@given(files())
def test_a_chunk_takes_12_bytes_at_most_beside_its_payload(
    file: tuple[Header, list[Chunk]],
) -> None:
    header, chunks = file
    overhead = len(file_bytes(header, chunks)) - sum(len(chunk.payload) for chunk in chunks)
    assert overhead <= len(encode_header(header)) + 12 * len(chunks)


def test_a_file_of_one_tile_costs_26_bytes() -> None:
    payload = bytes(250)
    assert len(file_bytes(PLAIN, [Chunk(ChunkKind.TILE, 0, payload)])) == len(payload) + 26


@pytest.mark.parametrize("size", [10, SMALL_FILE])
def test_a_file_on_disk_is_the_file_in_memory(tmp_path: Path, size: int) -> None:
    chunks = [Chunk(ChunkKind.SIDE, 0, b"side"), Chunk(ChunkKind.TILE, 0, bytes(size))]
    with ContainerWriter(tmp_path / "a.hsc", PLAIN) as writer:
        for chunk in chunks:
            writer.add(chunk.kind, chunk.payload, chunk.tile)
    assert (tmp_path / "a.hsc").read_bytes() == file_bytes(PLAIN, chunks)


def test_a_window_reads_header_table_and_its_tiles_only(tmp_path: Path) -> None:
    header = Header(1, b"", 2000, 2000, 10, "int16", 100)
    path = tmp_path / "large.hsc"
    with ContainerWriter(path, header) as writer:
        for tile in range(400):
            writer.add(ChunkKind.TILE, bytes([tile % 256]) * 5000, tile)
    with ContainerReader(path) as reader:
        damaged = bytearray(path.read_bytes())
        damaged[1_000_000] ^= 1  # in tile 199
        path.write_bytes(damaged)
        assert reader.payload(ChunkKind.TILE, 37) == bytes([37]) * 5000
    with ContainerReader(path) as reader:
        assert reader.payload(ChunkKind.TILE, 37) == bytes([37]) * 5000
        with pytest.raises(StreamError, match="TILE chunk of tile 199"):
            reader.payload(ChunkKind.TILE, 199)
        with pytest.raises(StreamError, match="damaged"):
            reader.verify()


def test_nothing_is_written_unless_all_is(tmp_path: Path) -> None:
    path = tmp_path / "a.hsc"
    with pytest.raises(InputError, match="1 tiles, 0"), ContainerWriter(path, PLAIN) as writer:
        writer.add(ChunkKind.SIDE, b"side")
    with pytest.raises(InputError, match="tile must"), ContainerWriter(path, PLAIN) as writer:
        writer.add(ChunkKind.TILE, b"tile", tile=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (Chunk(ChunkKind.TILE, 0, b""), "already"),
        (Chunk(ChunkKind.TILE, 1, b""), "tile must be 0 ... 0"),
        (Chunk(ChunkKind.MASK, -1, b""), "tile must be 0 ... 0"),
    ],
)
def test_a_chunk_that_does_not_belong_is_refused(chunk: Chunk, message: str) -> None:
    with pytest.raises(InputError, match=message):
        file_bytes(PLAIN, [Chunk(ChunkKind.TILE, 0, b""), chunk])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codec": 256}, "codec"),
        ({"height": 0}, "height"),
        ({"width": 2**31}, "width"),
        ({"bands": 2**16}, "bands"),
        ({"tile_px": 0}, "tile_px"),
        ({"dtype": "complex64"}, "a file holds"),
        ({"model_hash": b"short"}, "8 bytes"),
        ({"model_hash": b""}, "without a model"),
        ({"height": 2**20, "width": 2**20, "tile_px": 2**20}, "samples of a tile"),
    ],
)
def test_a_header_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Header(**{**vars(PLAIN), **change})


def test_a_missing_chunk_is_named() -> None:
    with ContainerReader(file_bytes(PLAIN, [Chunk(ChunkKind.TILE, 0, b"")])) as reader:
        assert not reader.has(ChunkKind.MASK)
        with pytest.raises(StreamError, match="no MASK chunk of tile 0"):
            reader.payload(ChunkKind.MASK)


def forge(header: bytes, table: bytes, payloads: bytes = b"") -> bytes:
    """Return a small file with right checksums whose parts may be anything."""
    body = header + payloads + table + bytes([2 * len(table) + 1])
    return body + zlib.crc32(body).to_bytes(4, "little")


HEAD = encode_header(PLAIN)
HUGE = Header(1, b"", 2**31 - 1, 2**31 - 1, 1, "int16", 128)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "first bytes"),
        (b"PK\x03\x04" * 20, "first bytes"),
        (b"HSC", "ends too early"),
        (b"HSC\x02" + HEAD[4:] + bytes(30), "version 2"),
        (HEAD, "no table"),
        (forge(HEAD, b""), "ends too early"),
        (forge(HEAD, b"\x24", b"") + b"more", "damaged"),
        (forge(HEAD, b"\x3f"), "kind 31"),
        (forge(HEAD, b"\x20"), "kind 0"),
        (forge(HEAD, b"\x23"), "1 tiles and holds 0"),
        (forge(HEAD, b"\x04\x00\x24"), "is wrong"),
        (forge(HEAD, b"\x64\x05"), "is wrong"),
        (forge(HEAD, b"\x03\x09\x24", b"x"), "too long"),
        (forge(HEAD, b"\xa4\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), "more tiles than can be"),
        (forge(HEAD, b"\xa4\xff\xff\xff\xff\x0f" + bytes(50)), "ends too early"),
        (forge(HEAD, b"\x24\x00"), "do not belong"),
        (forge(encode_header(HUGE), b"\x24"), "claims 281474976710656 tiles and holds 1"),
        (forge(HEAD[:5] + b"\x78" + HEAD[6:], b"\x24"), "no known kind"),
        (forge(HEAD[:-2] + b"\x80\x00", b"\x24"), "no writer writes"),
        (forge(HEAD, b"\x24", bytes(SMALL_FILE + 1)), "more than it may"),
    ],
)
def test_what_no_writer_writes_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(StreamError, match=message):
        ContainerReader(data)


def test_a_file_that_cannot_be_opened_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ContainerReader(tmp_path / "none.hsc")
