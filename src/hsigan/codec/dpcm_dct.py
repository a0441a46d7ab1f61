"""Prediction from band to band, a 2-D cosine transform of what is left (Abousleman et al. 1995).

Abousleman, Marcellin and Hunt, "Compression of hyperspectral imagery using the 3-D DCT and hybrid
DPCM/DCT", IEEE TGRS 33 (1). Each band's 8 x 8 blocks are predicted from the band before it as the
decoder has it; the cosine transform is linear, so prediction and quantiser work on coefficients.

Side information: `codec/side.py` with band means and, for each usable band, by how many
thirty-seconds of the band before it is predicted (int8). Tile: what `codec/coefficients.py` writes;
nothing at all where every coefficient is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

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
from hsigan.codec.side import Centring, decode_centring, encode_centring
from hsigan.errors import StreamError

if TYPE_CHECKING:
    from hsigan.bitstream.header import Header

_AXES = (3, 4)
_UNIT = 32

Weights = NDArray[np.float32]
"""(U,): what of the band before a usable band is predicted from; 0 for the first."""


class DpcmDctCodec:
    """Hybrid DPCM along bands and 2-D DCT, with a uniform quantiser."""

    name: ClassVar[str] = "dpcm-dct"
    number: ClassVar[int] = 5
    adjustable = True
    tile_px = 128
    model_bytes = b""
    model_hash = b""

    def encoder(self, survey: SceneSurvey, step: float) -> _Encoder:
        """Prepare to encode; see `Codec`."""
        side, centring = encode_centring(survey, step)
        weights = _weights_of(survey)
        return _Encoder(side + weights.tobytes(), centring, _as_floats(weights))

    def decoder(self, header: Header, side: bytes) -> _Decoder:
        """Prepare to decode; see `Codec`."""
        reader = ByteReader(side, "the side information")
        centring = decode_centring(header, reader)
        weights = np.frombuffer(reader.take(centring.coded_bands), dtype=np.int8)
        reader.end()
        return _Decoder(centring, _as_floats(weights))

    def describe(self) -> dict[str, Any]:
        """Return name and tile."""
        return {"name": self.name, "tile_px": self.tile_px}


def _weights_of(survey: SceneSurvey) -> NDArray[np.int8]:
    """Return the regression of each usable band on the one before it, in thirty-seconds."""
    covariance = survey.covariance[np.ix_(survey.usable, survey.usable)]
    weights = np.zeros(len(covariance))
    variances = np.diag(covariance)[:-1]
    shared = np.diag(covariance, -1)
    weights[1:] = shared / np.where(variances > 0, variances, np.inf)
    return np.clip(np.rint(weights * _UNIT), -128, 127).astype(np.int8)


def _as_floats(weights: NDArray[np.int8]) -> Weights:
    return weights.astype(np.float32) / np.float32(_UNIT)


@dataclass(frozen=True)
class _Encoder:
    side: bytes
    _centring: Centring
    _weights: Weights

    def encode_tile(self, values: Tile) -> bytes:
        """Return the payload of a tile (B, h, w)."""
        centred = self._centring.forward(values)
        if not centred.size:
            return b""
        coefficients = cosine(to_blocks(centred), _AXES)
        symbols = np.empty(coefficients.shape, dtype=np.int32)
        before = np.zeros(coefficients.shape[1:], dtype=np.float32)
        for band, weight in enumerate(self._weights):
            predicted = before * weight
            symbols[band] = quantise(coefficients[band] - predicted, self._centring.step)
            before = predicted + symbols[band] * np.float32(self._centring.step)
        return encode_groups(symbols) if symbols.any() else b""


@dataclass(frozen=True)
class _Decoder:
    _centring: Centring
    _weights: Weights

    def decode_tile(self, payload: bytes, height: int, width: int) -> Tile:
        """Return a tile (B, height, width)."""
        bands = self._centring.coded_bands
        if not payload or not bands:
            return self._centring.back(np.zeros((bands, height, width), dtype=np.float32))
        reader = ByteReader(payload, "a tile")
        symbols = decode_groups(reader, (bands, *block_counts(height, width), SIDE, SIDE))
        coefficients = symbols.astype(np.float32) * np.float32(self._centring.step)
        for band in range(1, bands):
            coefficients[band] += coefficients[band - 1] * self._weights[band]
        if not np.isfinite(coefficients[-1]).all():
            raise StreamError("a tile is damaged: its coefficients are too large")
        return self._centring.back(from_blocks(inverse_cosine(coefficients, _AXES), height, width))
