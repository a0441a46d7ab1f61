"""A 3-D wavelet: SPERR (Li, Lindstrom and Clyne, IPDPS 2023), a kept successor of 3-D SPECK.

Bands less their means are a cube that is transformed along all three axes. SPERR is given the PSNR
at which its own quantiser has the step that was asked for. Of its stream only what varies is kept:
sizes are put back from the tile's, and what its decoder believes without looking is checked.

Side information: `codec/side.py` with band means. Tile: mean and quantiser step of the cube
(float64 each), bit planes (a byte), unused bits of the last byte (a byte), then the bits. Where the
cube spans no more than a step only its mean is there, or nothing at all for a mean near 0.
"""

from __future__ import annotations

import math
import struct
from typing import ClassVar

import imagecodecs
import numpy as np

from hsigan.codec.centred import CentredCodec, Shape
from hsigan.codec.interface import Tile
from hsigan.errors import InputError, StreamError

_SMALLEST_SIDE = 4  # SPERR's own decoder ends the process on less
_MOST_PLANES = 64
# version, flags of one chunk of float32 | sides of the volume, x first | bytes of the chunk
_HEAD = struct.Struct("<BB4I")
# conditioner | mean, step | bit planes, bits
_CHUNK = struct.Struct("<B2dBQ")
_VERSION, _FLAGS, _CONDITIONER = 0, 0x60, 0x80
_KEPT = struct.Struct("<2dBB")
_MEAN_BYTES = 8


class SperrCodec(CentredCodec):
    """A 3-D wavelet coded by SPERR."""

    name: ClassVar[str] = "sperr"
    number: ClassVar[int] = 3

    def code(self, centred: Tile, step: float) -> bytes:
        """Return the payload of usable bands; see `CentredCodec`."""
        cube = _padded(centred)
        span = float(cube.max()) - float(cube.min())
        if span <= step:
            mean = float(cube.mean(dtype=np.float64))
            return struct.pack("<d", mean) if abs(mean) > step / 2 else b""
        level = 10 * math.log10(12 * (span / step) ** 2)
        stream = imagecodecs.sperr_encode(cube, level, "psnr", chunks=cube.shape)
        return _without_sizes(bytes(stream), cube.shape)

    def restore(self, payload: bytes, shape: Shape, step: float) -> Tile:
        """Return usable bands; see `CentredCodec`."""
        if len(payload) == _MEAN_BYTES:
            return np.full(shape, struct.unpack("<d", payload)[0], dtype=np.float32)
        sides = tuple(max(_SMALLEST_SIDE, side) for side in shape)
        try:
            cube = imagecodecs.sperr_decode(_with_sizes(payload, sides))
        except (imagecodecs.SperrError, ValueError) as error:
            raise StreamError("a tile is damaged: SPERR cannot decode it") from error
        if cube.shape != sides:
            raise StreamError("a tile is damaged: it decodes to another size")
        bands, height, width = shape
        return np.ascontiguousarray(cube[:bands, :height, :width])


def _padded(cube: Tile) -> Tile:
    """Return a copy whose sides are not shorter than SPERR needs; the last planes are repeated."""
    missing = [(0, max(0, _SMALLEST_SIDE - side)) for side in cube.shape]
    return np.ascontiguousarray(np.pad(cube, missing, mode="edge"), dtype=np.float32)


def _without_sizes(stream: bytes, shape: tuple[int, ...]) -> bytes:
    """Return what varies of a stream, after proving that it can be put back."""
    _, mean, step, planes, bits = (*_CHUNK.unpack_from(stream, _HEAD.size),)
    body = stream[_HEAD.size + _CHUNK.size :]
    payload = _KEPT.pack(mean, step, planes, 8 * len(body) - bits) + body
    if _with_sizes(payload, shape) != stream:
        raise InputError(
            "the installed SPERR writes streams that hsigan does not know: install the version of "
            "imagecodecs that constraints.txt names."
        )
    return payload


def _with_sizes(payload: bytes, shape: tuple[int, ...]) -> bytes:
    if len(payload) <= _KEPT.size:
        raise StreamError("a tile is damaged: it is cut short")
    mean, step, planes, unused = _KEPT.unpack_from(payload)
    body = payload[_KEPT.size :]
    bits = 8 * len(body) - unused
    is_sound = math.isfinite(mean) and math.isfinite(step) and 0 < planes <= _MOST_PLANES
    if not is_sound or step <= 0 or bits <= 0:
        raise StreamError("a tile is damaged: its quantiser is impossible")
    head = _HEAD.pack(_VERSION, _FLAGS, *reversed(shape), _CHUNK.size + len(body))
    return head + _CHUNK.pack(_CONDITIONER, mean, step, planes, bits) + body
