"""What docs/file-format.md says of learned codecs is enough to decode their symbols."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .add_to_corpus import from_text
from .reference import read_file
from .reference_context import ContextDecoder, read_model
from .reference_networks import context_planes, hific_symbols
from .reference_repair import repaired_planes

CORPUS = Path(__file__).parent / "corpus"
SIDE, TILE, MODEL = 3, 4, 5


def opened(name: str) -> tuple[dict[str, Any], dict, dict, dict, dict]:
    """Return a case, its header, payloads, and the arrays and facts of its model."""
    case = json.loads((CORPUS / f"0.2-scene-{name}.json").read_text(encoding="utf-8"))
    header, payloads = read_file(from_text(case["stream"]))
    return case, header, payloads, *read_model(payloads[MODEL, 0])


@pytest.mark.parametrize("name", ["klt-context", "klt-context-repaired"])
def test_klt_context_is_as_the_page_says(name: str) -> None:
    case, header, payloads, arrays, facts = opened(name)
    assert facts["codec"] == "klt-context"
    (step,) = struct.unpack(">f", payloads[SIDE, 0][:3] + b"\0")
    size = header["height"], header["width"]
    decoder = ContextDecoder(arrays, step, payloads[TILE, 0], size)
    unused = np.arange(header["bands"]) == header["bands"] - 2
    for which, written in case["decoded"].items():
        assert [decoder.calls.checksum] == written["symbols"]
        if name == "klt-context":
            planes = context_planes(decoder, size)
        else:
            planes = repaired_planes(decoder, payloads[TILE, 0], size, which)
        axes = arrays["axes"][:, : decoder.count]
        values = np.tensordot(planes, axes, (0, 1)) + arrays["mean"]
        expected = np.frombuffer(from_text(written["pixels"]), "<i2").reshape(case["shape"])
        coded = (expected != -9999) & ~unused
        assert np.abs(np.rint(values) - expected)[coded].max() <= 1


@pytest.mark.parametrize("name", ["hific", "hific-3d", "hific-tunable"])
def test_symbols_of_hific_are_those_of_the_page(name: str) -> None:
    case, header, payloads, arrays, facts = opened(name)
    side, height, width = header["tile_px"], header["height"], header["width"]
    tiles = [(top, left) for top in range(0, height, side) for left in range(0, width, side)]
    sums = []
    for number, (top, left) in enumerate(tiles):
        size = min(side, height - top), min(side, width - left)
        sums.append(hific_symbols(arrays, facts, payloads[TILE, number], size).checksum)
    assert sorted(sums) == case["decoded"]["faithful"]["symbols"]
