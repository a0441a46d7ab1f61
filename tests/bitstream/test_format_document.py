"""What docs/file-format.md says literally is what the code writes."""

import re
from importlib import resources
from pathlib import Path

import numpy as np

from hsigan.bitstream.coder import SymbolDecoder, SymbolEncoder
from hsigan.bitstream.container import ChunkKind, file_bytes
from hsigan.bitstream.header import DTYPES, FORMAT_VERSION
from hsigan.bitstream.mask import SampleCode
from hsigan.bitstream.tables import CodingTables

from .add_to_corpus import TINY, TINY_CHUNKS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "file-format.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    found = re.search(rf"```{name}\n(.*?)\n```", PAGE, re.DOTALL)
    assert found
    return found[1]


def test_the_tiny_file_is_the_one_on_the_page() -> None:
    assert file_bytes(TINY, TINY_CHUNKS) == bytes.fromhex(block("hex"))


def test_the_small_payload_is_the_one_on_the_page() -> None:
    frequencies = np.array([2**22, 2**23, 2**21, 2**21], np.uint32)
    tables = CodingTables(np.array([-1], np.int32), (frequencies,))
    symbols, indexes = np.array([0, -1, 1, 0, 0, 5, -3], np.int32), np.zeros(7, np.uint8)
    encoder = SymbolEncoder()
    encoder.encode(symbols, indexes, tables)
    payload = re.search(r"0, -1, 1, 0, 0, 5, -3\nare the payload `([0-9a-f]+)`", PAGE)
    assert payload
    assert encoder.finish().hex() == payload[1]
    np.testing.assert_array_equal(
        SymbolDecoder(bytes.fromhex(payload[1])).decode(indexes, tables), symbols
    )


def test_the_dictionary_is_the_one_on_the_page() -> None:
    path = resources.files("hsigan.bitstream") / "metadata-dictionary.txt"
    assert path.read_text(encoding="ascii") == block("dictionary")


def test_kinds_types_and_codes_are_those_on_the_page() -> None:
    rows = dict(re.findall(r"^\| (\d) ([A-Z]+) \|", PAGE, re.MULTILINE))
    assert rows == {str(int(kind)): kind.name for kind in ChunkKind}
    assert ", ".join(f"{number} {name}" for number, name in enumerate(DTYPES)) in PAGE
    words = [code.name.lower().replace("_", " ") for code in SampleCode]
    codes = ", ".join(f"{number} {word}" for number, word in enumerate(words))
    assert codes.replace("nan", "NaN") in PAGE.replace("\n", " ")
    assert f"Version {FORMAT_VERSION} of the format" in PAGE
