"""Damaged files are refused or give what they gave before, in little time and memory."""

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsigan.bitstream.container import Chunk, ChunkKind, ContainerReader, Header, file_bytes
from hsigan.bitstream.header import encode_header
from hsigan.bitstream.varint import ByteReader, varint, varints
from hsigan.errors import InputError, StreamError

RANDOM = np.random.default_rng(0)
HEADER = Header(1, b"01234567", 300, 500, 9, "int16", 100, -1.0)
SIDE = Chunk(ChunkKind.SIDE, 0, b"side information")


def chunks(tile_bytes: int) -> list[Chunk]:
    return [SIDE, *(Chunk(ChunkKind.TILE, tile, RANDOM.bytes(tile_bytes)) for tile in range(15))]


CHUNKS = {size: chunks(size) for size in (20, 5000)}
FILES = {size: file_bytes(HEADER, CHUNKS[size]) for size in CHUNKS}
assert FILES[20][-5] % 2 > FILES[5000][-5] % 2  # one checksum for all, and one for each


def contents(data: bytes) -> tuple[Header, list[Chunk]]:
    with ContainerReader(data) as reader:
        found = [Chunk(*key, reader.payload(*key)) for key in reader.chunk_lengths()]
        return reader.header, found


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """Return a file cut short, changed, longer or shorter somewhere, or two files in one."""
    original = FILES[draw(st.sampled_from(list(FILES)))]
    ends = st.integers(0, 40) | st.integers(len(original) - 150, len(original) - 1)
    place = draw(ends | st.integers(0, len(original) - 1))
    before, after = original[:place], original[place:]
    change = draw(st.sampled_from(["cut", "byte", "insert", "delete", "splice"]))
    if change == "byte":
        return before + bytes([draw(st.integers(0, 255))]) + after[1:]
    if change == "insert":
        return before + draw(st.binary(min_size=1, max_size=9)) + after
    if change == "delete":
        return before + after[draw(st.integers(1, 99)) :]
    if change == "splice":
        return FILES[20][:place] + FILES[5000][place:]
    return before


@settings(deadline=None, max_examples=150)
@given(damaged_files())
def test_a_damaged_file_is_refused_or_the_same(damaged: bytes) -> None:
    try:
        found = contents(damaged)
    except StreamError:
        return
    assert damaged in FILES.values()
    assert found in [(HEADER, chunks) for chunks in CHUNKS.values()]


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=80), st.booleans())
def test_any_table_with_a_right_checksum_is_read_or_refused(table: bytes, is_small: bool) -> None:
    """Somebody who wants to do harm can compute a checksum."""
    head = encode_header(HEADER)
    payloads = bytes(300)
    footer = varint(2 * len(table) + is_small)[::-1]
    guarded = head + (payloads if is_small else b"") + table + footer
    data = head + payloads + table + footer + zlib.crc32(guarded).to_bytes(4, "little")
    try:
        assert len(contents(data)[1]) <= len(table) + 1
    except StreamError:
        return


def test_absurd_claims_take_no_memory() -> None:
    huge = encode_header(Header(1, b"", 2**31 - 1, 2**31 - 1, 1, "float32", 2**15))
    run = bytes([0x80 | 0x20 | ChunkKind.TILE]) + varint(2**32 - 2) + bytes(1000)
    body = huge + run + varint(2 * len(run) + 1)[::-1]
    tracemalloc.start()
    with pytest.raises(StreamError, match="ends too early"):
        ContainerReader(body + zlib.crc32(body).to_bytes(4, "little"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**63 - 1)))
def test_varints_come_back(numbers: list[int]) -> None:
    data = b"".join(map(varint, numbers))
    assert varints(np.array(numbers, np.int64)) == data
    assert ByteReader(data, "it").varints(len(numbers)).tolist() == numbers
    reader = ByteReader(data, "it")
    assert [reader.varint() for _ in numbers] == numbers
    reader.end()


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00", b"\xff" * 9 + b"\x02", b"\x80" * 11])
def test_what_is_no_varint_is_refused(data: bytes) -> None:
    with pytest.raises(StreamError, match="it "):
        ByteReader(data, "it").varint()
    with pytest.raises(StreamError, match="it "):
        ByteReader(data, "it").varints(1)


@pytest.mark.parametrize("number", [-1, 2**64])
def test_numbers_beyond_a_varint_are_refused(number: int) -> None:
    with pytest.raises(InputError, match="a varint holds"):
        varint(number)
