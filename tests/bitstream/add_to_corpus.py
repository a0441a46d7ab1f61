"""Write the streams that tests decode for ever; those that are there are never written again.

Command: ``python -m tests.bitstream.add_to_corpus``. Add cases to ``CASES`` under new names, with
the version that writes them; a case that exists stays what it was.
"""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hsigan.bitstream.coder import SymbolEncoder
from hsigan.bitstream.container import Chunk, ChunkKind, Header, file_bytes
from hsigan.bitstream.mask import encode_mask
from hsigan.bitstream.metadata import encode_metadata
from hsigan.bitstream.tables import CodingTables, gaussian_tables, laplacian_tables

from .corpus_scenes import SCENES

CORPUS = Path(__file__).parent / "corpus"
TINY = Header(7, bytes.fromhex("0102030405060708"), 3, 5, 2, "int16", 128, -9999.0, True, False)
TINY_CHUNKS = [Chunk(ChunkKind.SIDE, 0, b"side"), Chunk(ChunkKind.TILE, 0, b"tile!")]


def to_text(data: bytes) -> str:
    """Return bytes as hexadecimal digits, long ones deflated."""
    return data.hex() if len(data) < 1000 else "zlib:" + zlib.compress(data).hex()


def from_text(text: str) -> bytes:
    """Undo `to_text`."""
    is_deflated = text.startswith("zlib:")
    data = bytes.fromhex(text.removeprefix("zlib:"))
    return zlib.decompress(data) if is_deflated else data


def _file(header: Header, chunks: list[Chunk]) -> dict[str, Any]:
    payloads = [[int(chunk.kind), chunk.tile, to_text(chunk.payload)] for chunk in chunks]
    fields = {**vars(header), "model_hash": header.model_hash.hex()}
    content = to_text(file_bytes(header, chunks))
    return {"what": "file", "stream": content, "header": fields, "chunks": payloads}


def _symbols(tables: CodingTables, indexes: np.ndarray, symbols: np.ndarray) -> dict[str, Any]:
    encoder = SymbolEncoder()
    encoder.encode(symbols, indexes, tables)
    arrays = {key: array.tolist() for key, array in tables.to_arrays().items()}
    return {
        "what": "symbols",
        "stream": to_text(encoder.finish()),
        "tables": arrays,
        "indexes": indexes.tolist(),
        "symbols": symbols.tolist(),
    }


def _gaussian() -> dict[str, Any]:
    random = np.random.default_rng(20)
    scales = np.array([0.11, 0.2, 0.5, 1.5, 6.0])
    indexes = random.integers(0, 5, 600).astype(np.uint8)
    symbols = np.round(random.normal(size=600) * scales[indexes]).astype(np.int32)
    return _symbols(gaussian_tables(scales), indexes, symbols)


def _escapes() -> dict[str, Any]:
    ends = [-(2**31), 2**31 - 1, -70000, 70000, -300, 300, -9, 9, 0, 0, 0]
    symbols = np.array(ends, np.int32)
    return _symbols(laplacian_tables(np.array([0.3])), np.zeros(len(ends), np.uint8), symbols)


def _runs() -> dict[str, Any]:
    symbols = np.zeros(3000, np.int32)
    symbols[[5, 6, 1700, 2100, 2990]] = [1, -1, 1, 2, 900]
    return _symbols(gaussian_tables(np.array([0.15])), np.zeros(3000, np.uint8), symbols)


def _tiles() -> dict[str, Any]:
    header = Header(2, b"", 1000, 700, 224, "float32", 256, float("inf"))
    chunks = [Chunk(ChunkKind.METADATA, 0, b"facts"), Chunk(ChunkKind.SIDE, 0, b"")]
    chunks += [Chunk(ChunkKind.TILE, tile, bytes([tile]) * (tile % 4)) for tile in range(12)]
    chunks += [Chunk(ChunkKind.MASK, 7, b"mask")]
    return _file(header, chunks)


def _large() -> dict[str, Any]:
    header = Header(255, b"\xff" * 8, 10, 30, 1, "uint16", 10, None, False, True)
    sizes = [70000, 0, 3]
    chunks = [Chunk(ChunkKind.TILE, tile, bytes(size)) for tile, size in enumerate(sizes)]
    return _file(header, [*chunks, Chunk(ChunkKind.MODEL, 0, b"model")])


def _mask() -> dict[str, Any]:
    codes = np.zeros((3, 4, 6), np.uint8)
    codes[1], codes[:, :, :2], codes[2, 3, 4], codes[0, 0, 5] = 1, 2, 3, 4
    shape, rows = list(codes.shape), ["".join(map(str, row)) for row in codes.reshape(12, 6)]
    return {"what": "mask", "stream": encode_mask(codes).hex(), "shape": shape, "rows": rows}


def _metadata() -> dict[str, Any]:
    facts = {
        "wavelengths_nm": [365.93, 375.594, 385.2625, 394.9355, 404.6129],
        "good_bands": [True, True, False, True, True],
        "units": "reflectance × 10000",
        "transform": [399960.0, 30.0, 0.0, 4100040.0, 0.0, -30.0],
    }
    return {"what": "metadata", "stream": encode_metadata(facts).hex(), "facts": facts}


CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "0.1-file-tiny": lambda: _file(TINY, TINY_CHUNKS),
    "0.1-file-tiles": _tiles,
    "0.1-file-large": _large,
    "0.1-symbols-gaussian": _gaussian,
    "0.1-symbols-escapes": _escapes,
    "0.1-symbols-runs": _runs,
    "0.1-mask": _mask,
    "0.1-metadata": _metadata,
    **SCENES,
}


def main() -> None:
    for name, make in CASES.items():
        path = CORPUS / f"{name}.json"
        if not path.exists():
            path.write_text(json.dumps(make(), ensure_ascii=False) + "\n", encoding="utf-8")
            print(f"added {path.name}")


if __name__ == "__main__":
    main()
