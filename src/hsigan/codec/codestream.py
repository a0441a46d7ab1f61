"""JPEG 2000 without its headers: planes to bytes at a given distortion, and back.

All planes of a tile are components of one raw codestream (ISO/IEC 15444-1: 9/7 wavelet, one layer,
one tile), whose code-blocks are cut where the slope of rate and distortion is the same in all of
them. What every such codestream repeats - the main header, the tile-part header and the end mark,
some 100 bytes and 3 more per component - is left out of the payload and put back at decoding; hence
also a codestream cannot claim another size than that of its tile.

Payload: a byte for the precision of the integers (bits) and one for the levels of the wavelet (5
bits) and the exponent of their unit (3 bits), then the packets of the codestream.
"""

from __future__ import annotations

import math

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from hsigan.errors import InputError, StreamError

Planes = NDArray[np.float32]

FINENESS = 16
"""The integers that are coded are so much finer than the step; code-blocks are cut anyway."""

_FEWEST_BITS, _MOST_BITS, _MOST_LEVELS = 9, 20, 5
# More bits than 20 overflow in OpenJPEG; a coarser unit is taken then.
_FEW_SAMPLES, _MOST_TRIES, _TOLERANCE = 4096, 6, 1.3
_UNIT_SHIFT = 4  # each shift of the unit is by so many bits
_SOC, _SIZ, _COD, _QCD = b"\xff\x4f", b"\xff\x51", b"\xff\x52", b"\xff\x5c"
_COM, _SOT, _SOD, _EOC = b"\xff\x64", b"\xff\x90", b"\xff\x93", b"\xff\xd9"
_SOT_BYTES = 12

# Step sizes of the 9/7 subbands that make quantisation errors weigh the same: 1 / norm of the basis
# functions, as exponent (less the precision) and mantissa of 11 bits. HL and LH are equal.
_LOWPASS = ((0, 0x0), (1, 0x24), (3, 0x752), (4, 0x738), (5, 0x720), (6, 0x720))
_DETAILS = (
    ((2, 0x7D3), (2, 0x7D3), (2, 0x762)),
    ((2, 0x5), (2, 0x5), (2, 0x47)),
    ((4, 0x750), (4, 0x750), (4, 0x768)),
    ((5, 0x700), (5, 0x700), (5, 0x6E0)),
    ((6, 0x6F0), (6, 0x6F0), (6, 0x6C0)),
)


def encode_planes(planes: Planes, step: float, squared_error: float) -> bytes:
    """Encode planes as one codestream.

    Parameters
    ----------
    planes : (K, h, w) float32, K >= 1
    step : scale of the quantiser; the decoder needs the same number
    squared_error : the sum of squared errors over all samples that is aimed at

    Raises
    ------
    InputError
        The installed OpenJPEG writes other headers than those that decoders will put back.
    """
    payload = _encode(planes, step, squared_error)
    if planes.size > _FEW_SAMPLES:
        return payload
    # OpenJPEG estimates its error, badly so where there are few samples: ask for less then.
    aim = squared_error
    for _ in range(_MOST_TRIES):
        error = decode_planes(payload, planes.shape, step) - planes
        if float(np.square(error, dtype=np.float64).sum()) <= _TOLERANCE * squared_error:
            break
        aim /= 4
        payload = _encode(planes, step, aim)
    return payload


def _encode(planes: Planes, step: float, squared_error: float) -> bytes:
    planes = planes.reshape(_coded_shape(*planes.shape))
    largest = float(np.abs(planes).max())
    shift = 0
    while largest / _unit(step, shift) >= 2 ** (_MOST_BITS - 1) - 1:
        shift += 1
    unit = _unit(step, shift)
    bits = max(_FEWEST_BITS, math.ceil(math.log2(largest / unit + 2)) + 1)
    dtype = np.int16 if bits <= 16 else np.int32
    integers = np.ascontiguousarray(np.rint(planes / np.float32(unit)), dtype=dtype)
    count, height, width = planes.shape
    highest = count * height * width * (2.0**bits - 1) ** 2
    level = 10 * math.log10(highest * unit**2 / max(squared_error, 1e-30))
    stream = imagecodecs.jpeg2k_encode(
        integers,
        level=max(level, 0.01),  # type: ignore[arg-type]  # dB; fractions count
        codecformat="j2k",
        planar=True,
        resolutions=_MOST_LEVELS + 1,
        reversible=False,
        mct=False,
        bitspersample=bits,
    )
    return _without_headers(bytes(stream), planes.shape, bits, shift)


def decode_planes(payload: bytes, shape: tuple[int, ...], step: float) -> Planes:
    """Decode planes (K, h, w) float32 of a given shape.

    Raises
    ------
    StreamError
        The payload is damaged.
    """
    return _decode(payload, _coded_shape(*shape), step).reshape(shape)


