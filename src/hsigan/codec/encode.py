"""A scene at one step after another: payloads of its tiles, the file's size, the PSNR.

::

    scene ── read_tiles ── fill ── encode_tile ──> payloads ──> file
                                        └── decode_tile ── restore ──> squared error
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from hsigan.bitstream.container import Chunk, ChunkKind, ContainerWriter, Header, file_bytes
from hsigan.bitstream.mask import encode_mask
from hsigan.codec.interface import Codec, FinishingEncoder, SceneSurvey, Tile
from hsigan.codec.metadata import pack_metadata
from hsigan.codec.rate import Limits
from hsigan.codec.rows import MOST_UNITS
from hsigan.codec.tiles import Place, SourceTile, in_order, places, read_tiles
from hsigan.codec.values import check_dtype, fill, has_data, restore
from hsigan.errors import InputError

Progress = Callable[[int, int], None]
"""Called with the tiles done and all tiles; a search that goes over the scene again starts at 0."""

SMALL_SAMPLES = 4_000_000
"""Scenes up to this size are searched by real encodings of the whole."""
_SAMPLE_TILES, _SAMPLE_SIDE = 8, 96
_SMALLEST_STEP, _LARGEST_STEP = 1e-18, 1e18


@dataclass(frozen=True)
class CodedTile:
    """What became of a tile at a step; the error is None where it was not measured."""

    index: int
    payload: bytes
    squared_error: float | None
    valid: int


@dataclass(frozen=True)
class Coded:
    """What became of a scene, or of a sample of its tiles, at a step."""

    step: float
    side: bytes
    tiles: list[CodedTile]

    @property
    def payload_bytes(self) -> int:
        """Bytes of all tiles."""
        return sum(len(tile.payload) for tile in self.tiles)

    def psnr_db(self, peak: float) -> float:
        """Return the PSNR over the valid samples; infinite where nothing differs."""
        valid = sum(tile.valid for tile in self.tiles)
        error = sum(tile.squared_error or 0.0 for tile in self.tiles)
        if not error or not valid:
            return math.inf
        return 10 * math.log10(max(abs(peak), 1e-30) ** 2 * valid / error)


class SceneCoding:
    """Encodes one scene with one codec at any step.

    Raises
    ------
    InputError
        The scene's numeric type, or the scene itself, is nothing for the codec.
    """

    def __init__(
        self,
        scene: xr.Dataset,
        survey: SceneSurvey,
        codec: Codec,
        embed_model: bool = False,
        threads: int = 1,
    ) -> None:
        check_dtype(scene["values"].dtype)
        self.survey, self.codec, self._scene, self._threads = survey, codec, scene, threads
        nodata = scene["values"].attrs.get("nodata")
        self._nodata, self._dtype = nodata, scene["values"].dtype
        profile = getattr(codec, "profile", None)
        self._metadata, is_profile = pack_metadata(scene, profile)
        self.header = Header(
            codec=codec.number,
            model_hash=codec.model_hash,
            height=survey.height,
            width=survey.width,
            bands=survey.bands,
            dtype=survey.dtype,
            tile_px=codec.tile_px,
            nodata=nodata,
            is_profile=is_profile,
            model_embedded=embed_model and bool(codec.model_bytes),
        )
        self._places = places(survey.height, survey.width, codec.tile_px)
        self.is_small = survey.height * survey.width * survey.bands <= SMALL_SAMPLES
        self._kept: list[SourceTile] | None = None
        if self.is_small:
            self._kept = [self._ready(tile) for tile in read_tiles(scene, self._places)]

    def encode(self, step: float, measure: bool = True, progress: Progress | None = None) -> Coded:
        """Encode the whole scene, finish it, and measure what decoding makes of it.

        Without ``measure`` it is a draft of the same size, for `complete`.
        """
        tiles = self._kept if self._kept is not None else read_tiles(self._scene, self._places)
        return self._encode(tiles, len(self._places), step, measure, progress)

    def complete(self, coded: Coded, progress: Progress | None = None) -> Coded:
        """Finish and measure a draft of `encode`."""
        drafts = {tile.index: tile.payload for tile in coded.tiles}
        tiles = self._kept if self._kept is not None else read_tiles(self._scene, self._places)
        return self._encode(tiles, len(self._places), coded.step, True, progress, drafts)

    def encode_sample(self, sample: Sequence[SourceTile], step: float, measure: bool) -> Coded:
        """Encode pieces of the scene."""
        return self._encode(sample, len(sample), step, measure, None)

    @property
    def step_limits(self) -> Limits:
        """The steps at which side information fits its integers, and their squares float32."""
        survey = self.survey
        lengths = np.append(np.abs(survey.band_mean), np.linalg.norm(survey.band_std))
        largest = max(abs(survey.peak), float(lengths.max()))
        finest = largest * math.sqrt(survey.height * survey.width) / MOST_UNITS
        return max(_SMALLEST_STEP, finest), _LARGEST_STEP

    def sample(self) -> list[SourceTile]:
        """Return pieces spread evenly over a large scene, at most a tile each."""
        side = min(_SAMPLE_SIDE, self.codec.tile_px)
        count = min(_SAMPLE_TILES, len(self._places))
        pieces: list[Place] = []
        for number in range(count):
            place = self._places[(2 * number + 1) * len(self._places) // (2 * count)]
            rows, columns = (_middle(part, side) for part in (place.rows, place.columns))
            pieces.append(Place(place.index, rows, columns))
        return [self._ready(piece) for piece in read_tiles(self._scene, pieces)]

    def _ready(self, tile: SourceTile) -> SourceTile:
        return replace(tile, filled=self._filled(tile))

    def _filled(self, tile: SourceTile) -> Tile:
        return fill(tile.values, tile.kinds, self.survey.band_mean)

    def _encode(
        self,
        tiles: Iterable[SourceTile],
        count: int,
        step: float,
        measure: bool,
        progress: Progress | None,
        drafts: Mapping[int, bytes] | None = None,
    ) -> Coded:
        smallest, largest = self.step_limits
        if not smallest <= step <= largest:
            raise InputError(
                f"the step must be {smallest:.3g} ... {largest:.3g} for the values of this scene. "
                f"Got {step!r} instead."
            )
        encoder = self.codec.encoder(self.survey, step)
        decoder = self.codec.decoder(self.header, encoder.side) if measure else None

        def code(tile: SourceTile) -> CodedTile:
            if not has_data(tile.kinds):  # its mask says all
                return CodedTile(tile.place.index, b"", 0.0 if measure else None, 0)
            filled = self._filled(tile) if tile.filled is None else tile.filled
            payload = None if drafts is None else drafts[tile.place.index]
            if decoder is not None and isinstance(encoder, FinishingEncoder):
                payload, decoded = encoder.finish_tile(filled, payload)
            else:
                payload = encoder.encode_tile(filled) if payload is None else payload
                if decoder is None:
                    return CodedTile(tile.place.index, payload, None, tile.valid)
                decoded = decoder.decode_tile(payload, tile.place.height, tile.place.width)
            values = restore(decoded, tile.kinds, self._dtype, self._nodata)
            return CodedTile(tile.place.index, payload, tile.squared_error(values), tile.valid)

        coded = []
        for done, tile in enumerate(in_order(code, tiles, self._threads), start=1):
            coded.append(tile)
            if progress is not None:
                progress(done, count)
        return Coded(step, encoder.side, coded)

    def size(self, coded: Coded) -> int:
        """Return the bytes of the file, masks and metadata included."""
        return len(file_bytes(self.header, self._chunks(coded)))

    def write(self, coded: Coded, path: Path) -> None:
        """Write the file."""
        with ContainerWriter(path, self.header) as writer:
            for chunk in self._chunks(coded):
                writer.add(chunk.kind, chunk.payload, chunk.tile)

    def _chunks(self, coded: Coded) -> Iterator[Chunk]:
        """Yield what the file holds; a small part of it is not tiles."""
        if self._metadata:
            yield Chunk(ChunkKind.METADATA, 0, self._metadata)
        if self.header.model_embedded:
            yield Chunk(ChunkKind.MODEL, 0, self.codec.model_bytes)
        if coded.side:
            yield Chunk(ChunkKind.SIDE, 0, coded.side)
        for index, mask in self._masks():
            yield Chunk(ChunkKind.MASK, index, mask)
        for tile in coded.tiles:
            yield Chunk(ChunkKind.TILE, tile.index, tile.payload)

    def _masks(self) -> Iterator[tuple[int, bytes]]:
        if self._mask_chunks is None:
            tiles = self._kept if self._kept is not None else read_tiles(self._scene, self._places)
            self._mask_chunks = [
                (tile.place.index, encode_mask(tile.kinds))
                for tile in (tiles if self._may_lack_data else ())
                if tile.kinds is not None
            ]
        yield from self._mask_chunks

    @property
    def _may_lack_data(self) -> bool:
        return self.survey.share_valid < 1

    _mask_chunks: list[tuple[int, bytes]] | None = None


def _middle(part: slice, side: int) -> slice:
    start = part.start + max(0, part.stop - part.start - side) // 2
    return slice(start, min(start + side, part.stop))
