"""Tiles to payloads and back with a trained model: what `codec/neural.py` hands out.

::

    tile ─ front ─ [level off] ─ SceneModel.analyse ─> z, y ─ SymbolEncoder ─> payload
    payload ─ z ─ integer network ─ indexes ─ y ─ SceneModel.synthesise ─ [level on] ─ front ─> tile

A payload: a byte with the rate's level where the model has several; 3 bytes of `TileLevel` where it
keeps those; then z and y as the range coder writes them, which is never nothing. The payload is
empty where no band of the scene is coded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hsigan.bitstream.coder import SymbolDecoder, SymbolEncoder
from hsigan.bitstream.tables import CodingTables
from hsigan.codec.interface import Tile
from hsigan.codec.neural_model import Array
from hsigan.codec.side import Bands, encode_bands
from hsigan.errors import StreamError
from hsigan.models.scene_model import SceneModel, y_size, z_size
from hsigan.models.tile_level import LEVEL_BYTES, TileLevel

_LEVEL_CODES = 255


class TileCoding:
    """What encoder and decoder of a scene share: model, tables, and what a payload starts with."""

    def __init__(
        self, model: SceneModel, tables: tuple[CodingTables, CodingTables], has_level: bool
    ) -> None:
        self.model, self.has_tile_level = model, has_level
        self.z_tables, self.y_tables = tables
        self.levels = model.core.gains.levels
        self.head_bytes = (self.levels > 1) + LEVEL_BYTES * has_level

    def rate_level(self, code: int) -> float:
        """Return the rate's level of its byte."""
        return code / _LEVEL_CODES * (self.levels - 1)

    def level_code(self, step: float) -> int:
        """Return the byte of the level whose quantiser's step is nearest (on the log axis)."""
        codes = range(_LEVEL_CODES + 1)
        return min(codes, key=lambda c: abs(math.log(self.step_of(c)) - math.log(step)))

    def step_of(self, code: int) -> float:
        """Return the typical step of a level, in the scene's units."""
        gains = self.model.core.gains.log_gains
        transform = self.model.transform
        assert gains is not None  # for the type checker
        place = self.rate_level(code)
        below = min(int(place), self.levels - 2)
        means = gains.mean(dim=1)
        log = float(torch.lerp(means[below], means[below + 1], place - below))
        return math.exp(-log - (0.0 if transform is None else float(transform.log_gain.mean())))

    def z_indexes(self, shape: Sequence[int]) -> Array:
        """Return the table of every z symbol: its channel's."""
        channels = np.arange(shape[1], dtype=np.uint16)
        return np.repeat(channels, int(np.prod(shape[2:])))


class NeuralEncoder:
    """Encodes the tiles of one scene."""

    def __init__(self, coding: TileCoding, bands: Bands, step: float) -> None:
        self._coding, self._bands = coding, bands
        self._code = coding.level_code(step) if coding.levels > 1 else None
        self.side = b"" if bands.usable.all() else encode_bands(bands)

    @torch.no_grad()
    def encode_tile(self, values: Tile) -> bytes:
        """Return a tile's payload; b"" where all bands are constant."""
        if not self._bands.usable.any():
            return b""
        coding, model = self._coding, self._coding.model
        planes = model.front(_tensor(values, self._bands, model))
        head = b"" if self._code is None else bytes([self._code])
        if coding.has_tile_level:
            level = TileLevel.of(planes)
            planes, head = level.take_off(planes), head + level.to_bytes()
        rate_level = 0.0 if self._code is None else coding.rate_level(self._code)
        symbols = model.analyse(planes, rate_level)
        encoder = SymbolEncoder()
        z, y = symbols.z.numpy(), symbols.y.numpy()
        encoder.encode(z.ravel(), coding.z_indexes(z.shape), coding.z_tables)
        encoder.encode(y.ravel(), symbols.indexes.numpy().ravel(), coding.y_tables)
        return head + encoder.finish()


class NeuralDecoder:
    """Decodes the tiles of one scene."""

    def __init__(self, coding: TileCoding, bands: Bands) -> None:
        self._coding, self._bands = coding, bands

    @torch.no_grad()
    def decode_tile(self, payload: bytes, height: int, width: int) -> Tile:
        """Return (B, height, width); see `SceneDecoder`."""
        coding, model = self._coding, self._coding.model
        if not payload:
            mean = model.front.mean.numpy()[:, None, None]
            return self._back(np.broadcast_to(mean, (len(mean), height, width)).copy())
        if len(payload) < coding.head_bytes:
            raise StreamError("a tile's payload is cut off")
        head, rest = payload[: coding.head_bytes], payload[coding.head_bytes :]
        rate_level = coding.rate_level(head[0]) if coding.levels > 1 else 0.0
        decoder = SymbolDecoder(rest)
        z_channels, y_channels = (shape[0] for shape in model.core.symbol_shapes())
        z_shape = (1, z_channels, *z_size(height, width))
        z = decoder.decode(coding.z_indexes(z_shape), coding.z_tables).reshape(z_shape)
        indexes = model.indexes(torch.from_numpy(z), height, width).numpy()
        y = decoder.decode(indexes.ravel(), coding.y_tables)
        decoder.finish()
        y_shape = (1, y_channels, *y_size(height, width))
        latents = torch.from_numpy(y.reshape(y_shape))
        planes = model.synthesise(torch.from_numpy(z), latents, (height, width), rate_level)
        if coding.has_tile_level:
            planes = TileLevel.from_bytes(head[-LEVEL_BYTES:]).put_on(planes)
        return self._back(model.front.invert(planes)[0].numpy())

    def _back(self, values: Tile) -> Tile:
        unusable = ~self._bands.usable
        values[unusable] = self._bands.constant[unusable, None, None]
        return values


def _tensor(values: Tile, bands: Bands, model: SceneModel) -> Tensor:
    """Return (1, B, h, w); bands without variance take the value that changes no plane."""
    if bands.usable.all():
        return torch.from_numpy(np.ascontiguousarray(values))[None]
    neutral = model.front.mean.numpy()[:, None, None]
    return torch.from_numpy(np.where(bands.usable[:, None, None], values, neutral))[None]
