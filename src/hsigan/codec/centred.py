"""What the classical codecs share that take bands as they are, less their means.

::

    tile (B, h, w) ── usable bands less their means ── a codec's `code` ──> payload
    tile (B, h, w) <── means added, other bands filled ── a codec's `restore` <── payload

Side information: `codec/side.py` with band means. An empty payload stands for the means.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hsigan.codec.interface import SceneSurvey, Tile
from hsigan.codec.side import Centring, centring_alone, encode_centring
from hsigan.errors import StreamError

if TYPE_CHECKING:
    from hsigan.bitstream.header import Header

Shape = tuple[int, int, int]


class CentredCodec(ABC):
    """A codec without a model; a subclass codes the usable bands of tiles, less their means."""

    name: ClassVar[str]
    number: ClassVar[int]
    adjustable = True
    tile_px = 128
    model_bytes = b""
    model_hash = b""

    def encoder(self, survey: SceneSurvey, step: float) -> CentredEncoder:
        """Prepare to encode; see `Codec`."""
        return CentredEncoder(*encode_centring(survey, step), self.code)

    def decoder(self, header: Header, side: bytes) -> CentredDecoder:
        """Prepare to decode; see `Codec`."""
        return CentredDecoder(centring_alone(header, side), self.restore)

    def describe(self) -> dict[str, Any]:
        """Return name and tile."""
        return {"name": self.name, "tile_px": self.tile_px}

    @abstractmethod
    def code(self, centred: Tile, step: float) -> bytes:
        """Return the payload of usable bands (U, h, w) less their means, U > 0; b"" for zeros."""

    @abstractmethod
    def restore(self, payload: bytes, shape: Shape, step: float) -> Tile:
        """Return usable bands (U, h, w) less their means, of a payload that is not empty.

        Raises
        ------
        StreamError
            The payload is damaged.
        """


@dataclass(frozen=True)
class CentredEncoder:
    """Encodes the tiles of one scene; see `SceneEncoder`."""

    side: bytes
    _centring: Centring
    _code: Callable[[Tile, float], bytes]

    def encode_tile(self, values: Tile) -> bytes:
        """Return the payload of a tile (B, h, w)."""
        centred = self._centring.forward(values)
        return self._code(centred, self._centring.step) if centred.size else b""


@dataclass(frozen=True)
class CentredDecoder:
    """Decodes the tiles of one scene; see `SceneDecoder`."""

    _centring: Centring
    _restore: Callable[[bytes, Shape, float], Tile]

    def decode_tile(self, payload: bytes, height: int, width: int) -> Tile:
        """Return a tile (B, height, width)."""
        shape = (self._centring.coded_bands, height, width)
        if not payload:
            return self._centring.back(np.zeros(shape, dtype=np.float32))
        if not shape[0]:
            raise StreamError("a tile is damaged: it has bytes, and no band to code")
        return self._centring.back(self._restore(payload, shape, self._centring.step))
