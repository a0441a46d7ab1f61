"""The tiles of one scene in codec klt-context: from bands to bytes and back.

::

    encode_tile   (B, h, w) ── components worth their bits ── `klt_context_tile.py` ──> payload
    finish_tile   what is decoded of it ── which repair serves? ──> payload with a choice
    decode_tile   payload ──> components ── repair ── inverse KLT ──> (B, h, w)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hsigan.codec import spatial_transform
from hsigan.codec.component_repair import (
    DecodedTile,
    Repairer,
    seed_of,
    split_choice,
    with_choice,
)
from hsigan.codec.interface import Tile
from hsigan.codec.klt_context_leading import leading_coefficients
from hsigan.codec.klt_context_model import (
    EntropyModel,
    SharedBasis,
    band_variances,
    component_variances,
)
from hsigan.codec.klt_context_tile import decode_coefficients, encode_coefficients
from hsigan.codec.side import Bands
from hsigan.codec.spatial_transform import Subband

_CHOICE_PX = 128
"""Of a larger tile the middle is looked at to choose the repair's factors."""


class TileDecoder:
    """Decodes the tiles of one scene; see `SceneDecoder`.

    Parameters
    ----------
    basis : turned towards the scene
    entropy, repairer : of the model
    bands : which are coded
    step : of the quantiser
    realistic : whether the realistic network serves
    """

    def __init__(
        self,
        basis: SharedBasis,
        entropy: EntropyModel,
        repairer: Repairer | None,
        bands: Bands,
        step: float,
        realistic: bool = False,
    ) -> None:
        self.basis, self.entropy, self.repairer = basis, entropy, repairer
        self.bands, self.step, self._realistic = bands, step, realistic

    def decode_tile(self, payload: bytes, height: int, width: int) -> Tile:
        """Return a tile (B, height, width)."""
        gain, loudness = 0.0, 0.0
        if self.repairer is not None and payload:
            payload, gain, loudness = split_choice(payload)
        return self.values(self.components(payload, (height, width)), gain, loudness)

    def components(self, payload: bytes, size: tuple[int, int]) -> DecodedTile:
        """Return the components of a tile (h, w), in the scene's units."""
        basis, step = self.basis, self.step

        def variances(places: list[Subband], count: int) -> NDArray[np.float64]:
            return band_variances(basis.variances, places, count, step)

        scaled = decode_coefficients(payload, size, variances, self.entropy, len(basis.mean))
        return self.tile_of(scaled, payload)

    def tile_of(self, scaled: Tile, payload: bytes) -> DecodedTile:
        """Return the components of coefficients (K, h, w) in steps, and of their payload."""
        planes = spatial_transform.inverse(scaled * np.float32(self.step))
        deviations = np.sqrt(component_variances(self.basis.variances))[: len(planes)]
        return DecodedTile(planes, self.step, deviations, seed_of(payload))

    def values(self, tile: DecodedTile, gain: float, loudness: float) -> Tile:
        """Return a tile (B, h, w), repaired with these factors."""
        planes = tile.planes
        if self.repairer is not None and self._realistic:
            planes = self.repairer.embellish(tile, loudness)
        elif self.repairer is not None:
            planes = self.repairer.repair(tile, gain)
        count, height, width = planes.shape
        spectra = self.basis.axes[:, :count] @ planes.reshape(count, height * width)
        spectra += self.basis.mean[:, None]
        values = np.asarray(spectra.reshape(-1, height, width), np.float32)
        unused = ~self.bands.usable
        values[unused] = self.bands.constant[unused, None, None]
        return values


class TileEncoder:
    """Encodes the tiles of one scene; a `FinishingEncoder`.

    Parameters
    ----------
    side : the scene's side information
    decoder : the faithful one of the same scene
    """

    def __init__(self, side: bytes, decoder: TileDecoder) -> None:
        self.side, self._decoder = side, decoder
        self._basis, self._step, self._bands = decoder.basis, decoder.step, decoder.bands
        self._entropy, self._repairer = decoder.entropy, decoder.repairer

    def encode_tile(self, values: Tile) -> bytes:
        """Return the payload of a tile (B, h, w), with a choice that `finish_tile` may better."""
        payload = self._coded(leading_coefficients(self._levelled(values), self._basis, self._step))
        return payload if self._repairer is None or not payload else with_choice(payload, 0)

    def _coded(self, scaled: Tile, decoded: Tile | None = None) -> bytes:
        places = spatial_transform.subbands(*scaled.shape[1:])
        variances = band_variances(self._basis.variances, places, len(scaled), self._step)
        return encode_coefficients(scaled, variances, self._entropy, decoded)

    def finish_tile(self, values: Tile, payload: bytes | None = None) -> tuple[bytes, Tile]:
        """Choose the repair's factors, and decode; see `FinishingEncoder`."""
        levelled = self._levelled(values)
        if payload is None:
            scaled = leading_coefficients(levelled, self._basis, self._step)
            decoded = np.zeros_like(scaled)
            plain = self._coded(scaled, decoded)
            tile = self._decoder.tile_of(decoded, plain)
        else:
            has_choice = self._repairer is not None and payload
            plain = split_choice(payload)[0] if has_choice else payload
            tile = self._decoder.components(plain, values.shape[1:])
        if self._repairer is None or not plain:
            return plain, self._decoder.values(tile, 0.0, 0.0)
        part = (slice(None), *(_middle(side) for side in values.shape[1:]))
        original = self._basis.planes(levelled[part], slice(len(tile.planes)))
        number = self._repairer.choose(original, replace(tile, planes=tile.planes[part]))
        finished = with_choice(plain, number)
        return finished, self._decoder.values(tile, *split_choice(finished)[1:])

    def _levelled(self, values: Tile) -> Tile:
        """Give bands that are not coded the value that changes no component."""
        unused = ~self._bands.usable
        if not unused.any():
            return values
        values = values.copy()
        values[unused] = self._basis.mean[unused, None, None]
        return values


def _middle(side: int) -> slice:
    start = max(0, side - _CHOICE_PX) // 2
    return slice(start, start + _CHOICE_PX)
