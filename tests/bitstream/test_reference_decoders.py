"""What docs/file-format.md says of learned codecs is enough to decode them."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .add_to_corpus import from_text
from .reference import read_file
from .reference_axes import AxisTurns
from .reference_context import ContextDecoder, read_model
from .reference_networks import context_planes, hific_symbols
from .reference_pixels import hific_values, sscnet_values
from .reference_repair import repaired_planes

CORPUS = Path(__file__).parent / "corpus"
SIDE, TILE, MODEL = 3, 4, 5


def opened(name: str) -> tuple[dict[str, Any], dict, dict, dict, dict]:
    """Return a case, its header, payloads, and the arrays and facts of its model."""
    case = json.loads((CORPUS / f"0.1-scene-{name}.json").read_text(encoding="utf-8"))
    header, payloads = read_file(from_text(case["stream"]))
    return case, header, payloads, *read_model(payloads[MODEL, 0])


ROWS = {"klt-context": 0, "klt-context-repaired": 0, "klt-context-turned": 3}
"""How many rows of turned axes these streams hold at least, or none."""


@pytest.mark.parametrize("name", ROWS)
def test_klt_context_is_as_the_page_says(name: str) -> None:
    case, header, payloads, arrays, facts = opened(name)
    assert facts["codec"] == "klt-context"
    (step,) = struct.unpack(">f", payloads[SIDE, 0][:3] + b"\0")
    size = header["height"], header["width"]
    turns = AxisTurns(arrays, step, size[0] * size[1], payloads[SIDE, 0])
    assert len(turns.rows) >= ROWS[name]
    assert bool(turns.rows) == bool(ROWS[name])
    arrays = turns.turned()
    decoder = ContextDecoder(arrays, step, payloads[TILE, 0], size)
    sums = [turns.calls.checksum] * bool(turns.rows) + [decoder.calls.checksum]
    for which, written in case["decoded"].items():
        assert sorted(sums) == written["symbols"]
        if name == "klt-context":
            planes = context_planes(decoder, size)
        else:
            planes = repaired_planes(decoder, payloads[TILE, 0], size, which)
        axes = arrays["axes"][:, : decoder.count]
        values = np.tensordot(planes, axes, (0, 1)) + arrays["mean"]
        check_pixels(np.moveaxis(values, -1, 0), case, which, header)


def tiles_of(header: dict) -> list[tuple[slice, slice]]:
    side, height, width = header["tile_px"], header["height"], header["width"]
    return [
        (slice(top, min(top + side, height)), slice(left, min(left + side, width)))
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def check_pixels(values: np.ndarray, case: dict, which: str, header: dict) -> None:
    """Compare values (B, H, W) where there are data and no constant band."""
    stored = from_text(case["decoded"][which]["pixels"])
    expected = np.moveaxis(np.frombuffer(stored, "<i2").reshape(case["shape"]), -1, 0)
    coded = expected != -9999
    coded[header["bands"] - 2] = False
    assert np.abs(np.rint(values) - expected)[coded].max() <= 1


@pytest.mark.parametrize("name", ["hific", "hific-3d", "hific-tunable"])
def test_hific_is_as_the_page_says(name: str) -> None:
    case, header, payloads, arrays, facts = opened(name)
    for which, written in case["decoded"].items():
        values, sums = np.zeros((header["bands"], header["height"], header["width"])), []
        for number, (rows, columns) in enumerate(tiles_of(header)):
            size = rows.stop - rows.start, columns.stop - columns.start
            payload = payloads[TILE, number]
            calls, z, y = hific_symbols(arrays, facts, payload, size)
            sums.append(calls.checksum)
            values[:, rows, columns] = hific_values(arrays, facts, (payload, z, y), size, which)
        assert sorted(sums) == written["symbols"]
        check_pixels(values, case, which, header)


@pytest.mark.parametrize("name", ["sscnet", "sscnet-raw"])
def test_sscnet_is_as_the_page_says(name: str) -> None:
    case, header, payloads, arrays, facts = opened(name)
    values, sums = np.zeros((header["bands"], header["height"], header["width"])), []
    for number, (rows, columns) in enumerate(tiles_of(header)):
        size = rows.stop - rows.start, columns.stop - columns.start
        made, checksum = sscnet_values(arrays, facts, payloads[TILE, number], size)
        values[:, rows, columns] = made
        sums += [] if name == "sscnet-raw" else [checksum]
    assert sorted(sums) == case["decoded"]["faithful"]["symbols"]
    check_pixels(values, case, "faithful", header)
