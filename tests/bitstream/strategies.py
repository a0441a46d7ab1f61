"""Made-up tables, symbols and files for the laws of the room."""

import numpy as np
from hypothesis import strategies as st

from hsigan.bitstream.container import Chunk, ChunkKind, Header
from hsigan.bitstream.header import DTYPES
from hsigan.bitstream.tables import CodingTables

INT32 = np.iinfo(np.int32)


@st.composite
def table_sets(draw: st.DrawFn) -> CodingTables:
    """One to five tables of 1 ... 40 symbols, from even to nearly certain, anywhere in int32."""
    probabilities, offsets = [], []
    for _ in range(draw(st.integers(1, 5))):
        size = draw(st.integers(1, 40))
        seed, sharpness = draw(st.integers(0, 99)), draw(st.sampled_from([0.0, 1.0, 5.0, 30.0]))
        weights = np.exp(-sharpness * np.random.default_rng(seed).random(size))
        escape = draw(st.sampled_from([0.0, 1e-6, 0.01, 0.5]))
        probabilities.append(weights / weights.sum() * (1 - escape))
        far = st.sampled_from([INT32.min, INT32.max - size + 1])
        offsets.append(draw(st.integers(-50, 20) | far))
    return CodingTables.from_probabilities(probabilities, np.array(offsets))


@st.composite
def messages(draw: st.DrawFn, longest: int = 400) -> tuple[CodingTables, np.ndarray, np.ndarray]:
    """Tables, indexes (N,) and symbols (N,): drawn from the tables, with some from anywhere."""
    tables = draw(table_sets())
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(0, longest))
    kind = draw(st.sampled_from([np.uint8, np.uint16]))
    indexes = random.integers(0, len(tables), count).astype(kind)
    symbols = draw_symbols(tables, indexes, random)
    if count:
        strange = st.tuples(st.integers(0, count - 1), st.integers(INT32.min, INT32.max))
        for place, symbol in draw(st.lists(strange, max_size=20)):
            symbols[place] = symbol
    return tables, indexes, symbols


def draw_symbols(
    tables: CodingTables, indexes: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Draw symbols (N,) as often as their tables expect them; an escape becomes the next symbol."""
    symbols = np.zeros(len(indexes), np.int64)
    for table in np.unique(indexes):
        places = np.flatnonzero(indexes == table)
        ends = np.cumsum(tables.frequencies[table], dtype=np.int64)
        found = np.searchsorted(ends, random.integers(0, 2**24, len(places)), side="right")
        symbols[places] = found + int(tables.offsets[table])
    return np.clip(symbols, INT32.min, INT32.max).astype(np.int32)


@st.composite
def headers(draw: st.DrawFn, largest_side: int = 2**31 - 1) -> Header:
    """Return any header whose tiles are not too large."""
    side, bands = st.integers(1, largest_side), draw(st.integers(1, 2**16 - 1))
    model_hash = draw(st.just(b"") | st.binary(min_size=8, max_size=8))
    nodata = st.none() | st.floats() | st.integers(-(2**31), 2**31).map(float)
    return Header(
        codec=draw(st.integers(0, 255)),
        model_hash=model_hash,
        height=draw(side),
        width=draw(side),
        bands=bands,
        dtype=draw(st.sampled_from(DTYPES)),
        tile_px=draw(st.integers(1, 128)),
        nodata=draw(nodata),
        is_profile=bool(model_hash) and draw(st.booleans()),
        model_embedded=bool(model_hash) and draw(st.booleans()),
    )


@st.composite
def files(draw: st.DrawFn) -> tuple[Header, list[Chunk]]:
    """Return a header of a small scene and its chunks, tiles in any order."""
    header = draw(headers(largest_side=300))
    payload = st.binary(max_size=40)
    chunks = [
        Chunk(kind, 0, draw(payload))
        for kind in draw(st.sets(st.sampled_from(ChunkKind)))
        if kind != ChunkKind.TILE
    ]
    if header.tiles > 60:
        header = Header(header.codec, b"", 200, 300, 5, header.dtype, 50, header.nodata)
    tiles = draw(st.permutations(range(header.tiles)) | st.just(list(range(header.tiles))))
    chunks += [Chunk(ChunkKind.TILE, tile, draw(payload)) for tile in tiles]
    large = draw(st.sampled_from([0, 0, 2**16 + 1]))
    if large:
        chunks[-1] = Chunk(chunks[-1].kind, chunks[-1].tile, bytes(large))
    return header, chunks
