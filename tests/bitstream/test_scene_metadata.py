"""Facts of a scene come back to the last bit, or are refused."""

import math
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsigan.bitstream.metadata import decode_metadata, encode_metadata
from hsigan.errors import InputError, StreamError

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.lists(st.integers(-(10**6), 10**7).map(lambda i: i / 10**4), min_size=4)
PLAIN = st.none() | st.booleans() | st.integers() | NUMBERS | st.text()
FACTS = st.dictionaries(
    st.text().filter(lambda key: not key.endswith("~")),
    PLAIN | st.lists(PLAIN) | st.lists(NUMBERS) | DECIMALS | st.dictionaries(st.text(), PLAIN),
    max_size=5,
)


def same(a: object, b: object) -> bool:
    """Equal in type, value and the sign of zero."""
    return repr(a) == repr(b)


@settings(deadline=None, max_examples=40)
@given(FACTS)
def test_facts_come_back(facts: dict[str, object]) -> None:
    again = decode_metadata(encode_metadata(facts))
    assert set(again) == set(facts)
    for key, value in facts.items():
        if isinstance(value, dict):
            assert again[key] == value
        else:
            assert same(again[key], value)


def test_wavelengths_take_two_bytes_each() -> None:
    random = np.random.default_rng(0)
    wavelengths = np.round(365 + 9.66 * np.arange(224) + random.normal(size=224) / 30, 2)
    facts = {"wavelengths_nm": [float(w) for w in wavelengths]}
    payload = encode_metadata(facts)
    assert len(payload) < 2 * 224
    assert same(decode_metadata(payload), facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"a~": 1},
        {1: 2},
        {"a": math.nan},
        {"a": [1.0, math.inf]},
        {"a": b"bytes"},
        {"a": "x" * 2**24},
    ],
)
def test_what_json_cannot_hold_is_refused(facts: dict[str, object]) -> None:
    with pytest.raises(InputError, match="fact"):
        encode_metadata(facts)


def deflated(text: bytes) -> bytes:
    coder = zlib.compressobj(9, wbits=-15)
    return coder.compress(text) + coder.flush()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xff",
        encode_metadata({"a": 1})[:-1],
        encode_metadata({"a": 1}) + b"\0",
        deflated(b"[1]"),
        deflated(b'{"a": NaN}'),
        deflated(b'{"a": 1'),
        deflated(b"[" * 100_000),
        deflated(b'{"a": ' + b"9" * 10_000 + b"}"),
        deflated(b'{"a~": 1}'),
        deflated(b'{"a~": [10, 1, 1]}'),
        deflated(b'{"a~": [1, 1.5, 1]}'),
        deflated(b'{"a~": [1, 1' + b"0" * 60 + b"]}"),
        deflated(b" " * 2**25),
        "{}".encode("utf-16"),
    ],
)
def test_damaged_metadata_is_refused(payload: bytes) -> None:
    with pytest.raises(StreamError, match="metadata is damaged"):
        decode_metadata(payload)


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=60))
def test_random_bytes_are_refused_or_facts(payload: bytes) -> None:
    try:
        assert isinstance(decode_metadata(payload), dict)
    except StreamError:
        return
