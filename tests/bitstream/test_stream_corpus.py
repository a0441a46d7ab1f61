"""Every stream that a version ever wrote is decoded to what it was written from."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hsigan.bitstream.coder import SymbolDecoder
from hsigan.bitstream.container import ChunkKind, ContainerReader, Header
from hsigan.bitstream.mask import decode_mask
from hsigan.bitstream.metadata import decode_metadata
from hsigan.bitstream.tables import CodingTables

from .add_to_corpus import CASES, from_text
from .corpus_scenes import decode

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.json"))


def check_file(stream: bytes, case: dict[str, Any]) -> None:
    fields = {**case["header"], "model_hash": bytes.fromhex(case["header"]["model_hash"])}
    with ContainerReader(stream) as reader:
        assert reader.header == Header(**fields)
        assert len(reader.chunk_lengths()) == len(case["chunks"])
        for kind, tile, payload in case["chunks"]:
            assert reader.payload(ChunkKind(kind), tile) == from_text(payload)


def check_symbols(stream: bytes, case: dict[str, Any]) -> None:
    kinds = {"offsets": np.int32, "lengths": np.int32, "frequencies": np.uint32}
    arrays = {key: np.array(case["tables"][key], kind) for key, kind in kinds.items()}
    decoder = SymbolDecoder(stream)
    indexes = np.array(case["indexes"], np.uint8)
    symbols = decoder.decode(indexes, CodingTables.from_arrays(arrays))
    decoder.finish()
    assert symbols.tolist() == case["symbols"]


def check_mask(stream: bytes, case: dict[str, Any]) -> None:
    rows = decode_mask(stream, *case["shape"]).reshape(-1, case["shape"][2])
    assert ["".join(map(str, row)) for row in rows] == case["rows"]


def check_metadata(stream: bytes, case: dict[str, Any]) -> None:
    assert decode_metadata(stream) == case["facts"]


def check_scene(stream: bytes, case: dict[str, Any]) -> None:
    """Symbols and samples without data are exactly those of old, others as near as is promised."""
    with ContainerReader(stream) as reader:
        nodata = reader.header.nodata
    kind = np.dtype(case["dtype"])
    for decoder, written in case["decoded"].items():
        values, symbols = decode(stream, decoder)
        assert symbols == written["symbols"]
        pixels = np.frombuffer(from_text(written["pixels"]), kind.newbyteorder("<"))
        expected = pixels.reshape(case["shape"]).astype(kind)
        assert (values.dtype, values.shape) == (kind, expected.shape)
        missing = (expected == nodata) | ~np.isfinite(expected)
        np.testing.assert_array_equal(values[missing], expected[missing])
        assert np.isfinite(values[~missing]).all()
        assert (values[~missing] != nodata).all()
        error = np.abs(values[~missing].astype(np.float64) - expected[~missing])
        assert error.max() <= case["tolerance"]


CHECKS = {
    "scene": check_scene,
    "file": check_file,
    "symbols": check_symbols,
    "mask": check_mask,
    "metadata": check_metadata,
}


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_an_old_stream_is_decoded(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    CHECKS[case["what"]](from_text(case["stream"]), case)


def test_every_case_is_in_the_corpus() -> None:
    assert {path.stem for path in CORPUS} == set(CASES)
