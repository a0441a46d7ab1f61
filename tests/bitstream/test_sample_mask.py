"""Masks come back exactly, are small where they say little, and are refused when damaged."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hsigan.bitstream.mask import (
    SampleCode,
    decode_mask,
    encode_mask,
    restore_samples,
    sample_codes,
)
from hsigan.errors import InputError, StreamError

CODES = hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=8),
    elements=st.integers(0, 4),
    fill=st.sampled_from([0, 0, 1]),
)


@settings(deadline=None)
@given(CODES)
def test_codes_come_back(codes: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_mask(encode_mask(codes), *codes.shape), codes)


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
@pytest.mark.parametrize("nodata", [None, -9999.0, np.nan, np.inf])
def test_samples_come_back(dtype: type, nodata: float | None) -> None:
    values = np.array([[1, -9999, 0], [5, 5, -9999]], dtype)
    if dtype == np.float32:
        values[0] = [np.nan, np.inf, -np.inf]
    codes = sample_codes(values, nodata)
    filled = np.where(codes > 0, 7, values).astype(dtype)
    assert np.isfinite(filled).all()
    restore_samples(filled, codes, nodata)
    np.testing.assert_array_equal(filled, values)


@pytest.mark.parametrize(("code", "nodata"), [(1, None), (2, -1.0), (3, -1.0), (4, -1.0)])
def test_a_code_that_the_scene_cannot_hold_is_refused(code: int, nodata: float | None) -> None:
    with pytest.raises(StreamError, match=SampleCode(code).name):
        restore_samples(np.zeros(1, np.int16), np.array([code], np.uint8), nodata)


def swath(bands: int, height: int, width: int) -> np.ndarray:
    """A turned scene with corners of no data, five dead bands and a dead sample."""
    rows, columns = np.mgrid[:height, :width]
    outside = abs(rows - height / 2) + abs(columns - width / 2) > 0.6 * height
    codes = np.broadcast_to(outside, (bands, height, width)).astype(np.uint8)
    codes[10:15] = SampleCode.NODATA
    codes[50, height // 2, width // 2] = SampleCode.NAN
    return codes


def test_ordinary_masks_are_small() -> None:
    assert encode_mask(np.zeros((9, 50, 50), np.uint8)) == b""
    assert len(encode_mask(np.ones((200, 128, 128), np.uint8))) < 20
    codes = swath(60, 200, 200)
    payload = encode_mask(codes)
    assert len(payload) < 300
    np.testing.assert_array_equal(decode_mask(payload, *codes.shape), codes)


def test_scattered_samples_take_three_bytes_each_at_most() -> None:
    random = np.random.default_rng(3)
    codes = swath(60, 100, 100)
    chosen = random.random(codes.shape) < 2e-3
    codes[chosen] = SampleCode.NEGATIVE_INFINITY
    payload = encode_mask(codes)
    assert len(payload) < 3 * chosen.sum() + 300
    np.testing.assert_array_equal(decode_mask(payload, *codes.shape), codes)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_damaged_mask_is_refused_or_another_mask(place: int, byte: int) -> None:
    payload = bytearray(encode_mask(swath(60, 20, 20)))
    payload[place % len(payload)] = byte
    for data in (bytes(payload), bytes(payload[: place % len(payload)])):
        try:
            codes = decode_mask(data, 60, 20, 20)
        except StreamError:
            continue
        assert codes.shape == (60, 20, 20)
        assert codes.max() <= max(SampleCode)


@settings(deadline=None)
@given(st.binary(max_size=50), st.integers(1, 9), st.integers(1, 9))
def test_random_bytes_are_refused_or_a_mask(payload: bytes, bands: int, side: int) -> None:
    try:
        codes = decode_mask(payload, bands, side, side)
    except StreamError:
        return
    assert codes.max() <= max(SampleCode)


def test_a_bomb_is_refused() -> None:
    coder = zlib.compressobj(9, wbits=-15)
    bomb = b"\0" + coder.compress(bytes(10**8)) + coder.flush()
    with pytest.raises(StreamError, match="does not end"):
        decode_mask(bomb, 10, 10, 10)


def test_a_mask_of_another_block_is_refused() -> None:
    with pytest.raises(StreamError, match="mask"):
        decode_mask(encode_mask(swath(60, 20, 20)), 60, 3, 3)


@pytest.mark.parametrize(
    "codes",
    [np.full((1, 2, 2), 5, np.uint8), np.zeros((2, 2), np.uint8), np.zeros((1, 2, 2), np.int32)],
)
def test_what_are_no_codes_is_refused(codes: np.ndarray) -> None:
    with pytest.raises(InputError, match="codes must be"):
        encode_mask(codes)
