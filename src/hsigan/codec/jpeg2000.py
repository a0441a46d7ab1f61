"""JPEG 2000, band by band: what an archive does that knows nothing of spectra.

Each band is a codestream of its own, all at one distortion: that of the step, less in bands that
have not as much to lose. Side information: `codec/side.py` with band means. Tile: for each usable
band the varint of its length and the codestream (`codec/codestream.py`); length 0 is the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hsigan.bitstream.varint import ByteReader, varint
from hsigan.codec.allowance import allow_error
from hsigan.codec.codestream import decode_planes, encode_planes
from hsigan.codec.interface import SceneSurvey, Tile
from hsigan.codec.side import Centring, centring_alone, encode_centring

if TYPE_CHECKING:
    from hsigan.bitstream.header import Header


class Jpeg2000Codec:
    """JPEG 2000 of each band by itself."""

    name: ClassVar[str] = "jpeg2000"
    number: ClassVar[int] = 2
    adjustable = True
    tile_px = 256
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
        payload = bytearray()
        for plane in self._centring.forward(values):
            kept, squared_error = allow_error(plane[None], self._centring.step)
            stream = b""
            if kept:
                stream = encode_planes(plane[None], self._centring.step, squared_error)
            payload += varint(len(stream)) + stream
        return bytes(payload) if any(payload) else b""


@dataclass(frozen=True)
class _Decoder:
    _centring: Centring

    def decode_tile(self, payload: bytes, height: int, width: int) -> Tile:
        """Return a tile (B, height, width)."""
        planes = np.zeros((self._centring.coded_bands, height, width), dtype=np.float32)
        if payload:
            reader = ByteReader(payload, "a tile")
            for plane in planes:
                stream = reader.take(reader.varint())
                if stream:
                    plane[:] = decode_planes(stream, (1, height, width), self._centring.step)[0]
            reader.end()
        return self._centring.back(planes)
