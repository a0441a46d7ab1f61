"""Laws of the range coder with frozen tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsigan.bitstream import models
from hsigan.bitstream.coder import BLOCK, SymbolDecoder, SymbolEncoder
from hsigan.bitstream.tables import SCALES, CodingTables, gaussian_tables
from hsigan.errors import InputError, StreamError

from .reference import RangeDecoder, decode_call
from .strategies import INT32, draw_symbols, messages


def encode(*calls: tuple[CodingTables, np.ndarray, np.ndarray]) -> bytes:
    encoder = SymbolEncoder()
    for tables, indexes, symbols in calls:
        encoder.encode(symbols, indexes, tables)
    return encoder.finish()


def reference_decode(payload: bytes, calls: list) -> list[list[int]]:
    coder = RangeDecoder(payload)
    return [
        decode_call(
            coder,
            indexes.tolist(),
            tables.offsets.tolist(),
            [t.tolist() for t in tables.frequencies],
        )
        for tables, indexes, _ in calls
    ]


@settings(deadline=None, max_examples=50)
@given(st.lists(messages(), max_size=3))
def test_what_was_encoded_is_decoded(calls: list) -> None:
    decoder = SymbolDecoder(encode(*calls))
    for tables, indexes, symbols in calls:
        np.testing.assert_array_equal(decoder.decode(indexes, tables), symbols)
    decoder.finish()


@settings(max_examples=20, deadline=None)
@given(st.lists(messages(longest=150), max_size=2))
def test_a_decoder_written_from_the_specification_reads_the_same(calls: list) -> None:
    decoded = reference_decode(encode(*calls), calls)
    assert decoded == [symbols.tolist() for _, _, symbols in calls]


def test_the_frequencies_reach_the_coder_unchanged() -> None:
    """Frequencies that end in every way: were one off by one, the two decoders would part."""
    random = np.random.default_rng(5)
    for size in (2, 3, 17, 300, 5000):
        cuts = np.sort(random.choice(2**24 - 1, size - 1, replace=False)) + 1
        table = np.diff(np.concatenate([[0], cuts, [2**24]])).astype(np.uint32)
        tables = CodingTables(np.zeros(1, np.int32), (table,))
        indexes = np.zeros(1500, np.uint8)
        symbols = np.minimum(draw_symbols(tables, indexes, random), size - 2)
        calls = [(tables, indexes, symbols)]
        assert reference_decode(encode(*calls), calls) == [symbols.tolist()]


def test_extreme_symbols_and_tables_at_the_ends_of_int32() -> None:
    ends = np.array([INT32.min, INT32.min + 1, -1, 0, 1, INT32.max - 1, INT32.max], np.int32)
    for offset in (INT32.min, -1, 0, INT32.max - 1, INT32.max):
        tables = CodingTables.from_probabilities([np.array([0.9])], np.array([offset]))
        call = (tables, np.zeros(7, np.uint8), ends)
        np.testing.assert_array_equal(SymbolDecoder(encode(call)).decode(call[1], tables), ends)


@settings(deadline=None, max_examples=50)
@given(messages())
def test_no_payload_is_shorter_than_its_information(
    call: tuple[CodingTables, np.ndarray, np.ndarray],
) -> None:
    tables, indexes, symbols = call
    information = tables.information_bits(symbols, indexes)
    payload = encode(call)
    # Runs round the chances of their lengths to 2**-24.
    assert 8 * len(payload) >= information * (1 - 1e-3) - 1e-3
    assert 8 * len(payload) <= information * 1.001 + 0.006 * len(symbols) + 9


@pytest.mark.parametrize("largest_scale", [0.2, 1.0, 256.0])
def test_a_million_symbols_take_what_they_must_and_half_a_percent_more_at_most(
    largest_scale: float,
) -> None:
    random = np.random.default_rng(1)
    tables = gaussian_tables(SCALES[largest_scale >= SCALES])
    indexes = random.integers(0, len(tables), 1_000_000).astype(np.uint8)
    symbols = np.round(random.normal(size=len(indexes)) * SCALES[indexes]).astype(np.int32)
    payload = encode((tables, indexes, symbols))
    information = tables.information_bits(symbols, indexes)
    assert information <= 8 * len(payload) <= 1.005 * information
    np.testing.assert_array_equal(SymbolDecoder(payload).decode(indexes, tables), symbols)


def test_nearly_certain_symbols_cost_nearly_nothing() -> None:
    tables = gaussian_tables(SCALES[:1])
    indexes, zeros = np.zeros(BLOCK * 2 + 5, np.uint8), np.zeros(BLOCK * 2 + 5, np.int32)
    payload = encode((tables, indexes, zeros))
    assert len(payload) == np.ceil(tables.information_bits(zeros, indexes) / 8) == 1
    decoder = SymbolDecoder(payload)
    assert not decoder.decode(indexes, tables).any()
    decoder.finish()


def test_a_coder_library_that_codes_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later version might make other integers of what it is given: no file must hold them."""

    model = models.Model
    monkeypatch.setattr(models, "Model", lambda frequencies: model(frequencies[::-1].copy()))
    with pytest.raises(StreamError, match=r"install version 0\.5"):
        models.check_coder.__wrapped__()


