"""A 3-D cosine transform: 8 x 8 pixels by the whole spectrum (Abousleman et al. 1995).

Abousleman, Marcellin and Hunt, "Compression of hyperspectral imagery using the 3-D DCT and hybrid
DPCM/DCT", IEEE TGRS 33 (1), cut the spectrum into eights too; over the whole of it the transform
gathers more. Coefficients are quantised at one step; those of one frequency along the spectrum and
one diagonal of the 8 x 8 spatial frequencies share a table.

Side information: `codec/side.py` with band means. Tile: what `codec/coefficients.py` writes;
nothing at all where every coefficient is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

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
from hsigan.codec.coefficients import decode_groups, encode_groups, quantise
from hsigan.codec.interface import SceneSurvey, Tile
from hsigan.codec.side import Centring, centring_alone, encode_centring

if TYPE_CHECKING:
    from hsigan.bitstream.header import Header

_AXES = (0, 3, 4)


class Dct3dCodec:
    """3-D DCT with a uniform quantiser."""

    name: ClassVar[str] = "dct3d"
    number: ClassVar[int] = 4
    adjustable = True
    tile_px = 128
    model_bytes = b""
    model_hash = b""

    def encoder(self, survey: SceneSurvey, step: float) -> _Encoder:
        """Prepare to encode; see `Codec`."""
        return _Encoder(*encode_centring(survey, step))

    def decoder(self, header: Header, side: bytes) -> _Decoder:
        """Prepare to decode; see `Codec`."""
        return _Decoder(centring_alone(header, side))

    def describe(self) -> dict[str, Any]:
        """Return name and tile."""
        return {"name": self.name, "tile_px": self.tile_px}


@dataclass(frozen=True)
class _Encoder:
    side: bytes
    _centring: Centring

    def encode_tile(self, values: Tile) -> bytes:
        """Return the payload of a tile (B, h, w)."""
        centred = self._centring.forward(values)
        if not centred.size:
            return b""
        symbols = quantise(cosine(to_blocks(centred), _AXES), self._centring.step)
        return encode_groups(symbols) if symbols.any() else b""


@dataclass(frozen=True)
class _Decoder:
    _centring: Centring

    def decode_tile(self, payload: bytes, height: int, width: int) -> Tile:
        """Return a tile (B, height, width)."""
        bands = self._centring.coded_bands
        if not payload or not bands:
            return self._centring.back(np.zeros((bands, height, width), dtype=np.float32))
        reader = ByteReader(payload, "a tile")
        symbols = decode_groups(reader, (bands, *block_counts(height, width), SIDE, SIDE))
        coefficients = symbols.astype(np.float32) * np.float32(self._centring.step)
        return self._centring.back(from_blocks(inverse_cosine(coefficients, _AXES), height, width))
