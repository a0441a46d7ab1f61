"""The mask of a tile: the kind of every sample, exactly."""

from __future__ import annotations

import zlib

import numpy as np

from hsigan.codec.values import MINUS_INFINITY, Kinds
from hsigan.errors import StreamError


def encode_mask(kinds: Kinds) -> bytes:
    """Return the bytes of kinds (B, h, w)."""
    changes = kinds.copy()
    changes[1:] ^= kinds[:-1]  # bands mostly lack the same pixels
    return zlib.compress(changes.tobytes(), 9)


def decode_mask(payload: bytes, shape: tuple[int, int, int]) -> Kinds:
    """Return kinds of a given shape.

    Raises
    ------
    StreamError
        The payload is damaged.
    """
    size = int(np.prod(shape))
    unpacker = zlib.decompressobj()
    try:
        changes = unpacker.decompress(payload, size + 1)
    except zlib.error as error:
        raise StreamError("a mask in the file is damaged") from error
    if len(changes) != size or not unpacker.eof:
        raise StreamError("a mask in the file has another size than its tile")
    kinds = np.bitwise_xor.accumulate(np.frombuffer(changes, np.uint8).reshape(shape), axis=0)
    if kinds.max(initial=0) > MINUS_INFINITY:
        raise StreamError("a mask in the file holds an unknown kind of sample")
    return kinds