def test_nothing_takes_no_bytes() -> None:
    nothing = (gaussian_tables(SCALES[:2]), np.zeros(0, np.uint8), np.zeros(0, np.int32))
    assert encode() == encode(nothing, nothing) == b""
    SymbolDecoder(b"").finish()


def test_a_decoder_that_takes_more_or_less_than_there_is_notices() -> None:
    random = np.random.default_rng(2)
    tables = gaussian_tables()
    indexes = random.integers(20, 64, 500).astype(np.uint8)
    symbols = draw_symbols(tables, indexes, random)
    payload = encode((tables, indexes, symbols))
    for taken, given_bytes in [(480, payload), (500, payload[:-1]), (500, payload + b"\0" * 9)]:
        decoder = SymbolDecoder(given_bytes)
        decoder.decode(indexes[:taken], tables)
        with pytest.raises(StreamError, match="damaged"):
            decoder.finish()
    with pytest.raises(StreamError):
        SymbolDecoder(b"\0").finish()


@settings(max_examples=100, deadline=None)
@given(messages(longest=60), st.binary(max_size=60))
def test_random_bytes_decode_to_something_or_are_refused(
    call: tuple[CodingTables, np.ndarray, np.ndarray], payload: bytes
) -> None:
    tables, indexes, _ = call
    decoder = SymbolDecoder(payload)
    try:
        decoded = decoder.decode(indexes, tables)
    except StreamError:
        return
    assert decoded.dtype == np.int32
    assert decoded.shape == indexes.shape


@pytest.mark.parametrize("payload", [b"\xff" * 40, b"\xff" * 8, b"\0" * 40])
def test_a_payload_that_no_encoder_writes_is_no_panic(payload: bytes) -> None:
    tables = gaussian_tables(SCALES[30:31])
    decoder = SymbolDecoder(payload)
    try:
        decoder.decode(np.zeros(1000, np.uint8), tables)
    except StreamError:
        return
    with pytest.raises(StreamError):
        decoder.finish()


@pytest.mark.parametrize(
    ("symbols", "indexes", "message"),
    [
        (np.zeros(3, np.int64), np.zeros(3, np.uint8), "symbols must be int32"),
        (np.zeros(3, np.int32), np.zeros(4, np.uint8), "symbols must be int32"),
        (np.zeros(3, np.int32), np.zeros(3, np.int64), "indexes must be uint8 or uint16"),
        (np.zeros((3, 1), np.int32), np.zeros((3, 1), np.uint8), "in one dimension"),
        (np.zeros(3, np.int32), np.full(3, 2, np.uint8), "indexes must be below 2"),
    ],
)
def test_what_cannot_be_coded_is_refused(
    symbols: np.ndarray, indexes: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        SymbolEncoder().encode(symbols, indexes, gaussian_tables(SCALES[:2]))


def test_arrays_with_strides_are_coded_as_their_copies_are() -> None:
    random = np.random.default_rng(4)
    tables = gaussian_tables()
    indexes = random.integers(0, 64, 2000).astype(np.uint8)
    symbols = draw_symbols(tables, indexes, random)
    strided = encode((tables, indexes[::-2], symbols[::-2]))
    assert strided == encode((tables, indexes[::-2].copy(), symbols[::-2].copy()))
