"""JPEG 2000, band by band: what an archive does that knows nothing of spectra.

Each band is a codestream of its own, all at one distortion: that of the step, less in bands that
have not as much to lose. Side information: `codec/side.py` with band means. Tile: for each usable
band the varint of its length and the codestream (`codec/codestream.py`); length 0 is the mean.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hsigan.bitstream.varint import ByteReader, varint
from hsigan.codec.allowance import allow_error
from hsigan.codec.centred import CentredCodec, Shape
from hsigan.codec.codestream import decode_planes, encode_planes
from hsigan.codec.interface import Tile


class Jpeg2000Codec(CentredCodec):
    """JPEG 2000 of each band by itself."""

    name: ClassVar[str] = "jpeg2000"
    number: ClassVar[int] = 2
    tile_px = 256

    def code(self, centred: Tile, step: float) -> bytes:
        """Return the payload of usable bands; see `CentredCodec`."""
        payload = bytearray()
        for plane in centred:
            kept, squared_error = allow_error(plane[None], step)
            stream = encode_planes(plane[None], step, squared_error) if kept else b""
            payload += varint(len(stream)) + stream
        return bytes(payload) if any(payload) else b""

    def restore(self, payload: bytes, shape: Shape, step: float) -> Tile:
        """Return usable bands; see `CentredCodec`."""
        planes = np.zeros(shape, dtype=np.float32)
        reader = ByteReader(payload, "a tile")
        for plane in planes:
            stream = reader.take(reader.varint())
            if stream:
                plane[:] = decode_planes(stream, (1, *shape[1:]), step)[0]
        reader.end()
        return planes
