"""A 3-D cosine transform: 8 x 8 pixels by the whole spectrum (Abousleman et al. 1995).

Abousleman, Marcellin and Hunt, "Compression of hyperspectral imagery using the 3-D DCT and hybrid
DPCM/DCT", IEEE TGRS 33 (1), cut the spectrum into eights too; over the whole of it the transform
gathers more. Coefficients are quantised at one step; those of one frequency along the spectrum and
one diagonal of the 8 x 8 spatial frequencies share a table.

Side information: `codec/side.py` with band means. Tile: what `codec/coefficients.py` writes;
nothing at all where every coefficient is 0.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hsigan.bitstream.varint import ByteReader
from hsigan.codec.blocks import (
    SIDE,
    block_counts,
    cosine,
    from_blocks,
    inverse_cosine,
    to_blocks,
)
from hsigan.codec.centred import CentredCodec, Shape
from hsigan.codec.coefficients import decode_groups, encode_groups, quantise
from hsigan.codec.interface import Tile

_AXES = (0, 3, 4)


class Dct3dCodec(CentredCodec):
    """3-D DCT with a uniform quantiser."""

    name: ClassVar[str] = "dct3d"
    number: ClassVar[int] = 4

    def code(self, centred: Tile, step: float) -> bytes:
        """Return the payload of usable bands; see `CentredCodec`."""
        symbols = quantise(cosine(to_blocks(centred), _AXES), step)
        return encode_groups(symbols) if symbols.any() else b""

    def restore(self, payload: bytes, shape: Shape, step: float) -> Tile:
        """Return usable bands; see `CentredCodec`."""
        bands, height, width = shape
        reader = ByteReader(payload, "a tile")
        symbols = decode_groups(reader, (bands, *block_counts(height, width), SIDE, SIDE))
        coefficients = symbols.astype(np.float32) * np.float32(step)
        return from_blocks(inverse_cosine(coefficients, _AXES), height, width)
