"""MASK chunks: which samples are no numbers that a codec codes, exactly (docs/file-format.md).

Most masks say little: pixels outside of a swath, bands of water vapour, a few dead samples. What is
coded is how a block differs from expectation, as runs: bands with a code of their
own, the map of all others' pixels, then what differs from both.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.deflate import deflate, inflate
from hsigan.bitstream.varint import ByteReader, varint, varints
from hsigan.errors import InputError, StreamError

Codes = NDArray[np.uint8]

_XOR_ABOVE = 1
_LONGEST_PER_SAMPLE = 24


class SampleCode(IntEnum):
    """What a sample is. The numbers are in files."""

    VALID = 0
    NODATA = 1
    NAN = 2
    POSITIVE_INFINITY = 3
    NEGATIVE_INFINITY = 4


def sample_codes(values: NDArray[Any], nodata: float | None) -> Codes:
    """Return the code of each sample.

    Parameters
    ----------
    values : integers or floating point, any shape
    nodata : the value that stands for "no data", which may be NaN; None where there is none
    """
    codes = np.zeros(values.shape, np.uint8)
    if np.issubdtype(values.dtype, np.floating):
        codes[np.isnan(values)] = SampleCode.NAN
        codes[np.isposinf(values)] = SampleCode.POSITIVE_INFINITY
        codes[np.isneginf(values)] = SampleCode.NEGATIVE_INFINITY
    if nodata is not None:
        with np.errstate(over="ignore"):  # float64's lowest number is -inf in float32
            equal = np.isnan(values) if np.isnan(nodata) else values == nodata
        codes[equal] = SampleCode.NODATA
    return codes


def restore_samples(values: NDArray[Any], codes: Codes, nodata: float | None) -> None:
    """Put into ``values`` what ``codes`` (of the same shape) say; valid samples stay.

    Raises
    ------
    StreamError
        A code does not fit: "no data" in a scene without such a value, NaN among integers.
    """
    fills = {
        SampleCode.NODATA: nodata,
        SampleCode.NAN: np.nan,
        SampleCode.POSITIVE_INFINITY: np.inf,
        SampleCode.NEGATIVE_INFINITY: -np.inf,
    }
    for code, fill in fills.items():
        chosen = codes == code
        if not chosen.any():
            continue
        if fill is None:
            raise StreamError("the mask is damaged: the scene has no value for NODATA")
        try:
            with np.errstate(over="ignore"):
                values[chosen] = fill
        except (ValueError, OverflowError) as error:
            raise StreamError(f"the mask is damaged: the scene cannot hold {code.name}") from error


def encode_mask(codes: Codes) -> bytes:
    """Return the payload of the codes (B, H, W) of a tile or a scene; b"" where all are valid.

    Raises
    ------
    InputError
        An unknown code, or no such array.
    """
    if codes.ndim != 3 or codes.dtype != np.uint8 or not codes.size:
        raise InputError(f"codes must be uint8 (B, H, W). Got {codes.dtype} {codes.shape} instead.")
    if not codes.any():
        return b""
    if codes.max() > max(SampleCode):
        raise InputError(f"codes must be 0 ... {max(SampleCode):d}. Got {codes.max()} instead.")
    bands, pixels = _expectation(codes)
    above = pixels.copy()
    above[1:] ^= pixels[:-1]
    rest = _runs(codes ^ _expected(bands, pixels))
    bodies = [_runs(bands) + _runs(pixels_or_change) + rest for pixels_or_change in (pixels, above)]
    return min((bytes([flag]) + deflate(body) for flag, body in enumerate(bodies)), key=len)


def _expectation(codes: Codes) -> tuple[Codes, Codes]:
    """Return codes of bands (B,), 0 for those that follow the pixels, and of pixels (H, W).

    A pixel has the code of most bands that are not one code throughout; a band has a code of its
    own where that leaves fewer samples to correct.
    """
    low, high = codes.min(axis=(1, 2)), codes.max(axis=(1, 2))
    pixels = _commonest(codes[low != high], axis=0)
    bands = _commonest(codes, axis=(1, 2))
    from_pixels = np.count_nonzero(codes != pixels, axis=(1, 2))
    from_bands = np.count_nonzero(codes != bands[:, None, None], axis=(1, 2))
    return np.where(from_bands < from_pixels, bands, 0).astype(np.uint8), pixels


def _commonest(codes: Codes, axis: int | tuple[int, ...]) -> Codes:
    """Return the code that occurs most often along some axes."""
    counts = [np.count_nonzero(codes == code, axis=axis) for code in SampleCode]
    return np.asarray(np.argmax(counts, axis=0), np.uint8)


def _expected(bands: Codes, pixels: Codes) -> Codes:
    """Return the codes (B, H, W) that bands (B,), where they have one, and pixels let expect."""
    columns = bands[:, None, None]
    return np.where(columns > 0, columns, pixels)


def _runs(values: Codes) -> bytes:
    """Return how many runs of one value above 0 there are, the zeros before each, lengths, values.

    Lengths are written less one. Values lie in the order of the array's memory.
    """
    flat = np.pad(values.ravel(), 1)
    ends = np.flatnonzero(flat[1:] != flat[:-1])
    codes = flat[ends[:-1] + 1]
    starts, stops, codes = ends[:-1][codes > 0], ends[1:][codes > 0], codes[codes > 0]
    gaps = starts - np.concatenate([[0], stops[:-1]]) if len(starts) else starts
    columns = varints(gaps) + varints(stops - starts - 1) + codes.tobytes()
    return varint(len(starts)) + columns


def decode_mask(payload: bytes, bands: int, height: int, width: int) -> Codes:
    """Return the codes (B, H, W) of a payload.

    Raises
    ------
    StreamError
        It is damaged, or of a block of another size.
    """
    shape = (bands, height, width)
    if not payload:
        return np.zeros(shape, np.uint8)
    flag, body = payload[0], payload[1:]
    if flag > _XOR_ABOVE:
        raise StreamError(f"the mask is damaged: it begins with {flag}, which no writer writes")
    longest = _LONGEST_PER_SAMPLE * (bands * height * width + 2)
    reader = ByteReader(inflate(body, longest, "the mask"), "the mask")
    entire = _read_runs(reader, (bands,))
    pixels = _read_runs(reader, (height, width))
    if flag == _XOR_ABOVE:
        pixels = np.bitwise_xor.accumulate(pixels, axis=0)
    codes = _read_runs(reader, shape) ^ _expected(entire, pixels)
    reader.end()
    if codes.max() > max(SampleCode):
        raise StreamError(f"the mask is damaged: there is no code {codes.max()}")
    return codes


def _read_runs(reader: ByteReader, shape: tuple[int, ...]) -> Codes:
    """Read what `_runs` wrote of an array of this shape."""
    size, count = int(np.prod(shape)), reader.varint()
    if count > size:
        raise StreamError("the mask is damaged: it has more runs than samples")
    gaps, lengths = reader.varints(count), reader.varints(count) + 1
    codes = np.frombuffer(reader.take(count), np.uint8)
    used = float(gaps.sum(dtype=np.float64) + lengths.sum(dtype=np.float64))
    if used > size:
        raise StreamError("the mask is damaged: its runs are longer than the scene")
    zeros = np.zeros(count, np.uint8)
    values = np.column_stack([zeros, codes]).ravel()
    flat = np.repeat(values, np.column_stack([gaps, lengths]).ravel())
    return np.concatenate([flat, np.zeros(size - len(flat), np.uint8)]).reshape(shape)