def _coded_shape(count: int, height: int, width: int) -> tuple[int, int, int]:
    """Return the shape as which planes are coded: imagecodecs drops a last axis of one.

    Planes of one column lie as one row, planes of one sample as one plane of one row.
    """
    if width > 1:
        return count, height, width
    return (count, 1, height) if height > 1 else (1, 1, count)


def _decode(payload: bytes, shape: tuple[int, ...], step: float) -> Planes:
    bits, levels, shift = _read_setup(payload)
    stream = _with_headers(payload[2:], shape, bits, levels)
    try:
        decoded = np.asarray(imagecodecs.jpeg2k_decode(stream, planar=True))
    except (imagecodecs.Jpeg2kError, ValueError) as error:
        raise StreamError("a JPEG 2000 codestream in the file is damaged") from error
    if decoded.size != math.prod(shape):
        raise StreamError("a JPEG 2000 codestream in the file has another size than its tile")
    unit = np.float32(_unit(step, shift))
    return np.asarray(decoded.reshape(shape).astype(np.float32) * unit)


def header_bytes(count: int, levels: int = _MOST_LEVELS) -> int:
    """Return what a codestream of its own would add: bytes of headers that payloads leave out."""
    return len(_main_header((count, 1, 1), _FEWEST_BITS, levels)) + _SOT_BYTES + 4 - 2


def _unit(step: float, shift: int) -> float:
    return float(np.float32(step)) / FINENESS * 2.0 ** (_UNIT_SHIFT * shift)


def _read_setup(payload: bytes) -> tuple[int, int, int]:
    if len(payload) < 2:
        raise StreamError("a JPEG 2000 codestream in the file is cut short")
    bits, levels, shift = payload[0], payload[1] & 0x1F, payload[1] >> 5
    if not _FEWEST_BITS <= bits <= _MOST_BITS or levels > _MOST_LEVELS:
        raise StreamError("a JPEG 2000 codestream in the file has an impossible precision")
    return bits, levels, shift


def _without_headers(stream: bytes, shape: tuple[int, ...], bits: int, shift: int) -> bytes:
    """Return the payload of a codestream, after proving that it can be put back."""
    segments, body = _main_segments(stream)
    levels = segments[_COD][7]
    body += _SOT_BYTES + len(_SOD)
    payload = bytes([bits, levels | shift << 5]) + stream[body : -len(_EOC)]
    comment = stream.index(_COM + segments[_COM])
    plain = stream[:comment] + stream[comment + 2 + len(segments[_COM]) :]
    if plain != _with_headers(payload[2:], shape, bits, levels):
        raise InputError(
            "the installed OpenJPEG writes codestreams that hsigan does not know: install the "
            "version of imagecodecs that constraints.txt names."
        )
    return payload


def _main_segments(stream: bytes) -> tuple[dict[bytes, bytes], int]:
    """Return the marker segments of the main header, lengths included, and where it ends."""
    segments, place = {}, len(_SOC)
    while stream[place : place + 2] != _SOT:
        length = int.from_bytes(stream[place + 2 : place + 4], "big")
        segments[stream[place : place + 2]] = stream[place + 2 : place + 2 + length]
        place += 2 + length
    return segments, place


def _with_headers(packets: bytes, shape: tuple[int, ...], bits: int, levels: int) -> bytes:
    length = _SOT_BYTES + len(_SOD) + len(packets)
    tile_part = _SOT + _numbers((10, 2), (0, 2), (length, 4), (0, 1), (1, 1)) + _SOD
    return _main_header(shape, bits, levels) + tile_part + packets + _EOC


def _main_header(shape: tuple[int, ...], bits: int, levels: int) -> bytes:
    """Return the markers SOC, SIZ, COD and QCD of signed components without subsampling."""
    count, height, width = shape
    size = _numbers((38 + 3 * count, 2), (0, 2), (width, 4), (height, 4), (0, 8))
    size += _numbers((width, 4), (height, 4), (0, 8), (count, 2))
    size += bytes([0x80 | bits - 1, 1, 1]) * count
    # Precincts of 256 x 256, progression by resolution, one layer, code-blocks of 64 x 64, 9/7.
    style = _numbers((13 + levels, 2), (1, 1), (2, 1), (1, 2), (0, 1), (levels, 1), (0x0404, 2))
    style += bytes(2) + b"\x88" * (levels + 1)
    bands = [_LOWPASS[levels], *(band for level in _DETAILS[:levels][::-1] for band in level)]
    steps = b"".join(
        ((exponent + bits) << 11 | mantissa).to_bytes(2, "big") for exponent, mantissa in bands
    )
    quantiser = _numbers((3 + len(steps), 2), (0x42, 1)) + steps
    return _SOC + _SIZ + size + _COD + style + _QCD + quantiser


def _numbers(*fields: tuple[int, int]) -> bytes:
    return b"".join(value.to_bytes(count, "big") for value, count in fields)
